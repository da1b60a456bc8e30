"""Takes the README's pictures from the really running app: `python tests/screenshots.py [light] [dark] [phone]`.

Each shows the same experiment at the same iteration, so that pictures differ only where the page does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.explorer import Explorer
from tests.browsing import SCREENS, chromium
from tests.serving import ROOT, serve

FOLDER = ROOT / "assets" / "pictures"
TAKEN = ("light", "dark", "phone")
EXPERIMENT = "/?trunc=window&k=6"
ITERATION = 40
CURSOR = (0.62, 0.85)
"""Where the cursor is pinned in the lag matrix, as shares of its width and height."""


def take(browser: Browser, url: str, screen: str) -> Path:
    """One picture, of the part of the page that is on the screen."""
    context = browser.new_context(base_url=url, **SCREENS[screen])
    page = context.new_page()
    page.goto(EXPERIMENT)
    explorer = Explorer(page)
    while explorer.iteration < ITERATION:
        explorer.step()
    plot = explorer.element.locator("[data-panel=lag] .plot")
    box = plot.bounding_box()
    if box and screen != "phone":
        plot.click(position={"x": box["width"] * CURSOR[0], "y": box["height"] * CURSOR[1]})
        page.mouse.move(0, 0)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(1500)
    picture = FOLDER / f"{screen}.png"
    page.screenshot(path=picture)
    context.close()
    return picture


def main(screens: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as logs, serve(Path(logs) / "log.txt") as server, chromium() as browser:
        for screen in screens or TAKEN:
            print(take(browser, server.url, screen).relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
