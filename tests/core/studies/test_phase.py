"""The study of the phase diagram: its rows, its order, its border, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.cells import CELLS
from core.experiment import Experiment, InvalidExperiment
from core.measures.phase import first_errors
from core.studies import STUDIES, Refused, pack, unpack
from core.studies.phase import Asked, Found, study
from core.training import Trainer

FEW = Asked(values=9, longest=12)


def told(trainer: Trainer, asked: Asked = FEW) -> list[Found]:
    progress = list(study(trainer, asked))
    assert [one.done for one in progress] == [*range(1, asked.values + 1)]
    assert all(one.total == asked.values for one in progress)
    return [one.found for one in progress if one.found]


@pytest.mark.parametrize("kind", CELLS)
def test_every_row_is_the_experiment_with_that_gain(small, kind):
    trainer = Trainer(small.replace(cell=kind))
    found = told(trainer)[-1]
    assert found.known.all()
    for gain, row in zip(found.values, found.logs, strict=True):
        np.testing.assert_array_equal(row, first_errors(small.replace(cell=kind, gain=float(gain)), trainer.task, 12))
    assert found.state == CELLS[kind].states[-1]


def test_the_experiments_own_row_is_among_them(small):
    found = told(Trainer(small.replace(gain=1.3)))[-1]
    assert 1.3 in found.values
    assert np.all(np.diff(found.values) > 0)
    assert found.now == 1.3
    outside = told(Trainer(small.replace(gain=0.05)))[-1]
    np.testing.assert_array_equal(outside.values, FEW.ladder())


def test_training_changes_nothing(small):
    trainer = Trainer(small)
    before = told(trainer)[-1].logs
    trainer.run(5)
    np.testing.assert_array_equal(told(trainer)[-1].logs, before)


def test_the_whole_range_is_covered_first(small):
    first, second, *_, last = told(Trainer(small))
    assert np.flatnonzero(first.known).tolist() == [0]
    assert np.flatnonzero(second.known).tolist() == [0, 8]
    assert np.isnan(first.logs[1:]).all()
    assert last.known.all()
    assert len(first.to_frame()) == 12
    assert len(last.to_frame()) == 9 * 12


def test_rates_and_border_of_a_known_diagram():
    """Rows fall by 2 decades a step at 0.25 and rise by 1 at 4, so that by equal factors the border is at 1/4 * 16^(2/3)."""
    lengths = np.arange(1, 6)
    rates = np.array([-2.0, 1.0])
    found = Found("rnn_relu", "h", 0, "gain", 1.0, np.array([0.25, 4.0]), lengths, rates[:, None] * lengths, np.ones(2, bool))
    np.testing.assert_allclose(found.rates(), rates)
    assert found.border() == pytest.approx(0.25 * 16 ** (2 / 3))
    assert np.isnan(Found("rnn_relu", "h", 0, "gain", 1.0, found.values, lengths, -np.ones((2, 1)) * lengths, found.known).border())


def test_what_vanished_or_exploded_has_no_rate():
    logs = np.array([[0.0, -np.inf, -np.inf], [0.0, np.inf, np.nan]])
    found = Found("rnn_relu", "h", 0, "gain", 1.0, np.array([0.1, 9.0]), np.arange(1, 4), logs, np.ones(2, bool))
    assert np.isnan(found.rates()).all()
    assert np.isnan(found.border())


def test_the_border_of_a_relu_network_is_that_of_its_spectral_radius():
    """Half of the units pass an error, so that with torch's weights (variance 1/(3 H)) errors keep their size near a gain of sqrt(6);
    within a fourth for 64 units and one seed."""
    experiment = Experiment(cell="rnn_relu", hidden=64, seed=1)
    assert told(Trainer(experiment), Asked(low=1.0, high=5.0, values=12, longest=48))[-1].border() == pytest.approx(6**0.5, rel=0.25)


def test_the_forget_bias_of_an_lstm(small):
    found = told(Trainer(small.replace(cell="lstm")), Asked("forget_bias", -2.0, 2.0, 3, 20))[-1]
    np.testing.assert_allclose(found.values, [-2, 0, 2])
    assert np.all(np.diff(found.rates()) > 0)


def test_it_survives_the_way_to_another_process(small):
    found = told(Trainer(small))[-1]
    again = unpack(STUDIES["phase"].found, pack(found))
    assert again.to_frame().equals(found.to_frame())
    assert again.border() == found.border() or np.isnan(found.border())


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"lever": "hidden"}, "one of gain, forget_bias"),
        ({"low": 0.0}, "between 0.01 and 10"),
        ({"low": 2.0, "high": 2.0}, "from a lower to a higher"),
        ({"high": 11.0}, "between 0.01 and 10"),
        ({"lever": "forget_bias", "low": -11.0}, "between -10 and 10"),
        ({"low": float("nan")}, "from a lower"),
        ({"values": 65}, "from 2 to 64"),
        ({"longest": 1}, "from 2 to 128"),
        ({"longest": 20.0}, "whole number"),
    ],
)
def test_what_cannot_be_asked_is_refused(bad, words):
    with pytest.raises(Refused, match=words):
        Asked(**bad)


@pytest.mark.parametrize(
    ("changes", "asked", "words"),
    [({"cell": "gru"}, Asked("forget_bias", -1.0, 3.0), "forget gate"), ({"model": "transformer", "hidden": 4}, FEW, "no recurrence")],
)
def test_what_cannot_be_measured_is_refused(small, changes, asked, words):
    with pytest.raises(InvalidExperiment, match=words):
        next(study(Trainer(small.replace(**changes)), asked))


def test_no_lever_tells_of_weights_from_a_file(small):
    trainer = Trainer(small)
    trainer.begin_with({"rnn.weight_hh_l0": trainer.model.weights["rnn.weight_hh_l0"] * 4})
    *_, last = study(trainer, Asked(values=2, longest=4))
    assert math.isnan(last.found.now)
    assert math.isnan(unpack(Found, pack(last.found)).now)
