"""Small packets are sent at once, also over the kind of socket that Streamlit makes."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from dashboard.live.nodelay import send_at_once
from tests.live.watching import wait_for


async def page(_: object) -> PlainTextResponse:
    return PlainTextResponse("page")


async def live(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.receive_text()


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    send_at_once()
    yield


@pytest.fixture
def server() -> Iterator[tuple[uvicorn.Server, str]]:
    app = Starlette(routes=[Route("/", page), WebSocketRoute("/live", live)], lifespan=lifespan)
    server = uvicorn.Server(uvicorn.Config(app, ws="websockets-sansio", log_level="error"))
    listening = socket.socket()  # without the protocol's number, for which alone asyncio would do it
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    wait_for(lambda: server.started)
    yield server, f"127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


def undelayed(server: uvicorn.Server) -> list[bool]:
    """Of each open connection, whether it sends at once."""
    connections = [connection.transport.get_extra_info("socket") for connection in server.server_state.connections]
    return [bool(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for one in connections]


def test_a_live_socket_sends_at_once(server: tuple[uvicorn.Server, str]):
    running, host = server
    with connect(f"ws://{host}/live", proxy=None) as viewer:
        assert viewer.recv() == "hello"
        assert undelayed(running) == [True]
        viewer.send("bye")


def test_a_page_is_sent_at_once(server: tuple[uvicorn.Server, str]):
    running, host = server
    with socket.create_connection(host.split(":")) as visitor:
        visitor.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert b"200" in visitor.recv(4096)
        assert undelayed(running) == [True]
