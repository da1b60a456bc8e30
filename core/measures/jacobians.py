"""Jacobians of the recurrence: D_t = d state_t / d state_{t-1}, and their products.

Errors travel through the product D_t+1^T D_t+2^T ... D_s^T, whose singular values say how much each direction fades or grows (Pascanu,
Mikolov & Bengio 2013, eq. 5; Hochreiter 1991).  A cell is never asked for a formula of its own: the rows of D_t are what its adjoint
makes of unit vectors.

Letters: T steps, H hidden units, S numbers in a state: H, or 2 H for the pair (h, c) of an LSTM, h first.  A layer's Jacobian holds what
enters from below fixed.  The Jacobian of a whole stack is block triangular, its diagonal blocks those of the layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core import bptt
from core.cells import AnyCell, Slopes, Weights

PRECISION = 64 * torch.finfo(torch.float64).eps
"""A singular value this many times smaller than the largest is rounding: a product of matrices does not hold it."""

ROWS = 512
"""Unit vectors that are taken through their steps at a time: with fewer, most of the time goes into calls; more leave the cache."""
FEWEST = 8
"""Steps at a time that are worth it: large states are quicker one step after the other."""


class Recurrence:
    """One layer's recurrence along the real steps of one sequence of a pass; in float64, whatever the model computes in.

    slopes: the local derivatives of every step.  steps: how many there are.  size: S.   ValueError where nothing recurs.
    """

    def __init__(self, unrolled: bptt.Unrolled, layer: int = -1, sequence: int = 0) -> None:
        cell = unrolled.cell
        if not cell.recurrent:
            raise ValueError("Jacobians of the recurrence need a recurrent cell: this model carries no state from step to step.")
        mask = unrolled.mask
        self.steps = unrolled.steps if mask is None else int(mask[:, sequence].sum())
        one = unrolled.section(slice(self.steps), slice(sequence, sequence + 1))
        self.cell: AnyCell = cell
        self.weights = Weights.of(*(weight.double() for weight in one.layers[layer][:4]))
        tape = {name: value.double() for name, value in one.tapes[layer].items()}
        self.slopes: Slopes = cell.slope_room(tape)
        cell.slopes(tape, self.slopes)
        self.hidden = self.weights.weight_hh.shape[1]
        self.size = self.hidden * len(cell.states)

    def back(self, step: int, errors: Tensor) -> Tensor:
        """Errors at the state after `step` (from 0), (N, S) -> at the state before it, (N, S): each row times D_t."""
        return self._back(type(self.slopes)(*(slope[step] for slope in self.slopes)), errors)

    def jacobian(self, step: int) -> Tensor:
        """D_t of one step (from 0), (S, S): rows the state after it, columns the state before it."""
        return self.back(step, torch.eye(self.size, dtype=torch.float64))

    def jacobians(self, count: int) -> Iterator[Tensor]:
        """D_t, (S, S), of the first `count` steps, one after the other; of small states computed many at a time.

        ValueError where there are not so many.
        """
        if count > self.steps:
            raise ValueError(f"There are Jacobians of {self.steps} steps, not of {count}.")
        at_once = ROWS // self.size
        if at_once < FEWEST:
            yield from map(self.jacobian, range(count))
            return
        for first in range(0, count, at_once):
            steps = min(at_once, count - first)
            slopes = (slope[first : first + steps, 0].repeat_interleave(self.size, 0) for slope in self.slopes)
            units = torch.eye(self.size, dtype=torch.float64).repeat(steps, 1)
            yield from self._back(type(self.slopes)(*slopes), units).view(steps, self.size, self.size)

    def _back(self, k: Slopes, errors: Tensor) -> Tensor:
        """k: slopes of one step for all rows, or of a step for each row."""
        cell, hidden = self.cell, self.hidden
        # The walk overwrites what it reads.
        dh, dc = errors[:, :hidden].clone(), errors[:, hidden:].clone()
        da = errors.new_empty(len(errors), len(cell.gates), hidden)
        rows = cell.rows(dh, dc, da)
        into = cell.rows(torch.zeros_like(dh), torch.empty_like(dc), da)
        cell.through(k, rows)
        cell.adjoint(k, rows)
        cell.carry(k, self.weights, rows, into)
        return torch.cat((into.dh, into.dc), 1)


@dataclass(frozen=True, slots=True)
class Paths:
    """The blocks of an LSTM's D_t, (H, H) each: of h and c after the step, by h and c before it.

    Each is taken with the other state before the step held fixed: c_by_c is the forget gate, on the diagonal.  h_by_h and h_by_c include
    the way through c after the step.
    """

    h_by_h: Tensor
    h_by_c: Tensor
    c_by_h: Tensor
    c_by_c: Tensor

    @classmethod
    def of(cls, jacobian: Tensor) -> Paths:
        """Cut D_t, (2 H, 2 H)."""
        (h_by_h, h_by_c), (c_by_h, c_by_c) = (half.chunk(2, 1) for half in jacobian.chunk(2, 0))
        return cls(h_by_h, h_by_c, c_by_h, c_by_c)


def singular_values(matrix: Tensor) -> Tensor:
    """Singular values of a matrix, (S,), the largest first; NaN where rounding hides them, as where units of a relu are off."""
    found: Tensor = torch.linalg.svdvals(matrix)
    return torch.where((found < PRECISION * found[0]) & (found > 0), torch.nan, found)


class Product:
    """The product of Jacobians from some step backwards, kept at a size at which nothing underflows.

    lag: how many Jacobians are in it.  It begins as the identity, behind `last`, the step (from 0) whose state is differentiated.
    """

    def __init__(self, recurrence: Recurrence, last: int) -> None:
        if not 0 <= last < recurrence.steps:
            raise ValueError(f"The product begins at a step from 0 to {recurrence.steps - 1}, not at {last}.")
        self._recurrence, self._last = recurrence, last
        self._matrix = torch.eye(recurrence.size, dtype=torch.float64)
        self._log_scale = 0.0
        self.lag = 0

    @property
    def most(self) -> int:
        """The longest lag: as many steps as there are up to the last."""
        return self._last + 1

    def grow(self) -> None:
        """Take one more step back."""
        self._matrix = self._recurrence.back(self._last - self.lag, self._matrix)
        self.lag += 1
        size = float(self._matrix.abs().max())
        if 0 < size < math.inf:
            self._matrix /= size
            self._log_scale += math.log(size)

    def log_singular_values(self) -> Tensor:
        """ln of the singular values, (S,) float64, the largest first; -inf where one is 0, NaN where rounding hides it."""
        return singular_values(self._matrix).log() + self._log_scale


def spectral_radii(weights: Weights, gates: Sequence[str]) -> dict[str, float]:
    """The largest |eigenvalue| of each gate's block of W_hh, (H, H), by the gate's name."""
    blocks = weights.weight_hh.double().chunk(len(gates))
    return {gate: float(torch.linalg.eigvals(block).abs().max()) for gate, block in zip(gates, blocks, strict=True)}
