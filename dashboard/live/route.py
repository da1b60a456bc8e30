"""The live socket, /live/{key}: who may open it, and how it ends.  Also the lifespan in which the runs exist."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.live import fits, runs, words
from dashboard.live.fit_queue import FitQueue
from dashboard.live.nodelay import send_at_once
from dashboard.live.registry import UNKNOWN, Registry
from dashboard.live.run import Run
from dashboard.live.settings import Settings
from dashboard.live.viewer import Viewer

ENDED, FULL = 4404, 4429
"""Codes with which a socket is closed: the run does not exist (any more), or it has too many viewers."""
KEY = re.compile(r"/live/[^/?\s]+")


def hide_keys(record: logging.LogRecord) -> bool:
    """A log filter: the server names the addresses of its sockets, and the key of a run is part of one."""
    if isinstance(record.args, tuple):
        record.args = tuple(KEY.sub("/live/...", value) if isinstance(value, str) else value for value in record.args)
    return True


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[dict[str, Any]]:
    """Runs and their workers live as long as the server, and so do fits."""
    logging.getLogger("uvicorn.error").addFilter(hide_keys)
    send_at_once()
    settings = Settings.from_environment()
    registry, queue = Registry(settings), FitQueue(settings)
    await registry.start()
    queue.start(registry.started)
    runs.open_on(registry, asyncio.get_running_loop())
    fits.open_on(queue, asyncio.get_running_loop())
    try:
        yield {}
    finally:
        runs.close_all()
        fits.close_all()
        await queue.stop()
        await registry.stop()


def allowed(origin: str | None, host: str | None, settings: Settings) -> bool:
    """Whether a page of this origin may open a live socket on this host.

    Browsers always send the origin of the page, so a foreign page cannot use its visitor's address; other programs send none.
    """
    return origin is None or urlsplit(origin).netloc == host or origin in settings.allowed_origins


async def live(socket: WebSocket) -> None:
    """Serve one viewer."""
    registry = runs.registry()
    if not allowed(socket.headers.get("origin"), socket.headers.get("host"), registry.settings):
        await socket.close()  # before it is accepted: the browser gets 403
        return
    await socket.accept()
    key = socket.path_params["key"]
    run, most = registry.find(key), registry.settings.max_viewers
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it may leave while something is being sent to it
        if run is None:
            await _refuse(socket, ENDED, {"type": "status", "state": words.GONE, "words": UNKNOWN})
        elif len(run.viewers) >= most:
            await _refuse(socket, FULL, {"type": "error", "message": f"This run already has {most} viewers."})
        else:
            await _welcome(socket, run, registry.settings, control=key == run.control)


async def _welcome(socket: WebSocket, run: Run, settings: Settings, *, control: bool) -> None:
    viewer = Viewer(socket, run, settings, control=control)
    run.join(viewer)  # before anything is awaited: others who come meanwhile are counted from here
    try:
        await socket.send_text(json.dumps({"type": "hello", "control": control, "watch": run.watch}))
        await _serve(viewer)
        await socket.close(ENDED)
    finally:
        run.leave(viewer)


async def _serve(viewer: Viewer) -> None:
    """Send and listen until one of the two ends."""
    tasks = [asyncio.create_task(viewer.deliver()), asyncio.create_task(viewer.listen())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _refuse(socket: WebSocket, code: int, message: dict[str, Any]) -> None:
    await socket.send_text(json.dumps(message))
    await socket.close(code)


ROUTES: list[BaseRoute] = [WebSocketRoute("/live/{key}", live), WebSocketRoute("/{base:path}/live/{key}", live)]
"""The second is for servers below a path of their host (Streamlit's `server.baseUrlPath`)."""
