"""Advice on thresholds, and what clipping by value does to a direction: against sorted lists, numpy and the law of cosines."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import passes
from core.clipping import CLIPS
from core.experiment import Experiment
from core.measures.norms import TYPICAL, advice, clipped_share, degrees, early, histogram, times_median, times_typical, value_threshold
from core.measures.spikes import carried
from core.training import Trainer
from tests.core.stacks import assert_close

vectors = arrays(float, st.integers(1, 12), elements=st.floats(-1e3, 1e3).map(lambda x: 0.0 if abs(x) < 1e-3 else x))


@given(vectors, st.floats(0.01, 0.99))
def test_cutting_at_the_found_threshold_leaves_the_asked_norm(gradient, part):
    norm = part * float(np.linalg.norm(gradient))
    assume(norm > 0)
    cut_at = value_threshold(gradient, norm)
    clipped = torch.tensor(gradient)
    report = CLIPS["value"].apply(clipped, cut_at)
    assert report.norm_after == pytest.approx(norm, rel=1e-9)
    assert report.clipped


@given(vectors, st.floats(1, 9))
def test_a_norm_that_is_no_smaller_needs_no_cut(gradient, part):
    assert value_threshold(gradient, part * float(np.sqrt(np.cumsum(np.sort(gradient**2))[-1])) + 1e-9) == math.inf


@given(vectors, vectors)
def test_the_angle_is_the_law_of_cosines(one, other):
    size = min(len(one), len(other))
    one, other = one[:size], other[:size]
    assume(np.linalg.norm(one) > 0 and np.linalg.norm(other) > 0)
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert math.cos(math.radians(degrees(one, other))) == pytest.approx(cosine, abs=1e-12)


def test_small_angles_are_exact_and_scaling_turns_nothing():
    one = np.array([1.0, 0.0])
    assert degrees(one, np.array([1.0, 1e-10])) == pytest.approx(math.degrees(1e-10), rel=1e-6)
    assert degrees(np.array([3.0, -4.0]), np.array([0.6, -0.8])) == pytest.approx(0, abs=1e-12)
    assert degrees(np.array([100.0, 1.0]), np.array([1.0, 1.0])) == pytest.approx(45 - math.degrees(math.atan(0.01)), rel=1e-12)
    assert math.isnan(degrees(one, np.zeros(2)))


def test_4_advice_is_the_published_band_and_a_quantile():
    norms = np.array([4.0, 1.0, 2.0, 3.0, 90.0, np.nan, np.inf])
    found = advice(norms, 0.8)
    assert (found.mean, found.median, found.largest) == (20, 3, 90)
    assert (found.low, found.high, found.threshold) == (10, 200, 4)
    assert (found.clips_low, found.clips_high, found.clips) == pytest.approx((0.2, 0, 0.2))
    assert [found.place(threshold) for threshold in (9.9, 10, 200, 201)] == ["below", "inside", "inside", "above"]
    assert advice(np.array([np.nan])) is None
    with pytest.raises(ValueError, match="from 0 to 1"):
        advice(norms, 1.5)
    assert math.isnan(clipped_share(np.array([]), 1.0))


def test_an_average_of_a_few_long_gradients_is_told_from_one_that_says_something():
    calm = np.full(100, 2.0)
    assert advice(calm).skewed == 0
    spiked = np.where(np.arange(100) == 50, 1e3, calm)
    assert advice(spiked).skewed == pytest.approx((99 * 2 + 1e3) / 100 / 2)
    assert advice(spiked).steady == (0.99, 2)
    assert not early(spiked, 2)
    begun = np.where(np.arange(100) < 9, 90.0, calm)
    assert early(begun, 2)
    assert not early(calm, 2)
    exploding = np.where(np.arange(100) < 70, 2.0, 1e6)
    assert advice(exploding).steady == (0.7, 2)
    assert advice(np.zeros(3)).skewed == 0


@given(arrays(float, st.integers(1, 40), elements=st.floats(0, 1e6)), st.floats(0, 1))
def test_the_quantile_passes_at_least_its_share(norms, quantile):
    found = advice(norms, quantile)
    assert (norms <= found.threshold).mean() >= quantile - 1e-12
    assert found.clips == pytest.approx(1 - (norms <= found.threshold).mean(), abs=1e-12)


def test_a_histogram_counts_every_norm_that_has_a_logarithm():
    norms = np.array([0.0, 1.0, 10.0, 10.0, 1e3, np.nan, np.inf])
    counts, edges = histogram(norms, 3)
    assert counts.tolist() == [1, 2, 1]
    assert edges == pytest.approx([1, 10, 100, 1000])
    assert [len(part) for part in histogram(np.zeros(3))] == [0, 1]


def test_a_norm_is_typical_of_those_before_it():
    norms = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 30.0, 3.0])
    found = times_typical(norms)
    assert np.isnan(found[:5]).all()
    assert found[5:].tolist() == [10, 3 / 3.5]
    assert times_typical(np.zeros(7)).tolist() == pytest.approx([math.nan] * 7, nan_ok=True)


def test_one_norm_is_told_as_all_of_a_training_are():
    norms = np.random.default_rng(0).lognormal(size=80)
    alone = [times_median(norm, norms[max(0, place - TYPICAL) : place].tolist()) for place, norm in enumerate(norms.tolist())]
    assert times_typical(norms).tolist() == pytest.approx(alone, nan_ok=True)


MODELS = [
    {"cell": "rnn_tanh"},
    {"cell": "gru", "layers": 2, "batch": 2},
    {"cell": "lstm", "attention": "additive", "heads": 1},
    {"model": "transformer", "hidden": 6, "heads": 2},
    {"truncation": "chunk", "k": 2, "update_every": "block", "attention": "dot", "heads": 1},
    {"task": "series", "window": 6, "answer": "last"},
]


@pytest.mark.parametrize("fields", MODELS, ids=str)
def test_the_parts_of_a_spike_add_up_to_its_norm(fields):
    trainer = Trainer(Experiment(text="a b c a d\nb a\nc a b", hidden=5, embedding=3, seed=3).replace(**fields))
    trainer.run(4)
    seen = []

    def watch(one: passes.Pass, _block: object) -> None:
        gradients = list(trainer.model.views(trainer.gradient).values())
        seen.append((carried(one.factors, gradients), trainer.gradient.clone(), one.batch))

    trainer.step(watch=watch)
    ((found, gradient, batch),) = seen
    norm = gradient.norm()
    assert found.parts.shape[1] == batch.mask.shape[1]
    assert_close(found.parts.sum(), norm)
    assert sum(found.of_weights.values()) == pytest.approx(1, rel=1e-12)
    of_weights = [value.norm() ** 2 / norm**2 for value in trainer.model.views(gradient).values()]
    assert list(found.of_weights) == list(trainer.model.weights)
    assert_close(torch.tensor(list(found.of_weights.values()), dtype=torch.float64), torch.stack(of_weights))


def test_the_part_of_a_step_is_its_share(small):
    """One sequence: the parts of all weights are their signed shares, weighed by their norms."""
    trainer = Trainer(small.replace(text="a b c a d"))
    snapshot = trainer.peek()
    seen = []
    trainer.step(watch=lambda one, _: seen.append(carried(one.factors, list(trainer.model.views(trainer.gradient).values()))))
    shares, norms = snapshot.trace["share_projection"], snapshot.trace["gradient_norm"]
    expected = (shares * norms[:, None]).sum(0) / np.sqrt((norms**2).sum())
    assert_close(seen[0].parts[:, 0], torch.tensor(expected))


def test_sequences_part_as_their_losses_do(small):
    """The whole gradient is the mean over real steps: a sequence's part is its own gradient, weighed by its steps."""
    trainer = Trainer(small)
    task, model = trainer.task, trainer.model
    whole = passes.run(model, task, task.batch(), trainer.truncation())
    gradient = whole.gradient()
    found = carried(whole.factors, list(gradient.values()))
    flat = torch.cat([value.flatten() for value in gradient.values()])
    for row in range(task.sequences):
        alone = passes.run(model, task, task.batch([row]), trainer.truncation())
        own = torch.cat([value.flatten() for value in alone.gradient().values()])
        weight = task.lengths[row] / sum(task.lengths)
        assert_close(found.parts[:, row].sum(), weight * (own @ flat) / flat.norm())
