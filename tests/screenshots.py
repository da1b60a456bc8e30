"""Takes the README's pictures from the really running app: `python tests/screenshots.py [light] [dark] [phone] [forecast] [truncation]`.

The first three show the same experiment at the same iteration, so that they differ only where the page does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.explorer import Explorer
from tests.browser.laboratory import Laboratory
from tests.browsing import SCREENS, chromium
from tests.serving import ROOT, serve

FOLDER = ROOT / "assets" / "pictures"
SENTENCES, SERIES = ("/?trunc=window&k=6", 40), ("/forecast?hor=6&scale=log&opt=adam&lr=0.02", 150)
TAKEN = {"light": ("light", *SENTENCES), "dark": ("dark", *SENTENCES), "phone": ("phone", *SENTENCES), "forecast": ("light", *SERIES)}
"""Name of a picture -> the screen it is taken on, the address, and the iteration."""

CURSOR = (0.62, 0.85)
"""Where the cursor is pinned in the lag matrix, as shares of its width and height."""


LABORATORY = {"truncation": "/truncation?trunc=window&k=4&layers=2"}
"""Name of a picture -> the address of a page that studies a network."""


def study(browser: Browser, url: str, name: str) -> Path:
    """A picture of a page of the laboratory, from its heading on."""
    context = browser.new_context(base_url=url, **SCREENS["light"])
    page = context.new_page()
    page.goto(LABORATORY[name])
    Laboratory(page)
    page.wait_for_timeout(4000)
    picture = FOLDER / f"{name}.png"
    page.screenshot(path=picture)
    context.close()
    return picture


def take(browser: Browser, url: str, name: str) -> Path:
    """One picture, of the part of the page that is on the screen."""
    screen, address, iteration = TAKEN[name]
    context = browser.new_context(base_url=url, **SCREENS[screen])
    page = context.new_page()
    page.goto(address)
    explorer = Explorer(page)
    while explorer.iteration < iteration:
        explorer.step()
    if explorer.element.locator("[data-panel=forecast]").is_visible():
        expect(explorer.element.get_by_role("button", name="ARIMA")).to_be_visible(timeout=60_000)
    plot = explorer.element.locator("[data-panel=lag] .plot")
    box = plot.bounding_box()
    if box and name in ("light", "dark"):
        plot.click(position={"x": box["width"] * CURSOR[0], "y": box["height"] * CURSOR[1]})
        page.mouse.move(0, 0)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(1500)
    picture = FOLDER / f"{name}.png"
    page.screenshot(path=picture)
    context.close()
    return picture


def main(names: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as logs, serve(Path(logs) / "log.txt") as server, chromium() as browser:
        for name in names or (*TAKEN, *LABORATORY):
            print((study if name in LABORATORY else take)(browser, server.url, name).relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
