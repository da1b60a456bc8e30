"""Examiner: how a network does on sequences that it never learned from, as frames carry it while it learns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from core.tasks import Drawn
from core.training import Trainer
from dashboard.live.frames import plain

SHARE = 0.05
"""Of its time, what a run that trains spends on examinations at most."""


class Examiner:
    """The examinations of one trainer.  A new one is held every so often, and whenever the run rests on weights that have none yet.

    every: seconds between two examinations of a run that trains, at least.
    """

    def __init__(self, trainer: Trainer, every: float) -> None:
        self._trainer, self._every = trainer, every
        self._drawn = isinstance(trainer.task, Drawn)
        self._held: dict[str, Any] = {}
        self._next_at = 0.0

    def found(self, now: float, *, at_rest: bool) -> Mapping[str, Any]:
        """What the header of a frame says of the latest examination; nothing for a task that is not drawn by a rule."""
        if not self._drawn:
            return {}
        if self._held.get("iteration") != self._trainer.iteration and (at_rest or now >= self._next_at):
            began = time.monotonic()
            examined = self._trainer.examine()
            self._next_at = now + max(self._every, (time.monotonic() - began) / SHARE)
            self._held = {"iteration": examined.iteration, "value": plain(examined.value), "sequences": examined.sequences}
        return {"exam": self._held}
