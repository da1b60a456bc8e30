"""Tells browsers, in a page's first bytes, what they would only learn, or ask for, once Streamlit has started."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Collection
from functools import partial

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.component.assets import ADDRESS, BUNDLE, DRAWING, prefix, version

HEAD = b"<head>"

# A page's path ends with its name: Streamlit would ask for its server below that name first, be refused, and wait before it asks again.
SERVER = '<script>window.__streamlit = { BACKEND_BASE_URL: new URL(".", location).href };</script>'


class Ahead:
    """Middleware.   figures: the pages, by the last part of their address, on which a figure is among the first things."""

    def __init__(self, app: ASGIApp, figures: Collection[str]) -> None:
        self._app, self._figures = app, figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await self._app(scope, receive, _Telling(send, partial(self._words, scope["path"])) if scope["type"] == "http" else send)

    def _words(self, path: str) -> bytes:
        """What is put on top of a page's head."""
        folder = f"{prefix(st.get_option('server.baseUrlPath') or '')}{ADDRESS}/{version()}"
        words = f'{SERVER}<link rel="modulepreload" href="{folder}/{BUNDLE}">'
        if path.rpartition("/")[2] in self._figures:
            words += f'<link rel="preload" as="script" fetchpriority="low" href="{folder}/{DRAWING}">'
        return words.encode()


class _Telling:
    """Sends on what is sent, pages with more words in their heads."""

    def __init__(self, send: Send, words: Callable[[], bytes]) -> None:
        self._send, self._words = send, words
        self._page: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._page = message
        elif self._page is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._tell(self._page)

    async def _tell(self, page: Message) -> None:
        headers = MutableHeaders(scope=page)
        if self._body:
            packed = headers.get("content-encoding") == "gzip"
            body = (gzip.decompress(self._body) if packed else self._body).replace(HEAD, HEAD + self._words(), 1)
            self._body = gzip.compress(body, mtime=0) if packed else body
            headers["content-length"] = str(len(self._body))
        # Streamlit's page may be the same when these files are not: a browser that keeps it would keep their old names.
        for name in ("etag", "last-modified"):
            del headers[name]
        await self._send(page)
        await self._send({"type": "http.response.body", "body": self._body})


def _is_page(start: Message) -> bool:
    return MutableHeaders(scope=start).get("content-type", "").startswith("text/html")
