"""The study of vanishing: its parts are the measures, told early and whole, for every cell and task; what cannot be is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core import bptt
from core.cells import CELLS
from core.experiment import Experiment
from core.measures.decay import fit_decay
from core.measures.jacobians import Recurrence
from core.studies import STUDIES, Refused, pack, unpack
from core.studies.vanishing import MATRICES, Asked, Found, study
from core.training import Trainer

QUICK = Asked(run=60, exponents=3)
every_cell = pytest.mark.parametrize("kind", CELLS)


def result(trainer: Trainer, asked: Asked = QUICK) -> Found:
    *_, last = study(trainer, asked)
    assert last.done == last.total
    assert last.found
    return last.found


@every_cell
def test_it_is_what_the_trace_shows(small, kind):
    """Rows of the lag matrix of the observed sequence, divided by nothing: the Trace's are of the mean loss of the batch."""
    trainer = Trainer(small.replace(cell=kind), observe=2)
    trainer.run(3)
    trace = trainer.peek().trace
    assert trace
    seen, found = trace.of(0), result(trainer, Asked(layer=1, run=60))
    assert (found.layer, found.iteration, found.axis) == (1, 3, trace.axes[0])
    losses = trainer.task.batch().real
    for fade in found.fades:
        matrix = seen[f"lag_{fade.state}"][0] * losses
        for s in range(len(matrix)):
            np.testing.assert_allclose(fade.rows[s, : s + 1], matrix[s, s::-1], rtol=1e-9)
            assert np.isnan(fade.rows[s, s + 1 :]).all()
    assert tuple(fade.state for fade in found.fades) == CELLS[kind].states


@every_cell
def test_jacobians_and_products_are_those_of_the_sequence(small, kind):
    trainer = Trainer(small.replace(cell=kind))
    found = result(trainer)
    batch = trainer.task.batch([0])
    recurrence = Recurrence(bptt.forward(trainer.model.cell, trainer.model.layers, trainer.model.embed(batch)))
    assert found.steps.steps.tolist() == found.products.lags.tolist() == [1, 2, 3, 4, 5, 6]
    whole = torch.eye(recurrence.size, dtype=torch.float64)
    for step in range(6):
        np.testing.assert_allclose(np.nan_to_num(found.steps.values[step]), torch.linalg.svdvals(recurrence.jacobian(step)), atol=1e-12)
        whole = whole @ recurrence.jacobian(5 - step)
        assert found.products.logs[step, 0] == pytest.approx(torch.linalg.matrix_norm(whole, 2).log().item(), abs=1e-9)
    assert (found.steps.h_by_h is None) == (kind != "lstm")


@every_cell
@pytest.mark.parametrize("task", ["sentences", "series"])
def test_exponents_meet_the_growth(small, kind, task):
    """Over the same 200 steps within three hundredths: they differ by what the first directions were, divided by the steps."""
    experiment = small.replace(cell=kind, task=task, window=20, gain=1.5)
    found = result(Trainer(experiment), Asked(run=300, exponents=2)).rates
    assert len(found.running) == len(found.growing) == 200
    assert found.running[-1] == found.values[0]
    assert found.growth == found.growing[-1]
    if math.isfinite(found.values[0]):
        assert found.values[0] == pytest.approx(found.growth, abs=0.03)


def test_the_tail_in_both_precisions():
    found = result(Trainer(Experiment(cell="rnn_tanh")), Asked(run=260)).tail
    assert 0 < found.lost < 200
    assert found.single[200] == 0.0 < found.double[200]
    assert found.fit.half_life == pytest.approx(1.0, abs=0.2)
    assert fit_decay(found.double, 1).slope == pytest.approx(found.fit.slope, abs=1e-12)


def test_the_asked_lags_are_fitted(small):
    found = result(Trainer(small.replace(cell="gru")), Asked(first_lag=2, last_lag=4, run=60)).carrying
    assert (found.of_mean.first, found.of_mean.last) == (2, 4)
    assert found.of_rows[5].slope == pytest.approx(np.polyfit([2, 3, 4], np.log(found.rows[5, 2:5]), 1)[0], rel=1e-9)
    assert len(found.half_lives()) == sum(fit.lags > 2 and fit.slope < 0 for fit in found.of_rows)


def test_a_long_sequence_is_looked_at_here_and_there():
    """Of 101 steps, 64 Jacobians and products, the last step and the longest lag among them."""
    found = result(Trainer(Experiment(cell="rnn_tanh", hidden=4, text="a b c d e " * 20)), Asked(run=50))
    for places in (found.steps.steps, found.products.lags):
        assert len(places) == MATRICES
        assert (places[0], places[-1]) == (1, 101)


