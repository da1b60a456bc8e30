"""The server as a process: whatever ends it, nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.live_server import COMMAND, Bench
from tests.live.watching import wait_for
from tests.serving import ROOT, serve


def workers(server) -> list[int]:
    return [pid for pid, command in server.processes().items() if "dashboard.live.worker" in command]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_server(tmp_path: Path, end: signal.Signals):
    """With a run that trains and a viewer that watches it."""
    with serve(tmp_path / "log.txt", COMMAND, environment={"BPTT_WORKERS": "1"}) as server:
        bench = Bench(server, seconds=1)
        key = bench.create({})["control"]

        async def end_while_watched() -> None:
            async with bench.viewers([key], 30, None) as (reader,):
                while reader.frames < 10:
                    await asyncio.sleep(0.02)
                assert len(workers(server)) == 1
                os.kill(server.process.pid, end)

        asyncio.run(end_while_watched())
        wait_for(lambda: server.process.poll() is not None and not server.processes(), 10)
        assert "Traceback" not in server.words


def test_an_end_before_the_workers_are_warm_is_clean_too(tmp_path: Path):
    with serve(tmp_path / "log.txt", COMMAND) as server:
        assert server.stop(patience=5) == {}
        assert "Traceback" not in server.words


@pytest.mark.parametrize("place", ["root", "elsewhere"])
def test_the_app_reads_its_settings_from_wherever_it_is_started(tmp_path: Path, place: str):
    folder = ROOT if place == "root" else tmp_path
    app = ROOT / "dashboard" / "app.py"
    code = (
        "import sys; from streamlit import config; config._main_script_path = sys.argv[1]; "
        "print(config.get_option('runner.postScriptGC'), config.get_option('browser.gatherUsageStats'))"
    )
    done = subprocess.run([sys.executable, "-c", code, app], cwd=folder, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr
