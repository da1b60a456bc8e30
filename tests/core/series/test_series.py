"""A series is what it says, cuts in time, and scales by its training part alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import limits
from core.experiment import Experiment, InvalidExperiment
from core.series import SCALINGS, SERIES, InvalidSeries, Series, make_series, split
from core.series.generators import LOGISTIC, SEASON
from core.series.shipped import FOLDER, SHIPPED


def series(n: int = 30, columns: int = 1, **more) -> Series:
    return Series(
        "a", np.arange(n * columns, dtype=float).reshape(n, columns), tuple(map(str, range(n))), tuple("abcdefgh"[:columns]), **more
    )


def test_values_are_a_copy_that_nobody_changes():
    own = np.ones((30, 1))
    made = Series("a", own, tuple(map(str, range(30))), ("x",))
    own[0] = 7
    assert made.values[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        made.values[0] = 2


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: series(19), "19 points are too few: a series has 20 to 2,000."),
        (lambda: series(1), "1 point is too few: a series has 20 to 2,000."),
        (lambda: series(2_001), "2,001 points are too many: a series has 20 to 2,000."),
        (lambda: Series("a", np.ones((30, 9)), tuple(map(str, range(30))), tuple("abcdefghi")), "A series has 1 to 8 columns, not 9."),
        (
            lambda: Series("a", np.ones((30, 1)), ("1",), ("x",)),
            "A series of 1 times and 1 columns needs values of that shape, not (30, 1).",
        ),
        (lambda: series(30, period=0), "The season must be at least 1 step, not 0."),
    ],
)
def test_what_is_no_series_gets_one_sentence(make, sentence):
    with pytest.raises(InvalidSeries) as refused:
        make()
    assert str(refused.value) == sentence


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e16])
def test_only_finite_numbers_of_bounded_size(value):
    values = np.ones((30, 1))
    values[7] = value
    with pytest.raises(InvalidSeries, match="finite number between -1e"):
        Series("a", values, tuple(map(str, range(30))), ("x",))


@given(st.integers(limits.FEWEST_POINTS, limits.SERIES_POINTS), st.floats(0, 0.4), st.floats(0.05, 0.4))
def test_parts_follow_each_other_and_cover_everything(n, validation, test):
    if n - round(n * validation) - max(1, round(n * test)) < limits.FEWEST_TRAINED:
        with pytest.raises(InvalidExperiment):
            split(n, validation, test)
        return
    parts = split(n, validation, test)
    assert (parts.train.start, parts.train.stop, parts.validation.stop, parts.test.stop) == (0, parts.validation.start, parts.test.start, n)
    assert parts.train.stop >= limits.FEWEST_TRAINED
    assert parts.test.stop - parts.test.start == max(1, round(n * test))
    assert abs(parts.validation.stop - parts.validation.start - n * validation) <= 0.5


def test_a_training_part_that_is_too_short_gets_one_sentence():
    with pytest.raises(InvalidExperiment) as refused:
        split(20, 0.4, 0.4)
    assert refused.value.problems == {
        "test": "Of 20 points, validation and test leave 4 for the training part, which needs at least 10: choose smaller shares."
    }


@pytest.mark.parametrize("name", SCALINGS)
def test_scaling_is_undone(name):
    values = 1 + np.random.default_rng(0).random((40, 3)) * [1, 1e6, 1e-6]
    scaler = SCALINGS[name].fit(values[:25])
    np.testing.assert_allclose(scaler.undo(scaler.do(values)), values, rtol=1e-13)
    np.testing.assert_array_equal(scaler.do(values)[3], scaler.do(values[3]), "row by row")


def test_scalings_are_what_they_say():
    values = np.random.default_rng(0).normal(3, 2, (40, 2)) ** 2
    standard = SCALINGS["standard"].fit(values).do(values)
    np.testing.assert_allclose((standard.mean(0), standard.std(0)), [[0, 0], [1, 1]], atol=1e-14)
    minmax = SCALINGS["minmax"].fit(values).do(values)
    np.testing.assert_allclose((minmax.min(0), minmax.max(0)), [[0, 0], [1, 1]], atol=1e-14)
    log = SCALINGS["log"].fit(values).do(values)
    plain = np.log(values)
    np.testing.assert_allclose(log, (plain - plain.mean(0)) / plain.std(0), rtol=1e-12)
    np.testing.assert_array_equal(SCALINGS["none"].fit(values).do(values), values)


@pytest.mark.parametrize("name", SCALINGS)
def test_a_constant_column_stays_finite(name):
    for value in (5.0, 0.1, 1.1):  # of some, mean and standard deviation are rounded
        values = np.full((100, 1), value)
        scaler = SCALINGS[name].fit(values)
        assert scaler.size == 1.0
        assert np.abs(scaler.do(values + 0.1)).max() < 10


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_the_logarithm_of_what_has_none_is_refused(value):
    values = np.ones((20, 1))
    scaler = SCALINGS["log"].fit(values)
    values[4] = value
    for ask in (lambda: SCALINGS["log"].fit(values), lambda: scaler.do(values)):
        with pytest.raises(InvalidSeries) as refused:
            ask()
        assert str(refused.value) == f"The logarithm needs values above 0, but {value:g} is among them: choose another scaling."


def test_undoing_what_exploded_is_quiet():
    scaler = SCALINGS["log"].fit(np.array([[1.0], [2.0]]))
    assert np.isinf(scaler.undo(np.array([[1e9]]))).all()


def test_the_airline_series_is_box_and_jenkins():
    """Against an independent copy, that of Stata's manual (air2), which statsmodels tests with."""
    results = pytest.importorskip("statsmodels.tsa.statespace.tests.results.results_sarimax")
    made = make_series(Experiment(series="airline"))
    np.testing.assert_array_equal(made.values[:, 0], results.air2_data)
    assert (made.period, made.times[0], made.times[-1], made.values.sum()) == (12, "1949-01", "1960-12", 40_363)


