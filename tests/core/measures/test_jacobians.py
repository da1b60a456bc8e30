"""Jacobians against `torch.autograd.functional.jacobian` of torch's own cells, and products against the engine's lag matrix."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import jacobian

from core import bptt
from core.cells import CELLS
from core.lag_matrix import lag_row
from core.measures import jacobians
from core.measures.jacobians import Paths, Product, Recurrence, singular_values, spectral_radii
from core.training import Trainer
from tests.core import oracle
from tests.core.stacks import Stack, assert_close, make

every_cell = pytest.mark.parametrize("kind", CELLS)

TORCH_CELLS = {
    "rnn_tanh": nn.RNNCell,
    "rnn_relu": lambda *sizes, **more: nn.RNNCell(*sizes, nonlinearity="relu", **more),
    "lstm": nn.LSTMCell,
    "gru": nn.GRUCell,
}


def by_autograd(stack: Stack, layer: int, sequence: int, step: int) -> Tensor:
    """d state / d state before of one layer of torch, (S, S), what enters from below held fixed."""
    unrolled = oracle.unroll(stack.kind, stack.module, stack.x)
    below = unrolled.h[layer - 1][step] if layer else stack.x[step]
    before = [states[layer][step - 1] if step else torch.zeros_like(states[layer][0]) for states in (unrolled.h, unrolled.c)]
    hidden = stack.module.hidden_size
    cell = TORCH_CELLS[stack.kind](below.shape[1], hidden, dtype=stack.x.dtype)
    for parameter, value in zip(cell.parameters(), oracle.parameters(stack.module)[layer], strict=True):
        parameter.data.copy_(value)
    h, c = (state[sequence : sequence + 1].detach() for state in before)
    x = below[sequence : sequence + 1].detach()
    if stack.kind == "lstm":
        return jacobian(lambda state: torch.cat(cell(x, tuple(state.chunk(2, 1))), 1), torch.cat((h, c), 1))[0, :, 0]
    return jacobian(lambda state: cell(x, state), h)[0, :, 0]


@every_cell
@pytest.mark.parametrize("layer", [0, 1])
def test_each_step_is_autograds(kind, layer):
    stack = make(kind, 2, steps=5, batch=2, lengths=(5, 3))
    for sequence, steps in enumerate(stack.lengths):
        recurrence = Recurrence(stack.forward(), layer, sequence)
        assert recurrence.steps == steps
        for step in range(steps):
            assert_close(recurrence.jacobian(step), by_autograd(stack, layer, sequence, step))


def test_there_are_as_many_as_steps():
    with pytest.raises(ValueError, match="of 7 steps, not of 8"):
        next(Recurrence(make("gru", steps=7, batch=1).forward()).jacobians(8))


@every_cell
@pytest.mark.parametrize("fewest", [1, 8], ids=["three at a time", "one at a time"])
def test_many_at_a_time_are_one_after_the_other(kind, fewest, monkeypatch):
    """Also where the last ones are fewer than the others."""
    monkeypatch.setattr(jacobians, "FEWEST", fewest)
    recurrence = Recurrence(make(kind, 2, steps=7, batch=2).forward(), 1, 1)
    monkeypatch.setattr(jacobians, "ROWS", 3 * recurrence.size)
    found = list(recurrence.jacobians(7))
    assert len(found) == 7
    for step, matrix in enumerate(found):
        assert_close(matrix, recurrence.jacobian(step))


@every_cell
def test_products_carry_the_lag_matrix_back(kind):
    """Of one layer, the error of the last loss times the product is the engine's row of the lag matrix."""
    stack = make(kind, steps=9, batch=1)
    unrolled = stack.forward()
    row = lag_row(unrolled, stack.direct, 8)
    recurrence = Recurrence(unrolled)
    error = torch.cat((stack.direct[8], torch.zeros(1, recurrence.size - 4, dtype=torch.float64)), 1)
    for lag in range(1, 9):
        error = recurrence.back(9 - lag, error)
        assert_close(error[:, :4], row.dh[0][8 - lag])


