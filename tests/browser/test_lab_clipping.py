"""The page 'Clipping' and the badge of the proof: they open by their address, compute, and react to every control."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import Explorer
from tests.browser.laboratory import Laboratory

ADDRESS = "/clipping?lr=0.1&thr=0.05&h=8"


def points(lab: Laboratory, chart: str) -> int:
    """How many there are on the chart's first line."""
    lines = lab.figure(chart)
    return len(lines[0]["x"]) if lines else 0


@pytest.fixture
def lab(open_page: Callable[..., Page]) -> Laboratory:
    return Laboratory(open_page(ADDRESS))


def tab(lab: Laboratory, name: str, chart: str) -> None:
    """Open a tab, and wait for its first chart."""
    lab.rest()
    lab.page.get_by_role("tab", name=name).click()
    lab.wait(lambda: lab.widget(chart).locator(".js-plotly-plot").count(), chart)
    lab.rest()


def option(lab: Laboratory, key: str, name: str) -> None:
    """Choose one of a few names side by side."""
    lab.rest()
    lab.widget(key).get_by_role("radio", name=name, exact=True).click()
    lab.rest()


def test_it_opens_by_its_address_and_gives_advice(lab: Laboratory):
    lab.says("by the published rule, half to ten times the average")
    lab.wait(lambda: points(lab, "norms chart norms") == 300, "all iterations")
    before, after, _ = lab.figure("norms chart norms")
    assert max(after["y"]) <= 0.05 * (1 + 1e-9) < max(before["y"])
    lab.says("This run's threshold of 0.05 lies")
    lab.says("To let 90 % of these gradients pass unchanged")
    assert sum(lab.figure("norms chart distribution")[0]["y"]) == 300
    lab.says("Clipping by norm turns none.")
    angles = [angle for angle in lab.figure("norms chart turned")[0]["y"] if angle is not None and math.isfinite(angle)]
    assert angles
    assert max(angles) > 1


def test_a_run_without_spikes_leads_to_one_with_some(open_page: Callable[..., Page]):
    calm = Laboratory(open_page("/clipping"))
    calm.says("Clipping changed 0 of 300 gradients, 0 %.")
    link = calm.widget("lead spikes").get_by_role("link")
    assert link.get_attribute("target") == "_blank"
    lab = Laboratory(open_page(link.get_attribute("href")))
    lab.says("RNN (tanh), 32 hidden units")
    lab.wait(lambda: lab.widget("norms chart spike").count(), "a spike that is looked into")
    assert not lab.widget("lead spikes").count()


@pytest.mark.slow
def test_every_control_of_the_norms_moves_what_it_names(lab: Laboratory):
    lab.enter("norms iterations", "250")
    lab.wait(lambda: points(lab, "norms chart norms") == 250, "fewer iterations")
    lab.choose("norms quantile", "50 %")
    lab.says("To let 50 % of these gradients pass unchanged")
    lab.enter("norms spikes", "1")
    lab.wait(lambda: len(lab.figure("norms chart norms")[-1]["x"]) == 1, "one spike")
    lab.says("pulled hardest")
    spike = lab.csv("csv spike")
    assert spike[0] == "sequence,step,iteration,part"
    option(lab, "norms start", "the weights as they are")
    lab.wait(lambda: lab.figure("norms chart norms")[0]["x"][0] == 1, "from the present, which is the beginning")
    lab.enter("norms iterations", "many")
    lab.wait(lambda: "Iterations must be a whole number, not 'many'." in lab.problems, "a sentence")
    lab.enter("norms iterations", "5000")
    lab.wait(lambda: "Iterations must be a whole number from 1 to 2,000, not 5,000." in lab.problems, "a sentence")
    assert points(lab, "norms chart norms") == 250, "what was found stays"


def test_a_copy_is_trained_on_only_where_the_present_is_studied(lab: Laboratory):
    """A training from iteration 0 would begin without what the copy was trained on for."""
    assert not lab.widget("lab more").count()
    option(lab, "norms start", "the weights as they are")
    lab.choose("lab more", "+ 100")
    lab.wait(lambda: lab.figure("norms chart norms")[0]["x"][0] == 101, "100 iterations further")
    option(lab, "norms start", "iteration 0, same seed")
    lab.wait(lambda: lab.figure("norms chart norms")[0]["x"][0] == 1, "from the beginning")
    assert not lab.widget("lab more").count()


