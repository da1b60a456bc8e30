"""What a page of the laboratory asks first is answered by the time that it asks."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.responses import HTMLResponse
from starlette.types import Message, Receive, Scope, Send
from streamlit.testing.v1 import AppTest

from dashboard import inquiry
from dashboard.beforehand import Beforehand
from dashboard.live import fits
from dashboard.views.lab.pages import LAB


def visit(path: str, query: str, method: str = "GET") -> list[str]:
    """Ask for an address, on the server's event loop, and let all that it begins come to its end; the tickets of what it began."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await HTMLResponse("")(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    rests()
    before = set(fits.queue()._jobs)
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": []}
    fits.ask(Beforehand(app, LAB)(scope, receive, send))
    assert sent[0]["status"] == 200
    rests()
    return [ticket for ticket in fits.queue()._jobs if ticket not in before]


def rests() -> None:
    """Wait until a process has nothing to do."""
    ending = time.monotonic() + 60
    while not fits.queue().idle:
        assert time.monotonic() < ending
        time.sleep(0.02)


def script(name: str) -> None:
    from dashboard.views import proof
    from dashboard.views.lab import frame
    from dashboard.views.lab.pages import LAB

    frame.page(name, LAB[name], proof.badge)


@pytest.mark.parametrize("name", LAB)
def test_a_page_finds_its_first_answer(trainers: None, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inquiry, "AT_ONCE", 0.0)  # it does not wait for anything
    (ticket,) = visit(f"/base/{name}", "seed=77&h=4")
    page = AppTest.from_function(script, kwargs={"name": name}, default_timeout=60)
    page.query_params["seed"], page.query_params["h"] = "77", "4"
    page.run()
    held = page.session_state["session"]
    assert (held.experiment.seed, held.experiment.hidden) == (77, 4)
    assert held.inquiries[name].ticket == ticket
    assert held.inquiries[name].progress.state == "done"
    assert held.inquiries[name].found is not None


@pytest.mark.parametrize(
    ("path", "query", "method"),
    [
        ("/", "seed=78", "GET"),  # no page of the laboratory
        ("/clipping", "seed=79", "HEAD"),  # nobody comes
        ("/clipping", "seed=80&watch=somebody", "GET"),  # of another run
        ("/clipping", "seed=81&h=many", "GET"),  # who knows what becomes of it
        ("/clipping", "seed=82&h=512&layers=4&dtype=float64&task=copy&delay=300", "GET"),  # may not be run
    ],
)
def test_nothing_else_is_begun(trainers: None, path: str, query: str, method: str):
    assert visit(path, query, method) == []
