"""Half-lives: closed forms, numpy's own fit, and what must not be fitted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.measures.decay import by_lag, fit_decay, mean_by_lag


def test_a_geometric_sequence_is_found():
    found = fit_decay(3.0 * 0.8 ** np.arange(30.0))
    assert found.beta == pytest.approx(0.8, rel=1e-12)
    assert found.half_life == pytest.approx(math.log(0.5) / math.log(0.8), rel=1e-12)
    assert math.isinf(found.doubling)
    assert found.spread < 1e-12
    assert (found.first, found.last, found.lags, found.vanished) == (0, 29, 30, 0)
    assert found.at(np.array([0, 10])) == pytest.approx([3.0, 3.0 * 0.8**10], rel=1e-11)


def test_growth_has_a_doubling_and_no_half_life():
    found = fit_decay(1.1 ** np.arange(9.0))
    assert math.isinf(found.half_life)
    assert found.doubling == pytest.approx(math.log(2) / math.log(1.1), rel=1e-12)


def test_the_spread_is_that_of_an_ordinary_regression():
    noise = np.random.default_rng(1).normal(0, 0.3, 41)
    norms = np.exp(-0.2 * np.arange(41) + noise)
    (slope, intercept), covariance = np.polyfit(np.arange(5, 41), np.log(norms[5:]), 1, cov=True)
    found = fit_decay(norms, first=5)
    assert found.slope == pytest.approx(slope, rel=1e-10)
    assert found.intercept == pytest.approx(intercept, rel=1e-10)
    assert found.spread == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-8)
    low, high = found.half_life_band
    assert low < found.half_life < high


def test_what_is_not_a_positive_number_is_left_out_and_counted():
    norms = 0.5 ** np.arange(10.0)
    norms[3], norms[4], norms[8:] = np.nan, np.inf, 0.0
    found = fit_decay(norms)
    assert found.beta == pytest.approx(0.5, rel=1e-12)
    assert (found.lags, found.vanished, found.last) == (6, 2, 7)


def test_a_floor_keeps_numbers_out_that_their_type_cannot_hold():
    single = (0.01 ** np.arange(30.0)).astype(np.float32)
    crude, clean = fit_decay(single), fit_decay(single, floor=float(np.finfo(np.float32).tiny))
    assert clean.beta == pytest.approx(0.01, rel=1e-7)
    assert clean.vanished > crude.vanished > 0
    assert crude.beta != pytest.approx(0.01, rel=1e-4), "numbers below the smallest full one have lost digits"


@pytest.mark.parametrize("norms", [[], [1.0], [1.0, 0.0, np.nan]])
def test_too_few_lags_are_not_fitted(norms):
    found = fit_decay(np.array(norms))
    assert math.isnan(found.beta)
    assert math.isnan(found.half_life)
    assert math.isnan(found.doubling)


def test_two_lags_have_a_line_without_a_spread():
    found = fit_decay(np.array([4.0, 1.0]))
    assert found.half_life == pytest.approx(0.5)
    assert math.isnan(found.spread)
    assert all(math.isnan(end) for end in found.half_life_band)


@pytest.mark.parametrize(("first", "last"), [(-1, None), (4, 3)])
def test_lags_must_be_in_order(first, last):
    with pytest.raises(ValueError, match="from 0 or more"):
        fit_decay(np.ones(9), first, last)


def test_a_matrix_is_read_along_its_rows():
    matrix = np.full((3, 3), np.nan)
    matrix[np.tril_indices(3)] = [10.0, 20.0, 21.0, 30.0, 31.0, 32.0]
    rows = by_lag(matrix)
    np.testing.assert_array_equal(rows, [[10, np.nan, np.nan], [21, 20, np.nan], [32, 31, 30]])


def test_every_loss_counts_alike_in_the_mean():
    rows = np.array([[1.0, 0.5, 0.25], [100.0, 10.0, np.nan], [np.nan, np.nan, np.nan], [0.0, 0.0, 0.0], [1.0, np.inf, 0.75]])
    np.testing.assert_allclose(mean_by_lag(rows), [1.0, 0.3, 0.5])
    assert np.isnan(mean_by_lag(rows[2:4])).all()
