"""Streamlit's own scripts, styles and fonts, answered from memory and packed once.

A page needs a hundred of them.  Streamlit looks each up on disk for every visitor, through a thread and piece by piece, and sends them as
they are: a room that opens the page at once waits for the server's loop, and carries over two megabytes a head through its line.
"""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
from pathlib import Path

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.component.assets import KEPT, prefix

FOLDER = "static"
"""What is answered for, both in the address and among Streamlit's files: names there change with what they say."""
LEVEL = 6
"""Of packing: the most takes a third longer, and saves less than a hundredth."""
WORTH = 0.9
"""What packing leaves more of is sent as it is, such as fonts and pictures: they are packed already."""

Answer = tuple[bytes, dict[str, str]]
"""What is sent of a file, and with which headers."""


class Kept:
    """Middleware.   files: Streamlit's."""

    def __init__(self, app: ASGIApp, files: Path) -> None:
        self._app = app
        self._files = {f"/{path.relative_to(files).as_posix()}": path for path in files.joinpath(FOLDER).rglob("*") if path.is_file()}
        self._answers: dict[str, asyncio.Task[Answer]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if name := self._name(scope):
            content, headers = await self._answer(name)
            await Response(content, headers=headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _name(self, scope: Scope) -> str | None:
        """Which file is asked for, None where it is none of these, or only a part of it, or by somebody who cannot unpack it."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        base, path, headers = prefix(st.get_option("server.baseUrlPath") or ""), scope["path"], Headers(scope=scope)
        name = path[len(base) :]
        whole = _unpacks(headers.get("accept-encoding", "")) and "range" not in headers
        return name if whole and name in self._files and path.startswith(base) else None

    async def _answer(self, name: str) -> Answer:
        """Of a file: all who ask for it while it is packed for the first time wait for the same."""
        task = self._answers.get(name)
        if task is None or (task.done() and task.exception()):  # what could not be read once is tried again
            task = self._answers[name] = asyncio.create_task(asyncio.to_thread(_packed, self._files[name]))
        return await asyncio.shield(task)  # who leaves does not take it from the others


def _unpacks(accepted: str) -> bool:
    """Whether a browser that says so takes what is packed: it may also say "gzip;q=0"."""
    for way in accepted.lower().replace(" ", "").split(","):
        name, _, quality = way.partition(";q=")
        if name == "gzip":
            return not quality or bool(quality.strip("0."))
    return False


def _packed(path: Path) -> Answer:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {**KEPT, "Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind, "Vary": "Accept-Encoding"}
    packed = gzip.compress(content, LEVEL, mtime=0)
    if len(packed) > WORTH * len(content):
        return content, headers
    return packed, {**headers, "Content-Encoding": "gzip"}
