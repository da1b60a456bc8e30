"""Tells browsers, with a page's first bytes, which of the component's files it will need: they come while Streamlit starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.component.assets import ADDRESS, BUNDLE, DRAWING, prefix, version


class Ahead:
    """Middleware.   figures: the pages, by the last part of their address, on which a figure is among the first things."""

    def __init__(self, app: ASGIApp, figures: Collection[str]) -> None:
        self._app, self._figures = app, figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("link", ", ".join(self._links(scope["path"])))
                    # Streamlit's page may be the same when these files are not: a browser that keeps it would keep their old names.
                    for name in ("etag", "last-modified"):
                        del headers[name]
            await send(message)

        await self._app(scope, receive, told if scope["type"] == "http" else send)

    def _links(self, path: str) -> Iterator[str]:
        folder = f"{prefix(st.get_option('server.baseUrlPath') or '')}{ADDRESS}/{version()}"
        yield f"<{folder}/{BUNDLE}>; rel=modulepreload"
        if path.rpartition("/")[2] in self._figures:
            yield f"<{folder}/{DRAWING}>; rel=preload; as=script; fetchpriority=low"
