"""The worker processes as the web process sees them: started, spoken to, missed when they die, replaced when they hang."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.experiment import InvalidExperiment
from dashboard.live import pipe
from dashboard.live.settings import Settings

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
STREAM_BYTES = 2**20
"""Bytes of a worker's messages that may wait in the web process."""
FAREWELL = 2.0
"""Seconds that a worker has to end by itself."""


class LiveError(Exception):
    """One sentence that can be shown to the user."""


class WorkerDied(LiveError):
    """The process ended before it could answer."""


class Worker:
    """One worker process.

    module: what runs in it.   patience: seconds that a request may take; None = those of the settings.
    tell: called with each message that is no answer, and its block.   died: called once, when it was ready and has ended without
    being asked to.
    """

    def __init__(
        self,
        settings: Settings,
        tell: Callable[[pipe.Message, bytes], None],
        died: Callable[[Worker], None],
        *,
        module: str = "dashboard.live.worker",
        patience: float | None = None,
    ) -> None:
        self._settings, self._tell, self._died = settings, tell, died
        self._module, self._patience = module, patience or settings.request_timeout
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[pipe.Message, bytes]]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._stopping = False
        self._warm = False
        self._heard = False
        self._quiet = 0.0
        self.ready: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        """Its catalogue, once it has warmed up; WorkerDied when it never will."""

    @property
    def usable(self) -> bool:
        """Whether it is warm and alive."""
        return self._warm and not self._gone

    @property
    def _gone(self) -> bool:
        process = self._process
        return self._stopping or process is None or process.returncode is not None or self._reading is None or self._reading.done()

    @property
    def unanswered(self) -> float:
        """Seconds since it was asked whether it is still there, without a word from it."""
        return max(0.0, self._quiet - self._settings.ping_every)

    def look_after(self, passed: float) -> None:
        """Called every so many seconds: ask a worker that says nothing whether it is still there, and end it when it never answers.

        The seconds are those of the caller's rounds, not of a clock: while this process itself stands still, nobody is missed.
        """
        if not self.usable or self._process is None:
            return
        if self._heard:
            self._heard, self._quiet = False, 0.0
            return
        asked = self._quiet >= self._settings.ping_every
        self._quiet += passed
        if not asked and self._quiet >= self._settings.ping_every:
            self.send({"do": "ping"})
        if self.unanswered >= self._settings.hang_timeout:
            log.warning("worker %d has not answered for %g s and is ended", self._process.pid, self.unanswered)
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    @property
    def pid(self) -> int | None:
        """The process id."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process; it is `ready` later."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **self._settings.to_environment()},
            limit=STREAM_BYTES,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout  # noqa: S101  (a pipe was asked for)
        try:
            while (received := await pipe.receive(process.stdout)) is not None:
                self._take(*received)
        finally:
            self._leave()
        if not self._stopping:
            log.warning("worker %d ended unexpectedly with code %s", process.pid, await process.wait())
            if self._warm:
                self._died(self)

    def _take(self, message: pipe.Message, block: bytes) -> None:
        self._heard = True
        if "reply" in message:
            waiting = self._waiting.pop(message["reply"], None)
            if waiting and not waiting.done():
                waiting.set_result((message, block))
        elif message["on"] == "ready":
            self._warm = True
            self.ready.set_result(message["catalogue"])
        elif message["on"] == "pong":
            return
        else:
            try:
                self._tell(message, block)
            except Exception:
                log.exception("a message of a worker could not be taken")

    def _leave(self) -> None:
        """Nobody will be answered any more."""
        ended = WorkerDied("The process that trains this run has ended; try again in a moment.")
        futures: list[asyncio.Future[Any]] = [*self._waiting.values(), self.ready]
        for waiting in futures:
            if not waiting.done():
                waiting.set_exception(ended)
                waiting.exception()  # retrieved: nobody needs to be waiting
        self._waiting.clear()

    def send(self, message: Mapping[str, Any], block: bytes = b"") -> None:
        """An order, or a request's message, on its way; lost when the process is gone."""
        if self._process and self._process.stdin and not self._gone:
            self._process.stdin.write(pipe.pack(message, block))

    async def request(self, message: Mapping[str, Any], block: bytes = b"", patience: float | None = None) -> tuple[pipe.Message, bytes]:
        """The answer to a request; InvalidExperiment or LiveError where it was refused.  patience: for this request alone, in seconds."""
        patience = patience or self._patience
        if self._gone:
            raise WorkerDied("The process that trains this run has ended; try again in a moment.")
        number = next(self._numbers)
        waiting: asyncio.Future[tuple[pipe.Message, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        self.send({**message, "request": number}, block)
        try:
            answer, answered = await asyncio.wait_for(waiting, patience)
        except TimeoutError:
            raise LiveError(f"The trainer did not answer within {patience:g} seconds; try again.") from None
        finally:
            self._waiting.pop(number, None)
        if "problems" in answer:
            raise InvalidExperiment(answer["problems"])
        if "error" in answer:
            raise LiveError(answer["error"])
        return answer, answered

    async def stop(self) -> None:
        """End the process: its input ends, and if that does not do, by force."""
        self._stopping = True
        if self._process is None or self._reading is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), FAREWELL)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
