"""Agreement: how close estimates of a gradient come to it.

For estimates g_1 ... g_n of g, with mean m, each weight alone and all weights that the recurrence has a part in as one vector:

    error = |m - g| / |g|          cosine = <m, g> / (|m| |g|)          spread^2 = sum |g_i - m|^2 / (n - 1) / |g|^2

A biased estimator keeps its error however many estimates there are; of an unbiased one only chance is left, about spread / sqrt(n).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from core.estimators import Gradient
from core.model import state_weights
from core.trace import Array


class Tally:
    """What is known of one estimator's estimates.  Columns are the `state_weights`, and all of these together."""

    def __init__(self, true: Gradient) -> None:
        self._names = state_weights(true)
        self._true = {name: true[name].double() for name in self._names}
        self._sum = {name: torch.zeros_like(value) for name, value in self._true.items()}
        self._true_squares = self._products(self._true, self._true)
        self._squares = np.zeros(len(self._names) + 1)
        self._curve: list[Array] = []
        self._one: list[tuple[Array, Array]] = []

    def add(self, estimate: Gradient) -> None:
        """One more estimate."""
        found = {name: estimate[name].double() for name in self._names}
        self._squares += self._products(found, found)
        self._one.append(self._compared(found))
        for name, value in found.items():
            self._sum[name] += value
        self._curve.append(self._compared(self._mean())[0])

    @property
    def samples(self) -> int:
        """n."""
        return len(self._curve)

    def norm(self) -> Array:
        """|m| of each column."""
        return np.sqrt(self._products(self._mean(), self._mean()))

    def error(self) -> Array:
        """Of the mean, for each column; NaN where g vanishes."""
        return self._curve[-1]

    def cosine(self) -> Array:
        """Of the mean, for each column; NaN where g or the mean vanishes."""
        return self._compared(self._mean())[1]

    def single(self) -> tuple[Array, Array]:
        """Error and cosine of a single estimate, averaged over all of them, for each column."""
        errors, cosines = zip(*self._one, strict=True)
        return np.mean(errors, 0), np.mean(cosines, 0)

    def spread(self) -> Array:
        """For each column; NaN for fewer than two estimates."""
        if self.samples < 2:
            return np.full(len(self._squares), math.nan)
        around = self._squares - self.samples * self._products(self._mean(), self._mean())
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Array = np.sqrt(np.maximum(around, 0) / (self.samples - 1) / self._true_squares)
        return found

    def curve(self) -> Array:
        """The error of the mean of the first 1 ... n estimates, (n, columns)."""
        return np.stack(self._curve)

    def _mean(self) -> Gradient:
        return {name: total / len(self._one) for name, total in self._sum.items()}

    def _compared(self, found: Gradient) -> tuple[Array, Array]:
        away = {name: value - self._true[name] for name, value in found.items()}
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(self._products(away, away) / self._true_squares)
            cosine = self._products(found, self._true) / np.sqrt(self._products(found, found) * self._true_squares)
        return error, cosine

    def _products(self, one: Gradient, other: Gradient) -> Array:
        """Scalar products, for each column."""
        each = [_product(one[name], other[name]) for name in self._names]
        return np.array([*each, sum(each)])


def _product(one: Tensor, other: Tensor) -> float:
    return float(torch.dot(one.flatten(), other.flatten()))
