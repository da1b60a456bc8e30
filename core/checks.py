"""Checks: what a proof measured.  No torch: a process that only shows them needs none; `core.proof` makes them."""

from __future__ import annotations

from dataclasses import dataclass

BOOKS = {"float64": 1e-9, "float32": 1e-4}
"""The largest relative error with which sums of parts may miss the whole, by the precision of the network."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check.   name: "books", "differences" or "autograd"; of: what exactly.   error: measured; NaN where it could not be.

    tolerance: what is allowed.   checked: how many numbers were compared.
    """

    name: str
    of: str
    error: float
    tolerance: float
    checked: int

    @property
    def passed(self) -> bool:
        """Whether the error is a number within the tolerance."""
        return self.error <= self.tolerance


@dataclass(frozen=True, slots=True)
class Slope:
    """One weight's slope.   weight, entry: which, the entry counted from 0 in the flattened weight.   bptt, differences: two answers.

    doubt: how far the differences themselves are apart, with their rounding: an estimate of their own error.
    """

    weight: str
    entry: int
    bptt: float
    differences: float
    doubt: float
