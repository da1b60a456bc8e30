"""A series of the user's own: what the drawing field sends and shows, without a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.series import InvalidSeries, read_values, write_values
from dashboard import address, own_series
from dashboard.component.drawing import FEWEST, POINTS, TOP, _curve


def test_a_drawing_comes_back_from_its_text():
    curve = [round(50 + 40 * np.sin(t / 7), 1) for t in range(POINTS)]
    text = write_values(own_series.in_order(curve))
    assert own_series.drawable(text) == curve
    np.testing.assert_array_equal(read_values(text).values[:, 0], curve)


def test_the_longest_drawing_is_short_enough_for_a_link():
    draw = np.random.default_rng(0)
    text = write_values(own_series.in_order([round(float(value), 1) for value in draw.uniform(0, TOP, POINTS)]))
    assert len(address._pack(text) or "x" * 2000) < 700
    assert own_series.drawable(text)


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "1 2 3", "a b c", "\n".join(["101"] * 30), "\n".join(["-1"] * 30), "\n".join(["5,6"] * 30),
     "\n".join(["5"] * (POINTS + 1)), "# from 1949-01 every 1 months\n" + "\n".join(["5"] * 30)],
)  # fmt: skip
def test_what_was_not_drawn_does_not_stand_in_the_field(text: str):
    assert own_series.drawable(text) == []


@pytest.mark.parametrize(
    "sent", [None, "1,2", {}, [], [1.0] * (FEWEST - 1), [1.0] * (POINTS + 1), [float("nan")] * FEWEST, [[1.0]] * FEWEST, ["1"] * FEWEST]
)
def test_what_no_field_sends_is_no_curve(sent: Any):
    assert _curve(sent) is None


def test_a_curve_stays_within_the_field():
    assert _curve([-5, 1e9, 3.14159] * 20) == [0.0, TOP, 3.1] * 20


def test_a_series_that_cannot_be_written_is_refused():
    with pytest.raises(InvalidSeries, match="too few"):
        own_series.in_order([1.0, 2.0])
