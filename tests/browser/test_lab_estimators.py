"""The page 'Estimators': it opens by its address, computes on the run's own network, and reacts to every control."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.laboratory import Laboratory

ADDRESS = "/estimators?cell=rnn_tanh&h=8"
CHART = "estimators chart estimates"


@pytest.fixture
def lab(open_page: Callable[..., Page]) -> Laboratory:
    opened = Laboratory(open_page(ADDRESS))
    opened.wait(lambda: "Cancel" not in opened.text, "all samples")
    return opened


def table(lab: Laboratory) -> dict[str, list[str]]:
    """What is measured, by the name of the estimator."""
    lines = "rows => rows.map(row => Array.from(row.children, cell => cell.innerText))"
    return {name: cells for name, *cells in lab.page.locator(".side tbody tr").evaluate_all(lines)}


def error(lab: Laboratory, name: str) -> float:
    """An estimator's error of the mean; NaN while the table is being drawn again."""
    return float(table(lab).get(name, ["nan"])[0])


def found(lab: Laboratory, name: str) -> float:
    """The same, once it stands there."""
    lab.wait(lambda: not math.isnan(error(lab, name)), f"the error of {name}")
    return error(lab, name)


def test_it_opens_by_its_address_and_rtrl_is_bptt(lab: Laboratory):
    lab.says("8 hidden units, 1 layer, after 0 iterations")
    lab.says("RTRL is BPTT: |g| is 0.")
    rows = table(lab)
    assert list(rows) == ["BPTT", "Window", "Chunk", "RTRL", "SnAp-1", "UORO", "ARTBP"]
    assert float(rows["RTRL"][0]) < 1e-12
    assert float(rows["Chunk"][0]) > float(rows["Window"][0]) > 1e-3
    assert rows["RTRL"][2] == "1.0000"
    assert all(row[4].endswith(" ms") and row[5].endswith("iB") for row in rows.values())


@pytest.mark.slow
def test_every_control_moves_what_it_names(lab: Laboratory):
    before = found(lab, "Window")
    lab.enter("estimators k", "8")
    lab.says("Window 8 ")
    lab.wait(lambda: error(lab, "Window") < before, "a longer window")
    lab.enter("estimators cut", "0.5")
    lab.wait(lambda: any("ARTBP 0.5" in trace["x"] for trace in lab.figure(CHART)), "another cut")
    lab.enter("estimators samples", "5")
    lab.says("the mean of 5 by")
    lab.wait(lambda: any(len(trace["y"]) == 5 for trace in lab.figure("estimators chart sample_mean")), "five samples")
    lab.enter("estimators sequences", "1")
    lab.says("For 1 sequence of")
    lab.choose("estimators measure", "cosine")
    lab.wait(lambda: any(pytest.approx(1) in trace["y"] for trace in lab.figure(CHART)), "cosines")
    of_all = found(lab, "Chunk")
    lab.choose("estimators weight", "rnn.weight_hh_l0")
    lab.says("RTRL is BPTT")
    lab.wait(lambda: abs(error(lab, "Chunk") - of_all) > 1e-6, "one weight's")
    at_present = found(lab, "Chunk")
    lab.choose("lab more", "+ 100")
    lab.says("and 100 more")
    lab.wait(lambda: abs(error(lab, "Chunk") - at_present) > 1e-6, "the copy is trained on")
    trained = found(lab, "Chunk")
    lab.choose("estimators weights", "as it began")
    lab.wait(lambda: abs(error(lab, "Chunk") - trained) > 1e-6, "the first weights")


@pytest.mark.slow
def test_bad_values_are_refused_in_a_sentence_and_what_was_found_stays(lab: Laboratory):
    before = table(lab)
    for key, text, good, sentence in (
        ("k", "513", "4", "K must be a whole number from 1 to 512, not 513."),
        ("k", "four", "4", "K must be a whole number, not 'four'."),
        ("cut", "1", "0.1", "Cut probability must be a number from 0.01 to 0.9, not 1."),
        ("samples", "1", "20", "Samples must be a whole number from 2 to 500, not 1."),
        ("sequences", "65", "8", "Sequences must be a whole number from 1 to 64, not 65."),
    ):
        lab.enter(f"estimators {key}", text)
        lab.wait(lambda said=sentence: lab.problems == said, sentence)
        lab.wait(lambda: table(lab) == before, "the same table")
        lab.enter(f"estimators {key}", good)
        lab.wait(lambda: lab.problems == "", "no problem")
    lab.enter("influence ks", "0, 3")
    lab.wait(lambda: "K must be 1 to 6 whole numbers from 1 to 200, not" in lab.problems, "no such truncation")
    expect(lab.widget("begin influence").get_by_role("button")).to_be_disabled()


@pytest.mark.slow
def test_influence_balancing_is_trained_with_each(lab: Laboratory):
    lab.enter("influence steps", "20000")
    lab.press("begin influence")
    lab.says("Diverged: K = 20.")
    lab.says("up to K = 40 it has the wrong sign")
    names = ["K = 5", "K = 20", "K = 50", "RTRL", "UORO", "ARTBP"]
    lab.wait(lambda: [trace["name"] for trace in lab.figure("estimators chart influence_training")] == names, "a line for each")
    lab.wait(lambda: "Cancel" not in lab.text, "the end: until then the page, and with it the file, is made anew")
    assert lab.csv("csv influence_training")[0] == "method,k,step,loss"
    assert lab.csv("csv influence_sign")[1] == "1,1.0,-6.0"


@pytest.mark.slow
def test_a_model_without_recurrence_is_refused_in_a_sentence(open_page: Callable[..., Page]):
    page = open_page("/estimators?model=transformer&heads=1")
    expect(page.locator(".stMain .problem[role=alert]")).to_contain_text(
        "a transformer has none: choose the recurrent model", timeout=60_000
    )


@pytest.mark.slow
def test_numbers_and_pictures_can_be_saved(lab: Laboratory):
    lines = lab.csv("csv estimates")
    assert lines[0] == "estimator,weight,samples,error,cosine,norm,spread,single_error,single_cosine,cpu_seconds,bytes_held"
    assert len(lines) == 1 + 7 * 6, "estimators, five weights and all together"
    assert len(lab.csv("csv sample_mean")) == 1 + 2 * 20 * 6
    chart = lab.widget(CHART)
    chart.hover()
    with lab.page.expect_download() as download:
        chart.locator("[data-title='Save as a picture']").click()
    assert download.value.suggested_filename == "bptt_estimates.png"
