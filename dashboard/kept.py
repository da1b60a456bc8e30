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

LEVEL = 6
"""Of packing: more takes three times as long for a hundredth less."""
WORTH = 0.9
"""What packing leaves more of is sent as it is, such as fonts and pictures: they are packed already."""


class Kept:
    """Middleware.   folder: whose files are answered for, below `address`, which is a part of their path in it, too.

    Their names have to change with what they say, as Streamlit's do.
    """

    def __init__(self, app: ASGIApp, folder: Path, address: str = "static") -> None:
        self._app = app
        self._files = {f"/{path.relative_to(folder).as_posix()}": path for path in folder.joinpath(address).rglob("*") if path.is_file()}
        self._read: dict[str, tuple[bytes, dict[str, str]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        name = self._name(scope)
        if name is None:
            await self._app(scope, receive, send)
            return
        if name not in self._read:
            self._read[name] = await asyncio.to_thread(_packed, self._files[name])
        content, headers = self._read[name]
        await Response(content, headers=headers)(scope, receive, send)

    def _name(self, scope: Scope) -> str | None:
        """Which file is asked for, None where it is none of these, or only a part of it, or by somebody who cannot unpack it."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        base, path, headers = prefix(st.get_option("server.baseUrlPath") or ""), scope["path"], Headers(scope=scope)
        name = path[len(base) :]
        whole = "gzip" in headers.get("accept-encoding", "") and "range" not in headers
        return name if whole and name in self._files and path.startswith(base) else None


def _packed(path: Path) -> tuple[bytes, dict[str, str]]:
    """What is sent of a file, and with which headers."""
    content = path.read_bytes()
    headers = {**KEPT, "Content-Type": mimetypes.guess_type(path.name)[0] or "application/octet-stream", "Vary": "Accept-Encoding"}
    packed = gzip.compress(content, LEVEL, mtime=0)
    if len(packed) > WORTH * len(content):
        return content, headers
    return packed, {**headers, "Content-Encoding": "gzip"}
