"""What figures are drawn with, and what a browser tells of a click on one."""

from __future__ import annotations

from typing import Any

import pytest
from plotly.offline import get_plotlyjs_version

from dashboard.charts.template import template
from dashboard.component.assets import LIBRARY
from dashboard.component.plot import place
from dashboard.theme import colours


def test_the_library_is_of_the_version_that_figures_are_made_for():
    head = LIBRARY.read_text(encoding="utf-8")[:400]
    assert f"plotly.js (cartesian - minified) v{get_plotlyjs_version()}" in head
    assert "Licensed under the MIT license" in head


@pytest.mark.parametrize("state", [None, {}, {"picked": None}, *({"picked": {"value": value}} for value in (None, "1,2", [1], [1, "2"]))])
def test_what_no_click_tells_is_no_place(state: Any):
    assert place(state) is None


def test_a_click_tells_its_place():
    assert place({"picked": {"id": "1", "value": [3, -0.5]}}) == (3.0, -0.5)


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance of "#rrggbb"."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour: str, page: str) -> float:
    dim, bright = sorted((luminance(colour), luminance(page)))
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_labels_can_be_read_on_the_page(dark: bool):
    assert contrast(template(dark).layout.font.color, colours(dark).page) >= 4.5, "WCAG 2.2, 1.4.3"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 8])
def test_lines_in_an_order_can_be_seen_and_told_apart(count: int, dark: bool):
    shades, page = colours(dark).shades(count), colours(dark).page
    assert len(set(shades)) == count
    against = [contrast(shade, page) for shade in shades]
    assert against == sorted(against)
    assert all(one >= 3 for one in against), "WCAG 2.2, 1.4.11"
