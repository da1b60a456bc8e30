"""Scalings: how values are brought to a size that a network learns well.  Fitted on the training part only, so that nothing leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.series.series import InvalidSeries

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Scaler:
    """z = (f(y) - shift) / size for each column, f the identity or the logarithm.

    shift, size: (D,).   `do` and `undo` take and give arrays (..., D).
    """

    shift: Array
    size: Array
    logarithmic: bool = False

    def do(self, values: Array) -> Array:
        """Values in their own units -> scaled.  InvalidSeries where a logarithm is asked of a value that has none."""
        plain = _logarithm(values) if self.logarithmic else values
        scaled: Array = (plain - self.shift) / self.size
        return scaled

    def undo(self, scaled: Array) -> Array:
        """Scaled -> in their own units; what is beyond the largest number becomes infinite."""
        with np.errstate(over="ignore", invalid="ignore"):
            values: Array = scaled * self.size + self.shift
            return np.exp(values) if self.logarithmic else values


def _logarithm(values: Array) -> Array:
    if (smallest := float(np.min(values))) <= 0:
        raise InvalidSeries(f"The logarithm needs values above 0, but {smallest:g} is among them: choose another scaling.")
    return np.log(values)


def _or_one(size: Array, train: Array) -> Array:
    """A column that does not vary keeps its size.  (Its standard deviation may be rounding, and not 0.)"""
    return np.where(np.ptp(train, axis=0) > 0, size, 1.0)


def _standard(train: Array) -> Scaler:
    return Scaler(train.mean(0), _or_one(train.std(0), train))


def _minmax(train: Array) -> Scaler:
    return Scaler(train.min(0), _or_one(np.ptp(train, axis=0), train))


def _log(train: Array) -> Scaler:
    standard = _standard(_logarithm(train))
    return Scaler(standard.shift, standard.size, logarithmic=True)


def _none(train: Array) -> Scaler:
    return Scaler(np.zeros(train.shape[1]), np.ones(train.shape[1]))


@dataclass(frozen=True, slots=True)
class Scaling:
    """One way to scale.  fit: the training part (N, D) -> a Scaler; InvalidSeries where it cannot be used."""

    label: str
    help: str
    options: tuple[str, ...]
    fit: Callable[[Array], Scaler]


SCALINGS: dict[str, Scaling] = {
    "standard": Scaling("Standard", "Mean 0 and standard deviation 1 over the training part.", (), _standard),
    "minmax": Scaling("0 to 1", "The training part's smallest value becomes 0, its largest 1.", (), _minmax),
    "log": Scaling("Logarithm", "The logarithm, then mean 0 and standard deviation 1: for positive values that grow by shares.", (), _log),
    "none": Scaling("None", "Values as they are.", (), _none),
}
