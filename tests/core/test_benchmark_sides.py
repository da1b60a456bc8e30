"""The benchmarks compare like with like: every side computes the same gradient of the same loss."""

from __future__ import annotations

import pytest
import torch

from core.lag_matrix import lag_matrix
from tests.benchmarks.sides import CELLS, Bare, Loop, Ours, Size

SIZE = Size(steps=7, batch=3, hidden=8, vocabulary=16)


@pytest.fixture(params=CELLS)
def ours(request):
    return Ours(SIZE.experiment(request.param, "float64"))


@pytest.mark.parametrize("kind", [Bare, Loop])
def test_one_iteration_leaves_the_same_readout(ours, kind):
    """Loss, clipping and update included: after an iteration of each, the weights are the same."""
    other = kind(ours)
    other.iteration()
    ours.iteration()
    torch.testing.assert_close(ours.model.weights["readout.weight"], other.readout.weight.detach(), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(ours.model.weights["embedding.weight"], other.embedding.weight.detach(), rtol=1e-9, atol=1e-12)


def test_the_loop_sees_the_same_gradients(ours):
    seen, loop = ours.look(), Loop(ours)
    dh = torch.stack(loop.iteration())
    torch.testing.assert_close(dh, seen.errors.dh[0], rtol=1e-9, atol=1e-12)


def test_both_lag_matrices_are_the_same(ours):
    seen = ours.look()
    swept = lag_matrix(seen.unrolled, seen.direct).h[0]
    for s, row in enumerate(Loop(ours).lag()):
        for t, error in enumerate(row[: s + 1]):
            torch.testing.assert_close(error.norm(dim=-1), swept[s, t], rtol=1e-9, atol=1e-12)
