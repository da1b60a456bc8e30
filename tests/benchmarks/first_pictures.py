"""How soon a page of the laboratory shows something: `python -m tests.benchmarks.first_pictures [--visits 5]`.

Starts the app and a Chromium for real and opens each page by its address, a visitor after the other with nothing in the browser's cache, on
a warm server.  Prints the seconds from the address to the first figure that is drawn, as a Markdown table: medians, and all that was seen.

Once with the network that the app begins with, which somebody has asked about before, and once with a network that nobody has seen.  And
each in turn in a browser in which nobody listens, as a visitor's (`tests.benchmarks.visitors`), and in one that tells Playwright of all it
does, which costs it time.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from dashboard.views.lab.pages import LAB
from tests.benchmarks.visitors import Chromium, plain_chromium
from tests.browsing import SCREENS, chromium
from tests.serving import serve

BAR = 2.0

STANDS = "() => document.querySelector('.stMain .js-plotly-plot .main-svg')"


def opened(browser: Chromium, address: str) -> float:
    """Seconds until a new visitor sees the first figure of a page."""
    with browser.visitor() as visitor:
        visitor.open(address)
        return visitor.seen(STANDS)


def listened(browser: Browser, address: str) -> float:
    """The same where Playwright listens."""
    context = browser.new_context(**SCREENS["light"])
    visit = context.new_page()
    visit.goto(address, wait_until="commit")
    drawn = f"() => ({STANDS})() ? performance.now() / 1000 : false"
    seconds = float(visit.wait_for_function(drawn, polling="raf", timeout=60_000).json_value())
    context.close()
    return seconds


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--visits", type=int, default=5, help="of each page, in each of the browsers")
    visits = parser.parse_args().visits
    seeds = itertools.count(1000)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder) / "log.txt") as server,
        plain_chromium() as plain,
        chromium() as telling,
    ):

        def both(page: str, network: str) -> tuple[float, float]:
            """In one browser after the other; a new network is new to each."""

            def address() -> str:
                return f"{server.url}/{page}" + (f"?seed={next(seeds)}" if network == "new" else "")

            return opened(plain, address()), listened(telling, address())

        for page in LAB:
            both(page, "known")  # the server is warm from here on
        seen = {(page, network): [both(page, network) for _ in range(visits)] for network in ("known", "new") for page in LAB}
    print("| page opened by its address -> first figure, s | network | asked | median | all | where Playwright listens: median | all |")
    print("|---|---|---|---|---|---|---|")
    for (page, network), seconds in seen.items():
        cells = " | ".join(
            f"{statistics.median(some):.2f} | {', '.join(f'{one:.2f}' for one in some)}" for some in zip(*seconds, strict=True)
        )
        print(f"| {page} | {network} | <= {BAR:g} | {cells} |")


if __name__ == "__main__":
    main()
