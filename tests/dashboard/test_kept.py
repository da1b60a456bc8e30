"""Streamlit's own files from memory: the same as from disk, for everybody who can take them."""

from __future__ import annotations

import asyncio
import gzip
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from dashboard import kept as module
from dashboard.kept import Answer, Kept
from tests.serving import Server

TAKES = {"accept-encoding": "gzip, deflate, br"}
SCRIPT = "const many = 1;\n" * 100
FONT = bytes(range(256))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "index.js").write_text(SCRIPT)
    (folder / "index.css").write_text(SCRIPT)
    (folder / "font.woff2").write_bytes(FONT)
    (tmp_path / "index.html").write_text("a page")

    async def otherwise(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(b"otherwise")(scope, receive, send)

    return Kept(otherwise, tmp_path)


def ask(kept: Kept, path: str, headers: dict[str, str] = TAKES, method: str = "GET") -> tuple[Headers, bytes]:
    """What is answered."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": raw}
    asyncio.run(kept(scope, receive, send))
    return Headers(raw=sent[0]["headers"]), sent[1]["body"]


def test_a_script_is_packed(kept: Kept, tmp_path: Path):
    for _ in range(2):  # as read from disk, and from memory
        headers, body = ask(kept, "/static/index.js")
        assert gzip.decompress(body).decode() == SCRIPT
        assert len(body) < len(SCRIPT) / 10
        assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Accept-Encoding")
        assert "javascript" in headers["content-type"]
        assert "immutable" in headers["cache-control"]
        (tmp_path / "static" / "index.js").unlink(missing_ok=True)
    assert ask(kept, "/static/index.css")[0]["content-type"] == "text/css; charset=utf-8"


def test_a_room_waits_for_one_packing(kept: Kept, monkeypatch: pytest.MonkeyPatch):
    packed: list[Path] = []

    def pack(path: Path) -> Answer:
        packed.append(path)
        return b"packed", {}

    monkeypatch.setattr(module, "_packed", pack)

    async def send(message: Message) -> None:
        bodies.append(message.get("body"))

    async def room() -> None:
        raw = [(name.encode(), value.encode()) for name, value in TAKES.items()]
        scope = {"type": "http", "method": "GET", "path": "/static/index.js", "headers": raw}
        await asyncio.gather(*(kept(dict(scope), None, send) for _ in range(30)))

    bodies: list[bytes | None] = []
    asyncio.run(room())
    assert len(packed) == 1
    assert bodies.count(b"packed") == 30


def test_what_could_not_be_read_is_tried_again(kept: Kept, tmp_path: Path):
    file = tmp_path / "static" / "index.css"
    file.rename(tmp_path / "away")
    with pytest.raises(OSError, match=r"index\.css"):
        ask(kept, "/static/index.css")
    (tmp_path / "away").rename(file)
    assert gzip.decompress(ask(kept, "/static/index.css")[1]).decode() == SCRIPT


def test_what_is_packed_already_is_sent_as_it_is(kept: Kept):
    headers, body = ask(kept, "/static/font.woff2")
    assert body == FONT
    assert "content-encoding" not in headers


@pytest.mark.parametrize(
    ("path", "headers", "method"),
    [
        ("/index.html", TAKES, "GET"),
        ("/static/../index.html", TAKES, "GET"),
        ("/static/none.js", TAKES, "GET"),
        ("/static/index.js", {}, "GET"),
        ("/static/index.js", {"accept-encoding": "identity, gzip; q=0"}, "GET"),
        ("/static/index.js", {"accept-encoding": "br"}, "GET"),
        ("/static/index.js", {**TAKES, "range": "bytes=0-9"}, "GET"),
        ("/static/index.js", TAKES, "HEAD"),
    ],
)
def test_all_else_is_left_to_streamlit(kept: Kept, path: str, headers: dict[str, str], method: str):
    assert ask(kept, path, headers, method)[1] == b"otherwise"


def test_a_server_below_a_path_of_its_host(kept: Kept, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(st, "get_option", {"server.baseUrlPath": "/bptt/"}.get)
    assert ask(kept, "/bptt/static/font.woff2")[1] == FONT
    assert ask(kept, "/static/font.woff2")[1] == b"otherwise"


def test_every_file_of_the_page_is_streamlits_own(server: Server):
    """Compared with what Streamlit answers to those who cannot unpack."""
    with urllib.request.urlopen(server.url) as page:
        names = re.findall(r'"\./(static/[^"]+)"', page.read().decode())
    assert len(names) > 20
    whole = packed = 0
    for name in names:
        with urllib.request.urlopen(f"{server.url}/{name}") as plain:
            content = plain.read()
        with urllib.request.urlopen(urllib.request.Request(f"{server.url}/{name}", headers=TAKES)) as answer:
            body = answer.read()
            assert answer.headers["Content-Type"] == plain.headers["Content-Type"]
            assert (gzip.decompress(body) if answer.headers["Content-Encoding"] else body) == content
        whole, packed = whole + len(content), packed + len(body)
    assert packed < whole / 2