@pytest.mark.slow
def test_a_training_that_never_happened_is_told_to_be_one(open_page: Callable[..., Page]):
    explorer = Explorer(open_page("/?lr=0.1&thr=0.05&h=8"))
    explorer.step()
    explorer.page.get_by_role("link", name="Clipping").click()
    lab = Laboratory(explorer.page)
    assert "which never happened" not in lab.text
    field = lab.page.locator("[class*='st-key-field-threshold-'] input").first
    field.fill("0.5")
    field.press("Enter")
    lab.says("which never happened")
    option(lab, "norms start", "the weights as they are")
    lab.wait(lambda: "which never happened" not in lab.text, "of the present it says nothing")


@pytest.mark.slow
def test_numbers_and_pictures_can_be_saved(lab: Laboratory):
    lab.wait(lambda: points(lab, "norms chart norms") == 300, "all iterations")
    lab.rest()
    lines = lab.csv("csv norms")
    assert lines[0] == "iteration,quantity,value"
    assert lines[1].startswith("1,loss,")
    assert lab.csv("csv distribution")[0] == "from,to,iterations"
    assert lab.csv("csv turned")[0] == "iteration,value threshold of the same norm,degrees turned by value"
    assert lab.csv("csv spike_weights")[0] == "iteration,weight,share"
    chart = lab.widget("norms chart norms")
    chart.hover()
    with lab.page.expect_download() as download:
        chart.locator("[data-title='Save as a picture']").click()
    assert download.value.suggested_filename == "bptt_norms.png"


@pytest.mark.slow
def test_other_thresholds_are_trained_beside_what_happened(open_page: Callable[..., Page]):
    """Also that the run recorded the very numbers that the replay repeats."""
    explorer = Explorer(open_page("/?lr=0.1&thr=0.05&h=8"))
    for _ in range(4):
        explorer.step()
    explorer.page.get_by_role("link", name="Clipping").click()
    lab = Laboratory(explorer.page)
    tab(lab, "Other thresholds", "replay chart replay")
    lab.enter("replay iterations", "30")
    lab.wait(lambda: points(lab, "replay chart replay") == 30, "30 iterations")
    lab.says("Repeated here to the last bit: 4 iterations that this run recorded.")
    names = {trace["name"] for trace in lab.figure("replay chart replay")}
    assert names == {"no clipping", "by norm 0.02", "by norm 0.1", "by norm 0.5", "this run: by norm 0.05"}
    lab.widget("replay off").locator("label").click()
    lab.wait(lambda: "no clipping" not in {trace["name"] for trace in lab.figure("replay chart replay")}, "without that")
    lab.enter("replay thresholds", "0.01 5")
    option(lab, "replay clipping", "by value")
    lab.wait(lambda: "by value 5" in {trace["name"] for trace in lab.figure("replay chart replay")}, "by value")
    lab.enter("replay alike", "10")
    lab.wait(lambda: points(lab, "replay chart replay") == 40, "10 iterations in common")
    first, second = (trace["y"] for trace in lab.figure("replay chart replay")[:3:2])
    assert first[:10] == second[:10]
    lab.enter("replay thresholds", "1, two")
    lab.wait(lambda: "Thresholds must be a number, not 'two'." in lab.problems, "a sentence")
    lab.enter("replay thresholds", "0")
    lab.wait(lambda: "A threshold must be a number from 0.000001 to 1,000,000, not 0." in lab.problems, "a sentence")
    assert lab.csv("csv replay")[0] == "clipping,own,iteration,quantity,value"
    lab.enter("replay alike", "0")
    lab.enter("replay thresholds", "1")
    lab.choose("replay start", "checkpoint at 4")
    lab.wait(lambda: lab.figure("replay chart replay")[-1]["x"][0] == 5, "from a past checkpoint on")
    lab.page.get_by_role("link", name="Explore").click()
    explorer = Explorer(lab.page)
    explorer.wait(lambda: explorer.iteration == 4, "the run is where it was")


