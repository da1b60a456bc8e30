"""What the page says of residuals: of noise, of structure, of a forecast that lies too low, and of too few of them."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.charts import residuals
from dashboard.charts.picture import Look

NOISE = np.random.default_rng(0).normal(size=80)


def words(left: np.ndarray, horizon: int = 1) -> str:
    times = [str(t) for t in range(len(left))]
    return residuals.draw(times, left, np.zeros(len(left)), 12, Look(), horizon).words


def test_noise_is_called_no_more_than_chance():
    told = words(NOISE)
    assert "Lags 1 to 20 show no more correlation than chance" in told
    assert "80 residuals" in told
    assert "too low" not in told


def test_structure_is_named_with_its_lag():
    assert "more correlated than chance allows" in words(NOISE + 2 * np.cos(np.arange(80) * np.pi / 6))


@pytest.mark.parametrize(("mean", "side"), [(3.0, "too low, by"), (-3.0, "too high, by")])
def test_a_forecast_that_lies_beside_the_truth_is_told_so(mean, side):
    assert side in words(NOISE + mean)


def test_what_a_horizon_brings_about_is_no_structure():
    shared = np.convolve(np.random.default_rng(3).normal(size=82), np.ones(3), "valid")
    assert "more correlated than chance" in words(shared)
    assert "Lags 3 to 20 show no more correlation than chance" in words(shared, horizon=3)
    assert "below lag 3 are to be expected" in words(shared, horizon=3)


def test_few_residuals_tell_nothing():
    assert "20 residuals are too few" in words(NOISE[:20], horizon=12)
    assert "chance" not in words(NOISE[:5])
