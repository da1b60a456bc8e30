"""The error cliff: its gradient against autograd, its descents against torch's own optimiser and clipping, and the published figures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.clipping import CLIPS
from core.measures import error_cliff

PLACE = (5.25, -3.125)


def in_torch(w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    x = torch.full_like(w * b, 0.5)
    for _ in range(50):
        x = w * torch.sigmoid(x) + b
    return (torch.sigmoid(x) - 0.7) ** 2


@given(st.floats(-8, 8), st.floats(-8, 8))
def test_loss_and_gradient_are_autograds(w, b):
    leaves = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (w, b)]
    loss = in_torch(*leaves)
    loss.backward()
    assert error_cliff.loss(w, b) == pytest.approx(loss.item(), rel=1e-9, abs=1e-15)
    # Near the cliff 50 steps multiply rounding, too.
    for found, leaf in zip(error_cliff.gradient(w, b), leaves, strict=True):
        assert found == pytest.approx(leaf.grad.item(), rel=1e-6, abs=1e-12)


def test_a_surface_is_its_places_one_by_one():
    found = error_cliff.surface((4.5, 6.0), (-4.0, -2.5), 7)
    assert found.loss.shape == found.steepness.shape == (7, 7)
    for row, b in enumerate(found.b):
        for column, w in enumerate(found.w):
            assert found.loss[row, column] == pytest.approx(float(error_cliff.loss(w, b)), rel=1e-12)
            assert found.steepness[row, column] == pytest.approx(np.hypot(*error_cliff.gradient(w, b)), rel=1e-12)
    assert (found.w[0], found.w[-1], found.b[0], found.b[-1]) == (4.5, 6.0, -4.0, -2.5)


@pytest.mark.parametrize(("clipping", "threshold"), [("off", 1.0), ("norm", 0.02), ("value", 0.005)])
def test_a_descent_is_torchs_with_this_clip(clipping, threshold):
    """Ten updates, before the cliff multiplies rounding."""
    leaves = torch.tensor(PLACE, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([leaves], lr=0.5)
    found = error_cliff.descend(*PLACE, 0.5, 10, clipping, threshold)
    for place in range(11):
        optimiser.zero_grad()
        loss = in_torch(leaves[0], leaves[1])
        loss.backward()
        assert (found.w[place], found.b[place]) == pytest.approx(tuple(leaves.tolist()), rel=1e-9)
        assert found.loss[place] == pytest.approx(loss.item(), rel=1e-9)
        assert found.norm[place] == pytest.approx(leaves.grad.norm().item(), rel=1e-9)
        report = CLIPS[clipping].apply(leaves.grad, threshold)
        if place < 10:
            assert found.clipped[place] == report.clipped
        optimiser.step()
    assert found.clipped.any() == (clipping != "off")


def test_3_without_clipping_the_cliff_throws_it_away():
    """Row 3: a gradient of some 1.5e3, thrown some 750 away, the loss stuck near 0.09 = (1 - 0.7)^2, where the sigmoid is flat."""
    found = error_cliff.descend(*PLACE, 0.5, 300)
    assert len(found.loss) == 301
    assert found.steepest == pytest.approx(1.5e3, rel=0.01)
    assert found.thrown == pytest.approx(750, rel=0.01)
    assert found.thrown == pytest.approx(0.5 * found.steepest, rel=1e-12)
    assert found.thrown_at == int(found.norm.argmax()) + 1
    assert found.loss[-1] == pytest.approx(0.09, rel=1e-6)
    assert not found.clipped.any()


@pytest.mark.parametrize("clipping", error_cliff.CLIPPINGS)
def test_3_clipped_it_gets_past(clipping):
    found = error_cliff.descend(*PLACE, 0.5, 300, clipping, 1.0)
    assert found.loss[-1] < 1e-3
    assert found.thrown <= 0.5 * 2**0.5
    assert 1 <= found.clipped.sum() <= 3


def test_a_descent_that_leaves_the_finite_ends():
    found = error_cliff.descend(1e308, -1e308, 1e10, 5)
    assert np.isfinite([found.w, found.b]).all()
    assert len(found.w) == len(found.norm) == len(found.loss) == len(found.clipped) + 1
