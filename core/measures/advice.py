"""Advice on a truncation length, from how the error decays with the lag.  Nothing here imports torch.

After Aicher, Foti & Fox 2019, "Adaptively truncating backpropagation through time to control gradient bias": with phi_k the mean norm of
dL_s/dh_{s-k}, there is a beta with E phi_{k+1} <= beta E phi_k from some lag tau on.  Where beta < 1, what a truncation after K steps cuts
off is a geometric tail, and the relative bias is estimated by its share,

    delta(K) = sum_{k >= K} phi_k / sum_k phi_k

with phi_k as measured, and as fitted beyond the longest lag that is seen often enough.  Of an LSTM, phi is of dL_s/dc_{s-k}: c carries
errors past h, and dL/dc_t holds what comes through h_t, too, so that the tail of dL/dh alone says too little.

How sure tau and beta are is read off samples drawn again with replacement (Efron 1979, "Bootstrap methods"): of the sequences, since losses
of one sequence share their Jacobians, or of the losses where there are too few sequences.

Letters: N losses, of all sequences together, L lags, R samples drawn again.
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
REDRAWN = 400
"""Samples drawn again."""
SURE = 0.95
"""The share of them that a spread holds."""
MANY = 8
"""Sequences from which on they are drawn again as wholes."""


@dataclass(frozen=True)
class Fading:
    """How errors fade with the lag, and which K that asks for.

    phi: mean |dL_s/d state_{s-k}| over all s and sequences, k = 0, 1, ... up to the longest lag that is seen `FEW` times.
    low, high: its quartiles.   fit: of phi from lag tau on.
    beta_low, beta_high: quartiles of the factors per step that the losses have one by one; NaN where none can be fitted.
    tau_spread, beta_spread: between which values they lie in `SURE` of the samples drawn again; NaN where none can be fitted.
    redrawn: what was drawn again, "sequences" or "losses".
    """

    phi: Array
    low: Array
    high: Array
    tau: int
    fit: Decay
    beta_low: float
    beta_high: float
    tau_spread: tuple[float, float]
    beta_spread: tuple[float, float]
    redrawn: str

    @property
    def beta(self) -> float:
        """The factor of the error per step, from lag tau on; NaN without a fit."""
        return self.fit.beta

    def tail(self, k: int) -> float:
        """delta(K): the estimated relative bias of a truncation that keeps the lags below K.  NaN where the error does not fade.

        An error that is exactly 0 at the longest lag has no tail beyond it.
        """
        seen = len(self.phi)
        gone = seen > 0 and self.phi[-1] == 0
        if not (gone or 0 < self.beta < 1):
            return math.nan
        beyond, later = (0.0 if gone else float(self.fit.at(np.array(lag))) / (1 - self.beta) for lag in (max(k, seen), seen))
        whole = float(self.phi.sum()) + later
        return (float(self.phi[k:].sum()) + beyond) / whole if 0 < whole < math.inf else math.nan

    def enough(self, delta: float, most: int = 4096) -> int | None:
        """K(delta): the smallest K with delta(K) <= delta; None where there is none up to `most`."""
        return next((k for k in range(1, most + 1) if self.tail(k) <= delta), None)

    def to_frame(self) -> pd.DataFrame:
        """A row for each lag: phi and its quartiles."""
        return pd.DataFrame({"lag": np.arange(len(self.phi)), "phi": self.phi, "low": self.low, "high": self.high})


def fading(lag_norms: Array) -> Fading:
    """How errors fade.

    lag_norms: |dL_s/dh_t|, or |dL_s/dc_t| where there is a c, (T, T, B), rows s, columns t, NaN where there is no such error.
    """
    rows = np.moveaxis(by_lag(lag_norms), -1, 1).reshape(-1, len(lag_norms))
    sequences = np.tile(np.arange(lag_norms.shape[-1]), len(lag_norms))
    counts = np.isfinite(rows).sum(0)
    few = np.flatnonzero(counts < min(FEW, max(1, counts[0])))
    rows = rows[:, : int(few[0]) if len(few) else len(counts)]
    there = np.isfinite(rows).any(1)
    rows, sequences = rows[there], sequences[there]
    if not rows.size:
        nothing = np.empty(0)
        unknown = math.nan, math.nan
        return Fading(nothing, nothing, nothing, 0, fit_decay(nothing), *unknown, unknown, unknown, "losses")
    phi, (low, high) = np.nanmean(rows, 0), np.nanquantile(rows, (0.25, 0.75), axis=0)
    tau = int(_begin(phi[None])[0][0])
    fits = [fit_decay(row, tau) for row in rows]
    factors = [fit.beta for fit in fits if fit.lags >= FEWEST] or [math.nan]
    beta_low, beta_high = (float(value) for value in np.quantile(factors, (0.25, 0.75)))
    whole = len(np.unique(sequences)) >= MANY
    taus, slopes = _begin(_drawn_again(rows, sequences if whole else np.arange(len(rows))))
    return Fading(
        phi,
        low,
        high,
        tau,
        fit_decay(phi, tau),
        beta_low,
        beta_high,
        _spread(taus),
        _spread(np.exp(slopes)),
        "sequences" if whole else "losses",
    )


def _drawn_again(rows: Array, groups: Array) -> Array:
    """The mean of rows (N, L) in samples in which their groups, (N,), are drawn again with replacement, (R, L); NaN where none is seen."""
    _, place = np.unique(groups, return_inverse=True)
    sums, counts = np.zeros((2, place.max() + 1, rows.shape[1]))
    np.add.at(sums, place, np.nan_to_num(rows, nan=0.0, posinf=0.0))
    np.add.at(counts, place, np.isfinite(rows))
    # How often each group is drawn.  A generator of its own: the same network, the same spread.
    often = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), REDRAWN).astype(float)
    with np.errstate(invalid="ignore"):
        means: Array = (often @ sums) / (often @ counts)
    return means


def _begin(phi: Array) -> tuple[Array, Array]:
    """(tau, slope), (R,) each, of rows (R, L): the first lag from which on a line lies within `STRAIGHT` of the logarithms, that of the
    nearest line where none does, and the line's slope; 0 and NaN where there is no line.

    The lines of `core.measures.decay.fit_decay`, of all lags to begin with at once: from sums over all later lags.
    """
    there = np.isfinite(phi) & (phi > 0)
    y = np.log(phi, out=np.zeros_like(phi), where=there)
    x = np.arange(phi.shape[1], dtype=float)

    def later(values: Array) -> Array:
        return np.cumsum(np.where(there, values, 0.0)[:, ::-1], 1)[:, ::-1]

    n = later(np.ones_like(phi))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_x, mean_y = later(x) / n, later(y) / n
        of_x, of_y = later(x * x) - n * mean_x**2, later(y * y) - n * mean_y**2
        slope = (later(x * y) - n * mean_x * mean_y) / of_x
        apart = np.sqrt(np.maximum(of_y - slope**2 * of_x, 0) / (n - 2))
    apart = np.where((n >= FEWEST) & np.isfinite(apart), apart, np.inf)
    straight = apart <= STRAIGHT
    tau = np.where(straight.any(1), straight.argmax(1), apart.argmin(1))
    every = np.arange(len(phi))
    return tau, np.where(np.isfinite(apart[every, tau]), slope[every, tau], np.nan)


def _spread(values: Array) -> tuple[float, float]:
    """Between which values `SURE` of them lie, those that are numbers."""
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, ((1 - SURE) / 2, (1 + SURE) / 2)) if len(known) else (math.nan, math.nan)
    return float(low), float(high)
