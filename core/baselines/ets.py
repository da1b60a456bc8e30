"""Exponential smoothing in state-space form (ETS), Holt-Winters among it; fitted by maximum likelihood with statsmodels.

Hyndman, Koehler, Ord & Snyder, Forecasting with Exponential Smoothing (2008), chapters 2 and 6.  With level l, trend b and season s,
phi = 1 where the trend is not damped, b = 0 and s = 0 (or 1) where there is none::

    mu_t = (l_{t-1} + phi b_{t-1}) + s_{t-m}        (times s_{t-m} for a multiplicative season)
    e_t  = y_t - mu_t                               e_t ~ N(0, sigma2), or e_t / mu_t ~ N(0, sigma2) for a multiplicative error
    l_t  = l_{t-1} + phi b_{t-1} + alpha e_t        (e_t / s_{t-m} for a multiplicative season)
    b_t  = phi b_{t-1} + beta e_t                   (likewise)
    s_t  = s_{t-m} + gamma e_t                      (e_t / (l_{t-1} + phi b_{t-1}) for a multiplicative season)

A form is written by error, trend and season: "AAA" is the additive Holt-Winters method, "MAM" the multiplicative one, "ANN" simple
exponential smoothing, "Ad" a damped trend.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.baselines.baseline import (
    QUANTILE,
    Baseline,
    Fitted,
    Going,
    NoFit,
    Options,
    Parameter,
    aicc,
    no_season,
    season_of,
    season_words,
    spans,
)
from core.forecast import Array

WORDS = {"A": "add", "M": "mul", "N": None}
ITERATIONS = 400
PATHS = 4000
"""Simulated futures from each origin, for the intervals that have no closed form."""
SEED = 20060101


@dataclass(frozen=True, slots=True)
class Form:
    """Error, trend and season of one model."""

    error: str
    trend: str
    damped: bool
    season: str

    @classmethod
    def parse(cls, text: str) -> Form:
        """The form that is written so; ValueError with one sentence where none is."""
        found = re.fullmatch(r"([AM])(N|Ad?)([NAM])", text.strip())
        if not found:
            raise ValueError("Write an ETS form as error (A or M), trend (N, A or Ad) and season (N, A or M), such as AAA or MAdM.")
        return cls(found[1], found[2][0], found[2] == "Ad", found[3])

    def __str__(self) -> str:
        return f"{self.error}{self.trend}{'d' if self.damped else ''}{self.season}"

    @property
    def name(self) -> str:
        """ETS(A,Ad,M)."""
        return f"ETS({self.error},{self.trend}{'d' if self.damped else ''},{self.season})"


class ETS(Baseline):
    """Exponential smoothing; the form is given, or that of the least AICc.

    An additive error beside a multiplicative season is left out of the choice, as in R's ets: it divides by what may come close to 0.
    """

    key = "ets"
    label = "ETS (Holt-Winters)"
    help = "Exponential smoothing of level, trend and season: recent values count most."
    options = ("ets", "logarithm")

    def forms(self, train: Array, period: int, options: Options) -> tuple[str, ...]:
        season = season_of(period, len(train))
        positive = bool((train > 0).all())
        if options.ets != "auto":
            return (str(Form.parse(options.ets)),)
        errors = "AM" if positive else "A"
        seasons = ("N", "A", "M") if season > 1 and positive else ("N", "A") if season > 1 else ("N",)
        return tuple(
            error + trend + kind for error in errors for trend in ("N", "A", "Ad") for kind in seasons if (error, kind) != ("A", "M")
        )

    def fit_form(self, train: Array, period: int, form: str, going: Going) -> Fitted:
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        chosen = Form.parse(form)
        season = season_of(period, len(train))
        if chosen.season != "N" and season == 1:
            raise NoFit(no_season(period, len(train)))
        if "M" in (chosen.error, chosen.season) and not (train > 0).all():
            raise NoFit("A multiplicative error or season needs values above 0.")
        season = season if chosen.season != "N" else 1
        count = _smoothing(chosen) + 1 + (chosen.trend != "N") + (season - 1)
        if len(train) <= count + 2 or len(train) < 10:
            raise NoFit(f"{chosen.name} has {count} parameters; {len(train)} points of training are too few for it.")
        if np.ptp(train) == 0:
            raise NoFit("The training part is constant: there is nothing to smooth.")
        scale = float(np.abs(train).mean())
        model = ETSModel(
            train / scale,
            error=WORDS[chosen.error],
            trend=WORDS[chosen.trend],
            damped_trend=chosen.damped,
            seasonal=WORDS[chosen.season],
            seasonal_periods=season if season > 1 else None,
        )
        found = model.fit(disp=0, maxiter=ITERATIONS, callback=lambda _: going())
        return _fitted(self, chosen, season, train, scale, period, found)

    def predict(self, fitted: Fitted, values: Array, origins: Sequence[int], horizon: int) -> tuple[Array, Array, Array]:
        form = Form.parse(fitted.form)
        numbers = _Numbers.read(fitted)
        states = _smoothed(form, numbers, values, origins)
        # The same draws from every origin: an interval depends on the state at its origin, and on nothing else.
        draws = None if closed_form(form) else np.random.default_rng(SEED).standard_normal((horizon, PATHS))
        parts = [
            _ahead(form, numbers, state, origin, steps, draws)
            for state, (origin, steps) in zip(states, spans(origins, len(values), horizon), strict=True)
        ]
        value, low, high = (np.concatenate(part) for part in zip(*parts, strict=True))
        return value, low, high


def closed_form(form: Form) -> bool:
    """Whether the intervals have one: where errors, trend and season add up."""
    return form.error == "A" and form.season != "M"


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The estimates by name; `seasons` in the order of the first season's steps."""

    alpha: float
    beta: float
    gamma: float
    phi: float
    sigma2: float
    level: float
    slope: float
    seasons: tuple[float, ...]

    @classmethod
    def read(cls, fitted: Fitted) -> _Numbers:
        alpha, beta, gamma, phi, sigma2, level, slope, *seasons = fitted.estimates
        return cls(alpha, beta, gamma, phi, sigma2, level, slope, tuple(seasons))


