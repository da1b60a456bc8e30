"""The hosted demo: the Procfile's own line starts an app that answers on every route, and ends when its host says so."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.serving import ROOT, Server, serve


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name.strip(): command.strip() for name, _, command in (line.partition(":") for line in lines if line.strip())}


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with serve(tmp_path_factory.mktemp("hosted") / "log.txt", procfile()["web"], environment={"PATH": path}) as started:
        yield started


def test_there_is_one_process_to_host():
    assert set(procfile()) == {"web"}


def test_it_listens_on_every_address(hosted: Server):
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert f"00000000:{hosted.port:04X}" in listening


def test_the_page_is_served(hosted: Server):
    with urllib.request.urlopen(hosted.url, timeout=10) as answer:
        assert answer.status == 200
        assert b'<div id="root">' in answer.read()


def test_the_live_route_refuses_another_origin(hosted: Server):
    with pytest.raises(WebSocketException):
        connect(f"ws://127.0.0.1:{hosted.port}/live/nobody", origin="http://elsewhere.example", proxy=None).recv(timeout=10)


def test_it_ends_with_everything_it_started(hosted: Server):
    assert len(hosted.processes()) > 1, "the workers are processes of their own"
    assert hosted.stop() == {}
