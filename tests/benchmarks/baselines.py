"""What baselines cost, and whom they keep waiting: `python -m tests.benchmarks.baselines [--seconds 6] [--rounds 3]`.

A grid over some 20 seasonal orders on 150 monthly points, in two processes; and the frames of a live run (T = H = 32, 100 iterations a
second, one viewer at 30 Hz) on a server with one training process, alone and beside grids that follow each other without a pause in two
fitting processes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from core.baselines.comparison import compare
from core.forecast import starts
from tests.benchmarks.live_server import COMMAND, SQUARE, Bench
from tests.benchmarks.rough_series import series
from tests.serving import serve


def grid(processes: int) -> float:
    """Seconds for the grid of a series with 150 points of training, the start of the processes included."""
    began = time.monotonic()
    result = compare(series(180, 12, 0), 12, starts(150, 180, 6), 6, which=("arima",), processes=processes)["arima"]
    if len(result.tried) < 20 or result.forecast is None:
        raise RuntimeError(result.words)
    return time.monotonic() - began


async def beside(bench: Bench, *, grids: bool) -> dict[str, float]:
    """The frames of a live run, alone or beside grids."""
    key = bench.create(SQUARE)["control"]
    async with bench.viewers([key], 30, 100) as readers:
        feeding = asyncio.create_task(asyncio.to_thread(bench.ask, "fits", {"seconds": bench.seconds + 4})) if grids else None
        await asyncio.sleep(2.5 if grids else 0)  # until the fitting processes have started
        seen = await bench.measure(readers)
        fitted = (await feeding)["forms"] if feeding else 0
    return {**seen, "forms": fitted}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[tuple[str, bool], list[float]] = {}
    for _ in range(options.rounds):
        found.setdefault(("grid", True), []).append(grid(2))
        for grids in (False, True):
            with contextlib.ExitStack() as stack:
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                server = stack.enter_context(serve(Path(folder) / "log.txt", COMMAND, environment={"BPTT_WORKERS": "1"}))
                for name, value in asyncio.run(beside(Bench(server, options.seconds), grids=grids)).items():
                    found.setdefault((name, grids), []).append(value)

    def said(name: str, *, grids: bool) -> str:
        return f"{statistics.median(found[name, grids]):.3g}"

    sys.stdout.write(f"grid of 24 orders, 150 points, m = 12, two processes: {said('grid', grids=True)} s (asked: < 10)\n")
    sys.stdout.write(f"{'a live run':32s} {'alone':>8s} {'beside grids':>14s}\n")
    for name, what in (
        ("fps", "frames/s"), ("p50", "captured -> received, p50 ms"), ("p95", "  p95 ms"), ("speed", "iterations/s"),
        ("lag", "event loop lag p99 ms"), ("forms", "forms fitted meanwhile"),
    ):  # fmt: skip
        sys.stdout.write(f"{what:32s} {said(name, grids=False):>8s} {said(name, grids=True):>14s}\n")


if __name__ == "__main__":
    main()
