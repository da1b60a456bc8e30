"""Norms of gradients over a run: where a threshold should lie, and what clipping by value does to a direction.  No torch."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.trace import Array

LOW, HIGH = 0.5, 10.0
"""Pascanu, Mikolov & Bengio 2013, section 3.2: thresholds from half to ten times the average norm "over a sufficiently large number of
updates" train well."""
SKEWED = 3.0
"""A gradient that is more than so many times the median is long, and so is an average that is: long gradients make it."""


def clipped_share(norms: Array, threshold: float) -> float:
    """The share, 0 to 1, of gradients that clipping by norm at this threshold changes; NaN of none."""
    return float((norms > threshold).mean()) if len(norms) else math.nan


@dataclass(frozen=True, slots=True)
class Advice:
    """Where a threshold of the norm should lie.

    mean, median, largest: of the norms.   low, high: the published band.   quantile: the share of gradients that `threshold` leaves as
    they are.   clips_low, clips_high, clips: the shares that low, high and threshold would change.
    steady: the quantile that long gradients do not move, as (share, threshold): of those that are not long, and the longest of these.
    """

    mean: float
    median: float
    largest: float
    low: float
    high: float
    quantile: float
    threshold: float
    clips_low: float
    clips_high: float
    clips: float
    steady: tuple[float, float]

    @property
    def skewed(self) -> float:
        """How many times the median the average is where that is more than `SKEWED`; 0 where not."""
        return self.mean / self.median if self.mean > SKEWED * self.median > 0 else 0.0

    def place(self, threshold: float) -> str:
        """Where a threshold lies: "below", "inside" or "above" the published band."""
        return "below" if threshold < self.low else "above" if threshold > self.high else "inside"


def advice(norms: Array, quantile: float = 0.9) -> Advice | None:
    """From the norms before clipping, (n,), of one run; those that are not finite do not count.  None where none is left.

    quantile: which share of gradients shall pass unchanged, 0 to 1.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"The share that passes unchanged must be a number from 0 to 1, not {quantile:g}.")
    finite = norms[np.isfinite(norms)]
    if not len(finite):
        return None
    mean = float(finite.mean())
    # An order statistic, not a number between two of them: the gradients up to it pass, and are at least the asked share.
    threshold = float(np.quantile(finite, quantile, method="inverted_cdf"))
    low, high = LOW * mean, HIGH * mean
    median = float(np.median(finite))
    ordinary = finite[finite <= SKEWED * median]
    return Advice(
        mean,
        median,
        float(finite.max()),
        low,
        high,
        quantile,
        threshold,
        clipped_share(finite, low),
        clipped_share(finite, high),
        clipped_share(finite, threshold),
        (len(ordinary) / len(finite), float(ordinary.max())),
    )


def early(norms: Array, median: float, part: float = 0.25) -> bool:
    """Whether long gradients (`SKEWED`) come, most of them, in the first part of a training, 0 to 1."""
    places = np.flatnonzero(norms > SKEWED * median)
    return bool(len(places) and np.median(places) < part * len(norms))


BINS = 40
"""Of a histogram of norms."""


def histogram(norms: Array, bins: int = BINS) -> tuple[Array, Array]:
    """(counts (bins,), edges (bins + 1,)): how many norms lie between two sizes, evenly apart by their logarithm.

    Norms that are 0 or not finite have no place there; of none that have, (0,) and (1,).
    """
    logs = np.log10(norms[np.isfinite(norms) & (norms > 0)])
    if not len(logs):
        return np.zeros(0, np.int64), np.ones(1)
    counts, edges = np.histogram(logs, bins, (logs.min() - 1e-9, logs.max() + 1e-9))
    return counts, 10**edges


TYPICAL = 25
"""So many norms before one say what is typical."""
FEWEST = 5
"""Fewer do not."""


def times_typical(norms: Array) -> Array:
    """Each norm against the median of the `TYPICAL` norms before it, (n,); see `times_median`."""
    medians = pd.Series(norms, dtype=float).rolling(TYPICAL, min_periods=FEWEST, closed="left").median().to_numpy()
    found: Array = np.divide(norms, medians, out=np.full(len(norms), np.nan), where=medians > 0)
    return found


def times_median(norm: float, before: Sequence[float]) -> float:
    """One norm against the median of those before it; NaN where that is 0, or where there are fewer than `FEWEST`."""
    typical = statistics.median(before) if len(before) >= FEWEST else math.nan
    return norm / typical if typical > 0 else math.nan


def value_threshold(gradient: Array, norm: float) -> float:
    """The threshold of the entries of a gradient, (P,), that leaves it with just this norm; inf where its norm is no larger.

    |min(|g|, v)|^2 = sum of squares of the entries below v + v^2 times the number of the others, solved between two entries.
    """
    size = np.sort(np.abs(gradient.astype(np.float64)))
    if not (len(size) and size[-1] > 0):
        return math.inf
    unit = size[-1]  # squares of what nearly left the finite would leave it
    size, norm = size / unit, norm / unit
    below = np.concatenate(([0.0], np.cumsum(size**2)))
    others = len(size) - np.arange(len(size))
    if norm**2 >= below[-1]:
        return math.inf
    # Norm squared when the threshold is each of the entries: the first that reaches the asked one bounds v from above.
    place = min(int(np.searchsorted(below[:-1] + others * size**2, norm**2)), len(size) - 1)
    return float(unit * math.sqrt(max(norm**2 - below[place], 0.0) / others[place]))


def degrees(one: Array, other: Array) -> float:
    """The angle between two vectors, exact for small angles, too (Kahan); NaN where one of them vanishes or is not finite."""
    one, other = (vector.astype(np.float64) for vector in (one, other))
    if not all(0 < np.abs(vector).max() < math.inf for vector in (one, other)):
        return math.nan
    one, other = (_direction(vector) for vector in (one, other))
    return math.degrees(2 * math.atan2(np.linalg.norm(one - other), np.linalg.norm(one + other)))


def _direction(vector: Array) -> Array:
    scaled: Array = vector / np.abs(vector).max()
    direction: Array = scaled / np.linalg.norm(scaled)
    return direction
