"""Trying a text and generating one: the weights as they are, the same numbers every time, bounds with a sentence."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import limits
from core.cells import CELLS
from core.experiment import Experiment, InvalidExperiment
from core.tokens import BOS, EOS, PAD, UNK
from core.training import Trainer
from tests.core import oracle
from tests.core.stacks import assert_close

every_cell = pytest.mark.parametrize("kind", CELLS)


@pytest.fixture
def trained(small) -> Trainer:
    trainer = Trainer(small)
    trainer.run(20)
    return trainer


@every_cell
def test_a_tried_text_is_seen_with_the_weights_as_they_are(small, kind):
    trainer = Trainer(small.replace(cell=kind, truncation="window", k=2))
    trainer.run(5)
    weights = trainer.model.flat.clone()
    trial = trainer.try_text("b c a")
    model = oracle.Model(kind, trainer.model.weights)
    loss, gradient = model.gradient(trainer.task.read("b c a")[0])
    assert trial.loss == pytest.approx(loss, rel=1e-12)
    assert trial.trace["loss"].sum() == pytest.approx(loss, rel=1e-12)
    assert trial.trace.axes[0].inputs == ("<bos>", "b", "c", "a")
    assert not trial.trace.in_batch
    assert trial.trace.iteration == 5
    assert trial.trace["gradient_norm"][-1] == pytest.approx(gradient["readout.bias"].norm().item(), rel=1e-10)
    assert trial.trace["reach"].sum() == 4 + 3, "the run's own windows"
    assert max(trial.trace.books.values()) < 1e-12
    assert torch.equal(trainer.model.flat, weights)


def test_trying_disturbs_no_run(small):
    plain, tried = Trainer(small), Trainer(small)
    for _ in range(4):
        tried.try_text("a b")
        tried.generate(5)
        assert tried.step().loss == plain.step().loss


def test_a_sentence_of_the_text_is_seen_as_in_training(trained):
    """Law 6 again: alone or beside longer ones, but for the divisor."""
    trial, seen = trained.try_text("b a").trace.of(0), None
    trained.observe = 1
    seen = trained.peek().trace.of(0)
    scale = trained.task.batch([1]).real / trained.task.batch().real
    assert_close(seen["h"], trial["h"])
    assert_close(seen["dh"], trial["dh"] * scale)
    assert_close(np.tril(np.nan_to_num(seen["lag_h"])), np.tril(np.nan_to_num(trial["lag_h"])) * scale)


def test_unknown_words_are_named_by_step(trained):
    trial = trained.try_text("a zebra b yak")
    assert trial.unknown == (3, 5)
    assert trial.trace.axes[0].inputs == ("<bos>", "a", "zebra", "b", "yak")
    assert math.isfinite(trial.loss)
    assert trained.try_text("a b").unknown == ()


@pytest.mark.parametrize(
    "text", ["", " \n ", "a\nb", "x " * limits.STEPS, "\x00", "y" * (limits.TEXT_CHARACTERS + 1)], ids=lambda t: ascii(t[:5])
)
def test_texts_beyond_the_bounds_are_refused_at_their_field(trained, text):
    with pytest.raises(InvalidExperiment) as caught:
        trained.try_text(text)
    assert list(caught.value.problems) == ["text"]


def test_generation_is_reproducible(trained):
    one, other = (trained.generate(12, temperature=1.0, seed=4) for _ in range(2))
    assert one == other
    assert len({trained.generate(12, temperature=2.0, seed=seed).tokens for seed in range(8)}) > 1


def test_generation_does_not_depend_on_the_process(trained):
    expected = trained.generate(12, seed=1)
    torch.manual_seed(99)
    torch.rand(5)
    assert trained.generate(12, seed=1) == expected


def likeliest(trainer: Trainer, read: list[int], tokens: int) -> tuple[list[int], list[float]]:
    """Greedy generation written with torch, the whole prefix again for every token."""
    model = oracle.Model(trainer.experiment.cell, trainer.model.weights)
    ids, probabilities = [], []
    for _ in range(tokens):
        with torch.no_grad():
            out, _ = model.rnn(model.embedding(torch.tensor([[*read, *ids]]).T))
            logits = model.readout(out[-1, 0])
        logits[[PAD, BOS, UNK]] = -math.inf
        ids.append(int(logits.argmax()))
        probabilities.append(torch.softmax(logits, -1)[ids[-1]].item())
        if ids[-1] == EOS:
            break
    return ids, probabilities


@every_cell
@pytest.mark.parametrize("prompt", ["", "b", "a zebra"])
def test_temperature_zero_takes_the_likeliest_token(small, kind, prompt):
    trainer = Trainer(small.replace(cell=kind))
    trainer.run(15)
    read = trainer.task.read(prompt)[0].inputs[:, 0].tolist() if prompt else [BOS]
    ids, probabilities = likeliest(trainer, read, 10)
    written = trainer.generate(10, temperature=0.0, prompt=prompt)
    assert written.tokens == tuple(trainer.task.labels[entry] for entry in ids)
    assert written.probabilities == pytest.approx(probabilities, rel=1e-10)
    assert written.ended == (ids[-1] == EOS)
    assert written.text == trainer.task.write(ids)
    assert written.unknown == prompt.count("zebra")


def test_draws_follow_the_probabilities(small):
    """The first token after <bos>, over 2,000 seeds: within four standard errors of its probability."""
    trainer = Trainer(small)
    trainer.run(5)
    found = [trainer.generate(1, temperature=1.0, seed=seed) for seed in range(2000)]
    for token, group in itertools.groupby(sorted(found, key=lambda one: one.tokens), key=lambda one: one.tokens):
        members = list(group)
        p = members[0].probabilities[0]
        assert all(one.probabilities[0] == p for one in members)
        assert len(members) / 2000 == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 2000)), token


def test_special_tokens_are_never_written(small):
    trainer = Trainer(small)
    trainer.model.weights["readout.bias"][[PAD, BOS, UNK]] = 50.0
    tokens = [token for seed in range(30) for token in trainer.generate(8, temperature=5.0, seed=seed).tokens]
    assert not {"<pad>", "<bos>", "<unk>"} & set(tokens)
    assert "<eos>" in tokens


@given(st.integers(1, 15), st.floats(0, limits.TEMPERATURE), st.integers(0, limits.SEED))
def test_anything_inside_the_bounds_is_written(tokens, temperature, seed):
    written = UNTRAINED.generate(tokens, temperature, seed)
    assert 1 <= len(written.tokens) <= tokens
    assert written.ended == (written.tokens[-1] == "<eos>")
    assert written.ended or len(written.tokens) == tokens
    assert all(0 <= p <= 1 for p in written.probabilities)


UNTRAINED = Trainer(Experiment(text="a b c a", hidden=3, embedding=2))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tokens": 0}, "Tokens must be a whole number from 1 to 200, not 0."),
        ({"tokens": 201}, "from 1 to 200, not 201"),
        ({"tokens": 1.5}, "Tokens must be a whole number from 1 to 200, not 1.5."),
        ({"temperature": -0.1}, "Temperature must be a number from 0 to 10, not -0.1."),
        ({"temperature": math.nan}, "not nan"),
        ({"temperature": math.inf}, "not inf"),
        ({"seed": -1}, "Seed must be a whole number from 0"),
        ({"seed": 2**40}, "not 1099511627776"),
    ],
)
def test_beyond_the_bounds_nothing_is_written(trained, fields, words):
    with pytest.raises(InvalidExperiment, match=words) as caught:
        trained.generate(**fields)
    assert list(caught.value.problems) == list(fields)


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-9])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_next_to_temperature_zero_the_likeliest_token_wins(small, temperature, dtype):
    trainer = Trainer(small.replace(dtype=dtype))
    trainer.run(5)
    assert trainer.generate(5, temperature=temperature, seed=1).tokens == trainer.generate(5, temperature=0).tokens


def test_an_exploded_model_says_so(small):
    """Weights so large that no probability is left: one sentence, no crash."""
    trainer = Trainer(small.replace(cell="rnn_relu"))
    trainer.model.flat.fill_(1e200)
    with pytest.raises(InvalidExperiment, match="not finite"):
        trainer.generate(5)
    with pytest.raises(InvalidExperiment, match="not finite"):
        trainer.generate(5, temperature=0)
    trial = trainer.try_text("a b")
    assert not math.isfinite(trial.loss)


def test_a_text_longer_than_any_of_the_training_says_how_far_a_transformer_knows_its_places(small):
    """A recurrence goes on for ever; learned positions end with the longest text."""
    longest = Trainer(small).task.steps
    text = " ".join("abc"[t % 3] for t in range(longest + 2))
    seen = Trainer(small.replace(model="transformer")).try_text(text)
    assert len(seen.trace.axes[0].inputs) == longest + seen.beyond
    assert seen.beyond == 3, "<bos> stands before the text"
    assert Trainer(small).try_text(text).beyond == 0
