"""Truncation: how far back the loss of a step may send its error.

TBPTT(k1, k2) after Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent network trajectories":
blocks of k1 steps start at steps 1, k1 + 1, 2 k1 + 1, ...; the losses of the block that starts at b reach back to the steps
t >= max(1, b - (k2 - k1)).  Neither the length of the sequence nor padding moves a boundary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core import limits

if TYPE_CHECKING:
    from core.experiment import Experiment


Mask = np.ndarray[tuple[int, int], np.dtype[np.bool_]]


@lru_cache(maxsize=64)
def _reach(k1: int, overlap: int, steps: int) -> Mask:
    """Every picture of a run asks for the same."""
    s, t = np.arange(steps)[:, None], np.arange(steps)[None, :]
    return np.asarray((t <= s) & (t >= s - s % k1 - overlap))


@dataclass(frozen=True, slots=True)
class TBPTT:
    """Windows of k2 steps, one for each block of k1 steps; 1 <= k1 <= k2, otherwise ValueError.  Steps count from 0 here."""

    k1: int
    k2: int

    def __post_init__(self) -> None:
        if not 1 <= self.k1 <= self.k2:
            raise ValueError(f"TBPTT needs 1 <= k1 <= k2, not k1 = {self.k1} and k2 = {self.k2}.")

    @property
    def overlap(self) -> int:
        """Steps before its own block into which a window reaches."""
        return self.k2 - self.k1

    def windows(self, steps: int) -> list[range]:
        """The steps that each window visits."""
        return [range(max(0, b - self.overlap), min(b + self.k1, steps)) for b in range(0, steps, self.k1)]

    def reach(self, steps: int) -> Mask:
        """Mask (steps, steps): whether the loss of step s (row) reaches the state of step t (column)."""
        return _reach(self.k1, self.overlap, steps).copy()

    def cuts(self, steps: int) -> bool:
        """Whether some loss fails to reach a step before it."""
        return self.overlap < (steps - 1) // self.k1 * self.k1

    def within(self, steps: int) -> TBPTT:
        """The same windows for a sequence of so many steps, without the room they cannot use."""
        if self.k1 >= steps:
            return TBPTT(steps, steps)
        return TBPTT(self.k1, min(self.k2, self.k1 + (steps - 1) // self.k1 * self.k1))


@dataclass(frozen=True, slots=True)
class Truncation:
    """One way to choose the windows.

    options: the fields of an Experiment that it reads.   of: (experiment, steps of the longest sequence) -> TBPTT.
    cuts: whether a loss may fail to reach a step before it.
    """

    label: str
    help: str
    options: tuple[str, ...]
    of: Callable[[Experiment, int], TBPTT]
    cuts: bool = True

    def by_block(self, experiment: Experiment) -> bool:
        """Whether the weights are updated after each block."""
        return "update_every" in self.options and experiment.update_every == "block"

    def problems(self, experiment: Experiment) -> dict[str, str]:
        """Field -> sentence, where the fields that it reads do not go together."""
        if {"k1", "k2"} <= set(self.options) and experiment.k2 < experiment.k1:
            return {"k2": f"k2 must be at least k1 = {experiment.k1}: a window cannot be shorter than its block."}
        if self.by_block(experiment):
            if self.of(experiment, limits.STEPS).overlap:
                return {"update_every": "An update after each block needs k1 = k2: a window must not reach back over an update."}
            if experiment.answers_last:
                return {"update_every": "With an answer after the last step only, earlier blocks have no loss: update after each pass."}
        return {}


TRUNCATIONS: dict[str, Truncation] = {
    "full": Truncation(
        "Full", "No truncation: every loss reaches back to the first step.", (), lambda e, steps: TBPTT(steps, steps), cuts=False
    ),
    "chunk": Truncation(
        "Chunk",
        "Cuts after every K steps: a loss reaches back to the start of its chunk.",
        ("k", "update_every"),
        lambda e, steps: TBPTT(e.k, e.k),
    ),
    "window": Truncation("Window", "A window slides along: each loss reaches back K - 1 steps.", ("k",), lambda e, steps: TBPTT(1, e.k)),
    "custom": Truncation(
        "Custom",
        "A new window of k2 steps every k1 steps: TBPTT(k1, k2).",
        ("k1", "k2", "update_every"),
        lambda e, steps: TBPTT(e.k1, e.k2),
    ),
}
