"""Charts of the laboratory's truncation page: what they draw is what was found, and their words are its numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from core.experiment import Experiment
from core.measures.advice import fading
from core.measures.bias import SCHEMES
from core.studies import STUDIES
from core.studies.growth import Found as Grown
from core.studies.truncation import Found
from core.training import Trainer
from core.truncation import TBPTT
from dashboard.charts import Look
from dashboard.charts.lab import bias, boundary, decay, growth


@pytest.fixture(scope="module")
def found() -> Found:
    trainer = Trainer(Experiment(truncation="window", k=3, hidden=8))
    *_, last = STUDIES["truncation"].run(trainer, STUDIES["truncation"].asked())
    return last.found


def test_bias_draws_both_schemes_and_says_which_k_would_do(found: Found):
    picture = bias.draw(found, bias.Asked("error", "window", 0.1), Look())
    lines = [trace for trace in picture.figure.data if trace.name]
    for line, scheme in zip(lines, SCHEMES, strict=True):
        np.testing.assert_allclose(line.y, np.maximum(found.bias.total(scheme), bias.FLOOR))
    k = found.bias.enough("window", 0.1)
    assert f"The sliding window with K = {k} brings the gradient to within 10 % of full BPTT." in picture.words
    assert f"TBPTT(1, 3), is off by {100 * found.error:.2g} %" in picture.words
    json.loads(picture.figure.to_json())
    one = bias.draw(found, bias.Asked("error", "window", 0.1, "rnn.weight_hh_l0"), Look()).figure.data[0]
    np.testing.assert_allclose(one.y, np.maximum(found.bias.total("window", "rnn.weight_hh_l0"), bias.FLOOR))
    assert not np.allclose(one.y, lines[0].y)


def test_bias_in_degrees_and_of_a_run_that_cuts_nothing(found: Found):
    uncut = replace(found, k1=10, k2=10, error=0.0, degrees=0.0)
    picture = bias.draw(uncut, bias.Asked("degrees", "chunk", 1e-9), Look(dark=True))
    np.testing.assert_allclose(picture.figure.data[1].y, found.bias.degrees("chunk"))
    assert "Only from K = 10 on, which cuts nothing" in picture.words
    assert "This run cuts nothing." in picture.words


def test_an_error_that_does_not_fall_evenly_is_told_so(found: Found):
    error = found.bias.error.copy()
    error[0, :, -1] = np.where(np.arange(10) == 6, 0.06, np.where(np.arange(10) < 4, 0.3, 0.02))
    picture = bias.draw(replace(found, bias=replace(found.bias, error=error)), bias.Asked("error", "window", 0.05), Look())
    assert "The sliding window with K = 8 brings the gradient to within 5 % of full BPTT." in picture.words
    assert "K = 5 is within it, too, but some larger K are not." in picture.words
    assert "within it, too" not in bias.draw(found, bias.Asked("error", "window", 0.1), Look()).words


def test_decay_draws_the_line_that_it_speaks_of(found: Found):
    picture = decay.draw(found.fading, 0.1, Look())
    drawn, fitted = picture.figure.data[2], picture.figure.data[3]
    np.testing.assert_allclose(drawn.y, found.fading.phi)
    np.testing.assert_allclose(fitted.y, found.fading.fit.at(np.asarray(fitted.x)))
    assert f"it halves every {found.fading.fit.half_life:.3g} steps" in picture.words
    assert f"K = {found.fading.enough(0.1)} keeps all but" in picture.words
    (low, high), (least, most) = found.fading.tau_spread, found.fading.beta_spread
    assert f"With the losses drawn again, 95 % of the samples put that lag at {low:g} to {high:g}, " in picture.words
    assert f"and what a step leaves at {100 * least:.3g} % to {100 * most:.3g} %." in picture.words


@pytest.mark.parametrize(
    ("beta", "said"), [(1.2, "the error does not fade"), (0.99, "it does not halve, and no K follows"), (0.0, "too few lags")]
)
def test_decay_claims_no_k_where_there_is_none(beta: float, said: str):
    s, t = np.arange(8)[:, None], np.arange(8)[None, :]
    norms = np.where(t <= s, beta ** np.abs(s - t).astype(float), math.nan)
    picture = decay.draw(fading(np.repeat(norms[..., None], 4, 2)), 0.1, Look())
    assert said in picture.words


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_boundary_encloses_what_is_cut(found: Found, scheme: str):
    steps = boundary.draw(found, scheme, Look()).steps
    assert steps
    assert len(steps.lines) == len(steps.words) == 10
    assert steps.words[steps.first].startswith("K = 3: ")
    for k, (xs, ys), told in zip(found.bias.ks, steps.lines, steps.words, strict=True):
        reach = (TBPTT(1, k) if scheme == "window" else TBPTT(k, k)).reach(10)
        assert f"{reach.sum()} of 55 paths kept" in told
        held = found.held[SCHEMES.index(scheme), k - 1]
        assert held > 0
        assert f"{held / 2**20:.3g} MiB held" in told
        x, y = np.array(xs), np.array(ys)
        cut = [(s + 1, t + 1) for s in range(10) for t in range(s + 1) if not reach[s, t]]
        # By the shoelace formula; cells above the diagonal are never enclosed, so the area counts what is cut.
        area = abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2 if len(x) else 0
        assert area == pytest.approx(len(cut))


def test_growth_names_where_the_error_came_from_and_went_to():
    error = np.array([[[0.5, 0.1], [0.7, 0.25], [0.8, 0.4]], [[0.5, 0.2], [0.8, 0.5], [0.9, 0.8]]])
    found = Grown((0, 50, 100), (3.0, 2.0, 1.0), (1, 4), error)
    picture = growth.draw(found, "window", 4, Look())
    assert "the error went from 10 % to 40 % of the gradient in 100 iterations (4 times)" in picture.words
    assert "Cutting every K = 4 steps now costs 2 times the error" in picture.words
    assert [line.name for line in picture.figure.data] == ["K = 1", "K = 4"]
    shrunk = replace(found, error=error[:, ::-1], exploded="exploded at iteration 101, step 3")
    assert "went from 40 % to 10 %" in growth.draw(shrunk, "window", 5, Look()).words
    assert "Training ended early: exploded at iteration 101, step 3." in growth.draw(shrunk, "window", 5, Look()).words
    assert growth.draw(replace(found, error=error[:, :1], iterations=(0,)), "chunk", 1, Look()).words == "The error at K = 1 is followed."


def test_what_is_as_large_is_not_so_many_times_as_large():
    error = np.array([[[0.5], [0.5]], [[0.5], [0.5 * (1 + 1e-15)]]])
    words = growth.draw(Grown((0, 50), (3.0, 2.0), (1,), error), "window", 1, Look()).words
    assert "the error stayed at 50 % of the gradient over 50 iterations." in words
    assert "Cutting every K = 1 steps now costs as much as the sliding window." in words
    assert "1 times" not in words


def test_where_estimate_and_measurement_differ_it_is_said_which_to_trust(found):
    k = found.fading.enough(0.1)
    for measured in range(1, 11):
        error = found.bias.error.copy()
        error[0, :, -1] = np.where(np.arange(1, 11) < measured, 1.0, 0.0)
        told = decay.draw(found.fading, 0.1, Look(), replace(found.bias, error=error)).words
        assert (f"Measured, the sliding window needs K = {measured} to come within 10 % of the gradient" in told) == (measured != k)


@pytest.mark.parametrize(
    ("slope", "spread", "said"),
    [
        (0.1, (0.8, 0.9), "cannot be told"),
        (0.1, (0.8, 1.2), "cannot be told"),
        (-0.1, (0.8, 1.2), "cannot be told"),
        (0.1, (1.12, 1.2), "the error does not fade"),
        (math.log(1.004), (0.98, 1.03), "by the fit, each step back leaves 100.4 % of it"),
        (math.log(1.04), (1.001, 1.049), "the error does not fade: each step back leaves 104 % of it"),
    ],
)
def test_no_k_follows_from_a_decay_that_is_not_sure(found: Found, slope: float, spread: tuple[float, float], said: str):
    unsure = replace(found.fading, fit=replace(found.fading.fit, slope=slope), beta_spread=spread)
    told = decay.draw(unsure, 0.1, Look(), found.bias).words
    assert said in told
    low, high = (f"{100 * value:.4g} %" for value in spread)
    assert f"{low} to {high}. No K follows from that." in told
    assert f"Measured, the sliding window needs K = {found.bias.enough('window', 0.1)} to come within 10 %" in told
    assert "By this decay" not in told


def test_a_k_for_weights_that_have_not_learned_is_told_to_be_one(found):
    asked = bias.Asked("error", "window", 0.5)
    known = replace(found, iteration=500, loss=0.2)
    k = known.bias.enough("window", 0.5)

    def words(**fields: float) -> str:
        return bias.draw(replace(known, **fields), asked, Look()).words

    assert "today's gradient" not in words()
    assert "after 3 iterations: what is still to be learned may ask for a longer K." in words(iteration=3)
    assert "after 500 iterations and with a loss of 1.3 where chance has 1.39: what is still" in words(loss=1.3, chance=1.386)
    assert "today's gradient" not in words(loss=1.2, chance=1.386)
    assert f"the task asks back over {k} steps or more, and with K = {k} no error" in words(task_lag=k, chance=1.386)
    assert "today's gradient" not in words(task_lag=k - 1)


def test_the_lag_matrix_leaves_as_numbers(found):
    frame = found.lag_frame()
    assert len(frame) == np.isfinite(found.lag).sum()
    assert (frame["s"] >= frame["t"]).all()
    assert frame["norm"].iloc[0] == found.lag[frame["s"].iloc[0] - 1, frame["t"].iloc[0] - 1]