@dataclass(frozen=True, slots=True)
class _State:
    """Level, slope, and the seasonal terms by their place in the season; numbers, or (paths,) each."""

    level: Any
    slope: Any
    seasons: Array


def _smoothing(form: Form) -> int:
    return 1 + (form.trend != "N") + (form.season != "N") + form.damped


def _mean(form: Form, numbers: _Numbers, level: Any, slope: Any, seasonal: Any) -> tuple[Any, Any]:
    """(l + phi b, mu): the coming level, and the value that is expected."""
    base = level + numbers.phi * slope
    return base, base * seasonal if form.season == "M" else base + seasonal


def _next(form: Form, numbers: _Numbers, base: Any, slope: Any, seasonal: Any, error: Any) -> tuple[Any, Any, Any]:
    """Level, slope and seasonal term after an error: the equations above."""
    on_level = error / seasonal if form.season == "M" else error
    on_season = error / base if form.season == "M" else error
    return base + numbers.alpha * on_level, numbers.phi * slope + numbers.beta * on_level, seasonal + numbers.gamma * on_season


def _smoothed(form: Form, numbers: _Numbers, values: Array, origins: Sequence[int]) -> list[_State]:
    """The state before each origin, from the values before it."""
    level, slope, seasons = numbers.level, numbers.slope, np.array(numbers.seasons)
    wanted, states = set(origins), []
    for t in range(origins[-1] + 1):
        if t in wanted:
            states.append(_State(level, slope, seasons.copy()))
        place = t % len(seasons)
        base, mu = _mean(form, numbers, level, slope, seasons[place])
        level, slope, seasons[place] = _next(form, numbers, base, slope, seasons[place], values[t] - mu)
    return states


def _ahead(form: Form, numbers: _Numbers, state: _State, origin: int, steps: int, draws: Array | None) -> tuple[Array, Array, Array]:
    """Forecast and interval of the steps after an origin."""
    value = np.empty(steps)
    level, slope, m = state.level, state.slope, len(state.seasons)
    for j in range(steps):
        level, value[j] = _mean(form, numbers, level, slope, state.seasons[(origin + j) % m])
        slope = numbers.phi * slope
    if draws is None:
        wide = QUANTILE * np.sqrt(numbers.sigma2 * _growth(form, numbers, m, steps))
        return value, value - wide, value + wide
    futures = _futures(form, numbers, state, origin, draws[:steps])
    low, high = np.quantile(futures, (0.025, 0.975), axis=1)
    return value, low, high


