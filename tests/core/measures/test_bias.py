"""The error of truncated gradients is that of autograd with detached states, for every K, scheme, cell and weight."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from core.cells import CELLS
from core.experiment import Experiment
from core.measures.bias import SCHEMES, Bias, ks_of
from core.measures.truncated import own_bias, truncation_bias
from core.passes import run
from core.training import Trainer
from core.truncation import TBPTT
from tests.core import oracle

TEXT = "one two three four five six\nseven eight\nnine ten one four two"


def trained(**fields: object) -> Trainer:
    trainer = Trainer(Experiment(text=TEXT, **{"hidden": 5, "embedding": 4, "gain": 2.0, **fields}))
    trainer.run(5)
    return trainer


def of_autograd(trainer: Trainer, k1: int, k2: int) -> dict[str, torch.Tensor]:
    """The gradient of the stack's weights and of the embedding, by autograd with detached states."""
    model, task = trainer.model, trainer.task
    batch = task.batch()
    steps = len(batch.inputs)
    full = run(model, task, batch, TBPTT(steps, steps))
    module = model.to_torch()
    x = model.embed(batch).clone()
    found = oracle.truncated(trainer.experiment.cell, module, x, full.direct.clone(), k1, k2)
    return {f"rnn.{name}": value for name, value in found.weights.items()}


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_every_k_of_every_cell(kind: str, layers: int):
    trainer = trained(cell=kind, layers=layers)
    bias = truncation_bias(trainer.model, trainer.task, trainer.task.batch())
    steps = bias.ks[-1]
    assert bias.ks == tuple(range(1, steps + 1))
    exact = of_autograd(trainer, steps, steps)
    for place, scheme in enumerate(SCHEMES):
        for k in bias.ks:
            cut = of_autograd(trainer, *((1, k) if scheme == "window" else (k, k)))
            for name, true in exact.items():
                column = bias.weights.index(name)
                error = float((cut[name] - true).norm() / true.norm())
                cosine = float((cut[name].flatten() @ true.flatten()) / (cut[name].norm() * true.norm()))
                assert bias.error[place, k - 1, column] == pytest.approx(error, rel=1e-8, abs=1e-12)
                assert bias.cosine[place, k - 1, column] == pytest.approx(cosine, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(
    "fields", [{}, {"cell": "gru", "layers": 2}, {"attention": "dot"}, {"task": "series", "window": 9}, {"model": "transformer"}]
)
def test_the_sweep_is_what_one_pass_for_each_k_gives(fields: dict[str, object]):
    trainer = trained(**fields)
    model, task, batch = trainer.model, trainer.task, trainer.task.batch()
    bias = truncation_bias(model, task, batch)
    full = run(model, task, batch, TBPTT(bias.ks[-1], bias.ks[-1]))
    for scheme in SCHEMES:
        for k in bias.ks:
            error, degrees = own_bias(full, task, TBPTT(1, k) if scheme == "window" else TBPTT(k, k))
            assert bias.at(scheme, k)[0] == pytest.approx(error, rel=1e-8, abs=1e-12)
            # The arc of a cosine near 1 loses half of its digits.
            assert bias.at(scheme, k)[1] == pytest.approx(degrees, abs=1e-5)


def test_a_few_ks_are_those_of_all_and_the_last_cuts_nothing():
    trainer = trained()
    batch = trainer.task.batch()
    every, few = (truncation_bias(trainer.model, trainer.task, batch, ks) for ks in ((), (3, 1)))
    assert few.ks == (1, 3, every.ks[-1])
    np.testing.assert_allclose(few.error, every.error[:, [0, 2, -1]], rtol=1e-10)
    assert few.total("window")[-1] < 1e-12
    assert few.total("chunk")[-1] < 1e-12


def test_enough_is_the_k_from_which_on_the_error_stays_small():
    error = np.array([0.5, 0.08, 0.3, 0.09, 0.0])
    bias = Bias((1, 2, 3, 4, 5), (), np.stack([error, error])[..., None], np.ones((2, 5, 1)))
    assert [bias.enough("window", delta) for delta in (0.6, 0.3, 0.1, 0.01)] == [1, 2, 4, 5], "not 2: the error comes back at 3"
    assert bias.at("chunk", 4) == (0.09, 0.0)
    assert bias.at("chunk", 99) == (0.0, 0.0)
    assert len(bias.to_frame()) == 10


def test_ks_are_all_or_spread_evenly():
    assert ks_of(64) == tuple(range(1, 65))
    for steps in (65, 100, 512, 5000):
        ks = ks_of(steps)
        assert ks[:16] == tuple(range(1, 17))
        assert ks[-1] == steps
        assert len(ks) <= 64
        assert all(b > a and b / a < 1.3 for a, b in pairwise(ks[15:]))


def test_a_gradient_that_vanishes_has_no_relative_error():
    trainer = trained()
    trainer.model.weights["readout.weight"].zero_()
    bias = truncation_bias(trainer.model, trainer.task, trainer.task.batch())
    assert np.isnan(bias.error).all()
    assert math.isnan(bias.at("window", 3)[0])


def test_single_precision_says_the_same_of_a_gradient_whose_squares_it_cannot_hold():
    fields = {"cell": "rnn_relu", "gain": 2.0, "hidden": 32, "task": "adding", "length": 60, "examples": 8, "initialisation": "orthogonal"}
    single, double = (Trainer(Experiment(**fields, dtype=dtype)) for dtype in ("float32", "float64"))
    double.model.flat.copy_(single.model.flat)
    found, exact = (truncation_bias(one.model, one.task, one.task.batch()) for one in (single, double))
    assert 1e19 < double.peek().clip.norm_before < 1e21
    np.testing.assert_allclose(found.error, exact.error, atol=1e-4)
    np.testing.assert_allclose(found.cosine, exact.cosine, atol=1e-4)
    assert found.enough("window", 0.1) == exact.enough("window", 0.1) > 50
