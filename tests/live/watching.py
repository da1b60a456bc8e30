"""A live server in this process, and viewers that speak its protocol from outside."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from websockets.sync.client import ClientConnection, connect

from dashboard.live.frames import Frame, decode
from dashboard.live.route import ROUTES, lifespan
from tests.serving import free_port

LOOK_EVERY = 0.01
"""Seconds between two looks at what is waited for."""


@contextmanager
def live_server(**settings: object) -> Iterator[str]:
    """The live route and its workers on a real port, in a thread; this thread plays a page script.  Yields ws://host:port.

    No process is kept for studies unless that is asked for: its imports would take the time of what is tested.
    """
    settings = {"fitters_kept": 0} | settings
    variables = {f"BPTT_{name.upper()}": str(value) for name, value in settings.items()}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    config = uvicorn.Config(
        Starlette(routes=ROUTES, lifespan=lifespan), port=free_port(), log_level="info", ws="websockets-sansio", ws_ping_interval=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield f"ws://127.0.0.1:{config.port}"
    finally:
        server.should_exit = True
        thread.join()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def wait_for(condition: Callable[[], Any], patience: float = 30.0) -> Any:
    """The condition's value as soon as it is true.

    patience: seconds of waiting, counted by what is waited here: while a whole machine stands still, what is waited for does too.
    """
    for _ in range(round(patience / LOOK_EVERY)):
        if value := condition():
            return value
        time.sleep(LOOK_EVERY)
    raise AssertionError(f"it never came true in {patience:g} s")


class Watcher:
    """A viewer: `seen` holds everything it was sent, Frames and message objects, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[Any] = []

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def next(self, patience: float = 30.0) -> Frame | dict[str, Any]:
        received = self.socket.recv(timeout=patience)
        self.seen.append(json.loads(received) if isinstance(received, str) else decode(received))
        return self.seen[-1]

    def frame(self, condition: Callable[[Frame], Any] = lambda frame: True) -> Frame:
        """The next frame for which the condition holds."""
        while not (isinstance(seen := self.next(), Frame) and condition(seen)):
            pass
        return seen

    def message(self, **wanted: Any) -> Mapping[str, Any]:
        """The next message with these values."""
        while not (isinstance(seen := self.next(), dict) and wanted.items() <= seen.items()):
            pass
        return seen

    def at(self, iteration: int) -> Frame:
        """The next frame of this iteration or a later one."""
        return self.frame(lambda frame: frame.header["iteration"] >= iteration)

    @property
    def frames(self) -> list[Frame]:
        return [seen for seen in self.seen if isinstance(seen, Frame)]

    def iterations(self) -> list[int]:
        """The iterations of all loss points, 0 where the viewer had to forget."""
        return [int(point[0]) for frame in self.frames for point in frame.tail]

    def losses(self) -> list[float]:
        """The losses since the last restart."""
        points = [tuple(point) for frame in self.frames for point in frame.tail]
        last = max((at for at, point in enumerate(points) if point[0] == 0), default=-1)
        return [point[1] for point in points[last + 1 :]]


@contextmanager
def watch(server: str, key: str, **more: Any) -> Iterator[Watcher]:
    """A viewer of this run."""
    with connect(f"{server}/live/{key}", proxy=None, max_size=None, **more) as socket:
        yield Watcher(socket)
