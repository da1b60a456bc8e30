"""Scores against numbers worked out by hand, and against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from statsmodels.stats.diagnostic import acorr_ljungbox

from core.baselines.baseline import QUANTILE
from core.forecast import LEVEL
from core.scores import SCORES, autocorrelation, coverage, left_over, mae, mase, mse, smape, standard_error


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_by_hand():
    actual, forecast = column(1, 2, 4), column(2, 2, 1)
    assert mse(actual, forecast) == pytest.approx(10 / 3)
    assert mae(actual, forecast) == pytest.approx(4 / 3)
    # Steps of the training part: 1, 2, 3 with a mean of 2; two steps apart: 3, 5 with a mean of 4.
    train = column(0, 1, 3, 6)
    assert mase(actual, forecast, train, 1) == pytest.approx(4 / 3 / 2)
    assert mase(actual, forecast, train, 2) == pytest.approx(4 / 3 / 4)
    assert smape(actual, forecast) == pytest.approx(200 * (1 / 3 + 0 + 3 / 5) / 3)


def test_coverage_counts_what_lies_inside_with_the_ends():
    actual = column(1, 2, 3, 4)
    assert coverage(actual, column(0, 2, 3.5, 5), column(1, 3, 4, 6)) == 0.5
    assert math.isnan(coverage(actual, column(0, 0, 0, math.nan), column(9, 9, 9, 9)))


def test_normal_intervals_hold_what_they_promise():
    """20,000 draws: the share inside has a standard deviation of sqrt(0.95 · 0.05 / 20,000) = 0.0015; four of them."""
    noise = np.random.default_rng(0).normal(size=(10_000, 2))
    half = np.full_like(noise, QUANTILE)
    assert coverage(noise, -half, half) == pytest.approx(LEVEL, abs=0.006)


def test_no_column_counts_more_for_its_units():
    """What is measured in thousandths or in thousands has the same scores, and each column's error counts alike."""
    generator = np.random.default_rng(1)
    actual, forecast, train = (generator.normal(5, 1, (n, 2)) for n in (12, 12, 40))
    units = np.array([1e3, 1e-3])
    for score in SCORES.values():
        plain = score.of(actual, forecast, train, 4)
        assert score.of(actual * units, forecast * units, train * units, 4) == pytest.approx(plain)
        alone = [score.of(actual[:, at : at + 1], forecast[:, at : at + 1], train[:, at : at + 1], 4) for at in (0, 1)]
        spreads = {"MSE": train.std(0) ** 2, "MAE": train.std(0)}.get(score.label, np.ones(2))
        assert plain == pytest.approx(np.mean(alone / spreads))


def test_a_series_of_one_column_keeps_its_units():
    actual, forecast, train = column(1, 2, 4), column(2, 2, 1), column(0, 1, 3, 6)
    assert SCORES["mse"].of(actual, forecast, train, 1) == mse(actual, forecast)
    assert SCORES["mae"].of(actual, forecast, train, 1) == mae(actual, forecast)


def test_columns_that_do_not_vary_have_no_comparable_error():
    # The standard deviation of a hundred times 0.1 is not 0 in floating point.
    train = np.column_stack([np.full(100, 0.1), np.arange(100.0)])
    assert math.isnan(SCORES["mae"].of(np.ones((2, 2)), np.zeros((2, 2)), train, 1))


def test_the_seasonal_naive_forecast_of_the_training_part_has_a_mase_of_one():
    train = np.random.default_rng(0).normal(size=(60, 3))
    assert mase(train[12:], train[:-12], train, 12) == pytest.approx(1)


values = arrays.arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=st.floats(-1e12, 1e12))


@given(values)
def test_what_is_right_has_no_error(actual):
    train = np.random.default_rng(0).normal(size=(30, actual.shape[1]))
    for score in SCORES.values():
        assert score.of(actual, actual.copy(), train, 7) == 0


@given(values, st.data())
def test_bounds(actual, draw):
    forecast = draw.draw(arrays.arrays(np.float64, actual.shape, elements=st.floats(-1e12, 1e12)))
    assert 0 <= smape(actual, forecast) <= 200 * (1 + 1e-12)
    assert mae(actual, forecast) ** 2 <= mse(actual, forecast) * (1 + 1e-9)
    assert smape(np.zeros_like(actual), actual) in (pytest.approx(0), pytest.approx(200 * np.mean(actual != 0)))


def test_units_do_not_matter_where_there_are_none():
    generator = np.random.default_rng(0)
    actual, forecast, train = (generator.normal(5, 1, (n, 2)) for n in (12, 12, 40))
    units = np.array([1e3, 1e-3])
    assert mase(actual * units, forecast * units, train * units, 4) == pytest.approx(mase(actual, forecast, train, 4))
    assert smape(actual * units, forecast * units) == pytest.approx(smape(actual, forecast))


