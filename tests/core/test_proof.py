"""The proof: it is green for every model, its slopes are those of closed forms, and a cell that is wrong anywhere makes it red."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from core import passes
from core.cells import CELLS, GRU, LSTM, RNNTanh
from core.checks import Check, Slope
from core.experiment import Experiment
from core.oracle import Twin
from core.proof import AUTOGRAD, DIFFERENCES, Subject, differences, loss, prove, slope
from core.studies import proof
from core.studies.study import pack, unpack
from core.training import Trainer
from core.truncation import TBPTT
from tests.core.stacks import assert_close

SMALL = Experiment(text="a b c a d\nb a\nc a b", hidden=6, embedding=3, layers=2, seed=3)
BLOCKS = {"truncation": "chunk", "k": 2, "update_every": "block", "batch": 2}
MODELS = [
    *({"cell": cell} for cell in CELLS),
    {"attention": "additive", "heads": 2},
    {"attention": "dot", "heads": 3, **BLOCKS},
    {"model": "transformer", "heads": 2},
    {"task": "series", "window": 6, "cell": "gru"},
    {"task": "series", "window": 6, "answer": "last", "model": "transformer"},
    {"cell": "gru", "truncation": "window", "k": 2},
]
every_model = pytest.mark.parametrize("fields", MODELS, ids=str)


def proved(trainer, **more):
    *_, last = proof.study(trainer, proof.Asked(**more))
    assert last.done == last.total
    return unpack(proof.Found, pack(last.found))


@every_model
@pytest.mark.parametrize("iterations", [0, 40])
def test_every_model_is_proved(fields, iterations):
    trainer = Trainer(SMALL.replace(**fields))
    trainer.run(iterations or 1)
    before, coming = trainer.model.flat.clone(), trainer.peek()
    found = proved(trainer, slopes=20)
    assert found.passed
    assert found.complete
    assert set(found.worst) == {"books", "differences", "autograd"}
    assert found.worst["books"].error < 1e-12
    assert found.worst["autograd"].error < 1e-12
    assert found.worst["differences"].checked >= 18
    assert {one.of for one in found.checks if one.name == "autograd"} == {"loss", *trainer.model.weights}
    assert {one.weight for one in found.slopes} == set(trainer.model.weights)
    assert torch.equal(trainer.model.flat, before)
    assert trainer.step().loss == coming.loss, "looking changes nothing"


@every_model
def test_the_twin_is_the_model(fields):
    trainer = Trainer(SMALL.replace(**fields))
    model, batch = trainer.model, trainer.task.batch()
    twin = Twin(model)
    steps = len(batch.inputs)
    seen = passes.run(model, trainer.task, batch, TBPTT(steps, steps))
    with torch.no_grad():
        assert_close(seen.outputs[batch.mask], twin(batch.inputs)[batch.mask])
    value, gradient = twin.gradient(batch)
    assert value == pytest.approx(seen.loss, rel=1e-12)
    assert value == pytest.approx(loss(model, trainer.task, batch), rel=1e-12)
    assert gradient.keys() == model.weights.keys()
    assert any(isinstance(module, nn.RNNBase | nn.TransformerEncoderLayer) for module in twin.modules())


def test_a_float32_network_is_checked_by_a_copy_and_its_own_books():
    trainer = Trainer(SMALL.replace(dtype="float32"))
    trainer.run(5)
    found = proved(trainer)
    assert found.passed
    assert found.dtype == "float32"
    assert 1e-12 < found.worst["books"].error <= found.worst["books"].tolerance == 1e-4
    assert found.worst["autograd"].error < 1e-12
    subject = Subject.of(trainer)
    assert subject.model.flat.dtype == torch.float64
    assert torch.equal(subject.model.flat.float(), trainer.model.flat)


def test_a_slope_is_that_of_a_closed_form():
    """The readout's bias alone, all else 0: L = log sum exp(b) - b_y, whose slope is softmax(b) - (share of y)."""
    trainer = Trainer(SMALL)
    subject = Subject.of(trainer)
    subject.model.flat.zero_()
    bias = subject.model.weights["readout.bias"]
    bias.copy_(torch.linspace(-2, 2, len(bias), dtype=torch.float64))
    shares = torch.bincount(subject.batch.targets[subject.batch.mask], minlength=len(bias)).double() / subject.batch.real
    expected = torch.softmax(bias, 0) - shares
    first = len(subject.model.flat) - len(bias)
    for entry in range(len(bias)):
        found = slope(subject, first + entry)
        assert (found.weight, found.entry) == ("readout.bias", entry)
        assert found.differences == pytest.approx(expected[entry].item(), abs=1e-11)
        assert found.doubt < 1e-8


