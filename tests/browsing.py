"""A real Chromium, and pages of it that write down whatever went wrong."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as NotInTime

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
OPENINGS = 3
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SCREENS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "projector": {"viewport": {"width": 1280, "height": 720}, "color_scheme": "light"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "light",
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}


def chromium_path() -> str:
    """The Chromium of this machine; $CHROMIUM names another one.  Raises RuntimeError when there is none."""
    for name in (os.environ.get("CHROMIUM", ""), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    raise RuntimeError("No Chromium was found: install it (Debian: apt-get install chromium), or name one in CHROMIUM.")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Complaints:
    """What went wrong on a page: console errors, uncaught exceptions, failed requests, and requests that left this machine."""

    words: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Write down everything that goes wrong on this page from now on."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.words.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._left(request.url))
        page.on("websocket", lambda socket: self._left(socket.url))
        page.on("response", lambda answer: self._answered(answer.status, answer.url))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.words.append(f"console: {message.text}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.words.append(f"{status}: {url}")

    def _left(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.words.append(f"asked another machine: {url}")


def pick(field: Locator, label: str) -> None:
    """An entry of a list.  A list closes when the page scrolls under it, or is drawn anew: then it is opened again, as a visitor would."""
    page, option = field.page, field.page.get_by_role("option", name=label, exact=True)
    field.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    for _ in range(OPENINGS):
        field.locator("input").click()
        with contextlib.suppress(NotInTime):
            option.click(timeout=10_000)
            return
    raise AssertionError(f"no {label!r} in the list, which was opened {OPENINGS} times")
