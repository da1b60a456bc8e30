"""Visitors: a browser is known by a cookie with a random name, so that one visitor with many tabs cannot take all places."""

from __future__ import annotations

import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

VISITOR = "bptt_visitor"


class Visitors:
    """Middleware: gives each browser that has none a name, with the first answer; it lasts until the browser is closed.

    A browser opens its sockets after its first page, and says the name there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or VISITOR in HTTPConnection(scope).cookies:
            await self._app(scope, receive, send)
            return

        async def named(message: Message) -> None:
            # Only the page itself: its parts are asked for at once, and each would bring a name of its own.
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("set-cookie", f"{VISITOR}={secrets.token_urlsafe(16)}; Path=/; HttpOnly; SameSite=Lax")
            await send(message)

        await self._app(scope, receive, named)
