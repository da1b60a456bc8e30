"""One piece of work after the other: fit one form of one baseline, let a fit forecast, or train a network and score it."""

from __future__ import annotations

import logging
import queue
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from core.baselines import BASELINES, Fitted, NoFit, Options
from core.baselines.comparison import Attempt, attempt, forecast_of
from core.error_by_k import measure
from core.experiment import Experiment, InvalidExperiment
from core.forecast import Array
from dashboard.live import pipe
from dashboard.live.child import Inbox, Send
from dashboard.live.settings import Settings

log = logging.getLogger(__name__)

Answer = tuple[dict[str, Any], bytes]


class Cancelled(Exception):
    """Nobody wants the answer any more."""


class Fitter:
    """`inbox` brings what the web process says, `send` takes what goes there.

    Requests name a `job`; the order "cancel" ends what is being fitted for that job at the optimiser's next step.
    """

    def __init__(self, inbox: Inbox, send: Send, settings: Settings) -> None:
        self._inbox, self._send, self._settings = inbox, send, settings
        self._waiting: deque[tuple[pipe.Message, bytes]] = deque()
        self._cancelled: str | None = None
        self._answers: dict[str, Callable[[pipe.Message, Array], Answer]] = {
            "fit": self._fit,
            "forecast": self._forecast,
            "measure": self._measure,
        }

    def warm_up(self) -> None:
        """Import now what the first fit would wait for."""
        wave = 10 + np.sin(np.arange(40.0))
        for name in ("ets", "arima"):
            BASELINES[name].fit(wave, 1, Options(arima="(1,0,0)", ets="ANN"))
        self._send(pipe.pack({"on": "ready", "catalogue": {}}))

    def serve(self) -> None:
        """Answer for ever."""
        while True:
            self._take(*(self._waiting.popleft() if self._waiting else self._inbox.get()))

    def _take(self, message: pipe.Message, block: bytes) -> None:
        if "request" not in message:
            return  # it came too late to stop anything
        try:
            answer, answered = self._answers[message["do"]](message, np.frombuffer(block).reshape(message["shape"]))
        except Cancelled:
            answer, answered = {"cancelled": True}, b""
        except Exception:
            log.exception("%s failed", message["do"])
            answer, answered = {"failed": "This could not be fitted because of an error inside the program."}, b""
        self._send(pipe.pack({"reply": message["request"], **answer}, answered))

    def _going(self, job: str, until: float, late: str) -> None:
        """Called between the steps of an optimiser.  late: what to say when the time is over."""
        while True:
            try:
                message, block = self._inbox.get_nowait()
            except queue.Empty:
                break
            if message.get("do") == "cancel":
                self._cancelled = message["job"]
            else:
                self._waiting.append((message, block))
        if self._cancelled == job:
            raise Cancelled
        if time.monotonic() > until:
            raise NoFit(late)

    def _fit(self, message: pipe.Message, train: Array) -> Answer:
        until = time.monotonic() + self._settings.fit_seconds
        wanted, options = Attempt(**message["attempt"]), Options(**message["options"])
        self._cancelled = None
        late = f"It was not fitted within {self._settings.fit_seconds:g} seconds; choose a smaller order or a shorter series."
        outcome = attempt(train, message["period"], options, wanted, lambda: self._going(message["job"], until, late))
        return {"outcome": outcome.to_dict()}, b""

    def _forecast(self, message: pipe.Message, values: Array) -> Answer:
        try:
            made = forecast_of(Fitted.from_dict(message["fitted"]), values[:, 0], message["origins"], message["horizon"])
        except NoFit as refusal:
            return {"failed": str(refusal)}, b""
        parts = [made.values, *(part for part in (made.lower, made.upper) if part is not None)]
        return {"parts": len(parts)}, np.stack(parts).tobytes()

    def _measure(self, message: pipe.Message, _: Array) -> Answer:
        """A network; torch is imported with the first one."""
        experiment, seconds = Experiment.from_dict(message["experiment"]), self._settings.measure_seconds
        self._cancelled = None
        until: float | None = None
        late = f"It was not trained within {seconds:g} seconds; choose fewer iterations or a smaller network."

        def watch(_: int) -> None:
            nonlocal until
            until = until or time.monotonic() + seconds  # from the first iteration on: torch has been imported then
            self._going(message["job"], until, late)

        try:
            found = measure(experiment, message["k"], message["seed"], message["iterations"], watch)
        except (NoFit, InvalidExperiment) as refusal:
            return {"failed": str(refusal)}, b""
        return {"measured": found.to_dict()}, b""
