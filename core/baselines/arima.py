"""ARIMA and seasonal ARIMA, fitted by exact maximum likelihood with the state-space model of statsmodels.

Box & Jenkins (1970); the state space after Durbin & Koopman, Time Series Analysis by State Space Methods (2001), chapter 3.  Signs
as in R: with w_t the differenced series, B the step back and m the season::

    (1 - phi_1 B - ...) (1 - Phi_1 B^m - ...) w_t = c + (1 + theta_1 B + ...) (1 + Theta_1 B^m + ...) e_t        e_t ~ N(0, sigma2)

The likelihood is that of the differenced series, with sigma2 concentrated out: fewer states and one parameter less to search, and the
same maximum.  Forecasts come from one pass of the filter over the series itself, whose state at t has read the values before t only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.baselines.baseline import (
    Baseline,
    Fitted,
    Going,
    NoFit,
    Options,
    Parameter,
    aicc,
    ends,
    no_season,
    season_of,
    season_words,
    spans,
)
from core.baselines.orders import Order, differenced, differences, grid
from core.forecast import Array

ITERATIONS = 200


class ARIMA(Baseline):
    """ARIMA; the order is given, or that of the least AICc over a grid of about 20, after the number of differences has been tested."""

    key = "arima"
    label = "ARIMA"
    help = "Regression on its own last values and last errors, after differencing."
    options = ("arima", "logarithm")

    def forms(self, train: Array, period: int, options: Options) -> tuple[str, ...]:
        if options.arima != "auto":
            return (str(Order.parse(options.arima)),)
        season = season_of(period, len(train))
        return tuple(map(str, grid(*differences(train, season), season)))

    def fit_form(self, train: Array, period: int, form: str, going: Going) -> Fitted:
        order = Order.parse(form)
        season = season_of(period, len(train))
        if order.seasonal and season == 1:
            raise NoFit(f"{no_season(period, len(train))} Leave the seasonal part of the order out.")
        changes = differenced(train, order, season)
        if len(changes) < order.parameters + 4:
            raise NoFit(f"{order.name(season)} needs more than the {len(train)} points of training.")
        scale = float(changes.std())
        if scale <= 1e-12 * float(np.abs(train).max()):
            raise NoFit("After differencing, the training part is constant: there is nothing left to model.")
        # Around their mean, the constant and the coefficients can be searched for independently of each other.
        centre = float(changes.mean()) / scale if order.constant else 0.0
        found = _maximise(_model(changes / scale - centre, _arma(order), season, concentrate=order.parameters > 1), going)
        return _fitted(self, order, season, train, len(changes), scale, centre, period, found)

    def predict(self, fitted: Fitted, values: Array, origins: Sequence[int], horizon: int) -> tuple[Array, Array, Array]:
        order = Order.parse(fitted.form)
        scale, *estimates = fitted.estimates
        model = _model(values / scale, order, fitted.season)
        model.update(np.array(estimates))
        seen = model.ssm.filter()
        design, transition, shift = model["design"][0], model["transition"], model["state_intercept"].reshape(model.k_states, -1)[:, 0]
        noise = model["selection"] @ model["state_cov"] @ model["selection"].T
        value, wide = np.empty(len(values) - origins[0]), np.empty(len(values) - origins[0])
        for origin, steps in spans(origins, len(values), horizon):
            state, spread = seen.predicted_state[:, origin], seen.predicted_state_cov[:, :, origin]
            for place in range(origin - origins[0], origin - origins[0] + steps):
                value[place], wide[place] = design @ state, design @ spread @ design
                state, spread = shift + transition @ state, transition @ spread @ transition.T + noise
        # The variance of a series without surprises is rounded to either side of 0.
        return ends(scale * value, scale * np.sqrt(np.maximum(wide, 0)))


def _arma(order: Order) -> Order:
    """The order of what is left after differencing."""
    return Order(order.p, 0, order.q, order.P, 0, order.Q, order.constant)


def _model(values: Array, order: Order, season: int, *, concentrate: bool = False) -> Any:
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    return SARIMAX(
        values,
        order=(order.p, order.d, order.q),
        seasonal_order=(order.P, order.D, order.Q, season if order.seasonal else 0),
        trend="c" if order.constant else "n",
        concentrate_scale=concentrate,
        use_exact_diffuse=bool(order.d or order.D),
    )


def _maximise(model: Any, going: Going) -> Any:
    return model.fit(disp=0, maxiter=ITERATIONS, cov_type="none", callback=lambda _: going())


def _fitted(
    method: Baseline, order: Order, season: int, train: Array, used: int, scale: float, centre: float, period: int, found: Any
) -> Fitted:
    """What statsmodels found for the changes / scale - centre.

    estimates: scale, then the parameters of statsmodels for the series / scale, the variance last.
    """
    numbers = [float(value) for value in found.params]
    if order.parameters > 1:
        numbers.append(float(found.scale))
    if order.constant:
        lags = found.polynomial_ar.sum() * found.polynomial_seasonal_ar.sum()
        numbers[0] += centre * float(lags)
    log_likelihood = float(found.llf) - used * float(np.log(scale))
    name = order.name(season)
    if not np.isfinite([*numbers, log_likelihood]).all():
        raise NoFit(f"{name} found no finite parameters for this series.")
    converged = bool(found.mle_retvals["converged"])
    words = [] if converged else [f"{name} did not converge within {ITERATIONS} iterations: its parameters are not the best ones."]
    words.append(season_words(period, season, len(train)))
    sigma2 = numbers[-1] * scale**2
    return Fitted(
        baseline=method.key,
        form=str(order),
        name=name,
        season=season,
        points=len(train),
        estimates=(scale, *numbers),
        parameters=_parameters(order, season, numbers, scale),
        criteria={"aicc": float(aicc(log_likelihood, order.parameters, used)), "log_likelihood": log_likelihood, "sigma2": sigma2},
        converged=converged,
        words=" ".join(filter(None, words)),
    )


def _parameters(order: Order, season: int, numbers: Sequence[float], scale: float) -> tuple[Parameter, ...]:
    """Names and meanings in the order of statsmodels: constant, AR, MA, seasonal AR, seasonal MA, variance."""
    what = "change" if order.d or order.D else "value"
    found: list[tuple[str, str]] = []
    found += [(f"phi_{lag}", f"how much of the {what} {_ago(lag)} is repeated.") for lag in range(1, order.p + 1)]
    found += [(f"theta_{lag}", f"how much of the surprise {_ago(lag)} is carried over.") for lag in range(1, order.q + 1)]
    found += [(f"Phi_{lag}", f"how much of the {what} {_ago(lag * season)} is repeated.") for lag in range(1, order.P + 1)]
    found += [(f"Theta_{lag}", f"how much of the surprise {_ago(lag * season)} is carried over.") for lag in range(1, order.Q + 1)]
    values = list(numbers)
    parameters = []
    if order.constant:
        words = (
            "added at every step: it makes the slope." if order.d or order.D else "added at every step: it holds the series at its mean."
        )
        parameters.append(Parameter("c", values.pop(0) * scale, words))
    parameters += [Parameter(name, value, meaning) for (name, meaning), value in zip(found, values[:-1], strict=True)]
    return (*parameters, Parameter("sigma2", values[-1] * scale**2, "the variance of the surprises."))


def _ago(steps: int) -> str:
    return "one step ago" if steps == 1 else f"{steps} steps ago"
