"""How soon a page of the laboratory shows something: `python -m tests.benchmarks.first_pictures [--visits 5]`.

Starts the app and a Chromium for real and opens each page by its address, a visitor after the other with nothing in the browser's cache, on
a warm server.  Prints the seconds from the address to the first figure that is drawn, as a Markdown table: medians, and all that was seen.

Once with the network that the app begins with, which somebody has asked about before, and once with a network that nobody has seen.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from dashboard.views.lab.pages import LAB
from tests.browsing import SCREENS, chromium
from tests.serving import Server, serve

BAR = 2.0

DRAWN = "() => document.querySelector('.stMain .js-plotly-plot .main-svg') ? performance.now() / 1000 : false"


def opened(browser: Browser, server: Server, page: str, seed: int | None = None) -> float:
    """Seconds until a new visitor sees the first figure of a page.   seed: of the weights; None for those that the app begins with."""
    context = browser.new_context(base_url=server.url, **SCREENS["light"])
    visit = context.new_page()
    visit.goto(f"/{page}" + (f"?seed={seed}" if seed else ""), wait_until="commit")
    seconds = float(visit.wait_for_function(DRAWN, polling="raf", timeout=60_000).json_value())
    context.close()
    return seconds


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--visits", type=int, default=5, help="of each page")
    visits = parser.parse_args().visits
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "log.txt") as server, chromium() as browser:
        for page in LAB:
            opened(browser, server, page)  # the server is warm from here on
        seeds = itertools.count(1000)
        seen = {
            (page, network): [opened(browser, server, page, next(seeds) if network == "new" else None) for _ in range(visits)]
            for network in ("known", "new")
            for page in LAB
        }
    print("| page opened by its address -> first figure, s | network | asked | median | all |\n|---|---|---|---|---|")
    for (page, network), seconds in seen.items():
        print(f"| {page} | {network} | <= {BAR:g} | {statistics.median(seconds):.2f} | {', '.join(f'{one:.2f}' for one in seconds)} |")


if __name__ == "__main__":
    main()