@every_cell
def test_a_product_is_the_product(kind):
    recurrence = Recurrence(make(kind, steps=6, batch=1).forward())
    product = Product(recurrence, 4)
    plain = torch.eye(recurrence.size, dtype=torch.float64)
    for step in (4, 3, 2, 1, 0):
        plain = plain @ recurrence.jacobian(step)
        product.grow()
        logs, values = product.log_singular_values(), singular_values(plain)
        kept = torch.nan_to_num(values) > 1e-12 * values[0]
        assert_close(logs[kept].exp(), values[kept], relative=1e-8)
    assert product.lag == product.most == 5


def test_products_outlive_the_smallest_number():
    """300 steps of a factor of about 1/20 leave float64 behind, the product's logarithm does not."""
    stack = make("rnn_tanh", steps=300, batch=1, hidden=6)
    for w in stack.model.layers:
        w.weight_hh.mul_(0.02)
    recurrence = Recurrence(stack.forward())
    product = Product(recurrence, 299)
    plain = torch.eye(6, dtype=torch.float64)
    for step in reversed(range(300)):
        plain = plain @ recurrence.jacobian(step)
        product.grow()
    assert not plain.any(), "as plain numbers it is gone"
    largest = product.log_singular_values()[0].item()
    assert -math.inf < largest < math.log(5e-324)


def test_values_that_rounding_hides_are_not_shown():
    product = Product(Recurrence(make("rnn_tanh", steps=200, batch=1).forward()), 199)
    for _ in range(200):
        product.grow()
    logs = product.log_singular_values()
    assert logs[0].isfinite()
    assert logs[-1].isnan()


def test_units_that_are_off_pass_exactly_nothing():
    stack = make("rnn_relu", steps=3, batch=1)
    unrolled = stack.forward()
    off = unrolled.h[2, 0] == 0
    assert off.any()
    jacobian = Recurrence(unrolled).jacobian(2)
    assert not jacobian[off].any()
    values = singular_values(jacobian)
    assert (torch.nan_to_num(values) > 0).sum() == (~off).sum(), "each of these units takes one away"


def test_the_paths_of_an_lstm():
    """c by c is the forget gate, nothing else, and h by c is o (1 - tanh(c)^2) times it."""
    unrolled = make("lstm", steps=3, batch=1).forward()
    paths = Paths.of(Recurrence(unrolled).jacobian(2))
    _, f, _, o = unrolled.tapes[0]["a"][2, 0].chunk(4)
    c = unrolled.tapes[0]["c"][3, 0]
    assert_close(paths.c_by_c, f.diag())
    assert_close(paths.h_by_c, (o * (1 - c.tanh() ** 2) * f).diag())
    assert paths.h_by_h.any()
    assert paths.c_by_h.any()


@every_cell
def test_spectral_radii_are_those_of_the_gates_blocks(kind):
    stack = make(kind, hidden=6)
    w = stack.model.layers[0]
    found = spectral_radii(w, stack.model.cell.gates)
    assert tuple(found) == stack.model.cell.gates
    for position, radius in enumerate(found.values()):
        block = w.weight_hh[6 * position : 6 * position + 6]
        powers = torch.linalg.matrix_power(block, 4000 // 8)
        # Gelfand: |W^n|^(1/n) goes to the radius; 500 steps leave a few thousandths.
        assert powers.norm().item() ** (1 / 500) == pytest.approx(radius, rel=0.01)


def test_a_float32_model_is_measured_in_float64(small):
    trainer = Trainer(small.replace(dtype="float32"))
    batch = trainer.task.batch()
    unrolled = bptt.forward(trainer.model.cell, trainer.model.layers, trainer.model.embed(batch), mask=batch.mask)
    assert Recurrence(unrolled).jacobian(0).dtype == torch.float64


def test_a_model_without_recurrence_is_refused(small):
    trainer = Trainer(small.replace(model="transformer", hidden=4, layers=1))
    batch = trainer.task.batch()
    unrolled = bptt.forward(trainer.model.cell, trainer.model.layers, trainer.model.embed(batch), mask=batch.mask)
    with pytest.raises(ValueError, match="need a recurrent cell"):
        Recurrence(unrolled)


@pytest.mark.parametrize("last", [-1, 3])
def test_a_product_begins_within_the_sequence(last):
    with pytest.raises(ValueError, match="from 0 to 2"):
        Product(Recurrence(make("gru", steps=3, batch=1).forward()), last)