def _growth(form: Form, numbers: _Numbers, m: int, steps: int) -> Array:
    """How many times sigma2 the variance of the forecast of 1, ..., `steps` steps is: 1 + sum c_j^2 (Hyndman et al. 2008, chapter 6)."""
    ahead = np.arange(1, steps)
    c = numbers.alpha + numbers.beta * np.cumsum(numbers.phi**ahead)
    if form.season != "N":
        c += numbers.gamma * (ahead % m == 0)
    return np.concatenate([[1.0], 1 + np.cumsum(c**2)])


def _futures(form: Form, numbers: _Numbers, state: _State, origin: int, draws: Array) -> Array:
    """Simulated values, (steps, paths): each path goes on with its own errors."""
    steps, paths = draws.shape
    m = len(state.seasons)
    level, slope = np.full(paths, state.level), np.full(paths, state.slope)
    seasons = np.repeat(state.seasons[:, None], paths, axis=1)
    sigma, values = np.sqrt(numbers.sigma2), np.empty((steps, paths))
    with np.errstate(all="ignore"):
        for j in range(steps):
            place = (origin + j) % m
            base, mu = _mean(form, numbers, level, slope, seasons[place])
            error = sigma * draws[j] * (mu if form.error == "M" else 1.0)
            values[j] = mu + error
            level, slope, seasons[place] = _next(form, numbers, base, slope, seasons[place], error)
    return np.nan_to_num(values)


def _fitted(method: Baseline, form: Form, season: int, train: Array, scale: float, period: int, found: Any) -> Fitted:
    """What statsmodels found for train / scale, in the series' own units."""
    numbers = dict(zip(found.model.param_names, (float(value) for value in found.params), strict=True))
    unit = 1.0 if form.season == "M" else scale
    # statsmodels counts the first season backwards from its end.
    places = [numbers[f"initial_seasonal.{place}"] * unit for place in reversed(range(season))] if form.season != "N" else [0.0]
    n = len(train)
    count = _smoothing(form) + 1 + (form.trend != "N") + (season - 1)
    # A relative error has no unit; an additive one has that of the series.
    errors = np.asarray(found.resid) * (1.0 if form.error == "M" else scale)
    sigma2 = float((errors**2).sum() / (n - count))
    log_likelihood = float(found.llf) - n * float(np.log(scale))
    estimates = (
        numbers["smoothing_level"],
        numbers.get("smoothing_trend", 0.0),
        numbers.get("smoothing_seasonal", 0.0),
        numbers.get("damping_trend", 1.0),
        sigma2,
        numbers["initial_level"] * scale,
        numbers.get("initial_trend", 0.0) * scale,
        *places,
    )
    if not np.isfinite([*estimates, log_likelihood]).all():
        raise NoFit(f"{form.name} found no finite parameters for this series.")
    converged = bool(found.mle_retvals["converged"])
    words = [] if converged else [f"{form.name} did not converge within {ITERATIONS} iterations: its parameters are not the best ones."]
    words.append(season_words(period, season_of(period, n), n))
    return Fitted(
        baseline=method.key,
        form=str(form),
        name=form.name,
        season=season,
        points=n,
        estimates=estimates,
        parameters=_parameters(form, estimates),
        # The variance is a parameter, too.
        criteria={"aicc": float(aicc(log_likelihood, count + 1, n)), "log_likelihood": log_likelihood, "sigma2": sigma2},
        converged=converged,
        words=" ".join(filter(None, words)),
    )


def _parameters(form: Form, estimates: Sequence[float]) -> tuple[Parameter, ...]:
    alpha, beta, gamma, phi, _, level, slope, *places = estimates
    found = [Parameter("alpha", alpha, "how fast the level follows new values: 0 never, 1 at once.")]
    if form.trend != "N":
        found.append(Parameter("beta", beta, "how fast the slope follows: the share of an error that is added to it."))
    if form.damped:
        found.append(Parameter("phi", phi, "how much of the slope is left after each step ahead."))
    if form.season != "N":
        found.append(Parameter("gamma", gamma, "how fast the seasonal pattern follows: 0 keeps the first one."))
    found.append(Parameter("l_0", level, "the level before the first value."))
    if form.trend != "N":
        found.append(Parameter("b_0", slope, "the slope before the first value."))
    if form.season != "N":
        kind = "multiplies" if form.season == "M" else "is added to"
        found += [
            Parameter(f"s_{place + 1}", value, f"{kind} the level at step {place + 1} of the first season.")
            for place, value in enumerate(places)
        ]
    return tuple(found)
