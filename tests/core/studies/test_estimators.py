"""The study of estimators: what it finds is what the estimators say, one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.estimators import ESTIMATORS, Knobs
from core.experiment import Experiment, InvalidExperiment
from core.measures.agreement import Tally
from core.studies import STUDIES, Refused, pack, unpack
from core.studies.estimators import Asked, Found, study
from core.training import Trainer

TEXT = "a b c a d\nb a\nc a b"


def trainer(**fields) -> Trainer:
    return Trainer(Experiment(**({"text": TEXT, "hidden": 5, "embedding": 3, "cell": "rnn_tanh", "seed": 3} | fields)))


def found(of: Trainer, **asked) -> Found:
    last = list(study(of, Asked(**asked)))[-1]
    assert last.done == last.total
    assert last.found is not None
    return unpack(STUDIES["estimators"].found, pack(last.found))


def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    return torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0).item()


def test_it_finds_what_the_estimators_say():
    of = trainer()
    seen = found(of, k=2, samples=3, sequences=2)
    assert [row.name for row in seen.rows] == list(ESTIMATORS)
    assert (seen.sequences, seen.steps, seen.states) == (2, 6, 5)
    assert "readout.weight" not in seen.weights
    batch = of.task.batch([0, 1])
    exact = ESTIMATORS["bptt"].estimate(of.model, of.task, batch, torch.Generator())
    for name in ("window", "chunk", "snap1"):
        row = seen.row(name)
        estimate = ESTIMATORS[name].estimate(of.model, of.task, batch, torch.Generator(), Knobs(k=2))
        for column, weight in enumerate(seen.weights):
            away = (estimate[weight] - exact[weight]).norm() / exact[weight].norm()
            assert row.error[column] == pytest.approx(away.item(), rel=1e-9)
            assert row.cosine[column] == pytest.approx(cosine(estimate[weight], exact[weight]), rel=1e-9)
            assert row.norm[column] == pytest.approx(estimate[weight].norm().item(), rel=1e-9)
    assert seen.row("rtrl").error.max() < 1e-12
    for row in seen.rows:
        assert row.samples == (3 if row.random else 1)
        assert row.curve.shape == (row.samples, len(seen.columns))
        assert row.seconds > 0
        assert row.held > 0
        assert np.isnan(row.spread).all() != row.random


def test_samples_are_tallied():
    """Against the definitions, computed from all samples at once."""
    generator = torch.Generator().manual_seed(0)
    true = {"a": torch.randn(3, 2, generator=generator).double(), "readout.weight": torch.ones(2)}
    samples = [{"a": torch.randn(3, 2, generator=generator).double(), "readout.weight": torch.zeros(2)} for _ in range(6)]
    tally = Tally(true)
    for one in samples:
        tally.add(one)
    stacked, exact = torch.stack([one["a"].flatten() for one in samples]), true["a"].flatten()
    assert tally.error()[-1] == pytest.approx(((stacked.mean(0) - exact).norm() / exact.norm()).item())
    assert tally.cosine()[0] == pytest.approx(cosine(stacked.mean(0), exact))
    assert tally.spread()[0] == pytest.approx((stacked.var(0).sum().sqrt() / exact.norm()).item())
    assert tally.curve()[2, 0] == pytest.approx(((stacked[:3].mean(0) - exact).norm() / exact.norm()).item())
    assert tally.single()[0][0] == pytest.approx(((stacked - exact).norm(dim=1) / exact.norm()).mean().item())
    assert tally.single()[1][0] == pytest.approx(np.mean([cosine(one, exact) for one in stacked]))


def test_a_gradient_that_vanishes_has_no_relative_error():
    tally = Tally({"a": torch.zeros(2)})
    tally.add({"a": torch.ones(2)})
    assert math.isnan(tally.cosine()[0])


def test_there_is_something_to_see_at_once_and_the_samples_come_last():
    pieces = list(study(trainer(), Asked(samples=5)))
    assert [row.name for row in pieces[0].found.rows][:2] == ["bptt", "window"]
    assert len(pieces[-1].found.curves()) == 2 * 5 * len(pieces[-1].found.columns)
    assert {"estimator", "weight", "error", "cosine", "cpu_seconds", "bytes_held"} <= set(pieces[-1].found.to_frame())


def test_the_weights_that_the_run_began_with():
    of = trainer()
    begun = found(of, samples=2)
    of.run(30)
    trained = found(of, samples=2)
    again = found(of, samples=2, untrained=True)
    assert (begun.iteration, trained.iteration, again.iteration) == (0, 30, 0)
    assert again.row("chunk").error[-1] == begun.row("chunk").error[-1] != trained.row("chunk").error[-1]


def test_the_observed_sequence_is_among_them():
    of = trainer()
    of.observe = 2
    assert found(of, samples=2, sequences=1).steps == of.task.lengths[2]


def test_what_is_too_large_says_so_and_the_others_go_on():
    seen = found(trainer(cell="lstm", hidden=128, text="\n".join(["a b"] * 9)), samples=2)
    refused = {row.name: row.refused for row in seen.rows if row.refused}
    assert list(refused) == ["rtrl"]
    assert refused["rtrl"].startswith("RTRL would carry")
    assert seen.row("rtrl") is None
    assert seen.row("uoro").samples == 2


def test_other_models_are_refused():
    with pytest.raises(InvalidExperiment, match="choose the recurrent model"):
        found(trainer(model="transformer", hidden=4))


def test_an_exploded_network_is_refused():
    of = trainer()
    of.model.flat.fill_(math.inf)
    with pytest.raises(Refused, match="not finite"):
        found(of)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"k": 0}, "K must be a whole number from 1 to 512, not 0"),
        ({"samples": 1}, "Samples must be"),
        ({"samples": 2.5}, "Samples must be"),
        ({"sequences": 65}, "Sequences must be a whole number from 1 to 64"),
        ({"cut": 0.0}, "Cut probability must be a number from 0.01 to 0.9"),
        ({"cut": math.nan}, "Cut probability"),
        ({"seed": -1}, "Seed must be"),
    ],
)
def test_what_cannot_be_asked(asked, said):
    with pytest.raises(Refused, match=said):
        Asked(**asked)
