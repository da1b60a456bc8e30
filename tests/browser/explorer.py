"""The page as its visitors find it: its controls, and the read-only `bptt` object of the live component."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browsing import pick

PATIENCE = 60.0
"""Seconds; a machine with two cores may be busy with other things."""


TYPE_AT_ONCE = """(box, text) => {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}"""


class Explorer:
    """One open page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.element = page.locator(".explorer")
        # A busy machine takes longest here: page, modules, stream and training process begin at once.
        self.wait(lambda: self.element.count() == 1 and self.painted > 0, "the first picture", 2 * PATIENCE)
        self.rest()

    def read(self, name: str) -> Any:
        """A value of the component's `bptt` object."""
        return self.element.evaluate("(element, name) => element.bptt[name]", name)

    @property
    def iteration(self) -> int:
        return int(self.read("iteration"))

    @property
    def loss(self) -> float:
        return float(self.read("loss"))

    @property
    def state(self) -> str:
        return str(self.read("state"))

    @property
    def painted(self) -> int:
        return int(self.read("painted"))

    @property
    def steps(self) -> int:
        return int(self.read("steps"))

    @property
    def words(self) -> str:
        """The status line."""
        return self.element.locator(".status .words").inner_text()

    def wait(self, happened: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
        """Until something has happened; AssertionError with what was waited for when it does not."""
        until = time.monotonic() + patience
        while not happened():
            assert time.monotonic() < until, f"not within {patience:g} s: {what}; {self.standing()}"
            self.page.wait_for_timeout(30)

    def standing(self) -> str:
        """How far the page is: a machine that is too busy looks otherwise than a picture that never comes."""
        script = self.page.locator(".stApp").evaluate_all("apps => apps.map((app) => app.dataset.testScriptState)")
        explorers = self.element.evaluate_all("all => all.map(({ dataset, bptt }) => ({ ...dataset, painted: bptt?.painted }))")
        going = self.page.locator(".stMain .stProgress").all_inner_texts()
        told = self.page.locator(".stMain").inner_text()[-600:]
        return f"script {script}, explorers {explorers}, going on {going}, complaints {self.problem()!r}, told {told!r}"

    def rest(self) -> None:
        """Until the page's script has run to its end: a form that is still being drawn takes no input."""
        expect(self.page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=1000 * PATIENCE)

    def pixels(self, panel: str) -> bytes:
        """What a panel looks like on screen."""
        self.page.mouse.move(0, 0)
        return self.element.locator(f"[data-panel={panel}] .body").screenshot()

    def sides(self, what: str) -> list[tuple[float, float]]:
        """The left and right edges of all that is visible of something, in one look: the page may be drawn again between two."""
        boxes = self.element.locator(what).evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")
        return [(box["left"], box["right"]) for box in boxes]

    # ---- transport

    def play(self) -> None:
        self.element.get_by_role("button", name="Play", exact=True).click()
        self.wait(lambda: self.state == "training", "training")

    def pause(self) -> None:
        self.element.get_by_role("button", name="Pause", exact=True).click()
        self.wait(lambda: self.state == "paused", "paused")
        self.settled()

    def settled(self) -> int:
        """The iteration, once no more pictures come: the last one of a run that pauses comes after the word."""
        before = -1
        while before != self.painted:
            before = self.painted
            self.page.wait_for_timeout(300)
        return self.iteration

    def step(self) -> float:
        """One iteration; its loss."""
        before = self.iteration
        self.element.get_by_role("button", name="One iteration").click()
        self.wait(lambda: self.iteration == before + 1, f"iteration {before + 1}")
        return self.loss

    def reaches(self, iteration: int) -> None:
        """Wait until the run has come so far."""
        self.wait(lambda: self.iteration >= iteration, f"iteration {iteration}")

    # ---- the form

    def field(self, name: str) -> Locator:
        """A field of the form, by its name in an Experiment."""
        return self.page.locator(f"[class*='st-key-field-{name}-']")

    def enter(self, name: str, text: str) -> None:
        """Type into a field and leave it."""
        self.rest()
        box = self.field(name).locator("input, textarea").first
        if text.count("\n") > 100:
            box.evaluate(TYPE_AT_ONCE, text)  # the browser itself inserts line by line, which takes minutes
        else:
            box.fill(text)
        box.press("ControlOrMeta+Enter" if name == "text" else "Enter")

    def choose(self, name: str, label: str) -> None:
        """Choose from a row of buttons or a list."""
        self.rest()
        field = self.field(name)
        field.locator("input, button").first.wait_for()  # which of the two it is shows only when it is drawn
        if field.get_by_test_id("stSelectbox").count():
            pick(field, label)
        else:
            field.get_by_text(label, exact=True).click()

    def problem(self) -> str:
        """The sentences at fields that are at fault."""
        return " ".join(self.page.locator(".problem[role=alert]").all_inner_texts())

    def query(self) -> dict[str, str]:
        """What the address says."""
        return dict(self.page.evaluate("Object.fromEntries(new URLSearchParams(location.search))"))
