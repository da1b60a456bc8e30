"""Decay: how fast errors fade, or grow, with the lag.

The error of L_s at h_t is read off the lag matrix (`core.trace`), at lag s - t.  Where Jacobians multiply, its norm follows a straight
line on a logarithmic axis (Pascanu, Mikolov & Bengio 2013, eq. 5 and 6), whose slope is the factor per step, beta.

Letters: T steps, N numbers.  numpy only: the web process fits too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.trace import Array


@dataclass(frozen=True, slots=True)
class Decay:
    """The line ln norm = intercept + lag * slope, by least squares over the lags whose norm is a number above the floor.

    slope: ln beta, beta the factor of the norm per step; NaN where fewer than two lags were fitted.
    spread: standard error of the slope, from the residuals; NaN with fewer than three lags.  Neighbouring lags share most of their
    Jacobians, so that it is a lower bound; the spread between rows or seeds says more.
    residual: standard deviation of ln norm about the line: large where the decay is not geometric.
    first, last: the shortest and longest lag that were fitted (0 and -1 without any).   lags: how many were.
    vanished: lags left out because their norm is exactly 0 or at most the floor: they lie below what their numbers can hold.
    """

    slope: float
    spread: float
    residual: float
    intercept: float
    first: int
    last: int
    lags: int
    vanished: int

    @property
    def beta(self) -> float:
        """The factor of the norm per step."""
        return float(np.exp(self.slope))

    @property
    def half_life(self) -> float:
        """Steps in which the norm halves; inf where it does not shrink, NaN without a fit."""
        return _half_life(self.slope)

    @property
    def doubling(self) -> float:
        """Steps in which the norm doubles; inf where it does not grow, NaN without a fit."""
        return _half_life(-self.slope)

    @property
    def half_life_band(self) -> tuple[float, float]:
        """Half-lives at two standard errors of the slope to either side, the shorter first; NaN without a spread."""
        return _half_life(self.slope - 2 * self.spread), _half_life(self.slope + 2 * self.spread)

    def at(self, lags: Array) -> Array:
        """The line's norms at some lags."""
        return np.asarray(np.exp(self.intercept + np.asarray(lags) * self.slope))


def fit_decay(norms_by_lag: Array, first: int = 0, last: int | None = None, floor: float = 0.0) -> Decay:
    """Fit the line to norms, (N,), the one at lag l in position l, between two lags, both included; all by default.

    NaN and inf (no path, or exploded) have no place on a logarithmic axis and are left out, and so is what is at most the floor: 0.0, or
    the smallest number that a type holds in full (`np.finfo(...).tiny`).  ValueError unless 0 <= first <= last.
    """
    norms = np.asarray(norms_by_lag, dtype=np.float64)
    if norms.ndim != 1:
        raise ValueError(f"One norm a lag is fitted, (N,), not an array of shape {norms.shape}.")
    if first < 0 or (last is not None and last < first):
        raise ValueError(f"Lags are fitted from 0 or more upwards, not from {first} to {last}.")
    taken = norms[first : None if last is None else last + 1]
    there = np.isfinite(taken) & (taken > floor)
    vanished = int((taken <= floor).sum())
    lags = np.flatnonzero(there) + first
    if len(lags) < 2:
        span = (int(lags[0]), int(lags[0])) if len(lags) else (0, -1)
        return Decay(math.nan, math.nan, math.nan, math.nan, *span, len(lags), vanished)
    y = np.log(taken[there])
    centred = lags - lags.mean()
    slope = float(centred @ y / (centred @ centred))
    intercept = float(y.mean() - slope * lags.mean())
    off = y - intercept - slope * lags
    residual = math.sqrt(float(off @ off) / (len(lags) - 2)) if len(lags) > 2 else math.nan
    spread = residual / math.sqrt(float(centred @ centred))
    return Decay(slope, spread, residual, intercept, int(lags[0]), int(lags[-1]), len(lags), vanished)


def by_lag(matrix: Array) -> Array:
    """A lag matrix of norms, (T, T, ...) with rows s and columns t -> (T, T, ...) with rows s and columns s - t; NaN where t < 0."""
    steps = len(matrix)
    s, lag = np.arange(steps)[:, None], np.arange(steps)[None, :]
    out = np.array(matrix[s, np.maximum(s - lag, 0)], dtype=np.float64)
    out[np.broadcast_to(lag > s, (steps, steps))] = np.nan
    return out


def mean_by_lag(rows: Array, own: Array | None = None) -> Array:
    """The mean over every source step, rows (S, N) -> (N,), each relative to its own error at lag 0, so that a loss counts as much as any.

    own: that error, (S,), where `rows` are of a part of the error alone.
    A row without an error at lag 0 (NaN or 0: no loss, or none that moves) says nothing and is left out; so is inf.
    """
    own = rows[:, :1] if own is None else own[:, None]
    with np.errstate(all="ignore"):
        relative = np.where((own > 0) & np.isfinite(own), rows / own, np.nan)
    relative[~np.isfinite(relative)] = np.nan
    count = (~np.isnan(relative)).sum(0)
    return np.where(count > 0, np.nansum(relative, 0) / np.maximum(count, 1), np.nan)


def _half_life(slope: float) -> float:
    if math.isnan(slope):
        return math.nan
    return -math.log(2) / slope if slope < 0 else math.inf
