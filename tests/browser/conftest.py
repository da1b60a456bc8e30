"""Fixtures for tests in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.explorer import PATIENCE
from tests.browsing import SCREENS, Complaints, chromium
from tests.serving import Server

expect.set_options(timeout=1000 * PATIENCE / 2)  # by itself it waits for 5 s, in which a busy machine does not draw a page again


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session."""
    with chromium() as started:
        yield started


@pytest.fixture
def complaints() -> Complaints:
    """What went wrong on the pages of this test."""
    return Complaints()


@pytest.fixture
def open_page(browser: Browser, server: Server, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """Open an address of the app in a browser context of its own.  At the end of the test no page may have complained."""
    contexts = []

    def open_page(address: str = "/", screen: str = "light") -> Page:
        context = browser.new_context(base_url=server.url, **SCREENS[screen])
        contexts.append(context)
        page = context.new_page()
        complaints.listen(page)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints.words


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """The app's first page on a laptop's screen."""
    return open_page()
