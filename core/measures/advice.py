"""Advice on a truncation length, from how the error decays with the lag.  Nothing here imports torch.

After Aicher, Foti & Fox 2019, "Adaptively truncating backpropagation through time to control gradient bias": with phi_k the mean norm of
dL_s/dh_{s-k}, there is a beta with E phi_{k+1} <= beta E phi_k from some lag tau on.  Where beta < 1, what a truncation after K steps cuts
off is a geometric tail, and the relative bias is estimated by its share,

    delta(K) = sum_{k >= K} phi_k / sum_k phi_k

with phi_k as measured, and as fitted beyond the longest lag that is seen often enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.measures.decay import Decay, by_lag, fit_decay
from core.trace import Array

FEW = 3
"""Errors that a lag must be seen with to count."""
FEWEST = 3
"""Lags that a line is fitted to, at least."""
STRAIGHT = 0.1
"""How far, in natural logarithms, the errors may lie from a line that describes them."""


@dataclass(frozen=True)
class Fading:
    """How errors fade with the lag, and which K that asks for.

    phi: mean |dL_s/dh_{s-k}| over all s and sequences, k = 0, 1, ... up to the longest lag that is seen `FEW` times.
    low, high: its quartiles.   fit: of phi from lag tau on.
    beta_low, beta_high: quartiles of the factors per step that the losses have one by one; NaN where none can be fitted.
    """

    phi: Array
    low: Array
    high: Array
    tau: int
    fit: Decay
    beta_low: float
    beta_high: float

    @property
    def beta(self) -> float:
        """The factor of the error per step, from lag tau on; NaN without a fit."""
        return self.fit.beta

    def tail(self, k: int) -> float:
        """delta(K): the estimated relative bias of a truncation that keeps the lags below K.  NaN where the error does not fade."""
        if not 0 < self.beta < 1:
            return math.nan
        seen = len(self.phi)
        beyond = float(self.fit.at(np.array(max(k, seen)))) / (1 - self.beta)
        whole = float(self.phi.sum()) + float(self.fit.at(np.array(seen))) / (1 - self.beta)
        return (float(self.phi[k:].sum()) + beyond) / whole

    def enough(self, delta: float, most: int = 4096) -> int | None:
        """K(delta): the smallest K with delta(K) <= delta; None where there is none up to `most`."""
        return next((k for k in range(1, most + 1) if self.tail(k) <= delta), None)

    def to_frame(self) -> pd.DataFrame:
        """A row for each lag: phi and its quartiles."""
        return pd.DataFrame({"lag": np.arange(len(self.phi)), "phi": self.phi, "low": self.low, "high": self.high})


def fading(lag_norms: Array) -> Fading:
    """How |dL_s/dh_t| fades, (T, T, B), rows s, columns t, NaN where there is no such error."""
    rows = np.moveaxis(by_lag(lag_norms), -1, 1).reshape(-1, len(lag_norms))
    counts = np.isfinite(rows).sum(0)
    few = np.flatnonzero(counts < min(FEW, max(1, counts[0])))
    rows = rows[:, : int(few[0]) if len(few) else len(counts)]
    rows = rows[np.isfinite(rows).any(1)]
    if not rows.size:
        nothing = np.empty(0)
        return Fading(nothing, nothing, nothing, 0, fit_decay(nothing), math.nan, math.nan)
    phi, (low, high) = np.nanmean(rows, 0), np.nanquantile(rows, (0.25, 0.75), axis=0)
    tau = _begin(phi)
    fits = [fit_decay(row, tau) for row in rows]
    factors = [fit.beta for fit in fits if fit.lags >= FEWEST] or [math.nan]
    return Fading(phi, low, high, tau, fit_decay(phi, tau), *(float(value) for value in np.quantile(factors, (0.25, 0.75))))


def _begin(phi: Array) -> int:
    """The first lag from which on a line lies within `STRAIGHT` of the logarithms; that of the nearest line where none does."""
    fits = {tau: fit_decay(phi, tau) for tau in range(max(1, len(phi) - FEWEST + 1))}
    apart = {tau: fit.residual for tau, fit in fits.items() if fit.lags >= FEWEST and math.isfinite(fit.residual)}
    straight = [tau for tau, residual in apart.items() if residual <= STRAIGHT]
    return straight[0] if straight else min(apart, key=apart.__getitem__, default=0)
