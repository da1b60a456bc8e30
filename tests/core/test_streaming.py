"""A sequence in segments: their gradients add up to that of the whole under the same windows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import passes
from core.cells import CELLS
from core.experiment import Experiment
from core.model import SequenceModel
from core.models import MODELS
from core.streaming import stream
from core.tasks import TASKS, Batch
from core.truncation import TBPTT
from tests.core.stacks import assert_close, flat, truncations

every_cell = pytest.mark.parametrize("kind", CELLS)


def cut(batch: Batch, size: int) -> list[Batch]:
    return [batch.section(first, first + size) for first in range(0, len(batch.inputs), size)]


def check(experiment: Experiment, windows: TBPTT, size: int) -> None:
    task = TASKS["sentences"](experiment)
    model = MODELS[experiment.model].make(experiment, task)
    batch = task.batch()
    whole = passes.run(model, task, batch, windows)
    segments = list(stream(model, task, cut(batch, size), windows))
    assert sum(segment.tokens for segment in segments) == batch.real
    assert sum(segment.loss for segment in segments) == pytest.approx(whole.loss * batch.real, rel=1e-12)
    total = torch.stack([segment.gradient for segment in segments]).sum(0)
    assert_close(total / batch.real, flat(whole.gradient()))


@every_cell
@pytest.mark.parametrize(
    ("windows", "size"), [(TBPTT(2, 2), 2), (TBPTT(1, 3), 1), (TBPTT(1, 3), 4), (TBPTT(2, 5), 2), (TBPTT(3, 4), 6)], ids=str
)
def test_segments_add_up_to_the_whole(kind, windows, size):
    check(Experiment(text="a b c a d b c a\nb a c c a d b d", cell=kind, hidden=4, embedding=3, layers=2), windows, size)


@given(truncations(5), st.integers(1, 4), st.sampled_from(list(CELLS)), st.integers(1, 12))
def test_any_segments_add_up_to_the_whole(windows, blocks, kind, length):
    check(Experiment(text=("abcad" * 3)[:length], tokens="character", cell=kind, hidden=3, embedding=2), windows, blocks * windows.k1)


@pytest.mark.parametrize("fields", [{"attention": "dot", "heads": 2}, {"attention": "additive"}, {"model": "transformer"}], ids=str)
@pytest.mark.parametrize(("windows", "size"), [(TBPTT(2, 2), 2), (TBPTT(1, 3), 1), (TBPTT(2, 5), 4), (TBPTT(1, 20), 5)], ids=str)
def test_segments_with_attention_add_up_to_the_whole(windows, size, fields):
    """Every state from before stays to be attended to; with padding."""
    check(Experiment(text="a b c a d b c a\nb a c c", cell="gru", hidden=4, embedding=3, **fields), windows, size)


def test_memory_does_not_grow_with_the_sequence(small):
    """What is kept between segments depends on the windows: an endless stream can be read."""
    task = TASKS["sentences"](small)
    model = SequenceModel.of_experiment(small, task)
    one = task.batch([0])
    endless = (one for _ in range(10**12))
    reader = stream(model, task, endless, TBPTT(1, 3))
    kept = []
    for _ in range(6):
        next(reader)
        kept.append(reader.gi_frame.f_locals["before"].steps)
    assert kept == [2] * 6


def test_a_torn_block_is_refused(small):
    task = TASKS["sentences"](small)
    model = SequenceModel.of_experiment(small, task)
    with pytest.raises(ValueError, match="multiple of k1 = 2 steps"):
        list(stream(model, task, cut(task.batch(), 3), TBPTT(2, 3)))
