"""Fixtures for all tests: the app, really started."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving import Server, serve


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app on a free port, one for the whole session; its log stays in pytest's temporary directory."""
    with serve(tmp_path_factory.mktemp("server") / "log.txt") as started:
        yield started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests go last: quick ones fail first, and Playwright keeps an event loop in the main thread, where others run their own."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