@pytest.mark.slow
def test_the_cliff_is_descended_from_where_it_is_clicked(lab: Laboratory):
    tab(lab, "The error cliff", "error_cliff chart descents")
    lab.says("Without clipping, the longest gradient is 1,500; update 27 goes furthest, 750 away")
    lab.says("Clipping by norm at 1 shortens 2 of 300 updates")
    option(lab, "error_cliff clipping", "by value")
    lab.says("Clipping by value at 1 shortens")
    option(lab, "error_cliff scale", "log10")
    lab.enter("error_cliff steps", "40")
    lab.says("of 40 updates; none goes further")
    ground = lab.widget("error_cliff chart contour").locator(".nsewdrag")
    ground.hover()  # until it stands still: the figure is drawn anew for the 40 updates
    box = ground.evaluate("it => { const { width, height } = it.getBoundingClientRect(); return { width, height } }")
    there = {"x": 0.75 * box["width"], "y": 0.25 * box["height"]}
    ground.hover(position=there)
    lab.page.wait_for_timeout(300)  # until Plotly has found the point below the pointer
    ground.click(position=there)
    fields = lab.page.locator(".stMain [class*='st-key-error_cliff-w'] input")
    lab.wait(lambda: fields.count() and fields.first.input_value() != "5.25", "another beginning")
    w = float(fields.first.input_value())
    assert w == pytest.approx(6.25, abs=0.15)
    lab.wait(lambda: abs(lab.figure("error_cliff chart contour")[-1]["x"][0] - w) < 1e-3, "the ring is there")
    for name, text, sentence in (
        ("rate", "0", "Rate must be a number from 0.000001 to 10, not 0."),
        ("rate", "fast", "Rate must be a number, not 'fast'."),
        ("span", "1e9", "Span must be a number from 0.05 to 20, not 1,000,000,000."),
    ):
        lab.enter(f"error_cliff {name}", text)
        lab.wait(lambda said=sentence: said in lab.problems, sentence)
        lab.enter(f"error_cliff {name}", "1")
    lab.wait(lambda: not lab.problems, "all is well again")
    assert lab.csv("csv descents")[0] == "descent,update,w,b,loss,norm"
    assert lab.csv("csv error_cliff") == lab.csv("csv contour")
    assert lab.csv("csv contour")[0] == "w,b,loss,norm"


def test_the_badge_opens_the_numbers_and_measures_again(lab: Laboratory):
    badge = lab.widget("proof badge")
    expect(badge).to_contain_text("✓ books balance · ")
    assert float(badge.inner_text().split("·")[1]) < 1e-12
    lab.press("proof badge")
    lab.says("All checks pass, with the weights of iteration 0.")
    table = lab.widget("proof panel").locator(".checks").first
    kinds = table.locator("tbody tr td:first-child").all_inner_texts()
    assert kinds == ["Books", "Autograd", "Slopes"]
    errors = [float(text) for text in table.locator("tbody tr td:nth-child(4)").all_inner_texts()]
    allowed = [float(text) for text in table.locator("tbody tr td:nth-child(5)").all_inner_texts()]
    assert all(0 <= error < limit for error, limit in zip(errors, allowed, strict=True))
    assert len(lab.csv("csv proof")) == 1 + 3 + 1 + 7 + 1, "books, the loss, each weight, slopes"
    lab.press("prove again")
    lab.rest()
    lab.says("All checks pass")
    lab.press("close proof")
    lab.wait(lambda: not lab.widget("proof panel").locator(".checks").count(), "closed")


@pytest.mark.slow
def test_a_live_page_has_the_badge_and_the_same_numbers(open_page: Callable[..., Page]):
    explorer = Explorer(open_page("/?h=8"))
    explorer.step()
    page = explorer.page
    page.locator(".proof").click()
    page.get_by_role("button", name="Check slopes and autograd, too").click()
    lab = page.locator(".stMain .st-key-proof-panel")
    expect(lab).to_contain_text("All checks pass, with the weights of iteration 1.", timeout=60_000)
    assert explorer.iteration == 1
    explorer.step()
    explorer.wait(lambda: explorer.iteration == 2, "the run goes on")
