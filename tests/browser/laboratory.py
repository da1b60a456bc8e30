"""A page of the laboratory as its visitors find it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browsing import pick

PATIENCE = 90.0
"""Seconds; a machine with two cores may be busy with other things."""


TRACES = """plots => {
  if (plots.length !== 1) return [];  // while another answer comes, the chart before may still stand there
  const plain = values => Array.from(values ?? []);  // arrays travel packed, and lie unpacked in the full data alone
  return (plots[0]._fullData ?? []).map(({x, y, name}) => ({x: plain(x), y: plain(y), name: name ?? ''}));
}"""


class Laboratory:
    """One open page of the laboratory; waits for its first picture, and for what comes after that."""

    def __init__(self, page: Page) -> None:
        self.page = page
        expect(self.charts.first).to_be_visible(timeout=1000 * PATIENCE)
        self.whole()
        self.rest()

    @property
    def charts(self) -> Locator:
        return self.page.locator(".stMain .js-plotly-plot")

    @property
    def text(self) -> str:
        """Everything that stands on the page beside the form."""
        return self.page.locator(".stMain").inner_text()

    @property
    def problems(self) -> str:
        """The sentences at what is at fault."""
        return " ".join(self.page.locator(".stMain .problem[role=alert]").all_inner_texts())

    def wait(self, happened: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
        """Until something has happened; AssertionError with what was waited for, and what the page says, when it does not."""
        until = time.monotonic() + patience
        while not happened():
            assert time.monotonic() < until, f"not within {patience:g} s: {what}\n\nThe page, {self.state}:\n{self.text}"
            self.page.wait_for_timeout(50)

    @property
    def state(self) -> str | None:
        """Of the page's script."""
        return self.page.locator(".stApp").get_attribute("data-test-script-state")

    def whole(self) -> None:
        """Until what comes only after the first picture is on its way."""
        expect(self.page.locator("[data-awaits=false]")).to_be_attached(timeout=1000 * PATIENCE)

    def rest(self) -> None:
        """Until the page's script has run to its end."""
        expect(self.page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=1000 * PATIENCE)

    def says(self, words: str) -> None:
        """Wait until the page says this somewhere."""
        self.wait(lambda: words in self.text, words)

    def widget(self, key: str) -> Locator:
        """What holds a widget of the page, by its key."""
        return self.page.locator(f".stMain .st-key-{key.replace(' ', '-')}")

    def choose(self, key: str, label: str) -> None:
        """Choose from a list."""
        self.rest()
        pick(self.widget(key), label)
        self.rest()

    def enter(self, key: str, text: str) -> None:
        """Type into a field and leave it."""
        self.rest()
        box = self.widget(key).locator("input").first
        box.fill(text)
        box.press("Enter")
        self.rest()

    def press(self, key: str) -> None:
        """Press a button."""
        self.rest()
        self.widget(key).get_by_role("button").click()

    def figure(self, key: str) -> Any:
        """What a chart shows, once it is drawn: its traces as plain values."""
        plot, found = self.widget(key).locator(".js-plotly-plot"), list[Any]()

        def drawn() -> bool:
            found[:] = plot.evaluate_all(TRACES)
            return bool(found)

        self.wait(drawn, f"{key} is drawn")
        return found

    def csv(self, key: str) -> list[str]:
        """The lines of a chart's numbers as they are downloaded."""
        button = self.widget(key).get_by_role("button")
        expect(button).to_have_count(1, timeout=1000 * PATIENCE)  # it comes with what is found
        self.rest()  # a button that is being drawn again takes no click
        with self.page.expect_download() as download:
            button.click()
        return download.value.path().read_text(encoding="utf-8").splitlines()
