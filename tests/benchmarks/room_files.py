"""How soon a room has the files with which a page begins: `python -m tests.benchmarks.room_files [--visitors 30] [--rounds 3]`.

Starts the app for real and lets all visitors ask at once for every script, style and font that Streamlit's page names: at first, while the
server packs them, and then in turn as browsers do, who are answered from memory, and as those who cannot unpack, who are answered by
Streamlit from disk.  Prints a Markdown table, of medians but for the first: seconds until the last has the last, seconds of the server's
CPU, megabytes a visitor.
"""

from __future__ import annotations

import argparse
import http.client
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks.processes import cpu
from tests.serving import Server, serve

WAYS = {"from memory, packed": {"Accept-Encoding": "gzip"}, "by Streamlit, from disk": {}}


def names(server: Server) -> list[str]:
    """The files that the page names."""
    return re.findall(r'"\./(static/[^"]+)"', _get(server, [""], {})[0].decode())


def _get(server: Server, files: Sequence[str], headers: dict[str, str]) -> list[bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    found = []
    for name in files:
        connection.request("GET", f"/{name}", headers=headers)
        found.append(connection.getresponse().read())
    connection.close()
    return found


def room(server: Server, visitors: int, files: Sequence[str], headers: dict[str, str]) -> tuple[float, float, float]:
    """Seconds until all have all, seconds of the server's CPU, megabytes a visitor."""
    process = [server.process.pid]
    used, began = cpu(process), time.perf_counter()
    with ThreadPoolExecutor(visitors) as at_once:
        got = list(at_once.map(lambda _: sum(map(len, _get(server, files, headers))), range(visitors)))
    return time.perf_counter() - began, cpu(process) - used, got[0] / 1e6


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "log.txt") as server:
        files = names(server)
        began = room(server, asked.visitors, files, WAYS["from memory, packed"])
        rounds = [{way: room(server, asked.visitors, files, headers) for way, headers in WAYS.items()} for _ in range(asked.rounds)]
    print(f"| {len(files)} files, {asked.visitors} visitors at once | all have all, s | server CPU, s | MB a visitor |\n|---|---|---|---|")
    measured = {"just started: packed at that moment": [began]} | {way: [one[way] for one in rounds] for way in WAYS}
    for way, rooms in measured.items():
        cells = (f"{statistics.median(column):.2f}" for column in zip(*rooms, strict=True))
        print(f"| {way} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
