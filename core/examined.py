"""Examined: how a network did on sequences that it was never trained on.  No torch: a process that only shows it needs none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Examined:
    """An examination after so many iterations.

    loss: the mean over all steps that have one.   score: its name, "accuracy" or "squared error".   value: of the score.
    chance: what a network gets that has no memory.   sequences: how many were read.
    """

    iteration: int
    sequences: int
    loss: float
    score: str
    value: float
    chance: float

    @property
    def words(self) -> str:
        """For example "accuracy 0.98 (chance 0.25)"."""
        return f"{self.score} {self.value:.3g} (chance {self.chance:.3g})"
