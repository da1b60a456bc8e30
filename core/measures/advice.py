"""Advice on a truncation length, from how the error decays with the lag.  Nothing here imports torch.

After Aicher, Foti & Fox 2019, "Adaptively truncating backpropagation through time to control gradient bias": with phi_k the mean norm of
dL_s/dh_{s-k}, there is a beta with E phi_{k+1} <= beta E phi_k from some lag tau on.  Where beta < 1, what a truncation after K steps cuts
off is a geometric tail, and the relative bias is estimated by its share,

    delta(K) = sum_{k >= K} phi_k / sum_k phi_k

with phi_k as measured, and phi_tau beta^(k - tau) beyond the longest lag that is seen often enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.trace import Array

FEW = 3
"""Errors that a lag must be seen with to count in the fit."""
FEWEST = 3
"""Lags that a line is fitted to, at least."""
STRAIGHT = 0.1
"""How far, in natural logarithms, the errors may lie from a line that describes them."""


@dataclass(frozen=True)
class Decay:
    """How the error fades with the lag.

    phi: mean |dL_s/dh_{s-k}| over all s and sequences for k = 0, 1, ..., T - 1.   low, high: quartiles of the same.
    beta: its factor per step from lag tau on; NaN where no line can be fitted.   beta_low, beta_high: quartiles of the factors that the
    losses have one by one.
    """

    phi: Array
    low: Array
    high: Array
    beta: float
    beta_low: float
    beta_high: float
    tau: int

    @property
    def half_life(self) -> float:
        """Steps in which the error halves; infinite where it does not fade."""
        return math.log(0.5) / math.log(self.beta) if 0 < self.beta < 1 else math.inf if self.beta >= 1 else math.nan

    def tail(self, k: int) -> float:
        """delta(K): the estimated relative bias of a truncation that keeps the lags below K.  NaN where the error does not fade."""
        if not 0 < self.beta < 1:
            return math.nan
        rest = float(self.phi[-1]) * self.beta / (1 - self.beta)
        whole = float(self.phi.sum()) + rest
        return (float(self.phi[k:].sum()) + rest) / whole if k < len(self.phi) else rest * self.beta ** (k - len(self.phi)) / whole

    def enough(self, delta: float, most: int = 4096) -> int | None:
        """The smallest K with delta(K) <= delta; None where there is none up to `most`."""
        return next((k for k in range(1, most + 1) if self.tail(k) <= delta), None)

    def to_frame(self) -> pd.DataFrame:
        """A row for each lag: phi and its quartiles."""
        return pd.DataFrame({"lag": np.arange(len(self.phi)), "phi": self.phi, "low": self.low, "high": self.high})


def decay(lag_norms: Array) -> Decay:
    """The decay of |dL_s/dh_t|, (T, T, B), rows s, columns t, NaN where there is no such error."""
    steps = len(lag_norms)
    by_lag = [np.diagonal(lag_norms, -k).ravel() for k in range(steps)]
    by_lag = [one[np.isfinite(one)] for one in by_lag]
    seen = [one for one in by_lag if len(one) >= min(FEW, len(by_lag[0]))] or by_lag[:1]
    phi, low, high = (np.array([measure(one) if len(one) else math.nan for one in seen]) for measure in (np.mean, _low, _high))
    tau = _begin(phi)
    factors = [
        factor
        for b in range(lag_norms.shape[2])
        for s in range(steps)
        if math.isfinite(factor := _factor(lag_norms[s, : s + 1, b][::-1][tau:]))
    ]
    spread = (_low(np.array(factors)), _high(np.array(factors))) if factors else (math.nan, math.nan)
    return Decay(phi, low, high, _factor(phi[tau:]), *spread, tau)


def _begin(phi: Array) -> int:
    """The first lag from which on a straight line fits the logarithms to within `STRAIGHT` (rms); the best one where none does."""
    apart = []
    for tau in range(max(1, len(phi) - FEWEST + 1)):
        lags = np.flatnonzero(phi[tau:] > 0)
        if len(lags) < FEWEST:
            break
        logs = np.log(phi[tau:][lags])
        apart.append(float(np.sqrt(np.mean((logs - np.polyval(np.polyfit(lags, logs, 1), lags)) ** 2))))
        if apart[-1] <= STRAIGHT:
            return tau
    return int(np.argmin(apart)) if apart else 0


def _low(values: Array) -> float:
    return float(np.quantile(values, 0.25))


def _high(values: Array) -> float:
    return float(np.quantile(values, 0.75))


def _factor(norms: Array) -> float:
    """The factor per step of a line fitted to the logarithms; NaN for too few that are above 0."""
    lags = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    if len(lags) < FEWEST:
        return math.nan
    return float(np.exp(np.polyfit(lags, np.log(norms[lags]), 1)[0]))
