"""The laboratory's addresses: on the way from page to page the experiment comes along, and Back needs one press for each page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import Explorer
from tests.browser.laboratory import PATIENCE

PATIENTLY = 1000 * PATIENCE


@pytest.mark.slow
def test_the_experiment_comes_along_and_back_leads_to_the_page_before(open_page: Callable[..., Page]):
    page = open_page("/?h=8")
    Explorer(page)
    entries = page.evaluate("history.length")

    def stands(path: str, hidden: int) -> None:
        expect(page).to_have_url(f"{origin}{path}?h={hidden}", timeout=PATIENTLY)
        if path != "/":
            expect(page.locator(".stMain .subject")).to_contain_text(f" {hidden} hidden units", timeout=PATIENTLY)

    origin = page.evaluate("location.origin")
    for more, (title, path) in enumerate((("Clipping", "/clipping"), ("Estimators", "/estimators")), 1):
        page.get_by_role("link", name=title).click()
        stands(path, 8)
        assert page.evaluate("history.length") == entries + more
    page.go_back()
    stands("/clipping", 8)
    page.reload()
    stands("/clipping", 8)
    page.locator(".st-key-more-Model summary").click()
    field = page.locator("[class*='st-key-field-hidden-'] input")
    field.fill("9")
    field.press("Enter")
    stands("/clipping", 9)
    page.go_back()
    stands("/", 8)
    assert page.evaluate("history.length") == entries + 2
