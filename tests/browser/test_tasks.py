"""Drawn tasks: each is chosen like sentences are, plays, shows what chance earns, and is examined; a sequence of one's own can be tried."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import Explorer
from tests.browser.laboratory import Laboratory

LABELS = {
    "copy": "Copy memory",
    "echo": "Delayed copy",
    "adding": "Adding problem",
    "order": "Temporal order",
    "reber": "Reber grammar",
    "embedded_reber": "Embedded Reber grammar",
}


def exam(explorer: Explorer) -> str:
    """What stands below the loss."""
    return explorer.element.locator("[data-panel=loss] .legend").inner_text()


def test_each_task_is_chosen_and_plays(page: Page):
    explorer = Explorer(page)
    for name, label in LABELS.items():
        explorer.choose("task", label)
        explorer.wait(lambda name=name: explorer.query().get("task") == name, label)
        explorer.wait(lambda: explorer.painted and "new sequences (chance" in exam(explorer), f"{label} examined")
        explorer.rest()
        explorer.step()
        assert re.search(r"chance [\d.]+", explorer.element.locator("[data-panel=loss] canvas").get_attribute("aria-label") or "")
        assert explorer.problem() == ""
    explorer.choose("task", "Influence balancing")
    explorer.wait(lambda: explorer.query() == {"task": "influence", "model": "balanced"}, "with the network that it is about")
    explorer.wait(lambda: explorer.painted and exam(explorer) == "", "nothing is examined: there is one sequence")
    explorer.choose("task", "Sentences")
    explorer.wait(lambda: not {"task", "model"} & explorer.query().keys() and exam(explorer) == "", "sentences again")


def test_a_task_tells_its_definition_and_its_chance(open_page: Callable[..., Page]):
    explorer = Explorer(open_page("/?task=order"))
    told = explorer.page.locator(".stSidebar .definition")
    said = told.get_by_text("Task 6a of Hochreiter & Schmidhuber 1997")
    expect(said).not_to_be_visible()
    told.locator("summary").press("Enter")
    expect(said).to_be_visible()
    expect(told).to_contain_text("Chance: loss 1.39, accuracy 0.25 (any of the 4 orders).")
    explorer.choose("task", "Sentences")
    expect(told).to_have_count(0)


def test_a_task_that_answers_at_its_end_has_a_lag_matrix_of_one_row(open_page: Callable[..., Page]):
    explorer = Explorer(open_page("/?task=adding&trunc=window&k=5"))
    panel = explorer.element.locator("[data-panel=lag]")
    expect(panel.locator(".rowlabels span")).to_have_count(1)
    assert panel.locator("canvas.map").evaluate("({ width, height }) => [width, height]") == [20, 1]
    box = panel.locator("canvas.map").bounding_box()
    assert box is not None
    explorer.page.mouse.move(box["x"] + 0.97 * box["width"], box["y"] + box["height"] / 2)
    expect(panel).to_contain_text("|dLₛ/dhₜ| = ")
    expect(explorer.element.locator("[data-panel=cursor]")).to_contain_text("20 · 1.03")
    explorer.step()
    charts = explorer.page.locator(".stMain")
    expect(charts).to_contain_text("In all, 15 of 20 cells are cut.", timeout=30_000)
    expect(charts).not_to_contain_text("exploded")


@pytest.mark.slow
def test_temporal_order_is_learned_before_ones_eyes(open_page: Callable[..., Page]):
    explorer = Explorer(open_page("/?task=order&len=12&h=16&lr=0.03"))
    assert "accuracy 0." in exam(explorer)
    explorer.play()
    explorer.wait(lambda: "accuracy 1.00 on 500 new sequences (chance 0.250)" in exam(explorer), "every order is told rightly")
    explorer.pause()
    answers = explorer.element.locator("[data-panel=next]")
    expect(answers.locator("h3")).to_have_text("Answer")


@pytest.mark.parametrize(("truncation", "learns"), [("trunc=full", True), ("trunc=window&k=20", False)])
def test_influence_balancing_goes_the_wrong_way_with_a_short_window(open_page: Callable[..., Page], truncation: str, learns: bool):
    explorer = Explorer(open_page(f"/?task=influence&model=balanced&{truncation}"))
    plot = explorer.element.locator("[data-panel=loss] canvas")
    assert "chance 1.00" in (plot.get_attribute("aria-label") or "")
    explorer.play()
    explorer.wait(lambda: explorer.iteration > 40, "some iterations")
    explorer.pause()
    found = re.search(r"loss ([\d.e\u2212-]+)", explorer.element.inner_text())
    assert found
    loss = float(found[1].replace("\u2212", "-"))
    assert loss < 0.1 if learns else loss > 5


@pytest.mark.slow
def test_a_sequence_of_ones_own_is_tried(open_page: Callable[..., Page]):
    page = open_page("/?task=order&len=12&h=8")
    explorer = Explorer(page)
    page.get_by_role("tab", name="Try a sequence").click()
    box = page.locator(".st-key-try-text input")
    box.fill("aXbcY")
    box.press("Enter")
    expect(page.locator(".tokens-row")).to_contain_text("XY")
    expect(page.get_by_role("button", name="Generate")).to_have_count(0)
    box.fill("aXbc")
    box.press("Enter")
    expect(page.get_by_text("X or Y must stand at two places; here they stand at 1.")).to_be_visible()
    explorer.rest()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["adding"])
def test_numbers_have_no_text_to_try(open_page: Callable[..., Page], task: str):
    page = open_page(f"/?task={task}&len=6&h=8")
    explorer = Explorer(page)
    expect(explorer.element.locator("[data-panel=next]")).to_be_hidden()
    expect(explorer.element.locator("[data-panel=cursor]")).to_contain_text("answer of the network")
    expect(page.get_by_role("tab", name=re.compile("Try"))).to_have_count(0)


@pytest.mark.slow
def test_networks_that_differ_in_k_are_trained_side_by_side(open_page: Callable[..., Page]):
    lab = Laboratory(open_page("/truncation?task=order&len=12&h=8&ex=200"))
    lab.enter("cliff ks 12 4", "2, 12")
    lab.enter("cliff iterations 200", "10")
    lab.page.wait_for_timeout(500)  # the button begins what the page has heard of
    lab.rest()
    lab.press("begin cliff")
    lab.says("After 10 iterations, accuracy on new sequences:")
    lab.wait(lambda: "Computing" not in lab.text, "all networks have come to their end")
    lines = [trace for trace in lab.figure("cliff chart cliff accuracy") if trace["name"]]
    assert [trace["name"] for trace in lines] == ["K = 2", "K = 12 (cuts nothing)"]
    assert [trace["x"] for trace in lines] == [list(range(1, 11))] * 2
    lab.enter("cliff ks 12 4", "2, a")
    lab.says("Several K must be whole numbers, apart by commas, not '2, a'.")
    lab.enter("cliff ks 12 4", "0, 2")
    lab.says("K must be 1 to 8 different whole numbers from 1 to 512, the smallest first, not 0, 2.")
