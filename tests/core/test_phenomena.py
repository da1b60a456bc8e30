"""Facts that people are often told wrongly, in numbers small enough to follow (fact 12: thread 15500 of the PyTorch forum)."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from core import bptt
from core.cells import CELLS
from core.lag_matrix import lag_row
from core.model import SequenceModel
from core.truncation import TBPTT
from tests.core.stacks import assert_close, make
from tests.core.toy_cells import Linear, weights

W, START = 0.2, 0.9
PER_STEP = [0.9, 0.36, 0.108]
"""d x_s / d w of x_s = w x_{s-1} from x_0: s w^(s-1) x_0."""


def scalar_network() -> tuple[bptt.Unrolled, torch.Tensor]:
    """x_s = w x_{s-1} for three steps, where the loss of a step is its state."""
    start = [{"h": torch.full((1, 1), START, dtype=torch.float64)}]
    unrolled = bptt.forward(Linear(), [weights(across=W)], torch.zeros(3, 1, 1, dtype=torch.float64), start)
    return unrolled, torch.ones(3, 1, 1, dtype=torch.float64)


def of_weight(unrolled: bptt.Unrolled, errors: bptt.Errors) -> float:
    """dL/dw: each step's error times the state before it."""
    steps = len(errors.da_across[0])
    return (errors.da_across[0][:, 0, 0, 0] * unrolled.tapes[0]["h"][:steps, 0, 0]).sum().item()


def copied_recipe(k1: int, k2: int) -> list[float]:
    """What much-copied code does: a graph for every step, joined by hand at detached states whose `.grad` nobody clears."""
    w = torch.tensor(W, dtype=torch.float64, requires_grad=True)
    states = [(None, torch.tensor(START, dtype=torch.float64))]
    found = []
    for t in range(3):
        state = states[-1][1].detach().requires_grad_()
        states.append((state, w * state))
        del states[: -k2 - 1]
        if (t + 1) % k1 == 0:
            w.grad = None
            states[-1][1].backward(retain_graph=True)
            for back in range(1, k2):
                if states[-back - 1][0] is None:
                    break
                states[-back - 1][1].backward(states[-back][0].grad, retain_graph=True)
            found.append(w.grad.item())
    return found


def test_12_each_loss_has_its_own_gradient():
    unrolled, direct = scalar_network()
    rows = [of_weight(unrolled, lag_row(unrolled, direct, s)) for s in range(3)]
    assert rows == pytest.approx(PER_STEP, rel=1e-14)


def test_12_windows_add_the_gradients_up():
    unrolled, direct = scalar_network()
    assert of_weight(unrolled, bptt.backward(unrolled, direct)) == pytest.approx(sum(PER_STEP), rel=1e-14)
    assert of_weight(unrolled, bptt.backward(unrolled, direct, TBPTT(1, 3))) == pytest.approx(sum(PER_STEP), rel=1e-14)
    # With two steps to go back, the third loss loses one of its three equal terms w^2 x_0.
    assert of_weight(unrolled, bptt.backward(unrolled, direct, TBPTT(1, 2))) == pytest.approx(sum(PER_STEP) - W**2 * START, rel=1e-14)


def test_12_the_usual_recipe_does_not():
    """From the third step on it counts the errors of earlier losses again."""
    assert copied_recipe(1, 3) == pytest.approx([0.9, 0.36, 0.288], rel=1e-14)
    assert copied_recipe(1, 3)[2] != pytest.approx(PER_STEP[2], rel=0.5)


@pytest.mark.parametrize("kind", CELLS)
def test_13_the_grad_of_a_modules_output_is_not_the_error_of_its_state(kind):
    """A loss on the last step only: `out.grad` is 0 at all others, while every state has its part in the loss."""
    stack = make(kind)
    direct = torch.zeros_like(stack.direct)
    direct[-1] = 1
    out, _ = stack.module(stack.x)
    out.retain_grad()
    (out * direct).sum().backward()
    assert not out.grad[:-1].any()
    dh = bptt.backward(stack.forward(), direct).dh[0]
    assert torch.equal(dh[-1], out.grad[-1])
    assert (dh.norm(dim=-1) > 0).all()


def test_14_float32_loses_the_tail():
    """|dh_200/dh_0| of a tanh network: 0.0 in float32, some 1e-60 in float64.

    Nothing is read, so that the state settles and the error is, but for its first steps, multiplied by one and the same Jacobian: its size
    is the spectral radius of that to the power of 199.  Settling and direction count for a factor of a few: within one power of ten.
    """

    def first_error(dtype: torch.dtype) -> tuple[float, float]:
        generator = torch.Generator().manual_seed(0)
        module = nn.RNN(1, 8, dtype=torch.float64)
        for weight in module.parameters():
            weight.data.uniform_(-(8**-0.5), 8**-0.5, generator=generator)
        model = SequenceModel.from_torch(module.to(dtype))
        unrolled = bptt.forward(model.cell, model.layers, torch.zeros(200, 1, 1, dtype=dtype))
        jacobian = torch.diag(1 - unrolled.h[-1, 0] ** 2) @ model.weights["rnn.weight_hh_l0"]
        radius = torch.linalg.eigvals(jacobian.double()).abs().max().item()
        return lag_row(unrolled, torch.ones(200, 1, 8, dtype=dtype), 199).dh[0][0].norm().item(), radius

    assert first_error(torch.float32)[0] == 0.0
    error, radius = first_error(torch.float64)
    assert math.log10(error) == pytest.approx(199 * math.log10(radius), abs=1)


def test_1_errors_are_products_of_jacobians():
    """dL_s/dh_t = dL_s/dh_s times the product of J_j = diag(1 - h_j^2) W_hh over j = s ... t + 1."""
    stack = make("rnn_tanh", steps=6, batch=1)
    unrolled = stack.forward()
    row = lag_row(unrolled, stack.direct, 5).dh[0][:, 0]
    expected = stack.direct[5, 0]
    for t in reversed(range(6)):
        assert_close(row[t], expected)
        expected = expected @ (torch.diag(1 - unrolled.h[t, 0] ** 2) @ stack.module.weight_hh_l0.detach())
