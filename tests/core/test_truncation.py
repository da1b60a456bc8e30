"""Law 3: truncation is autograd with detached states, for every k1 <= k2."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import bptt
from core.cells import CELLS
from core.experiment import Experiment
from core.truncation import TBPTT, TRUNCATIONS
from tests.core import oracle
from tests.core.stacks import Stack, assert_close, make, stacks, truncations

every_cell = pytest.mark.parametrize("kind", CELLS)


def pairs(longest: int) -> list[tuple[int, int]]:
    return list(itertools.combinations_with_replacement(range(1, longest + 1), 2))


def check_against_detached_states(stack: Stack, k1: int, k2: int) -> None:
    expected = oracle.truncated(stack.kind, stack.module, stack.x, stack.direct, k1, k2)
    unrolled = stack.forward()
    errors = bptt.backward(unrolled, stack.direct, TBPTT(k1, k2))
    for name, gradient in stack.gradient(unrolled, errors).items():
        assert_close(gradient, expected.weights[name])
    assert_close(torch.stack(errors.dh), expected.dh)
    if errors.dc:
        assert_close(torch.stack(errors.dc), expected.dc)


@every_cell
@pytest.mark.parametrize(("k1", "k2"), pairs(6))
def test_every_window_is_autograd_with_detached_states(kind, k1, k2):
    check_against_detached_states(make(kind, layers=2, steps=5), k1, k2)


@pytest.mark.slow
@every_cell
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 4, 9])
def test_every_window_of_every_length_and_depth(kind, layers, steps):
    for k1, k2 in pairs(steps + 2):
        check_against_detached_states(make(kind, layers, steps, lengths=(steps, (steps + 1) // 2)), k1, k2)


@given(stacks(), truncations())
def test_any_stack_and_window_is_autograd_with_detached_states(stack, windows):
    check_against_detached_states(stack, windows.k1, windows.k2)


@every_cell
@pytest.mark.parametrize(("k1", "k2"), [(5, 5), (5, 9), (1, 5), (2, 6), (3, 6), (99, 99), (1, 99)])
def test_a_window_as_long_as_the_sequence_is_full(kind, k1, k2):
    """Not only k1 = k2 = T: each of these reaches the first step from every block of five steps."""
    stack = make(kind, 3, steps=5)
    cut, full = stack.backward(k1, k2), stack.backward()
    for ours, theirs in zip((*cut.dh, *cut.dc, *cut.da_across, *cut.da), (*full.dh, *full.dc, *full.da_across, *full.da), strict=True):
        assert_close(ours, theirs)


@every_cell
@given(data=st.data())
def test_nothing_crosses_a_window(kind, data):
    """A changed loss changes errors inside its window and, bit for bit, none outside."""
    stack = make(kind, 2, steps=7)
    windows = data.draw(truncations(7))
    s = data.draw(st.integers(0, 6), "s")
    reach = torch.as_tensor(windows.reach(7)[s])
    before = stack.backward(windows.k1, windows.k2)
    stack.direct[s] += 1
    after = stack.backward(windows.k1, windows.k2)
    for old, new in zip((*before.dh, *before.dc), (*after.dh, *after.dc), strict=True):
        moved = (old != new).flatten(1)
        assert not moved[~reach].any()
        if kind != "rnn_relu":  # a relu may well stop an error inside of its window
            assert moved[reach].any(1).all()


@given(truncations(12), st.integers(1, 12))
def test_reach_is_what_the_windows_visit(windows, steps):
    """Written from the definition by Williams & Peng, with steps from 1."""
    reach = windows.reach(steps)
    visited = windows.windows(steps)
    assert len(visited) == -(-steps // windows.k1)
    for s in range(1, steps + 1):
        block = max(b for b in range(1, steps + 1, windows.k1) if b <= s)
        earliest = max(1, block - (windows.k2 - windows.k1))
        assert [t for t in range(1, steps + 1) if reach[s - 1, t - 1]] == list(range(earliest, s + 1))
        window = visited[(s - 1) // windows.k1]
        assert window.start + 1 == earliest
        assert s - 1 in window
        assert len(window) <= windows.k2


@given(truncations(12), st.integers(1, 12))
def test_windows_within_a_sequence_reach_the_same(windows, steps):
    inner = windows.within(steps)
    assert (inner.reach(steps) == windows.reach(steps)).all()
    assert inner.k1 <= steps
    assert inner.k2 < steps + inner.k1


@given(truncations(12), st.integers(1, 12), st.integers(0, 5))
def test_a_longer_sequence_moves_no_boundary(windows, steps, more):
    assert (windows.reach(steps + more)[:steps, :steps] == windows.reach(steps)).all()


@every_cell
@pytest.mark.parametrize(("k1", "k2"), [(2, 2), (1, 3), (2, 3), (3, 5)])
def test_padding_moves_no_boundary(kind, k1, k2):
    padded = make(kind, 2, steps=7, batch=2, lengths=(4, 7))
    errors = padded.backward(k1, k2)
    alone = bptt.forward(padded.model.cell, padded.model.layers, padded.x[:4, :1])
    expected = bptt.backward(alone, padded.direct[:4, :1], TBPTT(k1, k2))
    for ours, theirs in zip((*errors.dh, *errors.dc, *errors.da_across), (*expected.dh, *expected.dc, *expected.da_across), strict=True):
        assert_close(ours[:4, :1], theirs)
        assert not ours[4:, 0].any(), "no error arises in padding"


def test_named_truncations_are_windows():
    def windows(**fields):
        experiment = Experiment(**fields)
        return TRUNCATIONS[experiment.truncation].of(experiment, 10)

    assert windows(truncation="full") == TBPTT(10, 10)
    assert windows(truncation="chunk", k=3) == TBPTT(3, 3)
    assert windows(truncation="window", k=3) == TBPTT(1, 3)
    assert windows(truncation="custom", k1=2, k2=5) == TBPTT(2, 5)
    longest_lag = {
        name: max(s - t for s in range(10) for t in range(10) if windows(truncation=name, k=4).reach(10)[s, t])
        for name in ("full", "chunk", "window")
    }
    assert longest_lag == {"full": 9, "chunk": 3, "window": 3}


@pytest.mark.parametrize("name", TRUNCATIONS)
def test_a_truncation_that_cuts_nothing_says_so(name: str):
    reach = TRUNCATIONS[name].of(Experiment(truncation=name), 10).reach(10)
    assert TRUNCATIONS[name].cuts != np.array_equal(reach, np.tri(10, dtype=bool))


@pytest.mark.parametrize(("k1", "k2"), [(0, 1), (2, 1), (-1, -1), (0, 0)])
def test_windows_that_cannot_be_are_refused(k1, k2):
    with pytest.raises(ValueError, match=f"k1 = {k1} and k2 = {k2}"):
        TBPTT(k1, k2)


@given(truncations(), st.integers(1, 12))
def test_it_cuts_where_a_loss_misses_a_step_before_it(windows, steps):
    assert windows.cuts(steps) == (windows.reach(steps) != np.tri(steps, dtype=bool)).any()
    assert windows.within(steps).cuts(steps) == windows.cuts(steps)
    windows.reach(steps)[:] = False
    assert windows.reach(steps).any(), "what one caller does to its mask is not seen by the next"
