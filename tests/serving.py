"""The app, really started: a server of its own on a free port, ended together with everything that it started."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STREAMLIT = f"{shlex.quote(sys.executable)} -m streamlit"
APP = f"{STREAMLIT} run dashboard/app.py --server.port $PORT --server.address 127.0.0.1 --server.headless true"


@dataclass(frozen=True)
class Server:
    """A started app: where it listens, its process and its log."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def words(self) -> str:
        """What it has written so far."""
        return self.log.read_text(errors="replace")

    def healthy(self) -> bool:
        """Whether the health route answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def processes(self) -> dict[int, str]:
        """Everything of this server that still runs: process id -> command line."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                state, _parent, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                if int(group) == self.process.pid and state != "Z":
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        return found

    def stop(self, patience: float = 15) -> dict[int, str]:
        """Ask the server to end as a host does (SIGTERM), and return what was still there `patience` seconds later, after killing it."""
        self.process.terminate()
        until = time.monotonic() + patience
        while (left := self.processes()) and time.monotonic() < until:
            self.process.poll()
            time.sleep(0.1)
        if left:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return left


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serve(
    log: Path, command: str = APP, cwd: Path = ROOT, patience: float = 90, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a shell command that serves the app on $PORT, wait until it is healthy, and end all of it afterwards.

    Raises RuntimeError with the end of its log when it stops by itself or does not answer within `patience` seconds.
    """
    port = free_port()
    env = os.environ | {"PORT": str(port), "PYTHONUNBUFFERED": "1"} | dict(environment or {})
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(port, process, log)
    try:
        until = time.monotonic() + patience
        while not server.healthy():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"The app did not start: {command}\n{server.words[-4000:]}")
            time.sleep(0.1)
        yield server
    finally:
        if process.poll() is None or server.processes():
            server.stop()
