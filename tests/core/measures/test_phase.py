"""The phase diagram: each row is the first column of a network's lag matrix, and each cell a backward pass of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core import bptt
from core.cells import CELLS
from core.experiment import InvalidExperiment
from core.measures.long_run import long_run
from core.measures.phase import first_errors
from core.training import Trainer
from tests.core import oracle

every_cell = pytest.mark.parametrize("kind", CELLS)


@every_cell
@pytest.mark.parametrize("length", [2, 17, 24])
def test_a_cell_is_a_backward_pass_of_its_own(small, kind, length):
    """A network that reads so many inputs and answers after the last: `bptt.backward` on its own, and autograd."""
    experiment = small.replace(cell=kind, gain=1.7)
    task = Trainer(experiment).task
    cell = first_errors(experiment, task, 24)[length - 1]

    model = Trainer(experiment).model
    batch = long_run(task, length)
    unrolled = bptt.forward(model.cell, model.layers, model.embed(batch))
    direct = torch.zeros_like(unrolled.h)
    probability = model.readout(unrolled.h[-1]).softmax(-1)
    direct[-1] = model.readout_adjoint(probability - torch.eye(task.outputs, dtype=torch.float64)[batch.targets[-1]])
    errors = bptt.backward(unrolled, direct)
    alone = (errors.dc or errors.dh)[-1][0].norm().log10().item()
    assert cell == pytest.approx(alone, abs=1e-9)

    twin = oracle.Model(kind, model.weights)
    run = oracle.unroll(kind, twin.rnn, twin.embedding(batch.inputs))
    loss = torch.nn.functional.cross_entropy(twin.readout(run.h[-1][-1]), batch.targets[-1])
    probe = (run.probe_c if kind == "lstm" else run.probe_h)[-1][0]
    assert cell == pytest.approx(torch.autograd.grad(loss, probe)[0].norm().log10().item(), abs=1e-9)


def test_the_gain_leads_from_vanishing_to_exploding(small):
    """Of relu, which never saturates: every step multiplies by the gain, which stands out from the constant size of the loss."""
    small = small.replace(cell="rnn_relu", layers=1, hidden=32, embedding=16)
    task = Trainer(small).task
    low, high = (first_errors(small.replace(gain=gain), task, 40) for gain in (0.5, 8.0))
    assert low[39] < low[0] - 20
    assert high[39] > high[0] + 10


def test_the_forget_bias_keeps_the_error_of_an_lstm(small):
    small = small.replace(cell="lstm", hidden=32, embedding=16)
    task = Trainer(small).task
    ends = [first_errors(small.replace(forget_bias=bias), task, 40)[39] for bias in (-1.0, 0.0, 1.0, 3.0)]
    assert np.all(np.diff(ends) > 1)


def test_a_gain_of_zero_passes_exactly_nothing(small):
    found = first_errors(small.replace(cell="rnn_tanh", gain=0.0), Trainer(small).task, 5)
    assert np.isfinite(found[0])
    assert np.isneginf(found[1:]).all()


def test_only_a_recurrence_has_a_diagram(small):
    with pytest.raises(InvalidExperiment):
        first_errors(small.replace(model="transformer"), Trainer(small).task, 5)
    np.testing.assert_array_equal(
        first_errors(small.replace(attention="dot"), Trainer(small).task, 5), first_errors(small, Trainer(small).task, 5)
    )
