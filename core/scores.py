"""Scores: how far a forecast was off.  Nothing here imports torch.

n times, D columns, N times of the training part.  Each score is worked out for every column by itself and averaged over columns.  No
column may count more for its units: of several columns, MSE and MAE are in standard deviations of each one's training part (`comparable`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def mse(actual: Array, forecast: Array) -> float:
    """Mean squared error, in squared units.  actual, forecast: (n, D)."""
    _check(actual, forecast)
    return float(np.mean((actual - forecast) ** 2))


def comparable(train: Array, *values: Array) -> tuple[Array, ...]:
    """Values (n, D) in units that all columns share: the standard deviation of each column's training part (N, D).

    A series of one column keeps its own units.  NaN for a column that does not vary in the training part.
    """
    if train.shape[1] == 1:
        return values
    spread, varies = train.std(axis=0), np.ptp(train, axis=0) > 0  # of equal values, the first may be rounding, and not 0
    return tuple(np.divide(value, spread, out=np.full_like(value, np.nan, dtype=float), where=varies) for value in values)


def mae(actual: Array, forecast: Array) -> float:
    """Mean absolute error, in the series' units.  actual, forecast: (n, D)."""
    _check(actual, forecast)
    return float(np.mean(np.abs(actual - forecast)))


def mase(actual: Array, forecast: Array, train: Array, period: int) -> float:
    """Mean absolute scaled error: the error against that of the seasonal naive forecast within the training part.

        scale = mean |y_t - y_{t-m}| over t = m + 1 ... N          MASE = mean |actual - forecast| / scale

    Below 1 the forecast is better than repeating the last season was on the training part.  (Hyndman & Koehler 2006, Another look at
    measures of forecast accuracy, Int. J. Forecasting 22; with m = period.)  train: (N, D).  NaN where the training part repeats itself
    exactly.  ValueError when it is no longer than a season.
    """
    _check(actual, forecast)
    if not 1 <= period < len(train):
        raise ValueError(f"The season must have 1 to {len(train) - 1} steps, fewer than the training part, not {period}.")
    scale = np.mean(np.abs(train[period:] - train[:-period]), axis=0)
    off = np.mean(np.abs(actual - forecast), axis=0)
    return float(np.mean(off / scale)) if (scale > 0).all() else float("nan")


def smape(actual: Array, forecast: Array) -> float:
    """Symmetric mean absolute percentage error, 0 to 200 %: 200 mean(|y - f| / (|y| + |f|)), a term 0 where both are 0.

    (Makridakis 1993, Accuracy measures: theoretical and practical concerns, Int. J. Forecasting 9.)  actual, forecast: (n, D).
    """
    _check(actual, forecast)
    # Halves: the sum of two values near the largest number would be infinite.
    off, size = np.abs(actual / 2 - forecast / 2), np.abs(actual) / 2 + np.abs(forecast) / 2
    return float(200 * np.mean(np.divide(off, size, out=np.zeros_like(off), where=size > 0)))


def coverage(actual: Array, lower: Array, upper: Array) -> float:
    """The share of true values inside their prediction intervals, ends included, all columns together; NaN where an end is not finite.

    An interval is honest when its coverage is about its nominal level.  (Hyndman & Athanasopoulos, Forecasting: Principles and Practice,
    3rd ed., 5.5.)  actual, lower, upper: (n, D).
    """
    _check(actual, lower)
    _check(actual, upper)
    inside = (lower <= actual) & (actual <= upper)
    return float(np.mean(inside)) if np.isfinite(lower).all() and np.isfinite(upper).all() else math.nan


def _check(actual: Array, forecast: Array) -> None:
    if actual.shape != forecast.shape or actual.ndim != 2 or not len(actual):
        raise ValueError(f"A score compares two arrays of the same shape (n, D), n at least 1, not {actual.shape} and {forecast.shape}.")


def _shared(score: Callable[[Array, Array], float]) -> Callable[[Array, Array, Array, int], float]:
    """A score that has units, in those that all columns share."""

    def of(actual: Array, forecast: Array, train: Array, _: int) -> float:
        _check(actual, forecast)
        return score(*comparable(train, actual, forecast))

    return of


@dataclass(frozen=True, slots=True)
class Score:
    """One score; smaller is better.  of: actual (n, D), forecast (n, D), train (N, D), period -> the score."""

    label: str
    help: str
    of: Callable[[Array, Array, Array, int], float]