@pytest.mark.parametrize(("name", "column", "times"), [("sunspots", "SUNACTIVITY", "YEAR"), ("nile", "volume", "year")])
def test_yearly_series_are_those_of_statsmodels(name, column, times):
    statsmodels = pytest.importorskip("statsmodels.datasets")
    theirs = getattr(statsmodels, name).load_pandas().data
    made = make_series(Experiment(series=name))
    np.testing.assert_array_equal(made.values[:, 0], theirs[column])
    assert made.times == tuple(str(int(year)) for year in theirs[times])


def test_the_us_economy_is_that_of_statsmodels():
    theirs = pytest.importorskip("statsmodels.datasets").macrodata.load_pandas().data
    made = make_series(Experiment(series="macro"))
    assert made.values.shape == (202, 4)
    assert (made.times[0], made.times[-1]) == ("1959-04", "2009-07")
    np.testing.assert_array_equal(made.values[:, 1:], theirs[["unemp", "infl", "tbilrate"]].to_numpy()[1:])
    growth = 400 * np.diff(np.log(theirs["realgdp"]))
    np.testing.assert_allclose(made.values[:, 0], growth, atol=0.005001)


def test_its_columns_know_of_each_other():
    """As the line says that tells what to look for."""
    growth, unemployment, inflation, interest = make_series(Experiment(series="macro")).values.T
    assert np.corrcoef(growth[:-1], np.diff(unemployment))[0, 1] < -0.5
    assert np.corrcoef(inflation[:-1], interest[1:])[0, 1] > 0.5


