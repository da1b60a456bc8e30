"""Errors of the last loss: autograd's, in both precisions, on a run made of the task's sequences; rows 1 and 14 of the phenomena."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core import bptt
from core.cells import CELLS
from core.experiment import InvalidExperiment
from core.lag_matrix import lag_row
from core.measures.decay import fit_decay
from core.measures.each_loss import each_loss, in_precision
from core.measures.jacobians import spectral_radii
from core.measures.long_run import long_run
from core.measures.recurrence import check_drawn
from core.training import Trainer
from tests.core import oracle
from tests.core.measures.random_network import random_network
from tests.core.stacks import assert_close

every_cell = pytest.mark.parametrize("kind", CELLS)
SERIES = {"task": "series", "series": "airline", "window": 12, "layers": 1, "hidden": 6}


def test_a_long_run_is_every_sequence_in_turn(small):
    task = Trainer(small).task
    every, run = task.batch(), long_run(task, 25)
    real = [every.inputs[t, b].item() for b in range(3) for t in range(every.lengths[b])]
    assert run.inputs[:, 0].tolist() == (real * 3)[:25]
    assert run.targets[: len(real), 0].tolist() == [every.targets[t, b].item() for b in range(3) for t in range(every.lengths[b])]
    assert run.real == 25


@pytest.mark.parametrize("answer", ["every", "last"])
def test_a_long_run_of_a_series_has_a_loss_at_every_step(small, answer):
    task = Trainer(small.replace(**SERIES, answer=answer)).task
    run = long_run(task, 30)
    assert run.inputs.shape == (30, 1, 1)
    assert_close(run.inputs[12:24, 0], task.batch().inputs[:, 1])
    assert run.real == 30


@every_cell
def test_errors_of_the_last_loss_are_autograds(small, kind):
    """Cross-entropy of the last step alone, through torch's own network with a probe at every state."""
    trainer = Trainer(small.replace(cell=kind, gain=2.0))
    found = each_loss(trainer.model, trainer.task, long_run(trainer.task, 15))
    batch = long_run(trainer.task, 15)
    twin = oracle.Model(kind, trainer.model.weights)
    run = oracle.unroll(kind, twin.rnn, twin.embedding(batch.inputs))
    loss = nn.functional.cross_entropy(twin.readout(run.h[-1][-1]), batch.targets[-1])
    probes = (run.probe_c if kind == "lstm" else run.probe_h)[-1]
    norms = torch.stack([one.norm() for one in oracle.gradients(loss, probes)])
    assert found.carrying == ("c" if kind == "lstm" else "h")
    assert_close(torch.tensor(found.last_by_lag()), norms.flip(0))
    assert_close(torch.tensor(found.matrices()[found.carrying][-1]), norms)


def test_errors_of_a_series_are_not_divided_by_its_steps(small):
    trainer = Trainer(small.replace(**SERIES, cell="gru"))
    found = each_loss(trainer.model, trainer.task, long_run(trainer.task, 9))
    batch = long_run(trainer.task, 9)
    h = bptt.forward(trainer.model.cell, trainer.model.layers, batch.inputs).h[-1]
    off = trainer.model.readout(h) - batch.targets[-1]
    assert_close(found.direct[-1], 2 * off @ trainer.model.weights["readout.weight"])


