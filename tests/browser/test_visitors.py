"""A browser is known as one visitor through all its tabs."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from dashboard.live.visitors import VISITOR
from tests.browser.explorer import Explorer


def test_the_tabs_of_a_browser_are_one_visitor_and_another_browser_is_another(open_page: Callable[..., Page]):
    def name(page: Page) -> list[str]:
        return [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == VISITOR]

    page = open_page()
    Explorer(page)
    first = name(page)
    assert len(first) == 1
    page.goto("/?cell=gru")
    Explorer(page)
    assert name(page) == first
    other = open_page()
    Explorer(other)
    assert name(other) != first
