"""Figures on the page: which code draws them, and what becomes of them when the page, the window or their numbers change."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from playwright.sync_api import Page, expect
from plotly.offline import get_plotlyjs_version

from tests.browser.laboratory import PATIENCE, Laboratory

BIAS = "truncation chart bias"
SIZE = "plot => [plot._fullLayout.width, plot._fullLayout.height, plot.offsetWidth, plot.offsetHeight]"


def test_only_the_cartesian_part_of_the_library_is_loaded(open_page: Callable[..., Page]):
    lab = Laboratory(open_page("/truncation"))
    assert lab.page.evaluate("window.Plotly.version") == get_plotlyjs_version(), "figures are made for the library that draws them"
    scripts = lab.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert sum(name.endswith("/plotly.js") for name in scripts) == 1
    assert not [name for name in scripts if "PlotlyChart" in name]


@pytest.mark.parametrize(("address", "needed"), [("/truncation", ["modules.js", "plotly.js"]), ("/", ["modules.js"])])
def test_what_a_page_needs_comes_while_streamlit_starts(open_page: Callable[..., Page], address: str, needed: list[str]):
    """Asked for before Streamlit's own connection is there, once, and of the version that is then used."""
    page = open_page(address)
    page.locator(".js-plotly-plot .main-svg, .explorer[data-state=ready]").first.wait_for()
    page.wait_for_timeout(500)  # for what would be asked for again
    asked = page.evaluate("performance.getEntriesByType('resource').map((one) => [one.name, one.startTime, one.initiatorType])")
    ours = [(name.rpartition("/")[2], at) for name, at, _ in asked if "/explorer/" in name]
    assert [name for name, _ in ours] == needed
    streamlit = min(at for name, at, _ in asked if name.endswith("/_stcore/host-config"))
    assert max(at for _, at in ours) < streamlit


def test_no_button_of_a_figure_leads_to_another_host(open_page: Callable[..., Page]):
    lab = Laboratory(open_page("/truncation"))
    lab.figure(BIAS)
    buttons = lab.widget(BIAS).locator(".modebar-btn")
    titles = buttons.evaluate_all("buttons => buttons.map(({ dataset }) => dataset.title)")
    assert titles == ["Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes", "Save as a picture", "Full screen"]


WORDS = ".legendtext, .annotation-text, .gtitle, .xtick text, .ytick text"


@pytest.mark.parametrize("name", ["truncation", "clipping"])
def test_on_a_phone_the_buttons_leave_all_words_alone(open_page: Callable[..., Page], name: str):
    lab = Laboratory(open_page(f"/{name}", "phone"))
    lab.wait(lambda: lab.page.locator(".plot").count() == lab.charts.count() > 1, "all figures")
    box = "({ left, right, top, bottom }) => [left, right, top, bottom]"
    for plot in lab.charts.all():
        bars, words = (
            plot.evaluate(
                f"(plot, which) => [...plot.querySelectorAll(which)].map((part) => part.getBoundingClientRect()).map({box})", which
            )
            for which in (".modebar", WORDS)
        )
        assert len(bars) == 1
        assert words
        for left, right in product(bars, words):
            apart = left[1] <= right[0] or right[1] <= left[0] or left[3] <= right[2] or right[3] <= left[2]
            assert apart, (left, right)


def test_another_figure_is_drawn_in_place_of_the_one_before(open_page: Callable[..., Page]):
    lab = Laboratory(open_page("/truncation"))
    before = lab.figure(BIAS)
    plot = lab.widget(BIAS).locator(".js-plotly-plot")
    plot.evaluate("plot => { plot.dataset.here = 'still'; }")
    lab.choose("bias measure", "angle")
    lab.wait(lambda: lab.figure(BIAS) != before, "degrees")
    assert plot.get_attribute("data-here") == "still"
    assert "The sliding window" in (plot.get_attribute("aria-label") or "")


def test_a_figure_is_as_wide_as_its_place_and_fills_the_screen_when_asked_to(open_page: Callable[..., Page]):
    lab = Laboratory(open_page("/truncation"))
    lab.figure(BIAS)
    plot = lab.widget(BIAS).locator(".js-plotly-plot")
    width, height, *room = plot.evaluate(SIZE)
    assert [width, height] == room
    lab.page.set_viewport_size({"width": 1000, "height": 900})
    lab.wait(lambda: plot.evaluate(SIZE)[0] < width, "a narrower figure")
    lab.page.set_viewport_size({"width": 1440, "height": 900})
    lab.wait(lambda: plot.evaluate(SIZE) == [width, height, *room], "the figure as it was")
    plot.hover()
    plot.locator("[data-title='Full screen']").click()
    lab.wait(lambda: plot.evaluate(SIZE) == [1440, 900, 1440, 900], "all of the screen")
    plot.hover()
    plot.locator("[data-title='Full screen']").click()
    lab.wait(lambda: plot.evaluate(SIZE) == [width, height, *room], "the figure as it was")


def test_figures_below_the_screen_are_there_before_anybody_comes(open_page: Callable[..., Page]):
    lab = Laboratory(open_page("/truncation"))
    lab.figure("truncation chart influence_sign")
    assert lab.page.evaluate("document.querySelector('.stMain').scrollTop") == 0


def test_without_its_library_a_figure_says_so_and_its_words_stay(open_page: Callable[..., Page]):
    page = open_page("/")
    page.context.route("**/plotly.js", lambda route: route.abort())
    opened = page.context.new_page()
    opened.goto("/truncation")
    missing = opened.locator(".plot [role=alert]").first
    expect(missing).to_have_text(
        "The code that draws this chart could not be loaded. Reload the page to try again.", timeout=1000 * PATIENCE
    )
    expect(opened.locator(".words").first).to_contain_text("The sliding window")
    expect(opened.locator(".stException")).to_have_count(0)
