"""The loop in whole numbers: cells whose states and errors can be counted on fingers."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import bptt
from core.lag_matrix import lag_matrix
from core.truncation import TBPTT
from tests.core.stacks import truncations
from tests.core.toy_cells import Adder, weights


def unroll(layers: int, steps: int, batch: int = 1, start: float = 0.0, mask: torch.Tensor | None = None) -> bptt.Unrolled:
    """Adders that read 1 at every step."""
    state = [{"h": torch.full((batch, 1), start, dtype=torch.float64)} for _ in range(layers)]
    return bptt.forward(Adder(), [weights()] * layers, torch.ones(steps, batch, 1, dtype=torch.float64), state, mask)


def ones(unrolled: bptt.Unrolled) -> torch.Tensor:
    return torch.ones(*unrolled.x.shape[:2], 1, dtype=torch.float64)


@given(st.integers(1, 9), st.integers(-3, 3))
def test_the_state_counts_the_steps(steps, start):
    unrolled = unroll(1, steps, batch=2, start=start)
    assert unrolled.h[:, 1, 0].tolist() == [start + t for t in range(1, steps + 1)]
    assert unrolled.last()[0]["h"].tolist() == [[start + steps]] * 2


def test_a_stack_reads_the_layer_below_at_the_same_step():
    unrolled = unroll(3, 5)
    below = [1] * 5
    for tape in unrolled.tapes:
        below = list(accumulate(below))
        assert tape["h"][1:, 0, 0].tolist() == below


@given(st.integers(1, 9), truncations(10))
def test_an_error_counts_the_losses_that_reach_it(steps, windows):
    unrolled = unroll(1, steps)
    errors = bptt.backward(unrolled, ones(unrolled), windows)
    assert errors.dh[0][:, 0, 0].tolist() == windows.reach(steps).sum(0).tolist()
    assert errors.da_across[0][:, 0, 0, 0].tolist() == windows.reach(steps).sum(0).tolist()


@given(st.integers(1, 7), truncations(8), st.integers(2, 3))
def test_lower_layers_count_paths_inside_each_window(steps, windows, layers):
    """Every loss sends 1 along every path down and back; a window's error descends the whole stack before windows are added."""
    unrolled = unroll(layers, steps)
    errors = bptt.backward(unrolled, ones(unrolled), windows)
    paths = np.stack([np.tril(np.ones((steps, steps), int)) for _ in range(layers)])
    for layer in reversed(range(layers - 1)):
        paths[layer] = paths[layer + 1] @ paths[-1]
    for layer in range(layers):
        expected = (paths[layer] * windows.reach(steps)).sum(0)
        assert errors.dh[layer][:, 0, 0].tolist() == expected.tolist()


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_lag_matrix_counts_paths(layers):
    unrolled = unroll(layers, 4)
    matrix = lag_matrix(unrolled, ones(unrolled), TBPTT(2, 3).reach(4))
    bottom = matrix.h[0][:, :, 0]
    steps = torch.arange(4.0, dtype=torch.float64)
    lag = steps[:, None] - steps
    counted = {1: torch.ones_like(lag), 2: lag + 1, 3: (lag + 1) * (lag + 2) / 2}[layers].masked_fill(lag < 0, torch.nan)
    assert torch.equal(bottom.nan_to_num(-1), counted.nan_to_num(-1))
    kept = counted.nan_to_num(0) * torch.as_tensor(TBPTT(2, 3).reach(4))
    assert matrix.kept_h[0][:, 0, 0].tolist() == kept.sum(0).tolist()


def test_padding_receives_nothing_and_sends_nothing():
    mask = torch.tensor([[True, True], [True, True], [True, False], [True, False]])
    unrolled = unroll(2, 4, batch=2, mask=mask)
    errors = bptt.backward(unrolled, ones(unrolled) * mask[..., None])
    assert errors.dh[1][:, :, 0].tolist() == [[4, 2], [3, 1], [2, 0], [1, 0]]
    assert errors.dh[0][:, :, 0].tolist() == [[10, 3], [6, 1], [3, 0], [1, 0]]


def test_the_engine_stops_in_the_middle():
    """A step is a step: after two of them, two states are known; on the way back, two errors."""
    x = torch.ones(4, 1, 1, dtype=torch.float64)
    ahead = bptt.Forward(Adder(), [weights()], x)
    ahead.step()
    ahead.step()
    assert (ahead.t, ahead.done) == (2, False)
    assert ahead.unrolled.h[:2, 0, 0].tolist() == [1, 2]
    while not ahead.done:
        ahead.step()
    visits = []
    hooks = bptt.Hooks(lambda step: visits.append((step.t, step.values["dh"].item())))
    back = bptt.Backward(ahead.unrolled, torch.ones(4, 1, 1, dtype=torch.float64), hooks=hooks)
    back.step()
    back.step()
    assert visits == [(4, 1), (3, 2)]
    assert (back.position, back.done) == (2, False)
    assert back.finish().dh[0][:, 0, 0].tolist() == [4, 3, 2, 1]
