"""How soon a page of the laboratory shows something: `python -m tests.benchmarks.first_pictures [--visits 5]`.

Starts the app and a Chromium for real and opens each page by its address, a visitor after the other with nothing in the browser's cache, on
a warm server.  Prints the seconds from the address to the first figure that is drawn, as a Markdown table: medians, and all that was seen.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from dashboard.views.lab.pages import LAB
from tests.browsing import SCREENS, chromium
from tests.serving import Server, serve

BAR = 2.0

DRAWN = "() => document.querySelector('.stMain .js-plotly-plot .main-svg') ? performance.now() / 1000 : false"


def opened(browser: Browser, server: Server, page: str) -> float:
    """Seconds until a new visitor sees the first figure of a page."""
    context = browser.new_context(base_url=server.url, **SCREENS["light"])
    visit = context.new_page()
    visit.goto(f"/{page}", wait_until="commit")
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
        seen = {page: [opened(browser, server, page) for _ in range(visits)] for page in LAB}
    print("| page opened by its address -> first figure, s | asked | median | all |\n|---|---|---|---|")
    for page, seconds in seen.items():
        print(f"| {page} | <= {BAR:g} | {statistics.median(seconds):.2f} | {', '.join(f'{one:.2f}' for one in seconds)} |")


if __name__ == "__main__":
    main()
