"""What a page's first bytes tell of the files to come, and which answers are pages."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from dashboard.component.ahead import SERVER, Ahead
from dashboard.component.assets import version

KEPT = {"etag": '"1"', "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT"}


HTML = "<!DOCTYPE html><html><head><title>Streamlit</title></head><body></body></html>"


def answer(path: str, response: Response) -> tuple[Headers, bytes]:
    """The headers and the body with which a response to a request for a path arrives."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    async def receive() -> Message:
        await asyncio.Event().wait()  # the browser stays
        raise AssertionError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": [(b"accept-encoding", b"gzip")]}
    asyncio.run(Ahead(app, figures=["truncation"])(scope, receive, send))
    return Headers(raw=sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])


def page(path: str) -> str:
    """The page that arrives, as long as it says to be."""
    headers, body = answer(path, HTMLResponse(HTML))
    assert headers["content-length"] == str(len(body))
    return body.decode()


@pytest.mark.parametrize(("base", "folder"), [("", "/explorer"), ("bptt", "/bptt/explorer"), ("/a/b/", "/a/b/explorer")])
def test_a_page_tells_of_its_files(base: str, folder: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(st, "get_option", {"server.baseUrlPath": base}.get)
    modules, drawing = f'<link rel="modulepreload" href="{folder}/{version()}/modules.js">', f'href="{folder}/{version()}/plotly.js">'
    assert modules in page("/")
    assert drawing not in page("/")
    assert modules in page(f"/{base}/truncation")
    assert drawing in page(f"/{base}/truncation")


def test_nothing_is_lost_and_streamlit_hears_where_its_server_is_before_it_starts():
    told = page("/truncation")
    before, after = HTML.split("<head>")
    assert told.startswith(f"{before}<head>{SERVER}")
    assert told.endswith(after)


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_page_that_is_packed_arrives_packed(pieces: int):
    packed = gzip.compress(HTML.encode())
    size = -(-len(packed) // pieces)

    async def streamed() -> AsyncIterator[bytes]:
        for first in range(0, len(packed), size):
            yield packed[first : first + size]

    headers, body = answer("/", StreamingResponse(streamed(), media_type="text/html", headers={"content-encoding": "gzip"}))
    assert headers["content-length"] == str(len(body))
    assert gzip.decompress(body).decode() == page("/")


def test_an_answer_without_a_body_stays_without():
    headers, body = answer("/", HTMLResponse("", headers={"content-length": "7863"}))
    assert (headers["content-length"], body) == ("7863", b"")


def test_a_page_is_not_kept_beyond_the_names_of_its_files():
    """A browser that asks whether its copy still holds would be told so of Streamlit's page, and keep what that told of ours."""
    assert not set(KEPT) & set(answer("/", HTMLResponse(HTML, headers=KEPT))[0])


def test_what_is_no_page_is_left_alone():
    headers, body = answer("/truncation", Response(HTML, media_type="text/javascript", headers=KEPT))
    assert body.decode() == HTML
    assert set(headers) >= set(KEPT)
