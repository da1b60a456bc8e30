"""Forecasts by rolling origin: what every method is compared on, network and baselines alike.

The protocol: parameters are fitted once, on the training part.  From the origins o = e, e + h, e + 2h, ... (e = end of the training
part, h = horizon) a forecast reads the true values before o only and predicts the values at o, ..., o + h - 1.  Together the forecasts
cover each time after the training part once.  (Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.10,
roll the origin by one; here it rolls by the horizon, so that one line can be drawn.)

N times, n of them after the training part, D columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from core.series import Split

Array = np.ndarray[Any, Any]

LEVEL = 0.95
"""Of every prediction interval: the share of true values that it is to hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """What one method says of the times after the training part.

    values   (n, D) float64   in the series' own units, for each time of validation and test
    lower, upper   (n, D)     the ends of a 95 % prediction interval, or None where a method has none
    origins                   the indices into the series at which a new forecast begins, ascending
    """

    name: str
    values: Array
    lower: Array | None
    upper: Array | None
    origins: tuple[int, ...]

    def __post_init__(self) -> None:
        if (self.lower is None) != (self.upper is None):
            raise ValueError("An interval has two ends: give lower and upper, or neither.")
        for end in (self.lower, self.upper):
            if end is not None and end.shape != self.values.shape:
                raise ValueError(f"The interval's ends must have the values' shape {self.values.shape}, not {end.shape}.")


def origins(split: Split, horizon: int) -> tuple[int, ...]:
    """Where the forecasts of a split begin: at the end of the training part, and then every `horizon` steps."""
    return starts(split.train.stop, split.test.stop, horizon)


def starts(first: int, end: int, horizon: int) -> tuple[int, ...]:
    """first, first + horizon, ... below `end`; ValueError where there is none."""
    if horizon < 1:
        raise ValueError(f"The horizon must be at least 1 step, not {horizon}.")
    if not 0 < first < end:
        raise ValueError(f"A forecast needs values before its origin and times after it; the origin {first} of {end} times has not both.")
    return tuple(range(first, end, horizon))


def side_by_side(columns: Sequence[Forecast]) -> Forecast:
    """One forecast of D columns from D forecasts of one column each, all from the same origins.

    Without an interval where one of them has none.
    """
    first = columns[0]
    if any(other.origins != first.origins for other in columns):
        raise ValueError("Columns can stand side by side only when their forecasts begin at the same origins.")
    lower = [column.lower for column in columns if column.lower is not None]
    upper = [column.upper for column in columns if column.upper is not None]
    whole = len(lower) == len(columns)
    return Forecast(
        first.name,
        np.concatenate([column.values for column in columns], axis=1),
        np.concatenate(lower, axis=1) if whole else None,
        np.concatenate(upper, axis=1) if whole else None,
        first.origins,
    )
