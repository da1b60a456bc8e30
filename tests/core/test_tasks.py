"""Tasks: ids, padding, axes, and a loss that equals torch's, gradient and all."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.experiment import DEFAULT_TEXT, SPECS, Experiment, InvalidExperiment
from core.tasks import TASKS, Batch, Sentences
from core.tokens import BOS, EOS, PAD, UNK

WORDS = st.sampled_from(["a", "b", "c", "the", "dog", "keys", "are", ".", ","])
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=9).map(" ".join), min_size=1, max_size=6).map("\n".join)
TYPES = st.sampled_from([torch.float64, torch.float32])


def sentences(text: str = DEFAULT_TEXT, tokens: str = "word") -> Sentences:
    return Sentences(Experiment(text=text, tokens=tokens))


def logits(task: Sentences, batch: Batch, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(*batch.inputs.shape, task.outputs, dtype=dtype, generator=generator)


def test_the_default_sentences():
    task = sentences()
    assert (task.sequences, task.lengths, task.outputs) == (3, (10, 7, 7), 23)
    assert task.texts == tuple(DEFAULT_TEXT.split("\n"))
    axis = task.axis(2)
    assert axis.inputs == ("<bos>", "He", "buys", "tickets", "to", "the", "concert")
    assert axis.targets == ("He", "buys", "tickets", "to", "the", "concert", "<eos>")


def test_ids_and_padding_of_a_batch():
    batch = sentences("a b\nb").batch()
    assert batch.inputs.T.tolist() == [[BOS, 4, 5], [BOS, 5, PAD]]
    assert batch.targets.T.tolist() == [[4, 5, EOS], [5, EOS, PAD]]
    assert batch.mask.T.tolist() == [[True, True, True], [True, True, False]]
    assert (batch.lengths.tolist(), batch.real) == ([3, 2], 5)


def test_one_word_is_a_sentence_of_two_steps():
    task = sentences("Hello")
    assert (task.lengths, task.axis(0).inputs, task.axis(0).targets) == ((2,), ("<bos>", "Hello"), ("Hello", "<eos>"))


def test_a_space_is_a_visible_step_of_its_own():
    task = sentences("a b", "character")
    assert task.axis(0).inputs == ("<bos>", "a", "␣", "b")
    assert task.vocabulary[4:] == ("a", " ", "b")
    assert task.labels[4:] == ("a", "␣", "b")
    assert task.write([4, 5, 6]) == "a b"


@given(TEXTS, st.data())
def test_a_mini_batch_holds_the_named_sentences_and_no_more_padding_than_needed(text: str, data: st.DataObject):
    task = sentences(text)
    chosen = data.draw(st.lists(st.integers(0, task.sequences - 1), min_size=1, max_size=5))
    batch = task.batch(chosen)
    assert batch.lengths.tolist() == [task.lengths[i] for i in chosen]
    assert len(batch.inputs) == max(batch.lengths)
    for column, index in enumerate(chosen):
        steps, axis = task.lengths[index], task.axis(index)
        assert [task.labels[i] for i in batch.inputs[:steps, column]] == list(axis.inputs)
        assert [task.labels[i] for i in batch.targets[:steps, column]] == list(axis.targets)
        assert batch.mask[:, column].tolist() == [True] * steps + [False] * (len(batch.mask) - steps)
        assert (batch.inputs[steps:, column] == PAD).all()
        assert (batch.targets[steps:, column] == PAD).all()


@given(TEXTS, st.integers(1, 5))
def test_sections_of_a_batch_are_its_steps_in_order(text: str, size: int):
    whole = sentences(text).batch()
    sections = [whole.section(first, first + size) for first in range(0, len(whole.inputs), size)]
    for name in ("inputs", "targets", "mask"):
        assert torch.equal(torch.cat([getattr(section, name) for section in sections]), getattr(whole, name))
    assert all(torch.equal(section.lengths, section.mask.sum(0)) for section in sections)
    assert sum(section.real for section in sections) == whole.real


@given(TEXTS, TYPES, st.integers(0, 99))
def test_the_loss_equals_torch_and_its_adjoint_equals_autograd(text: str, dtype: torch.dtype, seed: int):
    task = sentences(text)
    batch = task.batch()
    outputs = logits(task, batch, dtype, seed)
    leaf = outputs.clone().requires_grad_()
    expected = torch.nn.functional.cross_entropy(leaf.flatten(0, 1), batch.targets.flatten(), ignore_index=PAD, reduction="mean")
    (gradient,) = torch.autograd.grad(expected, leaf)
    with torch.inference_mode():
        losses, d_outputs = task.loss(outputs, batch)
    # Numbers of order 1, summed in another order: rounding of the type is all that may differ.
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    assert losses.dtype == d_outputs.dtype == dtype
    torch.testing.assert_close(losses.sum(), expected.detach(), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(d_outputs, gradient, rtol=tolerance, atol=tolerance)


@given(TEXTS)
def test_the_losses_of_the_steps_add_up_and_each_is_its_own_part(text: str):
    task = sentences(text)
    batch = task.batch()
    losses, _ = task.loss(logits(task, batch), batch)
    each = torch.nn.functional.cross_entropy(logits(task, batch).flatten(0, 1), batch.targets.flatten(), reduction="none")
    torch.testing.assert_close(losses, each.view_as(losses) * batch.mask / batch.mask.sum(), rtol=1e-12, atol=1e-12)


def test_a_network_that_knows_nothing_loses_ln_v():
    task = sentences()
    batch = task.batch()
    losses, d_outputs = task.loss(torch.zeros(*batch.inputs.shape, task.outputs, dtype=torch.float64), batch)
    assert float(losses.sum()) == pytest.approx(math.log(task.outputs), rel=1e-14)
    assert float(d_outputs.sum(-1).abs().max()) < 1e-16


@given(st.integers(1, 5), st.sampled_from([0.0, math.inf, math.nan]))
def test_padding_changes_nothing_whatever_stands_there(extra: int, rubbish: float):
    task = sentences()
    plain = task.batch()
    outputs = logits(task, plain)
    shape = (extra, task.sequences)
    padded = Batch(
        torch.cat([plain.inputs, torch.full(shape, PAD)]), torch.cat([plain.targets, torch.full(shape, PAD)]),
        torch.cat([plain.mask, torch.zeros(shape, dtype=torch.bool)]), plain.lengths,
    )  # fmt: skip
    losses, d_outputs = task.loss(outputs, plain)
    more = torch.cat([outputs.masked_fill(~plain.mask.unsqueeze(-1), rubbish), torch.full((*shape, task.outputs), rubbish)])
    padded_losses, padded_d_outputs = task.loss(more, padded)
    steps = len(plain.inputs)
    assert torch.equal(padded_losses[:steps], losses)
    assert torch.equal(padded_d_outputs[:steps], d_outputs)
    assert not padded_losses[steps:].any()
    assert not padded_d_outputs[steps:].any()
    assert not losses[~plain.mask].any()
    assert not d_outputs[~plain.mask].any()


def test_outputs_are_left_as_they_were():
    task = sentences()
    outputs = logits(task, task.batch())
    before = outputs.clone()
    task.loss(outputs, task.batch())
    assert torch.equal(outputs, before)


def test_reading_a_text_marks_what_training_never_showed():
    task = sentences()
    batch, axis, unknown = task.read("The 🦊 jumps over <bos>")
    assert axis.inputs == ("<bos>", "The", "🦊", "jumps", "over", "<", "bos", ">")
    assert unknown == (3, 6, 7, 8)
    assert batch.inputs[:, 0].tolist()[:4] == [BOS, 4, UNK, 8]
    assert batch.targets[:, 0].tolist()[-2:] == [UNK, EOS]
    assert batch.mask.all()
    assert all(axis.inputs[step - 1] not in task.vocabulary for step in unknown)


def test_reading_a_known_sentence_gives_its_own_batch():
    task = sentences()
    batch, axis, unknown = task.read(f"\n  {task.texts[1]}\n")
    assert (axis, unknown) == (task.axis(1), ())
    assert torch.equal(batch.inputs, task.batch([1]).inputs)
    assert torch.equal(batch.targets, task.batch([1]).targets)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "There is no sentence: type at least one word, one sentence a line."),
        ("a\n\nb", "Try one sentence at a time: line 3 begins another one."),
        ("a " * 512, "Line 1 has 512 tokens; at most 511 are allowed (512 steps with <bos>): break it into shorter lines."),
        ("x" * 20_001, "The text has 20,001 characters; at most 20,000 are allowed."),
    ],
)
def test_a_text_that_cannot_be_tried_gets_one_sentence(text: str, sentence: str):
    with pytest.raises(InvalidExperiment) as refused:
        sentences().read(text)
    assert refused.value.problems == {"text": sentence}


def test_writing_ids_leaves_out_the_frame():
    task = sentences("Hello, world!")
    assert task.write([BOS, 4, 5, 6, 7, EOS, PAD]) == "Hello, world!"
    assert task.write([4, UNK]) == "Hello <unk>"
    assert task.write([]) == ""


@pytest.mark.parametrize("tokens", ["word", "character"])
def test_a_task_describes_itself_in_json(tokens: str):
    task = sentences("Ab é 床\n👍🏽", tokens)
    described = json.loads(json.dumps(task.describe()))
    assert described["vocabulary"] == list(task.vocabulary)
    assert described["steps"] == max(task.lengths)
    assert described["problems"] == {}
    assert described["sequences"] == [
        {"inputs": list(task.axis(i).inputs), "targets": list(task.axis(i).targets)} for i in range(task.sequences)
    ]  # fmt: skip


def test_registered_tasks_say_what_they_are():
    for task in TASKS.values():
        assert task.label
        assert task.help.endswith(".")
        assert set(task.options) <= set(SPECS)
