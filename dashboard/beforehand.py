"""Begins what a page of the laboratory will ask first as soon as its address is asked for: a browser needs most of a second from there to
the question, and the server has nothing else to do meanwhile.

Only where a process is idle, and only what the address says by itself: each of these pages begins with the study of its own name, as it is
asked before anybody has chosen anything, of the network that the address's Experiment begins with.  The page finds it by its ticket, or
asks anew where it wants something else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from core.experiment import InvalidExperiment
from core.studies import STUDIES
from dashboard import address
from dashboard.live import runs, studying
from dashboard.live.runs import LiveError
from dashboard.starts import FIRST, STARTS
from dashboard.steering import WATCH


class Beforehand:
    """Middleware.   pages: those of the laboratory, by the last part of their address."""

    def __init__(self, app: ASGIApp, pages: Collection[str]) -> None:
        self._app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; it is answered first."""
        await self._app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "GET" and (page := scope["path"].rpartition("/")[2]) in self._pages:
            with contextlib.suppress(LiveError, InvalidExperiment):  # the page will say it
                await _begin(page, dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)))


async def _begin(page: str, query: dict[str, str]) -> None:
    catalogue = runs.registry().catalogue
    if catalogue is None or WATCH in query:
        return
    experiment, complaints = address.read(query, catalogue, STARTS[FIRST])
    if not complaints:
        await studying.begin_ahead(page, STUDIES[page].asked(), experiment)