class Forgetful(LSTM):
    """Its forget gate lets errors pass 1 % too well."""

    def slopes(self, tape, out):
        super().slopes(tape, out)
        out.c_by_c.mul_(1.01)


class Ungated(GRU):
    """Its reset gate is forgotten on the way back."""

    def slopes(self, tape, out):
        super().slopes(tape, out)
        out.h_by_gates[..., 2, :].copy_(out.h_by_n)


class Cut(RNNTanh):
    """No error goes to the step before."""

    def carry(self, k, w, rows, before):
        pass


@pytest.mark.parametrize("cell", [Forgetful(), Ungated(), Cut()], ids=lambda cell: type(cell).__name__)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_adjoint_makes_it_red(cell, dtype):
    kind = next(name for name, right in CELLS.items() if isinstance(cell, type(right)))
    trainer = Trainer(SMALL.replace(cell=kind, dtype=dtype))
    assert proved(trainer).passed
    trainer.model.cell = cell
    found = proved(trainer)
    assert not found.passed
    worst = found.worst
    assert worst["autograd"].error > 100 * AUTOGRAD
    assert not worst["autograd"].passed
    assert worst["differences"].error > DIFFERENCES
    assert not worst["differences"].passed


class Leaky(RNNTanh):
    """Adds something of its own to every error: not linear, so that the errors of single losses no longer add up to the whole."""

    def carry(self, k, w, rows, before):
        super().carry(k, w, rows, before)
        before.dh.add_(1e-3)


def test_errors_that_do_not_add_up_make_the_books_red():
    trainer = Trainer(SMALL.replace(cell="rnn_tanh"))
    trainer.model.cell = Leaky()
    found = proved(trainer)
    assert not found.worst["books"].passed
    assert found.worst["books"].of == "lag matrix"


def test_what_could_not_be_measured_has_not_passed():
    assert not Check("books", "shares", math.nan, 1e-9, 1).passed
    assert Check("books", "shares", 1e-9, 1e-9, 1).passed


@pytest.mark.parametrize(("clear", "passed"), [(0, False), (1, False), (11, False), (12, True), (24, True)])
def test_a_few_sure_slopes_prove_nothing(clear, passed):
    subject = Subject.of(Trainer(SMALL))
    doubts = [1e-12] * clear + [math.inf] * (24 - clear)
    check = differences(subject, [Slope("readout.bias", entry, 0.5, 0.5, doubt) for entry, doubt in enumerate(doubts)])
    assert (check.passed, check.checked) == (passed, clear)
    assert math.isnan(check.error) != passed


def test_weights_are_chosen_by_the_seed_and_all_kinds_come_first():
    trainer = Trainer(SMALL)
    subject = Subject.of(trainer)
    first = subject.entries(30, 1)
    assert subject.entries(30, 1) == first != subject.entries(30, 2)
    assert len(set(first)) == 30
    names = [subject.name(entry)[0] for entry in first]
    assert names[: len(subject.model.weights)] == list(subject.model.weights)
    assert len(subject.entries(10**9, 0)) == len(subject.model.flat)


def test_progress_comes_often_and_ends_complete():
    trainer = Trainer(SMALL)
    seen = list(proof.study(trainer, proof.Asked(slopes=5)))
    assert [one.done for one in seen] == [1, 2, 3, 4, 5, 6, 7]
    assert seen[0].found.worst.keys() == {"books"}
    assert not seen[1].found.complete
    assert seen[-1].found.complete
    assert list(prove(trainer, 5))[-1][1] == list(seen[-1].found.slopes)


def test_a_tiny_model_has_no_more_slopes_than_weights():
    trainer = Trainer(Experiment(text="a", hidden=1, embedding=1, cell="rnn_tanh"))
    found = proved(trainer, slopes=200)
    assert found.complete
    assert len(found.slopes) == trainer.model.flat.numel() < 200


@pytest.mark.parametrize(("more", "words"), [({"slopes": 0}, "from 1 to 200, not 0"), ({"seed": -1}, "from 0 to .*, not -1")])
def test_nonsense_is_refused(more, words):
    with pytest.raises(ValueError, match=words):
        proof.Asked(**more)
