"""The page opens, plays, pauses and starts again; what it shows can be inspected and saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import Explorer
from tests.serving import Server


def test_the_page_opens_ready_to_play(page: Page):
    explorer = Explorer(page)
    assert (explorer.iteration, explorer.state, explorer.steps) == (0, "ready", 10)
    for sentence in ("The quick brown fox", "She sells seashells", "He buys tickets"):
        expect(explorer.element.get_by_role("button", name=re.compile(sentence))).to_be_visible()
    expect(explorer.element.get_by_role("button", name="Play", exact=True)).to_be_in_viewport()
    expect(explorer.element.locator("[data-panel=h] canvas").first).to_be_in_viewport()
    expect(page).to_have_title(re.compile("BPTT"))


def test_the_code_of_charts_is_there_before_one_is_wanted(page: Page):
    Explorer(page)
    page.wait_for_function("Boolean(window.Plotly?.react)")
    page.wait_for_timeout(1000)
    scripts = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    starts = {script for script in scripts if re.search(r"/index\.[\w-]+\.js", script)}
    assert len(starts) == 1, "Streamlit's page has not started twice"
    expect(page.locator(".stApp")).to_have_count(1)
    expect(page.locator(".js-plotly-plot")).to_have_count(0)


@pytest.mark.slow
def test_the_web_process_has_not_loaded_torch(page: Page, server: Server):
    Explorer(page)
    pages = server.process.pid
    workers = [process for process in server.processes() if process != pages]
    maps = Path(f"/proc/{pages}/maps").read_text()
    assert not [name for name in ("libtorch", "/statsmodels/", "/scipy/") if name in maps]
    assert any("libtorch" in Path(f"/proc/{worker}/maps").read_text() for worker in workers)


def test_play_moves_iteration_loss_and_pixels(page: Page):
    explorer = Explorer(page)
    loss, pixels = explorer.loss, {panel: explorer.pixels(panel) for panel in ("h", "dh", "lag", "loss")}
    explorer.play()
    explorer.reaches(40)
    assert explorer.loss < loss / 2
    for panel, before in pixels.items():
        assert explorer.pixels(panel) != before, panel
    assert re.search(r"training · iteration [\d,]+ · loss [\d.]+ · gradient ", explorer.words)


def test_pause_freezes_iteration_loss_and_pixels(page: Page):
    explorer = Explorer(page)
    explorer.play()
    explorer.reaches(10)
    explorer.pause()
    page.wait_for_timeout(500)
    before = explorer.iteration, explorer.loss, explorer.pixels("h"), explorer.pixels("lag")
    page.wait_for_timeout(1000)
    assert (explorer.iteration, explorer.loss, explorer.pixels("h"), explorer.pixels("lag")) == before
    explorer.play()
    explorer.reaches(before[0] + 5)


def test_restart_gives_the_same_numbers_again(page: Page):
    explorer = Explorer(page)
    first = [explorer.step() for _ in range(4)]
    explorer.element.get_by_role("button", name="Restart").click()
    explorer.wait(lambda: explorer.iteration == 0, "iteration 0")
    assert [explorer.step() for _ in range(4)] == first
    assert first == sorted(first, reverse=True)


def test_paused_charts_can_be_inspected_and_saved(page: Page):
    explorer = Explorer(page)
    explorer.play()
    explorer.reaches(5)
    explorer.pause()
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=20_000)
    with page.expect_download() as download:
        page.locator(".st-key-csv-history button").click()
    rows = Path(download.value.path()).read_text().splitlines()
    assert rows[0].startswith("iteration,loss")
    assert len(rows) == explorer.iteration + 1


@pytest.mark.slow
def test_inspecting_says_when_the_browser_looks_back_at_another_iteration(page: Page):
    explorer = Explorer(page)
    for _ in range(3):
        explorer.step()
    shown, older = page.get_by_text("Iteration 3, where the run rests."), page.locator(".note", has_text="look back at iteration 2.")
    expect(shown).to_be_visible(timeout=20_000)
    expect(older).to_have_count(0)
    explorer.element.locator(".replay input").press("ArrowLeft")
    expect(older).to_contain_text("The charts here stay at iteration 3")
    expect(shown).to_be_visible()
    explorer.element.locator(".replay input").press("ArrowRight")
    expect(older).to_have_count(0)


@pytest.mark.slow
def test_a_transformer_has_a_block_input_and_no_memory(open_page: Callable[..., Page]):
    explorer = Explorer(open_page("/?model=transformer"))
    panel, ticked = explorer.element.locator("[data-panel=h]"), explorer.element.locator("[data-shows=h]")
    expect(panel.locator("h3")).to_have_text("Block input")
    expect(panel.locator(".line")).to_contain_text("enters the block")
    expect(ticked).to_have_text("Block input")
    expect(explorer.element.locator("[data-panel=lag]").get_by_role("button", name="recurrence")).to_have_count(0)
    explorer.element.locator(".menu summary").click()
    expect(explorer.element.locator("[data-shows=attention]")).to_be_visible()
    expect(explorer.element.locator("[data-shows=forecast]")).to_be_hidden()
    explorer.page.keyboard.press("Escape")
    explorer.step()
    chart = explorer.page.locator("[class*='st-key-inspect-heading-hidden']")
    expect(chart).to_contain_text("Block input")
    parts = explorer.page.locator(".st-key-inspect-part input")
    parts.scroll_into_view_if_needed()
    explorer.page.wait_for_timeout(300)  # a list closes when the page scrolls under it
    parts.click()
    options = explorer.page.get_by_role("option")
    expect(options.filter(has_text="attention")).to_have_count(1)
    expect(options.filter(has_text="recurrent")).to_have_count(0)
    explorer.page.keyboard.press("Escape")
    explorer.choose("model", "Recurrent")
    expect(panel.locator("h3")).to_have_text("Hidden state")
    expect(panel.locator(".line")).to_contain_text("remembers")
    expect(ticked).to_have_text("Hidden state")


def test_dark_and_light_follow_the_browser(open_page: Callable[..., Page]):
    paper = {}
    for screen in ("light", "dark"):
        page = open_page(screen=screen)
        Explorer(page)
        paper[screen] = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert paper["light"] == "rgb(255, 255, 255)"
    assert sum(map(int, re.findall(r"\d+", paper["dark"])[:3])) < 150
