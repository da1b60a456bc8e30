"""A phone in portrait: everything within its width, the first picture and the play button without a search."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import Explorer


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Explorer:
    return Explorer(open_page(screen="phone"))


def test_the_page_fits_and_plays(phone: Explorer):
    play = phone.element.get_by_role("button", name="Play", exact=True)
    expect(play).to_be_in_viewport(ratio=1)
    expect(phone.element.locator("[data-panel=h] .plot")).to_be_in_viewport()
    width = phone.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    panels = phone.sides("[data-panel]:visible")
    assert len(panels) > 4
    assert all(0 <= left < right <= 390 for left, right in panels)
    for opens, sheet in ((".proof", ".proofbox .sheet"), (".menu summary", ".menu .sheet")):
        phone.element.locator(opens).tap()
        ((left, right),) = phone.sides(f"{sheet}:not([hidden])")
        assert 0 <= left < right <= 390
        phone.page.keyboard.press("Escape")
    play.tap()
    phone.reaches(10)


@pytest.mark.slow
def test_the_transport_stays_at_hand_while_the_page_scrolls(phone: Explorer):
    def box(selector: str) -> dict[str, float]:
        found = phone.page.locator(selector).bounding_box()
        assert found is not None
        return dict(found)

    header, transport = box("[data-testid=stHeader]"), box(".transport")
    below = header["y"] + header["height"]
    assert transport["y"] >= below
    assert box(".badges")["y"] >= transport["y"] + transport["height"], "it covers nothing"
    apart = box("[data-panel=loss]")["y"] - box("[data-panel=h]")["y"]
    phone.page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 1200)")
    phone.wait(lambda: box("[data-panel=h]")["y"] < 0, "the page to be scrolled")
    assert box(".transport") == transport | {"y": below}
    assert box("[data-panel=loss]")["y"] - box("[data-panel=h]")["y"] == pytest.approx(apart, abs=1), "nothing jumps"
    phone.element.get_by_role("button", name="Play", exact=True).tap()
    phone.reaches(3)
    phone.element.get_by_role("button", name="Pause", exact=True).tap()
    phone.wait(lambda: phone.state == "paused", "paused")
    phone.element.get_by_role("button", name="One iteration").tap()
    assert box(".transport")["y"] == below


@pytest.mark.slow
def test_buttons_are_large_enough_for_fingers(phone: Explorer):
    for name in ("Play", "One iteration", "Restart"):
        box = phone.element.get_by_role("button", name=name, exact=True).bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 32


def test_the_form_opens_over_the_page(phone: Explorer):
    phone.page.get_by_test_id("stExpandSidebarButton").click()
    expect(phone.field("text")).to_be_visible()
    phone.enter("text", "small screens\nlearn too")
    phone.wait(lambda: phone.steps == 3, "own sentences")
