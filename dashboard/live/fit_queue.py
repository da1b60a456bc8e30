"""Jobs that are shared out to fitting processes, such as baselines that are to be fitted; touched by the server's event loop only.

A series with its options is one job, which is cut into pieces: one fit of one form each, and then one forecast of each column's best
form.  The error against K is another (`measuring`), whose pieces are networks.  The job that has used least time goes first, so that
a long grid does not keep a short one waiting; and what takes long in one piece leaves one process to the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.baselines import BASELINES, Fitted, NoFit, Options
from core.baselines.comparison import Attempt, Outcome, Result, of_column, result, settle
from core.forecast import Array, Forecast
from dashboard.live import pipe
from dashboard.live.job import FitProgress, Job, Piece
from dashboard.live.settings import Settings
from dashboard.live.workers import LiveError, Worker, WorkerDied

log = logging.getLogger(__name__)

UNKNOWN = "These results are no longer remembered; start them again."
ENDED = "The process that worked on it has ended."
TRIES = 2
"""How often a piece is begun when its process dies."""


@dataclass(eq=False, kw_only=True)
class FitPiece(Piece):
    """What a request is about: a form of a baseline that is to be fitted to a column, or a fit that is to forecast it."""

    name: str
    column: int
    attempt: Attempt | None = None
    fitted: Fitted | None = None


@dataclass(eq=False, kw_only=True)
class FitJob(Job):
    """The baselines of one series with its options.

    values (N, D); refused: why a baseline could not be begun.  results: of the baselines that are done.
    """

    values: Array
    period: int
    origins: tuple[int, ...]
    horizon: int
    options: Options
    which: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    refused: Mapping[str, str]
    outcomes: list[Outcome] = field(default_factory=list)
    forecasts: dict[tuple[str, int], tuple[Fitted, Forecast]] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)

    def begin(self) -> None:
        """Cut it into pieces."""
        train = np.ascontiguousarray(self.values[: self.origins[0]])
        common = {"do": "fit", "job": self.ticket, "period": self.period, "options": self.options.to_dict(), "shape": train.shape}
        block = train.tobytes()
        self.pieces.extend(
            FitPiece(name=a.baseline, column=a.column, request={**common, "attempt": a.to_dict()}, block=block, attempt=a)
            for a in self.attempts
        )
        for name in self.which:
            if name in self.refused or not any(a.baseline == name for a in self.attempts):
                self._end(name, self.refused.get(name, ""))

    def tried(self, outcome: Outcome) -> None:
        """A form has been fitted, or has not; the last one of a baseline is followed by the forecasts of its best forms."""
        name = outcome.attempt.baseline
        self.outcomes.append(outcome)
        self.words = f"{BASELINES[name].label} {outcome.attempt.form}".strip()
        tried = self._of(name)
        if len(tried) < sum(attempt.baseline == name for attempt in self.attempts):
            return
        try:
            best = [settle(of_column(tried, column)) for column in range(self.values.shape[1])]
        except NoFit as refusal:
            self._end(name, str(refusal))
            return
        # Forecasts go first: a baseline that is fitted should be seen.
        self.pieces.extendleft(self._forecast_piece(name, column, fitted) for column, fitted in enumerate(best))

    def _forecast_piece(self, name: str, column: int, fitted: Fitted) -> FitPiece:
        values = np.ascontiguousarray(self.values[:, column : column + 1])
        request = {
            "do": "forecast",
            "job": self.ticket,
            "fitted": fitted.to_dict(),
            "origins": self.origins,
            "horizon": self.horizon,
            "shape": values.shape,
        }
        return FitPiece(name=name, column=column, request=request, block=values.tobytes(), fitted=fitted)

    def forecast(self, piece: FitPiece, block: bytes, parts: int) -> None:
        """A column has its forecast."""
        if piece.fitted is None or piece.name in self.results:
            return
        made = np.frombuffer(block).reshape(parts, -1, 1)
        lower, upper = (made[1], made[2]) if parts == 3 else (None, None)
        self.forecasts[piece.name, piece.column] = piece.fitted, Forecast(piece.fitted.name, made[0], lower, upper, self.origins)
        if sum(name == piece.name for name, _ in self.forecasts) == self.values.shape[1]:
            self._end(piece.name)

    def take(self, piece: FitPiece, answer: pipe.Message, block: bytes) -> None:
        """A form has been tried, or a fit has forecast."""
        if "outcome" in answer:
            self.tried(Outcome.from_dict(answer["outcome"]))
        elif "parts" in answer:
            self.forecast(piece, block, answer["parts"])
        elif "failed" in answer:
            self.fail(piece, answer["failed"])

    def fail(self, piece: FitPiece, sentence: str) -> None:
        """A piece cannot be done; the others stay."""
        if piece.attempt:
            self.tried(Outcome(piece.attempt, None, sentence))
        elif piece.name not in self.results:
            self._end(piece.name, sentence)

    def progress(self) -> FitProgress:
        """How far it is."""
        return FitProgress(len(self.outcomes), len(self.attempts), self.words, self.state)

    def found(self) -> dict[str, Result]:
        """The baselines that are done, in the order in which they were asked for."""
        return {name: self.results[name] for name in self.which if name in self.results}

    def _of(self, name: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.attempt.baseline == name]

    def _end(self, name: str, failure: str = "") -> None:
        forecasts = [self.forecasts[key] for key in sorted(self.forecasts) if key[0] == name]
        self.results[name] = result(name, self._of(name), forecasts, failure)
        # Where one column failed, the others need no forecast.
        self.pieces = deque(piece for piece in self.pieces if piece.attempt or piece.name != name)
        if len(self.results) == len(self.which):
            self.state = "done"
            self.pieces.clear()


class FitQueue:
    """Jobs by ticket, the latest used last, and the fitting processes that share them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._fitters: dict[asyncio.Task[None], tuple[Worker, str]] = {}
        """Each process's task, the process, and the ticket of the job that it works for."""
        self._news = asyncio.Condition()
        self._house: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def start(self, ready: Callable[[], Awaitable[object]]) -> None:
        """Begin to look after jobs.   ready: waits for the trainers, which start before the processes that are kept for studies."""
        self._house = asyncio.create_task(self._keep_house(ready))

    async def stop(self) -> None:
        """End everything."""
        tasks = [*self._fitters, *([self._house] if self._house else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def processes(self) -> list[int]:
        """The process ids of the fitting processes."""
        return [worker.pid for worker, _ in self._fitters.values() if worker.pid]

    # What pages ask for

    async def submit(self, job: Job) -> None:
        """Do a job, unless it is done, or being done."""
        known = self._jobs.get(job.ticket)
        if known and known.state not in ("cancelled", "failed"):
            known.askers |= job.askers
            self._asked(job.ticket)
            return
        if sum(other.state == "fitting" for other in self._jobs.values()) >= self.settings.max_fits:
            raise LiveError(f"{self.settings.max_fits} questions are being worked on; try again in a moment.")
        job.begin()
        self._jobs[job.ticket] = job
        self._asked(job.ticket)
        self._forget()
        pieces = sum(len(waits.pieces) for waits in self._jobs.values())
        at_hand = sum(not ticket for _, ticket in self._fitters.values())
        for _ in range(min(pieces - at_hand, self._most - len(self._fitters))):
            self._spawn()
        await self._tell()

    async def progress(self, ticket: str) -> FitProgress:
        """How far a job is."""
        return self._asked(ticket).progress()

    async def result(self, ticket: str) -> Any:
        """What is done so far."""
        return self._asked(ticket).found()

    async def cancel(self, ticket: str, sentence: str = "It was cancelled.") -> None:
        """Give a job up, also in the middle of a fit."""
        job = self._jobs.get(ticket)
        if job is None or job.state != "fitting":
            return
        job.cancel(sentence)
        for worker, working_for in self._fitters.values():
            if working_for == ticket:
                worker.send({"do": "cancel", "job": ticket})

    async def leave(self, ticket: str, asker: str) -> None:
        """Somebody does not want to know any more; a job that nobody else waits for is given up."""
        job = self._jobs.get(ticket)
        if job is not None:
            job.askers.discard(asker)
            if not job.askers:
                await self.cancel(ticket)

    def _asked(self, ticket: str) -> Job:
        job = self._jobs.get(ticket)
        if job is None:
            raise LiveError(UNKNOWN)
        job.asked_at = time.monotonic()
        self._jobs.move_to_end(ticket)
        return job

    def _forget(self) -> None:
        """Keep the jobs that are being done, and of the others those that were asked for last."""
        at_rest = [ticket for ticket, job in self._jobs.items() if job.state != "fitting"]
        for ticket in at_rest[: max(0, len(at_rest) - self.settings.kept_fits)]:
            del self._jobs[ticket]

    # The processes

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    @property
    def _most(self) -> int:
        """How many there may be."""
        return self.settings.fitters or os.cpu_count() or 1

    def _next(self) -> Job | None:
        """The job whose piece is the next one: that has used least time, of several the one that has waited longest."""
        long = sum(self._jobs[ticket].long for _, ticket in self._fitters.values() if ticket in self._jobs)
        full = long >= max(1, self._most - 1)
        waiting = [job for job in self._jobs.values() if job.pieces and not (job.long and full)]
        return min(waiting, key=lambda waits: (waits.spent, waits.since), default=None)

    def _spawn(self) -> None:
        worker = Worker(
            self.settings,
            self._hear,
            self._miss,
            module="dashboard.live.fitting",
            patience=2 * self.settings.fit_seconds + 10,  # it ends by itself long before
        )
        self._fitters[asyncio.create_task(self._serve(worker))] = worker, ""

    def _hear(self, message: pipe.Message, block: bytes) -> None:
        """What a process says on its way, to the job that it works for."""
        job = self._jobs.get(message["job"])
        if job is not None and job.state == "fitting":
            job.hear(message, block)

    def _miss(self, _: Worker) -> None:
        """A process has ended; its task hears of it even while it has nothing to do."""
        telling = asyncio.create_task(self._tell())
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _serve(self, worker: Worker) -> None:
        """The life of one fitting process."""
        task = asyncio.current_task()
        assert task  # noqa: S101  (this is a task)
        try:
            await worker.start()
            await asyncio.wait_for(asyncio.shield(worker.ready), self.settings.start_timeout)
            while (found := await self._wait(worker)) is not None:
                job, piece = found
                self._fitters[task] = worker, job.ticket
                await self._do(worker, job, piece)
                self._fitters[task] = worker, ""
        except WorkerDied:
            log.warning("a fitting process ended unexpectedly")
        except (OSError, TimeoutError):
            log.exception("a fitting process could not be started")
        finally:
            self._fitters.pop(task, None)
            await worker.stop()
        self._succeed(worker)

    def _succeed(self, worker: Worker) -> None:
        """Where the last process is gone and there is something to do: another one, or, when it did not even start, nobody."""
        if len(self._fitters) >= max(self.settings.fitters_kept, self._any()):
            return
        if worker.ready.done() and not worker.ready.exception():
            self._spawn()
            return
        for job in self._jobs.values():
            while job.pieces:
                job.fail(job.pieces.popleft(), "The process for it does not start.")

    async def _wait(self, worker: Worker) -> tuple[Job, Piece] | None:
        """The next piece; None when there has been none for a while and more processes than are kept wait for one."""
        async with self._news:
            while (job := self._next()) is None:
                with contextlib.suppress(TimeoutError):
                    news = self._news.wait_for(lambda: self._next() or not worker.usable)
                    await asyncio.wait_for(news, self.settings.fit_idle)
                if not worker.usable:
                    raise WorkerDied(ENDED)
                if self._next() is None and len(self._fitters) > self.settings.fitters_kept:
                    return None
        return job, job.pieces.popleft()

    def _any(self) -> bool:
        return any(job.pieces for job in self._jobs.values())

    async def _do(self, worker: Worker, job: Job, piece: Piece) -> None:
        piece.tries += 1
        began = time.monotonic()
        try:
            answer, block = await worker.request(piece.request, piece.block, piece.patience)
            job.spent += time.monotonic() - began
        except WorkerDied:
            if job.state == "fitting" and piece.tries < TRIES:
                job.pieces.appendleft(piece)
            elif job.state == "fitting":
                job.fail(piece, ENDED)
            raise
        except LiveError:  # it does not answer, and never will
            if job.state == "fitting":
                job.fail(piece, f"It was not done within {piece.patience or self.settings.fit_seconds:g} seconds.")
            raise WorkerDied(ENDED) from None
        if job.state != "fitting":
            return
        try:
            job.take(piece, answer, block)
        except Exception:
            log.exception("an answer of a fitting process could not be taken")
            job.fail(piece, "This could not be computed because of an error inside the program.")
        if job.pieces:
            await self._tell()

    async def _keep_house(self, ready: Callable[[], Awaitable[object]]) -> None:
        with contextlib.suppress(LiveError):
            await ready()
        for _ in range(self.settings.fitters_kept - len(self._fitters)):
            self._spawn()
        while True:
            await asyncio.sleep(self.settings.tick)
            now = time.monotonic()
            for job in list(self._jobs.values()):
                if job.state == "fitting" and now - job.asked_at > self.settings.fit_patience:
                    await self.cancel(job.ticket, "It was given up: nobody asked for it any more.")
