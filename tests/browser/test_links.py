"""The address: a copied link starts the same run elsewhere, a reload keeps the run, a watch link only watches."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import Explorer

COMPARED = 40


def curve(explorer: Explorer) -> list[tuple[float, str]]:
    """Train for a while, and return (iteration, loss) as the page saves them."""
    explorer.play()
    explorer.reaches(COMPARED)
    explorer.pause()
    button = explorer.page.locator(".st-key-csv-history button")
    expect(button).to_be_visible(timeout=20_000)
    with explorer.page.expect_download() as download:
        button.click()
    with Path(download.value.path()).open(newline="") as file:
        return [(float(row["iteration"]), row["loss"]) for row in csv.DictReader(file)][:COMPARED]


def test_a_copied_link_reproduces_the_loss_curve(open_page: Callable[..., Page]):
    mine = Explorer(open_page())
    mine.enter("text", "one two three four\n一二三四\nfour three two one")
    mine.wait(lambda: "text" in mine.query(), "the address to say so")
    mine.choose("cell", "GRU")
    mine.wait(lambda: "cell" in mine.query(), "the address to say so")
    mine.choose("truncation", "Chunk")
    mine.enter("k", "2")
    mine.enter("threshold", "0.5")
    mine.wait(lambda: {"k", "thr", "trunc"} <= mine.query().keys(), "the address to say so")
    theirs = Explorer(open_page(mine.page.url))
    assert theirs.query() == mine.query()
    assert theirs.iteration == 0
    first, second = curve(mine), curve(theirs)
    assert first == second
    assert [iteration for iteration, _ in first] == list(range(1, COMPARED + 1))


def test_a_reload_keeps_the_run(page: Page):
    explorer = Explorer(page)
    explorer.choose("clip", "Off")
    explorer.wait(lambda: explorer.query().get("clip") == "off", "the address to say so")
    explorer.play()
    explorer.reaches(30)
    before = explorer.iteration
    page.reload()
    explorer = Explorer(page)
    explorer.wait(lambda: explorer.iteration >= before, "the same run")
    assert explorer.state == "training"
    assert explorer.read("control")
    assert explorer.query() == {"clip": "off"}


def test_a_watch_link_shows_the_run_and_cannot_steer_it(open_page: Callable[..., Page]):
    page = open_page()
    mine = Explorer(page)
    mine.play()
    mine.reaches(20)
    page.locator(".st-key-share-watch summary").click()
    code = page.locator(".st-key-share-watch code")
    expect(code).to_contain_text("watch=")
    theirs = Explorer(open_page(code.inner_text()))
    assert theirs.iteration >= 20
    assert not theirs.read("control")
    expect(theirs.element.locator("button.play")).to_be_disabled()
    mine.pause()
    theirs.wait(lambda: theirs.state == "paused" and theirs.iteration == mine.iteration, "the same rest")
    assert theirs.loss == mine.loss


def test_a_damaged_link_means_another_run_in_a_tab_that_has_one_too(page: Page):
    """Its address, mended, may be that of the run before."""
    explorer = Explorer(page)
    for _ in range(2):
        explorer.step()
    page.goto("/?cell=nope")
    explorer = Explorer(page)
    expect(page.locator(".note").first).to_contain_text("Cell")
    page.wait_for_timeout(1500)  # in which the tab says which run it had
    assert (explorer.iteration, explorer.query()) == (0, {})
    expect(page.locator(".note").first).to_contain_text("Cell")
    explorer.step()
    page.reload()
    explorer = Explorer(page)
    explorer.wait(lambda: explorer.iteration == 1, "the run of the mended link")


@pytest.mark.slow
def test_a_damaged_link_says_so_and_runs_the_rest(open_page: Callable[..., Page]):
    page = open_page("/?cell=transformer&h=8&thr=-3&text=@@@&unknown=1")
    explorer = Explorer(page)
    notes = " ".join(page.locator(".note").all_inner_texts())
    for word in ("Cell", "Threshold", "Sentences"):
        assert word in notes
    assert explorer.query() == {"h": "8"}
    explorer.step()


@pytest.mark.slow
def test_a_link_cannot_steer_another_run(open_page: Callable[..., Page]):
    mine, theirs = Explorer(open_page()), Explorer(open_page())
    mine.step()
    assert (mine.iteration, theirs.iteration) == (1, 0)
