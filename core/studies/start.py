"""Where a study of a whole training begins: at the run's first iteration, or at its present weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.studies.study import Refused

if TYPE_CHECKING:
    from core.training import Trainer

STARTS = ("beginning", "present")

ITERATIONS = 2_000
"""The most that one study trains, for each of its networks."""


def check(start: str, iterations: int) -> None:
    """Refused, in one sentence, for another start or number of iterations than is allowed."""
    if start not in STARTS:
        raise Refused(f"A study starts at the {' or at the '.join(STARTS)} of the run, not at {start!r}.")
    if not 1 <= iterations <= ITERATIONS:
        raise Refused(f"Iterations must be a whole number from 1 to {ITERATIONS:,}, not {iterations:,}.")


TELL_EVERY = 0.15
"""Seconds between two findings of a study on its way: often enough to be cancelled, too."""


def begin(trainer: Trainer, start: str) -> None:
    """Bring a trainer to its start.  "beginning": the same seed again, with the settings as they are now."""
    if start == "beginning":
        trainer.reset()
