"""Colour ranges: they contain every value at once, stand on readable numbers, and do not flicker."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.ranges import DECADES, PATIENCE, Decades, Symmetric, decade, one_two_five

magnitudes = st.floats(1e-12, 1e300)


def test_the_ladders():
    assert [one_two_five(rung) for rung in range(-3, 5)] == [0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
    assert [decade(rung) for rung in (-2, 0, 3)] == [0.01, 1, 1000]


@given(st.lists(magnitudes, min_size=1, max_size=30), st.floats(0, 3))
def test_a_symmetric_range_contains_every_value_when_it_comes(peaks, pause):
    scale = Symmetric()
    for turn, peak in enumerate(peaks):
        shown = scale.follow(np.array([-peak, 0.0, np.nan]), turn * pause)
        assert shown.low == -shown.high
        assert peak <= shown.high * (1 + 1e-9)
        assert f"{shown.high:e}"[0] in "125"


def test_the_range_of_one_value_is_the_next_rung():
    assert Symmetric().follow(np.array([0.13]), 0.0).high == 0.2
    assert Symmetric().follow(np.array([0.2]), 0.0).high == 0.2


def test_a_range_shrinks_one_rung_at_a_time_and_only_after_a_while():
    scale = Symmetric()
    assert scale.follow(np.array([1.0]), 0.0).high == 1.0
    seen = [scale.follow(np.array([0.01]), 0.1 * turn).high for turn in range(1, 60)]
    changes = [turn for turn in range(1, len(seen)) if seen[turn] != seen[turn - 1]]
    assert min(np.diff([0, *changes])) * 0.1 >= PATIENCE - 0.1
    assert set(seen) == {1.0, 0.5, 0.2, 0.1}


def test_a_value_that_wavers_at_a_rung_does_not_make_the_range_flicker():
    scale = Symmetric()
    seen = {scale.follow(np.array([0.5 + 0.05 * math.sin(turn)]), 0.1 * turn).high for turn in range(1000)}
    assert seen <= {0.5, 1.0}
    late = {scale.follow(np.array([0.5 + 0.05 * math.sin(turn)]), 0.1 * turn).high for turn in range(1000, 2000)}
    assert late == {1.0}


def test_nothing_but_zeros_keeps_the_range():
    scale = Symmetric()
    assert scale.follow(np.zeros(3), 0.0).high == 1.0
    scale.follow(np.array([20.0]), 0.0)
    assert scale.follow(np.full(3, np.nan), 100.0).high == 20.0


def test_a_fixed_range_stays():
    scale, decades = Symmetric(), Decades()
    first, deep = scale.follow(np.array([1.0]), 0.0), decades.follow(np.array([1e-3, 1.0]), 0.0)
    assert scale.follow(np.array([1e6]), 1.0, fixed=True) == first
    assert decades.follow(np.array([1e-9]), 1.0, fixed=True) == deep


@given(st.lists(st.tuples(magnitudes, magnitudes), min_size=1, max_size=30), st.floats(0, 3))
def test_decades_are_whole_and_contain_every_value_down_to_the_floor(pairs, pause):
    scale = Decades()
    for turn, pair in enumerate(pairs):
        shown = scale.follow(np.array([*pair, 0.0, np.nan]), turn * pause)
        assert shown.kind == "log10"
        assert shown.low == round(shown.low)
        assert shown.high == round(shown.high)
        assert 1 <= shown.high - shown.low <= DECADES
        assert math.log10(max(pair)) <= shown.high + 1e-9
        assert math.log10(min(pair)) >= shown.low - 1e-9 or shown.high - shown.low == DECADES


@pytest.mark.parametrize("values", [[0.0], [np.nan], [np.inf]])
def test_decades_of_nothing(values):
    shown = Decades().follow(np.array(values), 0.0)
    assert shown.low < shown.high