def test_1_errors_decay_at_the_spectral_radius():
    """Row 1: without inputs the Jacobian of a tanh network is W_hh, and the norm goes with rho^lag; rho is near 1/sqrt(3) by torch's
    default weights, whose entries have the variance 1/(3 H)."""
    unrolled = random_network(200, math.sqrt(1 / 3), 0.0, 300, torch.Generator().manual_seed(0))
    radius = spectral_radii(unrolled.layers[0], ("a",))["a"]
    assert radius == pytest.approx(1 / math.sqrt(3), rel=0.1)
    direct = torch.zeros_like(unrolled.h)
    direct[-1] = 1
    norms = bptt.backward(unrolled, direct).dh[0][:, 0].norm(dim=-1).flip(0).numpy()
    assert fit_decay(norms, 20, 150).beta == pytest.approx(radius, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_1_the_default_start_has_that_radius(seed, small):
    model = Trainer(small.replace(cell="rnn_tanh", hidden=200, layers=1, seed=seed)).model
    assert spectral_radii(model.layers[0], model.cell.gates)["a"] == pytest.approx(1 / math.sqrt(3), rel=0.15)


@every_cell
def test_every_layer_and_state_has_its_matrix(small, kind):
    """Of a padded sequence alone, against `lag_row`; without a loss there is no row."""
    trainer = Trainer(small.replace(**SERIES | {"layers": 2}, cell=kind, answer="last"))
    batch = trainer.task.batch([1])
    found = each_loss(trainer.model, trainer.task, batch)
    row = lag_row(found.unrolled, found.direct, 11)
    for layer in (0, 1):
        matrices = found.matrices(layer)
        assert tuple(matrices) == trainer.model.cell.states
        for state, matrix in matrices.items():
            assert np.isnan(matrix[:11]).all()
            assert_close(torch.tensor(matrix[11]), (row.dh if state == "h" else row.dc)[layer][:, 0].norm(dim=-1))


def test_14_single_precision_hides_the_tail(small):
    """Row 14: a tanh network at its default start, lag 200: exactly 0 in float32, and in float64 the 1e-60 or so that its half-life of
    about one step makes of it (five decades to either side for the draw of the weights)."""
    trainer = Trainer(small.replace(cell="rnn_tanh", hidden=32, embedding=16, layers=1))
    tails = {}
    for dtype in ("float64", "float32"):
        model = in_precision(trainer.model, trainer.experiment, trainer.task, dtype)
        assert model.flat.dtype == getattr(torch, dtype)
        tails[dtype] = each_loss(model, trainer.task, long_run(trainer.task, 201)).last_by_lag()
    assert tails["float32"][200] == 0.0
    assert 1e-75 < tails["float64"][200] < 1e-50
    np.testing.assert_allclose(tails["float32"][:20], tails["float64"][:20], rtol=1e-3)


@pytest.mark.parametrize(("dtype", "smallest"), [("float64", 1e-300), ("float32", 1e-40)])
def test_an_error_is_seen_as_long_as_its_type_holds_it(small, dtype, smallest):
    """Its squares leave the type at half of its decades: norms must not be lost there, and agree with the logarithms' straight line."""
    trainer = Trainer(small.replace(cell="rnn_tanh", hidden=1, layers=1, dtype=dtype))
    trainer.model.layers[0].weight_hh.fill_(0.25)
    found = each_loss(trainer.model, trainer.task, long_run(trainer.task, 600))
    row, tail = found.matrices()["h"][-1][::-1], found.last_by_lag()
    factors = (1 - found.unrolled.h[:, 0, 0].double() ** 2).flip(0) * 0.25
    logs = np.log(tail[0]) + np.concatenate(([0.0], np.cumsum(factors.log().numpy())))[:600]
    seen = logs > math.log(smallest)
    assert 20 < seen.sum() < 600
    for norms in (row, tail):
        np.testing.assert_allclose(np.log(norms[seen]), logs[seen], atol=1e-3 if dtype == "float32" else 1e-9)
        assert norms[-1] == 0.0


def test_a_large_error_is_seen_too(small):
    trainer = Trainer(small.replace(cell="rnn_relu", hidden=1, layers=1))
    w = trainer.model.layers[0]
    w.weight_hh.fill_(8.0)
    w.bias_ih.fill_(10.0)
    found = each_loss(trainer.model, trainer.task, long_run(trainer.task, 250))
    found = replace(found, d_read=torch.ones_like(found.d_read))  # the loss itself has none: its logits are as large
    row = found.matrices()["h"][-1][::-1]
    np.testing.assert_allclose(np.log(row), np.log(row[0]) + np.arange(250) * math.log(8), atol=1e-9)
    assert row[-1] > 1e200


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_series_is_walked_in_either_precision(small, dtype):
    trainer = Trainer(small.replace(**SERIES))
    model = in_precision(trainer.model, trainer.experiment, trainer.task, dtype)
    assert np.isfinite(each_loss(model, trainer.task, long_run(trainer.task, 20)).last_by_lag()).all()


@pytest.mark.parametrize(("changes", "words"), [({"model": "transformer"}, "no recurrence"), ({"model": "balanced"}, "weights are given")])
def test_what_is_not_drawn_cannot_be_compared(small, changes, words):
    with pytest.raises(InvalidExperiment, match=words):
        check_drawn(small.replace(**changes))


@pytest.mark.parametrize(
    "fields", [{"cell": "lstm", "layers": 2}, {"cell": "gru", "attention": "additive"}, {"model": "transformer"}], ids=str
)
def test_both_ways_of_the_error_are_those_of_the_trace(small, fields):
    """The Trace's are of the mean loss of the batch, these of each loss as if it were the only one."""
    trainer = Trainer(small.replace(**{"attention": "dot", "hidden": 4} | fields))
    trainer.run(2)
    trace, losses = trainer.peek().trace.of(0), trainer.task.batch().real
    found = each_loss(trainer.model, trainer.task, trainer.task.batch([0])).matrices()
    for kind in found:
        assert_close(torch.tensor(found[kind]), torch.tensor(trace[f"lag_{kind}"][-1] * losses))
    assert set(found) == {name.removeprefix("lag_") for name in trace.values if name.startswith("lag_")}


def test_the_tail_of_an_attended_network_goes_through_the_recurrence_alone(small):
    trainer = Trainer(small.replace(attention="dot", cell="gru"))
    found = each_loss(trainer.model, trainer.task, long_run(trainer.task, 12))
    last = torch.zeros_like(found.direct)
    last[-1] = found.direct[-1]
    errors = bptt.backward(found.unrolled, last).dh[-1][:, 0]
    assert_close(torch.tensor(found.last_by_lag()), errors.norm(dim=-1).flip(0))