def test_something_is_seen_at_once_and_more_as_it_goes(small):
    told = list(study(Trainer(small), QUICK))
    assert all(one.found for one in told), "a partial picture every time"
    assert told[0].found.tail is None
    assert [one.done for one in told] == sorted(one.done for one in told)
    kinds = [sum(part is not None for part in (f.tail, f.steps, f.products, f.rates)) for f in (one.found for one in told)]
    assert kinds == sorted(kinds)
    assert kinds[-1] == 4


@every_cell
def test_it_survives_the_way_to_another_process(small, kind):
    found = result(Trainer(small.replace(cell=kind)))
    again = unpack(STUDIES["vanishing"].found, pack(found))
    assert again.axis == found.axis
    assert repr(again.saturated) == repr(found.saturated)  # NaN is not equal to itself
    np.testing.assert_array_equal(again.steps.values, found.steps.values)
    assert again.to_frame().equals(found.to_frame())


def test_the_table_holds_every_number(small):
    found = result(Trainer(small.replace(cell="lstm")))
    frame = found.to_frame()
    assert list(frame["chart"].unique()) == ["fading", "tail", "jacobians", "products", "rates", "saturation"]
    cell = frame[(frame.quantity == "error") & (frame.of == "c") & (frame.step == 4) & (frame.lag == 2)]
    assert cell["value"].item() == found.fades[1].rows[3, 2]
    cell = frame[(frame.quantity == "singular_value") & (frame.of == "2") & (frame.step == 3)]
    assert cell["value"].item() == found.steps.values[2, 1]
    cell = frame[(frame.quantity == "spectral_radius") & (frame.of == "f")]
    assert cell["value"].item() == found.radii["f"]
    counts = frame["quantity"].value_counts()
    assert counts["path_through_c"] == counts["path_through_h"] == found.steps.c_by_c.size
    assert counts["double"] == counts["single"] == 60
    assert found.to_frame("rates")["quantity"].unique().tolist() == ["exponent", "exponent_so_far", "growth_so_far"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"layer": -1}, "from 0 to 4"),
        ({"run": 49}, "from 50 to 4096"),
        ({"run": 60.0}, "whole number"),
        ({"exponents": 0}, "from 1 to 32"),
        ({"first_lag": 5, "last_lag": 5}, "larger than the first"),
    ],
)
def test_what_cannot_be_asked_is_refused(bad, words):
    with pytest.raises(Refused, match=words):
        Asked(**bad)


def test_what_cannot_be_measured_is_refused(small):
    with pytest.raises(Refused, match="2 layers"):
        next(study(Trainer(small), Asked(layer=3)))
    with pytest.raises(Refused, match="may have at most 1,448 steps, not 1,449"):
        result(Trainer(small.replace(attention="dot", heads=2, hidden=4)), Asked(run=1449))


@every_cell
def test_attention_adds_its_way_and_leaves_the_recurrence_as_it_is(small, kind):
    """The same weights with and without attention: what is of the recurrence alone is the same."""
    plain, attended = (Trainer(small.replace(cell=kind, attention=attention)) for attention in ("none", "dot"))
    bare, found = result(plain), result(attended)
    assert [fade.state for fade in found.fades] == [*CELLS[kind].states, "attention", "recurrence"]
    assert (found.radii, str(found.saturated)) == (bare.radii, str(bare.saturated))
    np.testing.assert_array_equal(found.steps.values, bare.steps.values)
    np.testing.assert_array_equal(found.rates.running, bare.rates.running)
    own = {fade.state: fade.own for fade in found.fades}
    np.testing.assert_array_equal(own["attention"], own["h"])
    assert found.fades[-1].mean[0] != found.fades[-1].mean[0], "nothing goes through the recurrence at lag 0"
    assert unpack(Found, pack(found)).carrying.state == CELLS[kind].states[-1]


def test_a_transformer_has_its_errors_and_nothing_of_a_recurrence(small):
    found = result(Trainer(small.replace(model="transformer", hidden=4)))
    assert [fade.state for fade in found.fades] == ["h", "attention", "recurrence"]
    assert np.isfinite(found.fades[0].mean).all()
    assert (found.radii, found.saturated, found.tail, found.steps) == ({}, (), None, None)
    assert set(found.to_frame()["chart"]) == {"fading"}
