"""How many people one server can show their runs to: `python -m tests.benchmarks.live_server [--seconds 6] [--rounds 3] [--minutes 10]`.

Starts the server for real, reads its sockets with many viewers that speak the browser's protocol, and prints the table.  CPU is that of
the web process, or of all its processes; what training alone costs is measured first and taken off.  A shared run's server has one core,
its viewers the other; own runs have all.  Medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import struct
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from dashboard.live.frames import HEAD
from tests.benchmarks.processes import cores, cpu, kept_to, memory
from tests.serving import STREAMLIT, Server, serve

COMMAND = f"{STREAMLIT} run tests/benchmarks/live_app.py --server.port $PORT --server.address 127.0.0.1 --server.headless true"
PANELS = ["h", "dh", "lag", "gate", "share", "next"]
SQUARE = {"text": " ".join(f"w{word}" for word in range(31)), "hidden": 32}
"""T = H = 32: maps of 32 x 32."""


@dataclass
class Reader:
    """A viewer: frames received, their bytes, and the time from capture to receipt in milliseconds."""

    frames: int = 0
    size: int = 0
    iteration: int = 0
    late: list[float] = field(default_factory=list)

    async def read(self, socket: ClientConnection) -> None:
        async for block in socket:
            if isinstance(block, bytes):
                header = json.loads(block[HEAD.size : HEAD.size + struct.unpack_from("<I", block, 8)[0]])
                self.late.append(1000 * (time.time() - header["captured"]))
                self.iteration = header["iteration"]
                self.frames += 1
                self.size += len(block)

    def clear(self) -> None:
        self.frames = self.size = 0
        self.late.clear()


class Bench:
    """One started server."""

    def __init__(self, server: Server, seconds: float) -> None:
        self.server, self.seconds = server, seconds

    def ask(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(f"{self.server.url}/bench/{path}", json.dumps(body).encode() if body is not None else None)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def create(self, experiment: dict[str, Any]) -> dict[str, str]:
        keys: dict[str, str] = self.ask("runs", experiment)
        return keys

    def cpu(self, *, web_only: bool = False) -> float:
        """Seconds of CPU that the server has used so far."""
        return cpu([self.server.process.pid] if web_only else self.server.processes())

    @contextlib.asynccontextmanager
    async def viewers(self, keys: list[str], fps: float, speed: float | None) -> AsyncIterator[list[Reader]]:
        """Readers of these runs, which are played at this speed."""
        readers = [Reader() for _ in keys]
        address = self.server.url.replace("http", "ws")
        async with contextlib.AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(connect(f"{address}/live/{key}", proxy=None, max_size=None)) for key in keys]
            for socket in sockets:
                await socket.send(json.dumps({"do": "look", "show": PANELS, "fps": fps}))
                await socket.send(json.dumps({"do": "speed", "value": speed}))
                await socket.send(json.dumps({"do": "play"}))
            reading = [asyncio.create_task(reader.read(socket)) for reader, socket in zip(readers, sockets, strict=True)]
            yield readers
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    async def measure(self, readers: list[Reader], settle: float = 1.5) -> dict[str, float]:
        """What happens in the measured seconds, after some to settle."""
        await asyncio.sleep(settle)
        for reader in readers:
            reader.clear()
        self.ask("lag")
        web, every, began, iteration = self.cpu(web_only=True), self.cpu(), time.monotonic(), [reader.iteration for reader in readers]
        await asyncio.sleep(self.seconds)
        took = time.monotonic() - began
        frames, late = [reader.frames for reader in readers], sorted(time for reader in readers for time in reader.late)
        return {
            "fps": statistics.mean(frames) / took, "worst fps": min(frames) / took, "lag": self.ask("lag")["p99"],
            "web": (self.cpu(web_only=True) - web) / took, "all": (self.cpu() - every) / took,
            "kB": sum(reader.size for reader in readers) / max(1, sum(frames)) / 1000,
            "p50": late[len(late) // 2], "p95": late[int(0.95 * len(late))],
            "speed": statistics.mean(r.iteration - i for r, i in zip(readers, iteration, strict=True)) / took,
        }  # fmt: skip

    async def at_work(self, key: str, speed: float | None) -> dict[str, float]:
        """CPU seconds that an iteration costs while nobody looks, of the web process and of all."""
        async with self.viewers([key], 1, speed):
            await asyncio.sleep(0.5)
        await asyncio.sleep(0.5)
        web, every, before = self.cpu(web_only=True), self.cpu(), self.ask(f"runs/{key}")["iteration"]
        await asyncio.sleep(self.seconds)
        iterations = self.ask(f"runs/{key}")["iteration"] - before
        return {"web": (self.cpu(web_only=True) - web) / iterations, "all": (self.cpu() - every) / iterations}


Row = tuple[str, str, str]


async def shared(bench: Bench) -> dict[str, float]:
    """One run, T = H = 32, with 1, 24 and 48 viewers."""
    keys = bench.create(SQUARE)
    idle = await bench.at_work(keys["control"], 100)
    found: dict[str, float] = {}
    for fps in (30, 60):
        async with bench.viewers([keys["control"]], fps, 100) as readers:
            seen = await bench.measure(readers)
        found |= {f"{name} {fps}": value for name, value in seen.items()}
        found[f"cost {fps}"] = 1000 * (seen["all"] - idle["all"] * seen["speed"]) / seen["fps"]
        found[f"web cost {fps}"] = 1000 * (seen["web"] - idle["web"] * seen["speed"]) / seen["fps"]
    for count in (24, 48):
        async with bench.viewers([keys["control"], *[keys["watch"]] * (count - 1)], 30, 100) as readers:
            seen = await bench.measure(readers)
        found |= {f"{name} x{count}": value for name, value in seen.items()}
        found[f"cost x{count}"] = 1000 * (seen["all"] - idle["all"] * seen["speed"]) / seen["fps"] / count
        found[f"loss x{count}"] = 100 * (1 - seen["speed"] / found["speed 30"])
    return found


async def own(bench: Bench, count: int) -> dict[str, float]:
    """So many runs of their own, the default experiment at its default speed."""
    keys = [bench.create({})["control"] for _ in range(count)]
    async with bench.viewers(keys, 30, 30) as readers:
        seen = await bench.measure(readers)
    return {f"{name} own{count}": value for name, value in seen.items()}


async def leaving(bench: Bench) -> dict[str, float]:
    """Seconds until a run rests after its last viewer has left."""
    key = bench.create({})["control"]
    async with bench.viewers([key], 30, 100):
        await asyncio.sleep(1)
    began = time.monotonic()
    while bench.ask(f"runs/{key}")["state"] == "training":
        await asyncio.sleep(0.05)
    return {"rests": time.monotonic() - began}


async def growth(bench: Bench, minutes: float) -> dict[str, float]:
    """MB that the server grows after the first minute, with a viewer watching."""
    async with bench.viewers([bench.create(SQUARE)["control"]], 30, 100):
        await asyncio.sleep(60)
        before = memory(bench.server.processes())
        await asyncio.sleep(60 * (minutes - 1))
        return {"growth": memory(bench.server.processes()) - before}


def rows(found: Callable[[str], str]) -> list[Row]:
    """What is asked for, and what was found."""
    return [
        ("one viewer at 30 Hz, T = H = 32: frames/s", ">= 28", found("fps 30")),
        ("  captured -> received, p50 / p95 ms", "", f"{found('p50 30')} / {found('p95 30')}"),
        ("  kB a frame", "", found("kB 30")),
        ("  server CPU ms a frame (pictures included; of the web process)", "<= 3", f"{found('cost 30')} ({found('web cost 30')})"),
        ("one viewer at 60 Hz: frames/s", ">= 50", found("fps 60")),
        ("  server CPU ms a frame", "<= 3", found("cost 60")),
        ("24 viewers of one run: server CPU ms a frame and viewer", "<= 0.25", found("cost x24")),
        ("48 viewers of one run: frames/s of the worst off", ">= 29", found("worst fps x48")),
        ("  training slower by %", "<= 5", found("loss x48")),
        ("  captured -> received, p50 / p95 ms", "", f"{found('p50 x48')} / {found('p95 x48')}"),
        ("8 own runs: frames/s, mean (worst)", ">= 25", f"{found('fps own8')} ({found('worst fps own8')})"),
        ("  event loop lag p99 ms", "<= 20", found("lag own8")),
        ("24 own runs: frames/s, mean (worst)", ">= 10", f"{found('fps own24')} ({found('worst fps own24')})"),
        ("  event loop lag p99 ms", "<= 20", found("lag own24")),
        ("last viewer leaves -> run rests, s", "<= 5", found("rests")),
        ("server memory growth after the first minute, MB", "<= 10", found("growth")),
    ]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--seconds", type=float, default=6, help="measured in each situation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=0, help="how long memory is watched; 0 = not at all")
    options = parser.parse_args()
    found: dict[str, list[float]] = {}

    def measure(make: Callable[[Bench], Any], *, apart: bool = False, **settings: object) -> None:
        environment = {f"BPTT_{name.upper()}": str(value) for name, value in settings.items()}
        ours, theirs = (cores()[-1], cores()[0]) if apart else (None, None)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            with kept_to(theirs):
                server = stack.enter_context(serve(Path(folder) / "log.txt", COMMAND, environment=environment))
            with kept_to(ours):
                measured = asyncio.run(make(Bench(server, options.seconds)))
            for name, value in measured.items():
                found.setdefault(name, []).append(value)

    for _ in range(options.rounds):
        measure(shared, apart=True, pause_after=3600)
        measure(lambda bench: own(bench, 8))
        measure(lambda bench: own(bench, 24))
        measure(leaving)
    if options.minutes:
        measure(lambda bench: growth(bench, options.minutes))

    def said(name: str) -> str:
        return f"{statistics.median(found[name]):.3g}" if name in found else "not measured"

    sys.stdout.write(f"{'':66s} {'asked':>8s}   measured\n")
    for what, ask, value in rows(said):
        sys.stdout.write(f"{what:66s} {ask:>8s}   {value}\n")


if __name__ == "__main__":
    main()
