"""Lyapunov exponents: the mean growth per step, in ln, of each direction of the state along a long run.

The QR method (Benettin et al. 1980; for recurrent networks Engelken, Wolf & Abbott 2023, "Lyapunov spectra of chaotic recurrent neural
networks"): q orthonormal directions go through D_t, QR makes them orthonormal again, and ln |R_ii| is what each has grown by.  The errors
of the backward pass go through the same Jacobians, transposed, so that over a long run they grow at the rate lambda_1.

The Jacobian of a stack is block triangular: its exponents are those of its layers, each taken alone.
Letters as in `core.measures.jacobians`; q directions.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.measures.jacobians import Recurrence
from core.trace import Array


class Spectrum:
    """The q largest exponents, one Jacobian after the other.

    directions: q, at most the size of the state (ValueError at the first step).   warm: so many steps only turn the directions.
    generator: draws the first ones.
    """

    def __init__(self, directions: int, warm: int, generator: torch.Generator) -> None:
        self._warm, self._generator = warm, generator
        self._directions: Tensor | None = None
        self._total = torch.zeros(directions, dtype=torch.float64)
        self._largest: list[float] = []

    def step(self, jacobian: Tensor) -> None:
        """Through D_t, (S, S)."""
        if self._directions is None:
            if len(self._total) > len(jacobian):
                raise ValueError(f"A state of {len(jacobian)} numbers has as many exponents at most, not {len(self._total)}.")
            start = torch.randn(len(jacobian), len(self._total), generator=self._generator, dtype=torch.float64)
            self._directions = torch.linalg.qr(start).Q
        self._directions, r = torch.linalg.qr(jacobian @ self._directions)
        if self._warm:
            self._warm -= 1
            return
        self._total += r.diagonal().abs().log()
        self._largest.append(float(self._total.max()) / (len(self._largest) + 1))

    @property
    def running(self) -> Array:
        """lambda_1 as it was estimated after each counted step: settled where it is flat."""
        return np.array(self._largest)

    @property
    def values(self) -> Array:
        """The exponents, (q,), the largest first; -inf for a direction that is gone, NaN before any step was counted."""
        total = self._total.sort(descending=True).values.numpy()
        return total / len(self._largest) if self._largest else np.full(len(total), np.nan)


class BackwardGrowth:
    """What an error grows by at each step on its way back from the last step of a recurrence; it begins in a random direction.

    warm: so many steps only turn it.   generator: draws the direction.
    """

    def __init__(self, recurrence: Recurrence, warm: int, generator: torch.Generator) -> None:
        self._recurrence, self._warm = recurrence, warm
        self._error = torch.randn(1, recurrence.size, generator=generator, dtype=torch.float64)
        self._left = recurrence.steps
        self._total = 0.0
        self._means: list[float] = []

    def step(self) -> None:
        """One step back."""
        self._left -= 1
        # At size 1 again before every step, an error cannot underflow on a long way; one that is gone stays gone.
        size = self._error.norm()
        self._error = self._recurrence.back(self._left, self._error / size if size > 0 else self._error)
        if self._warm:
            self._warm -= 1
            return
        self._total += float(self._error.norm().log())
        self._means.append(self._total / (len(self._means) + 1))

    @property
    def running(self) -> Array:
        """ln of the factor per step as it was known after each counted step."""
        return np.array(self._means)

    @property
    def value(self) -> float:
        """ln of the factor per step; -inf where the error is gone, NaN before any step was counted."""
        return self._means[-1] if self._means else np.nan
