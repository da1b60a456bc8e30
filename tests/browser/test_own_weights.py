"""Weights of one's own: a file of them becomes the run, and a bad one is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import torch
from playwright.sync_api import Page, expect
from torch import nn

from core.experiment import Experiment
from core.tasks import TASKS
from tests.browser.explorer import Explorer

TOKENS = len(TASKS["sentences"](Experiment()).vocabulary)


def upload(explorer: Explorer, path: Path) -> None:
    explorer.rest()
    explorer.page.locator(".st-key-weights-file input[type=file]").set_input_files(path)


def test_a_file_of_weights_becomes_the_run(page: Page, tmp_path: Path):
    explorer = Explorer(page)
    explorer.play()
    explorer.reaches(5)
    explorer.pause()
    page.locator(".st-key-share-files summary").click()
    junk = tmp_path / "junk.pt"
    junk.write_bytes(b"no weights")
    before = explorer.iteration
    upload(explorer, junk)
    explorer.wait(lambda: "neither safetensors nor a state dict" in explorer.problem(), "a sentence")
    assert explorer.iteration == before
    own = nn.ModuleDict({"embed": nn.Embedding(TOKENS, 12), "gru": nn.GRU(12, 20, 2), "head": nn.Linear(20, 7)})
    torch.save(own.state_dict(), tmp_path / "own.pt")
    upload(explorer, tmp_path / "own.pt")
    explorer.wait(lambda: explorer.query() == {"cell": "gru", "layers": "2", "h": "20", "e": "12"}, "the address to say so")
    explorer.wait(lambda: explorer.iteration == 0, "a new start")
    note = page.locator(".st-key-share-files .note")
    expect(note).to_contain_text("The run begins with the weights of 'gru': 2 × 20 units.")
    expect(note).to_contain_text("Its embedding is 'embed.weight'")
    expect(note).to_contain_text("No readout in the file fits")
    assert explorer.problem() == ""
    first = explorer.step()
    assert explorer.step() < first
    explorer.enter("learning_rate", "0.02")
    expect(page.locator(".stSidebar")).to_contain_text("weights of a file, which no link carries")
    page.get_by_role("link", name="Clipping").click()
    expect(page.locator(".stMain .subject")).to_contain_text("after 2 iterations, begun with weights of a file")