def test_a_training_part_that_repeats_itself_gives_no_scale():
    train = np.tile(column(1, 2, 3), (5, 1))
    assert np.isnan(mase(column(1), column(2), train, 3))
    assert mase(column(1), column(2), train, 1) == pytest.approx(1 / np.mean(np.abs(np.diff(train[:, 0]))))


@pytest.mark.parametrize("period", [0, 5])
def test_a_season_as_long_as_the_training_part_is_refused(period):
    with pytest.raises(ValueError, match="The season must have 1 to 4 steps, fewer than the training part, not"):
        mase(column(1), column(1), np.ones((5, 1)), period)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("forecast", [np.ones((3, 1)), np.ones((2, 2)), np.ones(2)])
def test_arrays_that_do_not_match_are_refused(score, forecast):
    with pytest.raises(ValueError, match="same shape"):
        SCORES[score].of(np.ones((2, 1)), forecast, np.arange(9.0)[:, None], 1)
    with pytest.raises(ValueError, match="same shape"):
        SCORES[score].of(np.ones((0, 1)), np.ones((0, 1)), np.arange(9.0)[:, None], 1)


def test_scores_explain_themselves():
    for score in SCORES.values():
        assert score.label
        assert score.help.endswith(".")


def test_autocorrelation_by_hand():
    found = autocorrelation(column(1, 2, 3, 6), 2)
    # Around the mean of 3: -2, -1, 0, 3 with a sum of squares of 14.
    np.testing.assert_allclose(found.values[:, 0], [2 / 14, -3 / 14], rtol=1e-15)
    assert found.band == pytest.approx(0.98)


def test_autocorrelation_is_that_of_statsmodels():
    stattools = pytest.importorskip("statsmodels.tsa.stattools")
    residuals = np.random.default_rng(0).normal(size=(80, 2)).cumsum(0)
    found = autocorrelation(residuals, 20).values
    for at in (0, 1):
        np.testing.assert_allclose(found[:, at], stattools.acf(residuals[:, at], nlags=20, fft=False)[1:], rtol=1e-12)


def test_white_noise_stays_in_its_band():
    found = autocorrelation(np.random.default_rng(0).normal(size=(2000, 1)), 200)
    # 5 % of 200 are 10, give or take 3 standard deviations of sqrt(200 * 0.05 * 0.95) = 3.1.
    assert np.count_nonzero(np.abs(found.values) > found.band) <= 19


def test_what_does_not_vary_has_no_autocorrelation():
    for value in (1.0, 0.1):
        assert np.isnan(autocorrelation(np.full((50, 1), value), 3).values).all()


@pytest.mark.parametrize("lags", [0, 9, -1])
def test_lags_are_fewer_than_residuals(lags):
    with pytest.raises(ValueError, match="Lags must be a whole number from 1 to 8"):
        autocorrelation(np.ones((9, 1)), lags)


def test_what_is_left_over_is_judged_as_by_ljung_and_box():
    residuals = np.random.default_rng(0).normal(size=(60, 1))
    for lags in (1, 2, 11, 12):
        expected = acorr_ljungbox(residuals[:, 0], lags=[lags])["lb_pvalue"].item()
        assert left_over(autocorrelation(residuals, lags), 60) == pytest.approx(expected, rel=1e-10)
    many = np.random.default_rng(0).normal(size=(900, 1))
    for lags in (400, 401):
        expected = acorr_ljungbox(many[:, 0], lags=[lags])["lb_pvalue"].item()
        assert left_over(autocorrelation(many, lags), 900) == pytest.approx(expected, rel=1e-8)


def test_forecasts_of_several_steps_may_share_their_surprises():
    """Moving averages of 3 surprises, as 3 steps ahead leave them: no structure for that horizon, and plenty for one step."""
    surprises = np.random.default_rng(1).normal(size=(402, 1))
    found = autocorrelation(surprises[2:] + surprises[1:-1] + surprises[:-2], 20)
    assert left_over(found, 400, horizon=1) < 1e-6
    assert left_over(found, 400, horizon=3) > 0.05
    assert math.isnan(left_over(found, 400, horizon=21))
    walk = autocorrelation(surprises[:400].cumsum(0), 20)
    assert left_over(walk, 400, horizon=3) < 1e-6


def test_the_mean_of_correlated_residuals_is_less_certain():
    """Against the spread of the mean over many series: independent ones, and moving averages of 3 surprises."""
    surprises = np.random.default_rng(2).normal(size=(400, 102))
    for residuals in (surprises[:, 2:], surprises[:, 2:] + surprises[:, 1:-1] + surprises[:, :-2]):
        told = np.mean([standard_error(row, autocorrelation(row[:, None], 4)) for row in residuals])
        assert told == pytest.approx(residuals.mean(1).std(), rel=0.15)  # 400 series tell a spread to 4 %; four lags lose some of it
