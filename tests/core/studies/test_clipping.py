"""The studies of clipping: what they write down is what a Trainer does, and a training replayed is the training."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
import torch

from core import limits
from core.clipping import CLIPS
from core.experiment import Experiment
from core.measures.error_cliff import descend, surface
from core.measures.norms import degrees
from core.studies import cliff_descent, clipping, replay
from core.studies.study import pack, unpack
from core.training import Trainer
from tests.core import drawn


def last(progress):
    """The complete finding, as another process gets it."""
    steps = list(progress)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert all(step.done <= step.total for step in steps)
    assert steps[-1].done == steps[-1].total
    found = steps[-1].found
    return unpack(type(found), pack(found))


def snapshots(experiment, iterations):
    trainer = Trainer(experiment)
    return [trainer.step() for _ in range(iterations)]


CLIPPED = [{"clip": "norm", "threshold": 0.2}, {"clip": "value", "threshold": 0.03}, {"clip": "off", "threshold": 0.2}]


@pytest.mark.parametrize("fields", CLIPPED, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_writes_down_what_a_trainer_does(small, fields, dtype):
    experiment = small.replace(batch=2, dtype=dtype, **fields)
    trainer = Trainer(experiment)
    trainer.run(7)
    found = last(clipping.study(trainer, clipping.Asked(iterations=20)))
    seen = snapshots(experiment, 20)
    assert found.iterations.tolist() == [*range(1, 21)]
    assert found.loss.tolist() == [one.loss for one in seen]
    assert found.before.tolist() == [one.clip.norm_before for one in seen]
    assert found.after.tolist() == [one.clip.norm_after for one in seen]
    assert found.share_clipped == pytest.approx(np.mean([one.clip.clipped for one in seen]))
    assert found.share_clipped > 0 or experiment.clip == "off"
    assert np.hypot.reduce(found.weights, axis=1) == pytest.approx(found.before, rel=1e-6 if dtype == "float32" else 1e-12)
    assert found.names == tuple(trainer.model.weights)


def test_from_the_present_it_goes_on(small):
    trainer = Trainer(small)
    trainer.run(7)
    found = last(clipping.study(trainer, clipping.Asked("present", iterations=5)))
    assert found.iterations.tolist() == [8, 9, 10, 11, 12]
    assert found.loss.tolist() == [one.loss for one in snapshots(small, 12)[7:]]


def gradients(experiment, iterations):
    """Before clipping, of every iteration."""
    trainer, found = Trainer(experiment), []
    for _ in range(iterations):
        trainer.step(watch=lambda *_: found.append(trainer.gradient.clone()))
    return found


@pytest.mark.parametrize("fields", CLIPPED, ids=str)
def test_value_against_norm_for_the_same_norm(small, fields):
    experiment = small.replace(**fields)
    found = last(clipping.study(Trainer(experiment), clipping.Asked(iterations=20)))
    turned = 0
    for raw, before, after, cut_at, angle in zip(
        gradients(experiment, 20), found.before, found.after, found.cut_at, found.turned, strict=True
    ):
        norm = min(before, experiment.threshold) if experiment.clip == "off" else after
        if norm >= before:
            assert (cut_at, angle) == (math.inf, 0)
            continue
        cut = raw.clone()
        report = CLIPS["value"].apply(cut, cut_at)
        assert report.norm_after == pytest.approx(norm, rel=1e-9)
        assert angle == pytest.approx(math.degrees(math.acos(torch.cosine_similarity(cut, raw, 0))), rel=1e-6)
        assert angle > 1
        scaled = raw.clone()
        CLIPS["norm"].apply(scaled, norm)
        assert degrees(scaled.numpy(), raw.numpy()) < 1e-5
        if experiment.clip == "value":
            assert cut_at == pytest.approx(experiment.threshold, rel=1e-9)
        turned += 1
    assert turned > 3


def test_spikes_are_the_longest_against_those_before_them(small):
    """A learning rate at which the loss jumps."""
    experiment = small.replace(clip="off", learning_rate=0.3, batch=2)
    found = last(clipping.study(Trainer(experiment), clipping.Asked(iterations=60, spikes=3)))
    assert len(found.spikes) == 3
    times = found.times
    longest = int(np.nanargmax(times)) + 1
    assert longest in [spike.iteration for spike in found.spikes]
    for spike in found.spikes:
        place = spike.iteration - 1
        assert (spike.norm, spike.loss) == (found.before[place], found.loss[place])
        assert spike.times == pytest.approx(times[place], rel=1e-12)
        assert spike.times > clipping.LEAST
        assert spike.parts.sum() == pytest.approx(spike.norm, rel=1e-10)
        assert spike.parts.shape == (len(spike.sequences), len(spike.by_step))
        assert sum(spike.weights.values()) == pytest.approx(1, rel=1e-10)
        assert spike.weights[found.names[0]] == pytest.approx((found.weights[place, 0] / spike.norm) ** 2, rel=1e-9)
        step, part = spike.carried_by
        assert spike.by_step[step - 1] == spike.by_step.max() == pytest.approx(part * spike.norm)
        assert np.diff(sorted(spike.iteration for spike in found.spikes)).min() > 1
    assert not last(clipping.study(Trainer(experiment), clipping.Asked(iterations=20, spikes=0))).spikes


def test_gradients_that_are_hardly_longer_are_no_spikes(small):
    found = last(clipping.study(Trainer(small.replace(learning_rate=1e-4, batch=2)), clipping.Asked(iterations=20, spikes=3)))
    assert 1 < np.nanmax(found.times) < clipping.LEAST
    assert not found.spikes


@pytest.mark.parametrize("task", drawn.DRAWN)
def test_sequences_that_the_task_does_not_name_are_numbered(monkeypatch, task):
    monkeypatch.setattr(clipping, "LEAST", 0.0)
    trainer = Trainer(drawn.small(task, examples=limits.SHOWN + 6, batch=limits.SHOWN + 6))
    found = last(clipping.study(trainer, clipping.Asked(iterations=7)))
    assert found.spikes
    for spike in found.spikes:
        numbers = [int(text.split()[1]) for text in spike.sequences if text.startswith("sequence ")]
        assert sorted(numbers) == [*range(limits.SHOWN + 1, limits.SHOWN + 7)]
        assert set(trainer.task.texts) == set(spike.sequences) - {f"sequence {number}" for number in numbers}


@pytest.mark.filterwarnings("error")
def test_a_run_that_explodes_ends_with_what_is_known(small):
    wild = small.replace(cell="rnn_relu", gain=10.0, clip="off", optimiser="sgd", learning_rate=10.0, text="a b c d " * 20)
    found = last(clipping.study(Trainer(wild), clipping.Asked(iterations=50)))
    assert found.stopped.startswith("exploded at iteration ")
    assert len(found.iterations) == len(found.weights) == len(found.loss) < 50
    parted = last(replay.study(Trainer(wild), replay.Asked(iterations=30, thresholds=(1.0,), off=False)))
    assert parted.own.stopped == found.stopped
    assert math.isnan(parted.own.last_loss)
    assert parted.ranked()[-1] is parted.own or parted.ranked()[-1].stopped


def points(branch):
    return [tuple(row) for row in zip(branch.iterations, branch.loss, branch.before, branch.after, strict=True)]


def expected(seen):
    return [(one.iteration, one.loss, one.clip.norm_before, one.clip.norm_after) for one in seen]


VARIETY = [{}, {"batch": 2, "cell": "gru"}, {"truncation": "chunk", "k": 2, "update_every": "block"}, {"optimiser": "momentum"}]


@pytest.mark.parametrize("fields", VARIETY, ids=str)
@pytest.mark.parametrize("alike", [0, 5])
def test_with_its_own_threshold_a_replay_is_what_happened(small, fields, alike):
    """Bit for bit, whatever the run did since; other thresholds are what a Trainer with them does from there on."""
    experiment = small.replace(threshold=0.3, **fields)
    trainer = Trainer(experiment)
    trainer.run(9)
    found = last(replay.study(trainer, replay.Asked(alike=alike, iterations=12, thresholds=(0.3, 0.1))))
    assert found.parted == alike
    assert [branch.name for branch in found.branches] == ["norm 0.3", "off", "norm 0.1"]
    assert found.own.own
    assert points(found.own) == expected(snapshots(experiment, alike + 12))
    for branch in found.branches[1:]:
        other = Trainer(experiment)
        seen = [other.step() for _ in range(alike)]
        other.change(clip=branch.clip, threshold=branch.threshold)
        seen += [other.step() for _ in range(12)]
        assert points(branch) == expected(seen)
    assert points(found.branches[1]) != points(found.own)


def test_a_replay_from_the_present_goes_on_from_there(small):
    experiment = small.replace(clip="value", threshold=0.02)
    trainer = Trainer(experiment)
    trainer.run(9)
    found = last(replay.study(trainer, replay.Asked("present", iterations=6, clipping="value", thresholds=(0.02, 0.5), off=False)))
    assert found.parted == 9
    assert [branch.name for branch in found.branches] == ["value 0.02", "value 0.5"]
    assert points(found.own) == expected(snapshots(experiment, 15)[9:])
    assert found.own.share_clipped > 0
    frame = found.to_frame()
    assert len(frame) == 2 * 6 * 3
    assert set(frame.columns) == {"clipping", "own", "iteration", "quantity", "value"}


def test_both_descents_begin_in_the_middle_of_the_surface():
    asked = cliff_descent.Asked(w=5.0, b=-3.0, clipping="value", threshold=0.5, rate=0.2, steps=40, span=2.0)
    found = last(cliff_descent.study(None, asked))
    drawn = surface((4.0, 6.0), (-4.0, -2.0), cliff_descent.POINTS)
    assert (found.clipping, found.threshold) == ("value", 0.5)
    assert (found.surface.loss == drawn.loss).all()
    for path, more in ((found.unclipped, ()), (found.clipped, ("value", 0.5))):
        other = descend(5.0, -3.0, 0.2, 40, *more)
        assert all((getattr(path, field.name) == getattr(other, field.name)).all() for field in fields(path))
    assert len(found.to_frame()) == 82


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (lambda: clipping.Asked(start="somewhere"), "beginning or at the present"),
        (lambda: clipping.Asked(iterations=0), "from 1 to 2,000, not 0"),
        (lambda: clipping.Asked(spikes=11), "from 0 to 10, not 11"),
        (lambda: replay.Asked(alike=-1), "from 0 to 2,000, not -1"),
        (lambda: replay.Asked(clipping="force"), "by norm or by value, not by 'force'"),
        (lambda: replay.Asked(thresholds=(1, 2, 3, 4, 5, 6, 7)), "At most 6"),
        (lambda: replay.Asked(thresholds=(0.0,)), "from 0.000001 to 1,000,000, not 0"),
        (lambda: replay.Asked(thresholds=(math.nan,)), "from 0.000001 to 1,000,000, not nan"),
        (lambda: replay.Asked(thresholds=(), off=False), "nothing to compare"),
        (lambda: cliff_descent.Asked(w=math.inf), "w must be a number from -20 to 20, not inf"),
        (lambda: cliff_descent.Asked(rate=0), "Rate must be a number from 0.000001 to 10, not 0"),
        (lambda: cliff_descent.Asked(clipping="off"), "by norm or by value"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(asked, words):
    with pytest.raises(ValueError, match=words):
        asked()


def test_thresholds_are_asked_in_any_order_once():
    assert replay.Asked(thresholds=[3, 1, 3.0]).thresholds == (1.0, 3.0)


def test_single_precision_writes_down_norms_whose_squares_it_cannot_hold():
    experiment = Experiment(
        cell="rnn_relu", gain=2.0, hidden=32, task="adding", length=60, examples=8, initialisation="orthogonal", dtype="float32"
    )
    found = last(clipping.study(Trainer(experiment), clipping.Asked(iterations=1)))
    assert 1e19 < found.before[0] < math.inf
    assert np.hypot.reduce(found.weights, axis=1) == pytest.approx(found.before, rel=1e-6)
