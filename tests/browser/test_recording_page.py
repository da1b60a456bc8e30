"""The page 'Recording': a file that the Recorder wrote is opened, looked into and saved; another one is refused in a sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.recording import Recording
from tests.browser.explorer import Explorer
from tests.serving import ROOT

PATIENCE = 60_000
"""Milliseconds; a machine with two cores may be busy with other things."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the shipped example records in a few iterations."""
    path = tmp_path_factory.mktemp("recording") / "run.safetensors"
    command = [sys.executable, "assets/examples/record_lstm.py", "35", str(path)]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    return path


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    opened = open_page("/recording")
    expect(opened.get_by_role("heading", name="A training loop of your own")).to_be_visible(timeout=PATIENCE)
    return opened


def upload(page: Page, path: Path) -> None:
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)
    page.locator(".st-key-recording-file input[type=file]").set_input_files(path)


def chart(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-recording-chart-{name} .js-plotly-plot")


def test_a_recording_is_opened_and_looked_into(page: Page, recorded: Path, tmp_path: Path):
    expect(page.locator("[data-testid=stCode]")).to_contain_text("recorder.note(loss)", timeout=PATIENCE)
    upload(page, recorded)
    expect(page.locator(".note")).to_contain_text("LSTM 'lstm': 2 × 32 units, input size 1, float32. 35 iterations", timeout=PATIENCE)
    for name in ("history", "lag_matrix", "hidden_state", "gradient", "shares"):
        expect(chart(page, name)).to_be_visible(timeout=PATIENCE)
    recording = Recording.load(recorded)
    first, last = recording.history[[0, -1], 1]
    expect(page.locator(".words").first).to_contain_text(f"fell from {first:.3g} to {last:.3g} in 35 iterations")
    books = page.locator(".aside", has_text="PyTorch's autograd")
    expect(books).to_contain_text("In iteration 31,")
    badge = page.locator(".st-key-proof-good .st-key-proof-badge")
    expect(badge).to_contain_text("✓ books balance · ")
    badge.locator("button").first.click()
    rows = page.locator(".checks tbody tr")
    expect(rows.filter(has_text="PyTorch's autograd")).to_contain_text("✓", timeout=PATIENCE)
    assert rows.count() == len(recording.books)
    page.get_by_role("button", name="Close").click()
    expect(rows).to_have_count(0, timeout=PATIENCE)
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(books).to_contain_text("In iteration 21,", timeout=PATIENCE)
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)
    heading = page.locator(".st-key-recording-heading-lag_matrix")
    with page.expect_download(timeout=PATIENCE) as saved:
        heading.get_by_role("button", name="CSV").click()
    assert saved.value.suggested_filename == "lag_matrix_iteration_21.csv"
    lines = Path(saved.value.path()).read_text().splitlines()
    trace = recording.traces[recording.iterations.index(21)]
    assert len(lines) == 1 + trace["lag_h"].size + trace["reach"].size


@pytest.mark.slow
def test_another_file_is_refused_and_the_next_one_opened(page: Page, recorded: Path, tmp_path: Path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(recorded.read_bytes()[:-7])
    upload(page, bad)
    expect(page.locator(".problem[role=alert]")).to_contain_text("not a recording that core.Recorder has written", timeout=PATIENCE)
    upload(page, recorded)
    expect(chart(page, "history")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".problem[role=alert]")).to_have_count(0)


@pytest.mark.slow
def test_the_live_page_is_found_again(page: Page):
    page.get_by_role("link", name="Explore").click()
    expect(page.locator(".explorer")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name="Recording").click()
    expect(page.get_by_role("heading", name="A training loop of your own")).to_be_visible(timeout=PATIENCE)


def test_a_reload_of_this_page_keeps_the_run_of_the_live_page(open_page: Callable[..., Page]):
    """Twice: what is kept stays kept."""
    explorer = Explorer(open_page("/?h=8"))
    page = explorer.page
    for _ in range(3):
        explorer.step()
    page.get_by_role("link", name="Recording").click()
    heading = page.get_by_role("heading", name="A training loop of your own")
    for _ in range(2):
        expect(heading).to_be_visible(timeout=PATIENCE)
        expect(page).to_have_url(re.compile("/recording$"), timeout=PATIENCE)
        expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)
        page.wait_for_timeout(500)
        page.reload()
    expect(heading).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(1500)  # the tab says which run it had, and Python takes it up: nothing of that is to be seen here
    page.get_by_role("link", name="Explore").click()
    explorer = Explorer(page)
    explorer.wait(lambda: explorer.iteration == 3, "the same run")
    assert explorer.query() == {"h": "8"}


def test_a_file_that_the_browser_refuses_takes_the_sentence_before_away(page: Page, tmp_path: Path):
    """No word of it comes to the server."""
    bad, large = tmp_path / "bad.safetensors", tmp_path / "large.safetensors"
    bad.write_bytes(b"nothing of the kind")
    large.write_bytes(bytes(33 * 2**20))
    upload(page, bad)
    problem = page.locator(".problem[role=alert]")
    expect(problem).to_be_visible(timeout=PATIENCE)
    upload(page, large)
    expect(page.get_by_text("large.safetensors")).to_be_visible(timeout=PATIENCE)
    expect(problem).to_be_hidden(timeout=PATIENCE)
    upload(page, bad)
    expect(problem).to_be_visible(timeout=PATIENCE)
