"""What a page's first bytes tell of the files to come, and which answers are pages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Scope, Send

from dashboard.component.ahead import Ahead
from dashboard.component.assets import version

KEPT = {"etag": '"1"', "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT"}


def answer(path: str, response: Response) -> Headers:
    """The headers with which a response to a request for a path arrives."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": []}
    asyncio.run(Ahead(app, figures=["truncation"])(scope, receive, send))
    return Headers(raw=sent[0]["headers"])


@pytest.mark.parametrize(("base", "folder"), [("", "/explorer"), ("bptt", "/bptt/explorer"), ("/a/b/", "/a/b/explorer")])
def test_a_page_tells_of_its_files(base: str, folder: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(st, "get_option", {"server.baseUrlPath": base}.get)
    modules = f"<{folder}/{version()}/modules.js>; rel=modulepreload"
    assert answer("/", HTMLResponse("")).getlist("link") == [modules]
    drawing = f"<{folder}/{version()}/plotly.js>; rel=preload; as=script; fetchpriority=low"
    assert answer(f"/{base}/truncation", HTMLResponse("")).getlist("link") == [f"{modules}, {drawing}"]


def test_a_page_is_not_kept_beyond_the_names_of_its_files():
    """A browser that asks whether its copy still holds would be told so of Streamlit's page, and keep what that told of ours."""
    assert not set(KEPT) & set(answer("/", HTMLResponse("", headers=KEPT)))


def test_what_is_no_page_is_left_alone():
    headers = answer("/truncation", Response("", media_type="text/javascript", headers=KEPT))
    assert "link" not in headers
    assert set(headers) >= set(KEPT)
