"""Charts of the laboratory's page on vanishing: what they draw is what was found, and their words are its numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from core.experiment import Experiment
from core.measures.decay import fit_decay
from core.studies import STUDIES, half_lives, phase, vanishing, ways
from core.training import Trainer
from dashboard.charts.lab import fading, jacobians, rates, tail
from dashboard.charts.lab import half_lives as half_lives_chart
from dashboard.charts.lab import phase as phase_chart
from dashboard.charts.lab import ways as ways_chart
from dashboard.charts.picture import Look, Picture

CELLS = ("rnn_tanh", "rnn_relu", "lstm", "gru")


@cache
def found(cell: str, study: str = "vanishing") -> vanishing.Found:
    asked = {"vanishing": vanishing.Asked(run=200), "phase": phase.Asked(values=9, longest=20), "half_lives": half_lives.Asked(seeds=2)}
    *_, last = STUDIES[study].run(Trainer(Experiment(cell=cell, hidden=8)), asked[study])
    return last.found


def checked(picture: Picture) -> Picture:
    """What a browser could draw: its numbers as JSON, its words without a gap or a number that is none."""
    json.loads(picture.figure.to_json())
    assert picture.words
    assert "nan" not in picture.words
    assert "{" not in picture.words
    return picture


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dark", [False, True])
def test_every_cell_can_be_drawn(cell: str, dark: bool):
    seen, look = found(cell), Look(dark=dark)
    for fade in seen.fades:
        checked(fading.draw(fade, look))
    checked(tail.draw(seen.tail, look))
    checked(jacobians.draw_steps(seen.steps, seen, look))
    checked(jacobians.draw_products(seen.products, look))
    checked(rates.draw(seen.rates, look))


def test_fading_draws_every_loss_and_speaks_of_the_fit():
    fade = found("gru").carrying
    picture = fading.draw(fade, Look())
    each, mean, line = picture.figure.data
    np.testing.assert_allclose(mean.y, fade.mean)
    last = np.asarray(each.y)[np.asarray(each.customdata) == 10]
    np.testing.assert_allclose(last[:10], fade.rows[9] / fade.rows[9, 0])
    np.testing.assert_allclose(line.y, fade.of_mean.at(np.array([1, 9])))
    assert f"it halves every {fade.of_mean.half_life:.3g} steps" in picture.words


def test_nothing_is_said_to_stray_that_follows_its_line():
    norms = 0.7 ** np.arange(9.0) * np.where(np.arange(9) % 2, 1.2, 1.0)
    fit = fit_decay(norms)
    assert "strays" not in fading.draw(vanishing.Fade("h", norms[:1], norms[None], norms, fit, (fit,)), Look()).words


@pytest.mark.parametrize(
    ("norms", "said"),
    [
        (2.0 ** np.arange(5.0), "it doubles every 1 steps"),
        (np.array([1.0, 0, 0, 0, 0]), "The error is exactly 0 at 4 lags, left out"),
        (np.array([1.0, 0.5, np.nan, np.nan, np.nan]), "it halves every 1 steps."),
        (np.array([1.0, np.nan, np.nan, np.nan, np.nan]), "nothing can be fitted"),
        (np.array([1.0, 2.0, 0.5, 4.0, 0.1]), "The mean strays from that line by a factor of 4.35"),
    ],
)
def test_fading_says_what_else_there_may_be(norms, said):
    fit = fit_decay(norms)
    assert said in checked(fading.draw(vanishing.Fade("h", norms[:1], norms[None], norms, fit, (fit,)), Look())).words


def test_the_tail_ends_where_single_precision_does():
    double = 10.0 ** -np.arange(50.0)
    single = double.astype(np.float32).astype(float)
    seen = vanishing.Tail(double, single, fit_decay(double))
    picture = checked(tail.draw(seen, Look()))
    assert [len(line.x) for line in picture.figure.data] == [50, 46]
    assert "At lag 46 float32 holds exactly 0; float64 still holds 1e-46." in picture.words
    both = vanishing.Tail(double[:9], single[:9], fit_decay(double[:9]))
    assert "Up to lag 8 both precisions hold much the same number." in checked(tail.draw(both, Look())).words
    gone = vanishing.Tail(np.array([1.0, 0.0]), np.array([1.0, 0.0]), fit_decay(np.array([1.0, 0.0])))
    assert "From lag 1 on float64, too" in checked(tail.draw(gone, Look())).words


@pytest.mark.parametrize(
    ("double", "single", "said"),
    [
        ([1.0, 1e30, 1e60, 1e90], [1.0, 1e30, np.inf, np.nan], ["From lag 2 on float32 holds no finite number."]),
        ([1.0, 1e60, np.inf], [1.0, np.inf, np.nan], ["From lag 1 on float32 holds no finite number."]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], ["From lag 0 on float64, too, holds exactly 0."]),
        ([1.0, np.inf], [1.0, 0.0], []),
    ],
)
def test_no_number_is_claimed_where_there_is_none(double, single, said):
    seen = vanishing.Tail(np.array(double), np.array(single), fit_decay(np.ones(3)))
    words = tail.words(seen, Look())
    assert "both precisions hold" not in words
    assert "inf" not in words
    assert all(one in words for one in said)


def test_an_lstm_shows_both_paths():
    seen = found("lstm")
    lines = {line.name: line.y for line in jacobians.draw_steps(seen.steps, seen, Look()).figure.data}
    np.testing.assert_allclose(lines["path through c"], seen.steps.c_by_c[:, 0])
    np.testing.assert_allclose(lines["largest"], seen.steps.values[:, 0])
    assert "path through c" not in {line.name for line in jacobians.draw_steps(found("gru").steps, found("gru"), Look()).figure.data}


@pytest.mark.parametrize(
    ("largest", "said"),
    [
        ([0.5, 0.9], "It is below 1 at each of the 2 steps that were looked at"),
        ([0.5, 1.1], "Above 1 a step can make"),
        ([0.5, 1.0], "between 0.5 and 1."),
    ],
)
def test_no_more_steps_shrink_errors_than_were_looked_at(largest, said):
    steps = vanishing.Steps(np.arange(1, 3), np.array(largest)[:, None], None, None)
    words = checked(jacobians.draw_steps(steps, found("gru"), Look())).words
    assert said in words
    assert ("below 1" in words, "Above 1" in words) == (max(largest) < 1, max(largest) > 1)


def test_products_say_what_is_left():
    products = vanishing.Products(np.array([1, 2]), np.log(np.array([[0.1, 0.01], [1e-4, 1e-9]])))
    assert "After 2 steps back, at most 0.0001 of an error is left" in checked(jacobians.draw_products(products, Look())).words
    grown = vanishing.Products(np.array([1]), np.array([[2000.0, 1.0]]))
    assert "can have become 1e869 times as large" in checked(jacobians.draw_products(grown, Look())).words
    nothing = vanishing.Products(np.array([1]), np.array([[-np.inf, -np.inf]]))
    assert "exactly 0" in checked(jacobians.draw_products(nothing, Look())).words


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([-0.5, -1.0], "the error that fades least halves every 1.39 steps"),
        ([0.5, -1.0], "doubles every 1.39 steps"),
        ([-np.inf], "minus infinity"),
        ([np.nan], "first steps"),
    ],
)
def test_rates_say_which_way_it_goes(values, said):
    seen = vanishing.Rates(np.array(values), np.array(values[:1]), values[0], np.array(values[:1]))
    assert said in checked(rates.draw(seen, Look())).words


def test_the_diagram_shows_what_is_known_and_marks_the_border():
    seen = found("rnn_relu", "phase")
    picture = checked(phase_chart.draw(seen, phase_chart.Cell(3, 7), Look()))
    reach = phase_chart.decades(seen.logs)
    np.testing.assert_allclose(picture.figure.data[0].z, np.clip(seen.logs, -reach, reach))
    assert (picture.figure.data[4].x[0], picture.figure.data[4].y[0]) == (7, 3)
    assert f"{seen.border():.3g}" in picture.words
    assert "just below it vanishes, just above it explodes" in picture.words, "further away it may change again"
    assert "This experiment stands at recurrent gain 1:" in picture.words
    told = phase_chart.draw(replace(seen, now=math.nan), phase_chart.Cell(3, 7), Look()).words
    assert "stands at" not in told
    assert "The weights of your file are not among these networks" in told
    squares = picture.figure.data[3]
    assert (squares.x[25], squares.y[25]) == (6, 1)
    assert squares.customdata[25].endswith(f"T = 6: {phase_chart.told(seen.logs[1, 5], Look())}")


def test_absent_vanished_and_exploded_are_three_things():
    logs = np.array([[0.0, -np.inf], [1.0, np.inf], [np.nan, np.nan]])
    known = np.array([True, True, False])
    seen = phase.Found("rnn_relu", "h", 0, "forget_bias", 9.0, np.array([0.0, 1.0, 2.0]), np.array([1, 2]), logs, known)
    picture = checked(phase_chart.draw(seen, phase_chart.Cell(0, 1), Look()))
    values, gone, exploded = (np.asarray(layer.z, float) for layer in picture.figure.data[:3])
    assert np.isfinite(values).tolist() == [[True, False], [True, False], [False, False]]
    assert np.isfinite(gone).tolist() == [[False, True], [False, False], [False, False]]
    assert np.isfinite(exploded).tolist() == [[False, False], [False, True], [False, False]]
    texts = list(picture.figure.data[3].customdata)
    assert [text.rsplit(": ")[-1] for text in texts] == ["1", "exactly 0", "10", "not finite", "not computed yet", "not computed yet"]
    assert "2 of 3 rows are computed." in picture.words
    assert math.isnan(phase_chart.row_of(seen, seen.now))


def test_half_lives_draw_every_seed_and_name_every_lever():
    seen = found("lstm", "half_lives")
    picture = checked(half_lives_chart.draw(seen, str.upper, Look()))
    names = [half_lives_chart.name(line, str.upper, Look()) for line in seen.lines]
    assert names[0] == "yours now: LSTM"
    assert names[6:8] == ["LSTM, forget bias 3", "RNN_TANH, orthogonal"]
    assert len(set(names)) == len(names)
    np.testing.assert_allclose(picture.figure.data[2].x, [decay.half_life for decay in seen.lines[1].decays])
    assert f"halves every {seen.lines[4].half_life:.3g} steps, a plain network's every {seen.lines[1].half_life:.3g}." in picture.words


def test_what_does_not_fade_stands_at_the_edge():
    seen = found("lstm", "half_lives")
    growing = fit_decay(1.1 ** np.arange(9.0))
    lines = (replace(seen.lines[1], decays=(growing, growing)),)
    picture = checked(half_lives_chart.draw(replace(seen, lines=lines), str.upper, Look()))
    assert list(picture.figure.data[0].x) == [half_lives_chart.LONGEST] * 2
    assert "median ∞ (seeds from ∞ to ∞)" in picture.words


def test_what_could_not_be_fitted_is_not_the_longest():
    seen = found("lstm", "half_lives")
    absent = fit_decay(np.full(9, np.nan))
    assert math.isnan(absent.half_life)
    rnn, lstm = seen.lines[1], seen.lines[4]
    lines = (replace(rnn, decays=(absent, absent)), lstm)
    words = half_lives_chart.words(replace(seen, lines=lines), str.upper, Look())
    assert words.startswith("Longest here: LSTM, median ")
    assert "nan" not in words
    assert half_lives_chart.words(replace(seen, lines=lines[:1]), str.upper, Look()) == ""


def test_a_float32_that_is_stuck_is_no_number_to_trust():
    """Row 14: below its smallest numbers, float32 may keep one of them for ever instead of falling to 0."""
    double = 10.0 ** -np.arange(0, 60, 0.5)
    single = np.maximum(double, 1e-45)
    seen = vanishing.Tail(double, single, fit_decay(double))
    assert seen.wrong == 91
    words = checked(tail.draw(seen, Look())).words
    assert "From lag 91 on float32 is off by more than half" in words
    assert "much the same" not in words


def test_a_border_that_is_crossed_back_is_none():
    lengths = np.arange(1, 9)
    rates = np.array([-0.2, -0.1, 0.1, -0.1, -0.2])
    seen = phase.Found("rnn_relu", "h", 0, "gain", 1.0, np.geomspace(0.5, 8, 5), lengths, rates[:, None] * lengths, np.ones(5, bool))
    assert np.isnan(seen.border())


def compared(**rows: list[float]) -> ways.Found:
    """One network of each kind, with these errors by lag; the ways of the one with attention are half of its whole."""

    def kind(name: str, row: list[float]) -> ways.Kind:
        total = np.array([row])
        absent = np.full_like(total, np.nan)
        parts = {"recurrent": (absent, total), "attending": (total / 2, total / 4), "transformer": (total, absent)}[name]
        return ways.Kind(name, (0,), total, *parts)

    return ways.Found(100, "lstm", tuple(kind(name, row) for name, row in rows.items()))


def test_ways_are_drawn_and_told_apart():
    seen = compared(recurrent=[1.0, 0.1, 0.001], attending=[1.0, 0.4, 0.2], transformer=[1.0, 0.3, 0.0])
    picture = checked(ways_chart.draw(seen, Look()))
    lines = {line.name: line for line in picture.figure.data}
    assert list(lines) == [
        "Recurrence alone", "Recurrence and attention", "Recurrence and attention: straight along attention",
        "Recurrence and attention: through the recurrence", "Transformer",
    ]  # fmt: skip
    np.testing.assert_array_equal(lines["Transformer"].y, [1.0, 0.3, np.nan])
    assert "Recurrence alone: 1 % of an error or more arrives as far as 1 of 2 steps back." in picture.words
    assert "Recurrence and attention: 1 % of an error or more arrives as far as 2 of 2 steps back." in picture.words
    assert "at lag 2, 0.1 arrives straight along attention and 0.05 through the recurrence" in picture.words


def test_seeds_of_ways_make_a_band_and_explosions_a_sentence():
    rows = np.array([[1.0, 0.5], [1.0, 0.3], [1.0, 0.4]])
    absent = np.full_like(rows, np.nan)
    seen = ways.Found(0, "gru", (ways.Kind("transformer", (0, 1, 2), rows, rows, absent),))
    picture = checked(ways_chart.draw(seen, Look(dark=True)))
    assert len(picture.figure.data) == 3
    assert list(picture.figure.data[2].y) == [1.0, 0.4]
    gone = ways.Found(0, "gru", (ways.Kind("recurrent", (0,), absent[:1], absent[:1], absent[:1]),))
    assert "every network has exploded" in checked(ways_chart.draw(gone, Look())).words
