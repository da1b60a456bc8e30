"""The study of half-lives: every line at equal settings, the learner's own beside them, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.experiment import InvalidExperiment
from core.measures.decay import Decay
from core.measures.half_lives import LINE_UP, PLAIN, Stretch, at_start
from core.studies import STUDIES, Refused, pack, unpack
from core.studies.half_lives import Asked, Found, Line, study
from core.training import Trainer


def result(trainer: Trainer, asked: Asked) -> Found:
    progress = list(study(trainer, asked))
    assert [one.done for one in progress] == [*range(1, len(progress) + 1)]
    assert progress[-1].done == progress[-1].total == asked.seeds * len(LINE_UP)
    assert progress[-1].found
    return progress[-1].found


@pytest.mark.parametrize("inputs", ["task", "noise"])
def test_lines_are_measured_at_the_plain_start(small, inputs):
    small = small.replace(gain=3.0, forget_bias=2.0, initialisation="orthogonal", cell="lstm")
    trainer = Trainer(small)
    own, *lines = result(trainer, Asked(2, inputs, 2, 20)).lines
    for changes, line in zip(LINE_UP, lines, strict=True):
        assert line.seeds == (3, 4)
        for seed, decay in zip(line.seeds, line.decays, strict=True):
            experiment = small.replace(**PLAIN | changes).replace(seed=seed)
            assert decay == at_start(experiment, trainer.task, Stretch(30, 2, 20), inputs == "noise")
    assert own.own
    assert (own.gain, own.forget_bias, own.initialisation) == (3.0, 2.0, "orthogonal")
    assert own.decays == (at_start(small, trainer.task, Stretch(30, 2, 20), inputs == "noise"),)


def test_the_own_network_is_measured_as_trained(small):
    trainer = Trainer(small)
    before = result(trainer, Asked(1, "task", 2, 20)).lines[0]
    trainer.run(5)
    found = result(trainer, Asked(1, "task", 2, 20))
    assert found.iteration == 5
    assert found.lines[0].decays != before.decays


def test_all_lines_come_with_the_first_seed(small):
    progress = list(study(Trainer(small), Asked(2)))
    first = progress[0].found
    assert [len(line.decays) for line in first.lines] == [1, 1] + [0] * (len(LINE_UP) - 1)
    assert math.isnan(first.lines[-1].half_life)
    assert all(line.decays for line in progress[len(LINE_UP) - 1].found.lines)


def test_the_middle_and_the_ends_of_the_seeds():
    decays = tuple(Decay(-math.log(2) / life, 0.0, 0.0, 0.0, 5, 40, 36, 0) for life in (1.0, 9.0, 3.0))
    line = Line("gru", "uniform", 1.0, 0.0, own=False, seeds=(0, 1, 2), decays=decays)
    assert line.half_life == pytest.approx(3.0)
    assert line.ends == pytest.approx((1.0, 9.0))


def test_it_survives_the_way_to_another_process(small):
    found = result(Trainer(small), Asked(1))
    again = unpack(STUDIES["half_lives"].found, pack(found))
    assert again == found
    frame = again.to_frame()
    assert len(frame) == 1 + len(LINE_UP)
    assert np.array_equal(frame["half_life"], [line.half_life for line in found.lines])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"seeds": 0}, "from 1 to 20"),
        ({"inputs": "silence"}, "one of task, noise"),
        ({"first": 5, "last": 6}, "three lags or more"),
        ({"last": 401}, "from 0 up to 400"),
        ({"first": -1}, "from 0 up"),
        ({"first": 1.0}, "three lags or more"),
    ],
)
def test_what_cannot_be_asked_is_refused(bad, words):
    with pytest.raises(Refused, match=words):
        Asked(**bad)


def test_only_a_recurrence_has_half_lives(small):
    with pytest.raises(InvalidExperiment):
        next(study(Trainer(small.replace(model="transformer", hidden=4)), Asked()))
    assert next(study(Trainer(small.replace(attention="dot")), Asked())).found
