"""A series, and the parts in time that it is cut into.  N times, D columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core import limits
from core.experiment import InvalidExperiment

Array = np.ndarray[Any, Any]


class InvalidSeries(ValueError):
    """What was given is not a series that can be used; the message says why, and what is allowed, in one sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Numbers at evenly spaced times.

    values (N, D) float64   finite, read-only   times: a label of each   columns: the name of each column
    period: the season in steps, 1 where there is none.   source, licence: where the numbers come from, and on which terms.
    InvalidSeries when they do not fit together, or are beyond `limits.SERIES_POINTS` or `limits.SERIES_COLUMNS`.
    """

    name: str
    values: Array
    times: tuple[str, ...]
    columns: tuple[str, ...]
    period: int = 1
    source: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        values = np.array(self.values, np.float64)
        if values.ndim != 2 or values.shape != (len(self.times), len(self.columns)):
            raise InvalidSeries(
                f"A series of {len(self.times)} times and {len(self.columns)} columns needs values of that shape, not {values.shape}."
            )
        points, columns = values.shape
        if not limits.FEWEST_POINTS <= points <= limits.SERIES_POINTS:
            few = "few" if points < limits.FEWEST_POINTS else "many"
            there = "1 point is" if points == 1 else f"{points:,} points are"
            raise InvalidSeries(f"{there} too {few}: a series has {limits.FEWEST_POINTS} to {limits.SERIES_POINTS:,}.")
        if not 1 <= columns <= limits.SERIES_COLUMNS:
            raise InvalidSeries(f"A series has 1 to {limits.SERIES_COLUMNS} columns, not {columns}.")
        if not np.isfinite(values).all() or np.abs(values).max() > limits.LARGEST_VALUE:
            raise InvalidSeries(f"Every value must be a finite number between -{limits.LARGEST_VALUE:g} and {limits.LARGEST_VALUE:g}.")
        if self.period < 1:
            raise InvalidSeries(f"The season must be at least 1 step, not {self.period}.")
        values.flags.writeable = False
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a series, one after the other in time; validation may be empty."""

    train: slice
    validation: slice
    test: slice


def split(n: int, validation_fraction: float, test_fraction: float) -> Split:
    """Cut n times: the last go to the test, those before them to the validation, the others to the training.

    Sizes are rounded; the test has at least 1 time.  InvalidExperiment when the training part keeps fewer than `limits.FEWEST_TRAINED`.
    """
    test = max(1, round(n * test_fraction))
    validation = round(n * validation_fraction)
    train = n - validation - test
    if train < limits.FEWEST_TRAINED:
        raise InvalidExperiment(
            {
                "test": f"Of {n} points, validation and test leave {max(train, 0)} for the training part, which needs at least "
                f"{limits.FEWEST_TRAINED}: choose smaller shares."
            }
        )
    return Split(slice(0, train), slice(train, train + validation), slice(train + validation, n))
