"""One browser that watches a run: what it asks for, and what is on its way to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Protocol

from starlette.websockets import WebSocket

from dashboard.live import words
from dashboard.live.frames import Picture
from dashboard.live.history import NOWHERE, History, Position
from dashboard.live.look import PANELS, panels
from dashboard.live.settings import Settings

COMPLAINTS_EVERY = 1.0
"""Seconds between two error messages about too many messages."""


class Watched(Protocol):
    """What a viewer needs of the run that it watches (`run.Run`)."""

    state: str
    fps: float
    shown: Picture | None
    history: History

    def axis_of(self, picture: Picture) -> str:
        """The axis message of a picture."""

    def frame(self, picture: Picture, position: Position) -> bytes:
        """A picture with the points that a viewer at this position has not seen."""

    def seen(self, picture: Picture) -> None:
        """A viewer has been sent this picture."""

    def command(self, do: str, value: Any = None) -> None:
        """A command of a person who controls the run."""

    def looks(self, message: Mapping[str, Any]) -> None:
        """Show something else to all."""

    def demand(self) -> None:
        """What viewers want to see has changed."""


class Viewer:
    """A socket with the latest frame waiting for it.

    Latest wins: while one frame is being sent, newer ones replace each other, and their loss points go with the next.  What is sent may
    still wait in a slow network; a browser that says how many frames it has received is therefore never sent many more than those.
    """

    def __init__(self, socket: WebSocket, run: Watched, settings: Settings, *, control: bool) -> None:
        self.show: tuple[str, ...] = PANELS
        self.fps = settings.default_fps
        self._socket, self._run, self._settings, self._control = socket, run, settings, control
        self._news = asyncio.Event()
        self._notes: dict[str, str] = {}
        self._axis, self._position = 0, NOWHERE
        self._sent: Picture | None = None
        self._next_at = 0.0
        self._frames, self._received = 0, -1
        """Frames sent, and how many of them the browser says it has; -1 while it has said nothing."""
        self._allowance, self._allowance_at, self._complained_at = settings.message_rate, time.monotonic(), 0.0

    def notice(self) -> None:
        """There is a new frame."""
        self._news.set()

    def tell(self, kind: str, text: str) -> None:
        """A message for the browser; it replaces one of the same kind that still waits."""
        self._notes[kind] = text
        self._news.set()

    def _complain(self, sentence: str) -> None:
        self.tell("error", json.dumps({"type": "error", "message": sentence}))

    def _unconfirmed(self) -> int:
        return self._frames - self._received if self._received >= 0 else 0

    async def deliver(self) -> None:
        """Send what there is, as fast as the browser takes it; return when the run is gone."""
        loop = asyncio.get_running_loop()
        while True:
            await self._news.wait()
            self._news.clear()
            while self._notes:
                await self._socket.send_text(self._notes.pop(next(iter(self._notes))))
            if self._run.state == words.GONE:
                return
            picture = self._run.shown
            if picture is None or picture is self._sent or self._unconfirmed() >= self._settings.unconfirmed:
                continue
            now = loop.time()
            # The trainer keeps the pace of the fastest viewer; only slower ones have to hold back.
            if self.fps < self._run.fps and now < self._next_at:
                loop.call_at(self._next_at, self._news.set)
                continue
            self._next_at = max(self._next_at + 1 / self.fps, now)
            if picture.axis != self._axis:
                self._axis = picture.axis
                await self._socket.send_text(self._run.axis_of(picture))
            frame, self._position, self._sent = self._run.frame(picture, self._position), self._run.history.position, picture
            self._frames += 1
            await self._socket.send_bytes(frame)
            self._run.seen(picture)

    async def listen(self) -> None:
        """Obey the browser until it leaves."""
        while (received := await self._socket.receive())["type"] != "websocket.disconnect":
            try:
                self._hear(received)
            except ValueError as complaint:
                self._complain(str(complaint))

    def _hear(self, received: Any) -> None:
        """One message; ValueError with one sentence when it is refused."""
        if not self._within_rate():
            return
        text = received.get("text")
        if text is None or len(text.encode()) > self._settings.message_bytes:
            raise ValueError(f"A message must be text of at most {self._settings.message_bytes:,} bytes.")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("do"), str):
            raise ValueError('A message must be a JSON object with a "do".')
        if message["do"] == "received":
            self._confirm(message.get("frames"))
        elif message["do"] == "look":
            self._look(message)
        elif not self._control:
            raise ValueError("This link can only watch.")
        else:
            self._run.command(message["do"], message.get("back" if message["do"] == "seek" else "value"))

    def _confirm(self, frames: Any) -> None:
        if not isinstance(frames, int) or isinstance(frames, bool) or not 0 <= frames <= self._frames:
            raise ValueError("frames must be the number of frames received.")
        self._received = frames
        self._news.set()

    def _look(self, message: dict[str, Any]) -> None:
        show, fps = self.show, self.fps
        if "show" in message:
            show = panels(message["show"])
        if "fps" in message:
            fps = message["fps"]
            if isinstance(fps, bool) or not isinstance(fps, int | float) or not 1 <= fps <= self._settings.max_fps:
                raise ValueError(f"fps must be a number from 1 to {self._settings.max_fps:g}.")
        if self._control:
            self._run.looks(message)
        self.show, self.fps = show, fps
        self._run.demand()

    def _within_rate(self) -> bool:
        """Whether this message comes within the allowed rate; says so now and then when it does not."""
        now = time.monotonic()
        rate = self._settings.message_rate
        self._allowance = min(rate, self._allowance + rate * (now - self._allowance_at)) - 1
        self._allowance_at = now
        if self._allowance >= 0:
            return True
        self._allowance = max(self._allowance, -1.0)
        if now - self._complained_at >= COMPLAINTS_EVERY:
            self._complained_at = now
            self._complain(f"Too many messages: at most {rate:g} a second are read.")
        return False