def test_monthly_co2_is_the_mean_of_the_weeks():
    weekly = pytest.importorskip("statsmodels.datasets").co2.load_pandas().data["co2"]
    monthly = weekly.resample("MS").mean()
    made = make_series(Experiment(series="co2"))
    assert made.times == tuple(monthly.index.strftime("%Y-%m"))
    there = monthly.notna().to_numpy()
    # Rounded to the hundredth of a ppm.
    np.testing.assert_allclose(made.values[there, 0], monthly[there], atol=0.005001)
    assert (~there).sum() == 5
    for gap in np.flatnonzero(~there):
        assert made.times[gap] in ("1958-06", "1958-10", "1964-02", "1964-03", "1964-04")
    np.testing.assert_allclose(made.values[~there, 0], monthly.interpolate()[~there], atol=0.005001)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_series_say_where_they_come_from(name):
    about, made = SHIPPED[name], make_series(Experiment(series=name))
    for words in (about.title, about.help, about.look_for, about.source, about.licence):
        assert words
    assert (made.source, made.licence, made.period) == (about.source, about.licence, about.period)
    assert (FOLDER / f"{name}.csv").stat().st_size < 10_000


MADE = [name for name, source in SERIES.items() if "points" in source.options]


@pytest.mark.parametrize("name", MADE)
def test_made_series_repeat_with_their_seed(name):
    experiment = Experiment(series=name, points=60, seed=4)
    one, same, other = (make_series(e) for e in (experiment, experiment, experiment.replace(seed=5)))
    assert one.values.shape == (60, 1)
    assert one.times[:2] == ("1", "2")
    np.testing.assert_array_equal(one.values, same.values)
    assert (one.values != other.values).any()


@pytest.mark.parametrize("name", ["sawtooth"])
def test_without_noise_a_season_returns(name):
    made = make_series(Experiment(series=name, noise=0.0, season=7, points=63)).values
    np.testing.assert_allclose(made[7:], made[:-7], atol=1e-12)


def test_formulas():
    t = np.arange(100)
    quiet = Experiment(noise=0.0, points=100, season=10)
    sine = make_series(quiet.replace(series="sine")).values[:, 0]
    np.testing.assert_allclose(sine, np.sin(0.2 * np.pi * t) + 0.5 * np.sin(0.08 * np.pi * t), atol=1e-12)
    damped = make_series(quiet.replace(series="damped")).values[:, 0]
    np.testing.assert_allclose(damped, np.exp(-t / 50) * np.cos(0.2 * np.pi * t), atol=1e-12)
    trend = make_series(quiet.replace(series="trend")).values[:, 0]
    np.testing.assert_allclose(trend, 0.03 * t + np.sin(0.2 * np.pi * t), atol=1e-12)
    chaos = make_series(quiet.replace(series="logistic")).values[:, 0]
    np.testing.assert_allclose(chaos[1:], LOGISTIC * chaos[:-1] * (1 - chaos[:-1]), rtol=1e-12)
    assert chaos.std() > 0.2


def test_noise_has_the_standard_deviation_that_was_asked():
    loud, quiet = (make_series(Experiment(series="trend", points=2000, noise=noise)).values for noise in (0.5, 0.0))
    # The standard error of a standard deviation from 2000 draws is 0.5 / sqrt(4000) = 0.008.
    assert (loud - quiet).std() == pytest.approx(0.5, abs=0.03)


def test_the_season_is_the_experiments_where_it_names_one():
    assert make_series(Experiment(series="airline", season=6)).period == 6
    assert make_series(Experiment(series="sine")).period == SEASON
    assert make_series(Experiment(series="sine", season=9)).period == 9
    assert make_series(Experiment(series="logistic")).period == 1


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"series": "airline", "season": 73}, {"season": "A season must fit twice into the 144 points: choose 0 to 72."}),
        ({"series": "sine", "season": 1}, {"season": "A made series needs a season of at least 2 steps, or 0 for 20."}),
        (
            {"series": "own"},
            {"values": "There are no values yet: draw a series, load a CSV file, or type one number a line."},
        ),
        ({"series": "tides"}, {"series": f"Series must be one of {', '.join(SERIES)}."}),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_made_gets_one_sentence(fields, problems):
    with pytest.raises(InvalidExperiment) as refused:
        make_series(Experiment(**fields))
    assert refused.value.problems == problems


def test_no_torch_is_needed():
    code = (
        "import sys, core.series, core.scores, core.forecast; "
        "from core.experiment import Experiment; core.series.make_series(Experiment()); "
        "assert not {'torch', 'statsmodels', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
