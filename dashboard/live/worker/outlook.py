"""Outlook: what the network says of the times to come, as frames carry it while it learns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from core.forecast import Forecast
from core.scoreboard import score
from core.tasks import Windows
from core.training import Trainer
from dashboard.live.frames import Map, plain


class Outlook:
    """The forecast of one trainer.  A new one is made every so often, and whenever the run rests on weights that have none yet.

    every: seconds between two forecasts of a run that trains; more where a forecast takes more than a tenth of it.
    """

    def __init__(self, trainer: Trainer, every: float) -> None:
        self._trainer, self._every, self._spent = trainer, every, 0.0
        self._task = trainer.task if isinstance(trainer.task, Windows) else None
        self._made: Any = None
        self._made_at = 0.0
        self._maps: list[Map] = []

    def maps(self, now: float, *, at_rest: bool) -> list[Map]:
        """The forecast (n, D) in the series' own units, with its scores; none for a task that forecasts nothing."""
        if self._task is None:
            return []
        # What it is made from: the weights, and how it goes beyond one step.
        basis = (self._trainer.iteration, self._trainer.experiment.rollout)
        if self._made != basis and (at_rest or self._made is None or now - self._made_at >= max(self._every, 10 * self._spent)):
            began = time.monotonic()
            forecast = self._trainer.forecast()
            self._spent = time.monotonic() - began
            about = {"iteration": self._trainer.iteration, "scores": plain(self._scores(self._task, forecast))}
            self._made, self._made_at = basis, now
            self._maps = [Map("forecast", forecast.values.astype("<f4"), about=about)]
        return self._maps

    @staticmethod
    def _scores(task: Windows, forecast: Forecast) -> Mapping[str, Mapping[str, float]]:
        return score(task.series.values, task.parts, task.series.period, forecast)