SCORES: dict[str, Score] = {
    "mse": Score("MSE", "Mean squared error, in the units of MAE, squared: a few large errors weigh most.", _shared(mse)),
    "mae": Score("MAE", "Mean absolute error, in the series' own units; of several columns, in their standard deviations.", _shared(mae)),
    "mase": Score("MASE", "The error against that of repeating the last season within the training part; below 1 is better.", mase),
    "smape": Score("sMAPE", "Mean error in percent of the mean of truth and forecast, from 0 to 200.", lambda a, f, *_: smape(a, f)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Autocorrelation:
    """values (lags, D): r_1, r_2, ... of each column.  band: 95 % of the r_k of white noise lie between -band and band."""

    values: Array
    band: float


def autocorrelation(residuals: Array, lags: int) -> Autocorrelation:
    """How much residuals (n, D) still know of each other; white noise is all that a good forecast leaves.

        r_k = sum_t (e_t - ē)(e_{t+k} - ē) / sum_t (e_t - ē)^2          band = 1.96 / sqrt(n)

    (Box & Jenkins 1976, 2.1; the band after Bartlett 1946.)  NaN for residuals that do not vary.  ValueError unless 1 <= lags < n.
    """
    n = len(residuals)
    if residuals.ndim != 2 or not 1 <= lags < n:
        raise ValueError(f"Lags must be a whole number from 1 to {n - 1}, fewer than the residuals, not {lags}.")
    e = residuals - residuals.mean(0)
    whole = np.sum(e**2, axis=0)
    products = np.stack([np.sum(e[k:] * e[:-k], axis=0) for k in range(1, lags + 1)])
    values = np.divide(products, whole, out=np.full_like(products, np.nan), where=(np.ptp(residuals, axis=0) > 0) & (whole > 0))
    return Autocorrelation(values, 1.96 / n**0.5)


def left_over(found: Autocorrelation, n: int, horizon: int = 1) -> float:
    """The probability that a forecast which leaves no structure shows correlations as large as these, together; NaN without any to judge.

    Forecasts of h steps share their surprises with their neighbours, so that even the best leave residuals that are correlated over fewer
    than h steps: only lags from h on are judged, by the portmanteau statistic of Ljung & Box 1978, Biometrika 65, with the variance that
    the lags before them bring about (Bartlett 1946):

        Q = n (n + 2) sum_{k >= h} r_k^2 / ((n - k) (1 + 2 sum_{j < h} r_j^2))          chi^2 with as many degrees of freedom as lags

    found: of one column of n residuals, from lag 1 on.
    """
    r = found.values[:, 0]
    before, judged = r[: horizon - 1], r[horizon - 1 :]
    if not len(judged) or np.isnan(r).any():
        return float("nan")
    lags = np.arange(horizon, len(r) + 1)
    q = n * (n + 2) * np.sum(judged**2 / (n - lags)) / (1 + 2 * np.sum(before**2))
    return _beyond(float(q), len(judged))


def standard_error(residuals: Array, found: Autocorrelation) -> float:
    """Of the mean of residuals (n,) that may know of each other, never less than that of independent ones.

        SE^2 = s^2 / n max(1, 1 + 2 sum_k (1 - k/n) r_k)          (Bayley & Hammersley 1946, JRSS Suppl. 8)

    found: of them, over the lags k that count.
    """
    n = len(residuals)
    more = 2 * np.sum((1 - np.arange(1, len(found.values) + 1) / n) * found.values[:, 0])
    return float(residuals.std(ddof=1) * np.sqrt(max(1.0, 1 + more) / n))


def _beyond(x: float, freedom: int) -> float:
    """The probability that a chi^2 of so many degrees of freedom exceeds x: a finite sum, for which no library has to be loaded."""
    if x <= 0:
        return 1.0
    half, odd = x / 2, freedom % 2
    places = (i + odd / 2 for i in range(freedom // 2))
    # By logarithms: of many degrees of freedom, powers and factorials leave what a number can hold.
    terms = (math.exp(place * math.log(half) - math.lgamma(place + 1) - half) for place in places)
    return (math.erfc(math.sqrt(half)) if odd else 0.0) + math.fsum(terms)
