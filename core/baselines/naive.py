"""The methods without a model: naive, seasonal naive and drift.

Forecasts and intervals after Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed. (FPP3), sections 5.2 and 5.5:
with sigma the standard deviation of the one-step residuals of the training part, the forecast of h steps has the deviation

    naive            sigma sqrt(h)
    seasonal naive   sigma sqrt(k + 1)   k = whole seasons before step h, (h - 1) // m
    drift            sigma sqrt(h (1 + h / (n - 1)))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.baselines.baseline import Baseline, Fitted, Going, NoFit, Parameter, ends, spans
from core.forecast import Array

SIGMA = "the typical size of a one-step error on the training part; it sets the width of the interval."


class Naive(Baseline):
    """The last value, for ever: y_{t+h} = y_t."""

    key = "naive"
    label = "Naive"
    help = "Repeats the last value. The best there is for a random walk."

    def fit_form(self, train: Array, period: int, form: str, going: Going) -> Fitted:
        sigma = deviation(np.diff(train), 0)
        return simple(self, train, 1, (sigma,), (Parameter("sigma", sigma, SIGMA),))

    def predict(self, fitted: Fitted, values: Array, origins: Sequence[int], horizon: int) -> tuple[Array, Array, Array]:
        (sigma,) = fitted.estimates
        value, wide = [], []
        for origin, steps in spans(origins, len(values), horizon):
            value.append(np.full(steps, values[origin - 1]))
            wide.append(sigma * np.sqrt(np.arange(1, steps + 1)))
        return ends(np.concatenate(value), np.concatenate(wide))


class SeasonalNaive(Baseline):
    """The value of the same step of the last season: y_{t+h} = y_{t+h-m(k+1)}."""

    key = "seasonal_naive"
    label = "Seasonal naive"
    help = "Repeats the last season. What every seasonal forecast has to beat."

    def fit_form(self, train: Array, period: int, form: str, going: Going) -> Fitted:
        if period <= 1:
            raise NoFit("The series has no season: the seasonal naive method would be the naive one.")
        if len(train) < period + 2:
            raise NoFit(f"The training part has {len(train)} points; a season of {period} steps needs at least {period + 2}.")
        sigma = deviation(train[period:] - train[:-period], 0)
        return simple(self, train, period, (sigma,), (Parameter("sigma", sigma, SIGMA.replace("one-step", "one-season")),))

    def predict(self, fitted: Fitted, values: Array, origins: Sequence[int], horizon: int) -> tuple[Array, Array, Array]:
        (sigma,), m = fitted.estimates, fitted.season
        value, wide = [], []
        for origin, steps in spans(origins, len(values), horizon):
            before = np.arange(steps) // m
            value.append(values[origin + np.arange(steps) - m * (before + 1)])
            wide.append(sigma * np.sqrt(before + 1))
        return ends(np.concatenate(value), np.concatenate(wide))


class Drift(Baseline):
    """The last value and the mean change of the training part for each step: y_{t+h} = y_t + h b, b = (y_n - y_1) / (n - 1)."""

    key = "drift"
    label = "Drift"
    help = "Goes on from the last value along the mean slope of the training part."

    def fit_form(self, train: Array, period: int, form: str, going: Going) -> Fitted:
        changes = np.diff(train)
        slope = float(changes.mean()) if changes.size else 0.0
        sigma = deviation(changes - slope, 1)
        meanings = (Parameter("b", slope, "the mean change from step to step on the training part."), Parameter("sigma", sigma, SIGMA))
        return simple(self, train, 1, (slope, sigma), meanings)

    def predict(self, fitted: Fitted, values: Array, origins: Sequence[int], horizon: int) -> tuple[Array, Array, Array]:
        slope, sigma = fitted.estimates
        value, wide = [], []
        for origin, steps in spans(origins, len(values), horizon):
            ahead = np.arange(1, steps + 1)
            value.append(values[origin - 1] + slope * ahead)
            wide.append(sigma * np.sqrt(ahead * (1 + ahead / (fitted.points - 1))))
        return ends(np.concatenate(value), np.concatenate(wide))


def deviation(residuals: Array, parameters: int) -> float:
    """The standard deviation of residuals with mean 0, less one degree of freedom for each parameter (FPP3, equation 5.1)."""
    freedom = residuals.size - parameters
    if freedom < 1:
        raise NoFit("The training part is too short.")
    return float(np.sqrt((residuals**2).sum() / freedom))


def simple(method: Baseline, train: Array, season: int, estimates: tuple[float, ...], parameters: tuple[Parameter, ...]) -> Fitted:
    """A fit of one of these methods; the last estimate is sigma."""
    return Fitted(
        baseline=method.key,
        form="",
        name=method.label,
        season=season,
        points=len(train),
        estimates=estimates,
        parameters=parameters,
        criteria={"sigma2": estimates[-1] ** 2},
    )
