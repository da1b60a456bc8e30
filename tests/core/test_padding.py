"""Law 6: padding changes no loss, no gradient, no window boundary, no picture of the real tokens."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import passes
from core.cells import CELLS
from core.experiment import Experiment
from core.model import SequenceModel
from core.observe import observe
from core.tasks import TASKS, Batch
from core.tokens import PAD
from core.truncation import TBPTT
from tests.core.oracle import Model
from tests.core.stacks import assert_close, flat, truncations

every_cell = pytest.mark.parametrize("kind", CELLS)
every_window = pytest.mark.parametrize("windows", [TBPTT(99, 99), TBPTT(2, 2), TBPTT(1, 3), TBPTT(2, 5)], ids=str)

OF_THE_BATCH = ("share_projection", "share_norm", "gradient_norm")


def pad(batch: Batch, more: int) -> Batch:
    """The same sequences with more padding behind them."""
    room = torch.full((more, batch.inputs.shape[1]), PAD)
    return dataclasses.replace(
        batch,
        inputs=torch.cat((batch.inputs, room)),
        targets=torch.cat((batch.targets, room)),
        mask=torch.cat((batch.mask, torch.zeros_like(room, dtype=torch.bool))),
    )


def model_and_task(experiment: Experiment):
    task = TASKS["sentences"](experiment)
    return SequenceModel.of_experiment(experiment, task), task


def check_same(one: passes.Pass, other: passes.Pass, columns: list[int], scale: float = 1.0) -> None:
    """`columns` of `other` show the sequences of `one`; its loss is divided by more real tokens: `scale`."""
    steps = len(one.batch.inputs)
    real = one.batch.mask[..., None]
    for mine, theirs in zip(one.unrolled.tapes, other.unrolled.tapes, strict=True):
        for state in one.model.cell.states:
            assert_close(theirs[state][1 : steps + 1, columns] * real, mine[state][1:] * real)
    assert_close(other.losses[:steps, columns], one.losses * scale)
    assert_close(other.outputs[:steps, columns] * real, one.outputs * real)
    for name in ("dh", "dc", "da_across", "da"):
        for mine, theirs in zip(getattr(one.errors, name), getattr(other.errors, name), strict=True):
            assert_close(theirs[:steps, columns], mine * scale)
            assert not theirs[~other.batch.mask].any()


@every_cell
@every_window
def test_more_padding_changes_nothing(small, kind, windows):
    model, task = model_and_task(small.replace(cell=kind))
    plain, padded = (passes.run(model, task, batch, windows) for batch in (task.batch(), pad(task.batch(), 4)))
    assert padded.loss == pytest.approx(plain.loss, rel=1e-14)
    check_same(plain, padded, [0, 1, 2])
    assert_close(flat(padded.gradient()), flat(plain.gradient()))


@every_cell
@every_window
def test_a_longer_sentence_beside_it_changes_nothing_but_the_divisor(small, kind, windows):
    model, task = model_and_task(small.replace(cell=kind))
    both, alone = (passes.run(model, task, task.batch(rows), windows) for rows in ([1, 0], [1]))
    check_same(alone, both, [0], scale=alone.batch.real / both.batch.real)


@given(
    st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=4),
    st.sampled_from(list(CELLS)),
    truncations(6),
    st.integers(0, 5),
    st.integers(1, 2),
)
def test_any_batch_is_the_sum_of_its_sentences(words, kind, windows, more, layers):
    experiment = Experiment(text="\n".join(words), tokens="character", cell=kind, hidden=3, embedding=2, layers=layers)
    model, task = model_and_task(experiment)
    every = task.batch()
    together = passes.run(model, task, pad(every, more), windows)
    whole = torch.zeros_like(model.flat)
    loss = 0.0
    for index in range(task.sequences):
        alone = passes.run(model, task, task.batch([index]), windows)
        scale = alone.batch.real / every.real
        check_same(alone, together, [index], scale)
        whole += scale * flat(alone.gradient())
        loss += scale * alone.loss
    assert_close(flat(together.gradient()), whole)
    assert together.loss == pytest.approx(loss, rel=1e-12)


@every_cell
def test_loss_and_gradient_of_a_padded_batch_are_torchs(small, kind):
    """Every weight, embedding and readout included; the loss ignores <pad>."""
    model, task = model_and_task(small.replace(cell=kind))
    batch = task.batch()
    seen = passes.run(model, task, batch, TBPTT(99, 99))
    loss, gradient = Model(kind, model.weights).gradient(batch)
    assert seen.loss == pytest.approx(loss, rel=1e-12)
    for name, ours in seen.gradient().items():
        assert_close(ours, gradient[name])


@every_cell
@every_window
def test_the_picture_of_the_real_tokens_is_the_same(small, kind, windows):
    experiment = small.replace(cell=kind)
    model, task = model_and_task(experiment)

    def picture(batch: Batch):
        seen = passes.run(model, task, batch, windows)
        return observe(seen, seen.gradient(), [task.axis(1)], slice(1, 2), task, iteration=1)

    plain, padded = picture(task.batch()), picture(pad(task.batch(), 3))
    for name in plain.values:
        if name in OF_THE_BATCH:
            continue
        assert_close(padded.of(0)[name].astype(float), plain.of(0)[name].astype(float))
    for name in OF_THE_BATCH[:2]:
        steps = plain[name].shape[1]
        assert_close(padded[name][:, :steps], plain[name], relative=1e-7, absolute=1e-7)
        assert not padded[name][:, steps:].any()
    assert max(padded.books.values()) < 1e-12


@pytest.mark.parametrize("windows", [TBPTT(99, 99), TBPTT(2, 2), TBPTT(1, 3)], ids=str)
def test_a_relu_that_overflows_in_the_padding_harms_nobody(windows):
    """<pad> feeds a state that grows a million times a step: inf, then nan, long after the sentence has ended."""
    experiment = Experiment(text="a\nb", cell="rnn_relu", hidden=3, embedding=2, layers=2)
    model, task = model_and_task(experiment)
    for name, weight in model.weights.items():
        if "hh" in name:
            weight.copy_(1e6 * torch.tensor([[1, -1, 1], [1, 1, -1], [-1, 1, 1.0]]) if weight.ndim == 2 else weight)
    batch = task.batch()
    plain, padded = (passes.run(model, task, one, windows) for one in (batch, pad(batch, 120)))
    with torch.inference_mode():
        blown = Model("rnn_relu", model.weights).rnn(model.embed(pad(batch, 120)))[0]
    assert not blown.isfinite().all(), "otherwise nothing overflows here"
    assert padded.loss == plain.loss
    check_same(plain, padded, [0, 1])
    assert_close(flat(padded.gradient()), flat(plain.gradient()))
    trace = observe(padded, padded.gradient(), [task.axis(0)], slice(0, 1), task, iteration=1).of(0)
    assert all(trace[name].max() < float("inf") for name in ("h", "probability", "dh"))
