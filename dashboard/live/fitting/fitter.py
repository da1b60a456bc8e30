"""One piece of work after the other: fit one form of a baseline, let a fit forecast, train a network and score it, or make a study."""

from __future__ import annotations

import itertools
import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from core.baselines import BASELINES, Fitted, NoFit, Options
from core.baselines.comparison import Attempt, attempt, forecast_of
from core.error_by_k import measure
from core.experiment import Experiment, InvalidExperiment
from core.forecast import Array
from core.studies import STUDIES, Progress, Refused, pack
from dashboard.live import pipe
from dashboard.live.child import Inbox, Send
from dashboard.live.settings import Settings

if TYPE_CHECKING:
    from core.training import Trainer

log = logging.getLogger(__name__)

Answer = tuple[dict[str, Any], bytes]

TELL_EVERY = 0.1
"""Seconds between two words on how far a study is."""


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
        self._answers: dict[str, Callable[[pipe.Message, bytes], Answer]] = {
            "fit": self._fit,
            "forecast": self._forecast,
            "measure": self._measure,
            "study": self._study,
        }

    def warm_up(self) -> None:
        """Import now what the first fit would wait for."""
        wave = 10 + np.sin(np.arange(40.0))
        for name in ("ets", "arima"):
            BASELINES[name].fit(wave, 1, Options(arima="(1,0,0)", ets="ANN"))
        self._send(pipe.pack({"on": "ready", "catalogue": {}}))

    def serve(self) -> None:
        """Answer for ever; the first time that there is nothing to do, get ready for what needs torch."""
        if self._inbox.empty():
            self._import_torch()
        while True:
            self._take(*(self._waiting.popleft() if self._waiting else self._inbox.get()))

    def _import_torch(self) -> None:
        from core.training import Trainer

        Trainer(Experiment(hidden=2)).peek()

    def _take(self, message: pipe.Message, block: bytes) -> None:
        if "request" not in message:
            return  # it came too late to stop anything
        try:
            answer, answered = self._answers[message["do"]](message, block)
        except Cancelled:
            answer, answered = {"cancelled": True}, b""
        except Exception:
            log.exception("%s failed", message["do"])
            answer, answered = {"failed": "This could not be computed because of an error inside the program."}, b""
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

    def _fit(self, message: pipe.Message, block: bytes) -> Answer:
        train = _array(message, block)
        until = time.monotonic() + self._settings.fit_seconds
        wanted, options = Attempt(**message["attempt"]), Options(**message["options"])
        self._cancelled = None
        late = f"It was not fitted within {self._settings.fit_seconds:g} seconds; choose a smaller order or a shorter series."
        outcome = attempt(train, message["period"], options, wanted, lambda: self._going(message["job"], until, late))
        return {"outcome": outcome.to_dict()}, b""

    def _forecast(self, message: pipe.Message, block: bytes) -> Answer:
        try:
            made = forecast_of(Fitted.from_dict(message["fitted"]), _array(message, block)[:, 0], message["origins"], message["horizon"])
        except NoFit as refusal:
            return {"failed": str(refusal)}, b""
        parts = [made.values, *(part for part in (made.lower, made.upper) if part is not None)]
        return {"parts": len(parts)}, np.stack(parts).tobytes()

    def _measure(self, message: pipe.Message, _: bytes) -> Answer:
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

    def _study(self, message: pipe.Message, block: bytes) -> Answer:
        """A study of the network in a checkpoint, trained on for `more` iterations first.  On its way it says how far it is."""
        from core.checkpoint import InvalidCheckpoint
        from core.training import Trainer

        study, job, seconds = STUDIES[message["study"]], message["job"], self._settings.study_seconds
        self._cancelled = None
        until = time.monotonic() + seconds
        late = f"It was not done within {seconds:g} seconds; choose a smaller question or a smaller network."
        told, found = 0.0, b""
        try:
            trainer = Trainer.restore(block, observe=message["observe"])
            asked = study.asked(**message["asked"])
            for progress in itertools.chain(_trained(trainer, message["more"]), study.run(trainer, asked)):
                self._going(job, until, late)
                if time.monotonic() - told < TELL_EVERY and progress.done < progress.total:
                    continue
                found = pack(progress.found) if progress.found is not None else b""
                said = {"on": "study", "job": job, "done": progress.done, "total": progress.total, "words": progress.words}
                self._send(pipe.pack(said, found))
                told = time.monotonic()
        except NoFit as refusal:
            return {"failed": str(refusal)}, b""
        except (Refused, InvalidExperiment, InvalidCheckpoint) as refusal:
            return {"refused": str(refusal)}, b""
        return {"studied": True}, found


def _array(message: pipe.Message, block: bytes) -> Array:
    return np.frombuffer(block).reshape(message["shape"])


def _trained(trainer: Trainer, more: int) -> Iterator[Progress[Any]]:
    """Train so many iterations; Refused where the network explodes on the way."""
    for done in range(more):
        if stopped := trainer.step().stopped:
            raise Refused(f"It cannot be studied after {more} more iterations: {stopped.words}")
        yield Progress(done, more, f"training, iteration {trainer.iteration}")
