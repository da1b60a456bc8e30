"""Colour ranges that follow the values without flicker.

A range's end stands on a ladder: 1, 2, 5, 10, ... for linear scales, whole decades for logarithmic ones.  It climbs at once, so that no
value is ever outside, and steps down one rung at a time, after the values have kept clear of that rung for `PATIENCE` seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

PATIENCE = 1.5
"""Seconds for which values must fit the next lower rung before the range takes it."""
CLEARANCE = 1.25
"""By what factor they must fit it: a value at a rung's edge must not make the range flicker."""
SMALLEST, LARGEST = 1e-15, 1e307
"""Where ladders end: what is smaller is drawn as 0.  Numbers that explode pass through all sizes that a float has."""
DECADES = 12
"""The widest logarithmic range; its low end is the floor."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What codes mean: the first stands for `low`, the last for `high`; kind "linear" or "log10"."""

    kind: str
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"kind": self.kind, "low": self.low, "high": self.high}


def one_two_five(rung: int) -> float:
    """... 0.5, 1, 2, 5, 10, ...: rung 0 is 1."""
    return float(f"{(1, 2, 5)[rung % 3]}e{rung // 3}")


def decade(rung: int) -> float:
    """... 0.1, 1, 10, ...: rung 0 is 1."""
    return float(f"1e{rung}")


class Edge:
    """One end of a range, on a ladder of values."""

    def __init__(self, ladder: Callable[[int], float], rungs_per_decade: int, smallest: float = SMALLEST) -> None:
        self._ladder, self._smallest = ladder, smallest
        self._per_decade = rungs_per_decade
        self._rung: int | None = None
        self._calm_since = 0.0

    def _reach(self, value: float) -> int:
        """The lowest rung that is not below the value."""
        value = min(max(value, self._smallest), LARGEST)
        rung = math.floor(math.log10(value)) * self._per_decade - 1
        while self._ladder(rung) < value * (1 - 1e-12):
            rung += 1
        return rung

    def follow(self, value: float, now: float) -> float:
        """The edge for this value at this time (seconds, of any clock that does not go back)."""
        wanted = self._reach(value)
        if self._rung is None or wanted > self._rung:
            self._rung, self._calm_since = wanted, now
        elif value * CLEARANCE > self._ladder(self._rung - 1):
            self._calm_since = now
        elif wanted < self._rung and now - self._calm_since >= PATIENCE:
            self._rung, self._calm_since = self._rung - 1, now
        return self._ladder(self._rung)


class Symmetric:
    """A linear range centred on 0."""

    def __init__(self) -> None:
        self._edge = Edge(one_two_five, 3)
        self._scale: Scale | None = None

    def follow(self, values: Array, now: float, *, fixed: bool = False) -> Scale:
        """The scale for these values; `fixed` keeps the last one."""
        if self._scale is None or not fixed:
            magnitudes = np.abs(values)
            peak = float(np.fmax.reduce(magnitudes, axis=None, initial=0.0))
            if peak == np.inf:
                peak = float(np.max(magnitudes, where=np.isfinite(magnitudes), initial=0.0))
            high = self._edge.follow(peak, now) if peak else (self._scale.high if self._scale else 1.0)
            self._scale = Scale("linear", -high, high)
        return self._scale


class Decades:
    """A logarithmic range of whole decades, at most `DECADES` of them and at least one."""

    def __init__(self) -> None:
        self._top, self._bottom = Edge(decade, 1), Edge(decade, 1, 1 / LARGEST)
        self._scale: Scale | None = None

    def follow(self, values: Array, now: float, *, fixed: bool = False) -> Scale:
        """The scale for these magnitudes (NaN and 0 do not count); `fixed` keeps the last one."""
        if self._scale is None or not fixed:
            counted = values[(values > 0) & (values < np.inf)]
            if not counted.size:
                return self._scale or Scale("log10", -6.0, 0.0)
            high = round(math.log10(self._top.follow(float(counted.max()), now)))
            least = max(float(counted.min()), 10.0 ** (high - DECADES))
            low = -round(math.log10(self._bottom.follow(1 / least, now)))
            self._scale = Scale("log10", float(max(min(low, high - 1), high - DECADES)), float(high))
        return self._scale
