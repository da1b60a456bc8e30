"""Baselines for page scripts: plain functions that Streamlit's script threads call.

    ticket = fits.start(series.values, series.period, split, horizon)
    seen = fits.progress(ticket)      # at every rerun, until seen.state is "done" (or "cancelled")
    results = fits.result(ticket)     # of the baselines that are done: name -> Result

Everything is decided by the inputs: the same ones give the same ticket, and what is known of it at once.  Everything here raises
`LiveError`, one sentence for the user.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from core.baselines import BASELINES, Options
from core.baselines.comparison import Result, plan
from core.forecast import Array, origins
from dashboard.live.fit_queue import FitJob, FitQueue
from dashboard.live.job import FitProgress
from dashboard.live.workers import LiveError

if TYPE_CHECKING:
    from core.series import Split

__all__ = ["FitProgress", "LiveError", "Options", "Result", "cancel", "progress", "result", "start"]

T = TypeVar("T")


@dataclass
class _Server:
    """The server of this process, while it is open."""

    queue: FitQueue | None = None
    loop: asyncio.AbstractEventLoop | None = None


_server = _Server()


def open_on(queue: FitQueue, loop: asyncio.AbstractEventLoop) -> None:
    """The lifespan has begun."""
    _server.queue, _server.loop = queue, loop


def close_all() -> None:
    """The lifespan ends."""
    _server.queue = _server.loop = None


def queue() -> FitQueue:
    """The queue of this process's server; LiveError when there is none."""
    if _server.queue is None:
        raise LiveError("The live server is not running: start the app with `streamlit run dashboard/app.py`.")
    return _server.queue


def ask(work: Coroutine[Any, Any, T]) -> T:
    """The answer of something that the server's event loop does; LiveError when there is none in time."""
    if _server.loop is None or _server.queue is None:
        work.close()
        raise LiveError("The live server has been stopped.")
    future = asyncio.run_coroutine_threadsafe(work, _server.loop)
    try:
        return future.result(_server.queue.settings.request_timeout)
    except TimeoutError:
        future.cancel()
        raise LiveError("The server did not answer in time; try again.") from None


def start(
    values: Array, period: int, split: Split, horizon: int, which: Sequence[str] = tuple(BASELINES), options: Options | None = None
) -> str:
    """Begin to fit baselines to a series, unless that is done or being done; the ticket by which to ask after it.

    values (N, D); `split` says where the training part ends.  Nothing after its end is read by a fit, and nothing at or after an origin
    by a forecast.
    """
    options, values = options or Options(), np.ascontiguousarray(values, float)
    begins = origins(split, horizon)
    said = json.dumps([values.shape, period, begins, horizon, list(which), options.to_dict()])
    ticket = hashlib.sha256(said.encode() + values.tobytes()).hexdigest()
    try:
        attempts, refused = plan(values[: begins[0]], period, which, options)
    except ValueError as error:
        raise LiveError(str(error)) from None
    job = FitJob(
        ticket=ticket,
        values=values,
        period=period,
        origins=begins,
        horizon=horizon,
        options=options,
        which=tuple(which),
        attempts=attempts,
        refused=refused,
    )
    ask(queue().submit(job))
    return ticket


def progress(ticket: str) -> FitProgress:
    """How far it is; asking also says that somebody still waits."""
    return ask(queue().progress(ticket))


def result(ticket: str) -> dict[str, Result]:
    """The baselines that are done, in the order in which they were asked for; all of them once `progress` says "done"."""
    found: dict[str, Result] = ask(queue().result(ticket))
    return found


def cancel(ticket: str) -> None:
    """Give it up for everybody who waits for it; what is done stays, and `start` begins again."""
    ask(queue().cancel(ticket))
