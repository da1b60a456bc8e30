"""The page 'Truncation': it opens by its address, computes on the run's own network, and reacts to every control."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.explorer import Explorer
from tests.browser.laboratory import Laboratory

ADDRESS = "/truncation?trunc=window&k=4"


@pytest.fixture
def lab(open_page: Callable[..., Page]) -> Laboratory:
    return Laboratory(open_page(ADDRESS))


def test_it_opens_by_its_address_and_says_what_k_would_do(lab: Laboratory):
    lab.says("after 0 iterations")
    lab.says("This run's truncation, TBPTT(1, 4), is off by")
    window, chunk = (trace for trace in lab.figure("truncation chart bias") if trace["name"])
    assert window["x"] == chunk["x"] == list(range(1, 11))
    assert window["y"][0] == pytest.approx(chunk["y"][0]), "K = 1 cuts everything either way"
    assert all(math.isfinite(error) for error in window["y"])
    assert window["y"][-1] < 1e-5 < window["y"][3]


@pytest.mark.slow
def test_every_control_moves_what_it_names(lab: Laboratory):
    before = lab.text
    lab.choose("bias delta", "1 %")
    lab.says("to within 1 % of full BPTT")
    lab.choose("bias scheme", "chunks")
    lab.says("The chunks with K =" if "The chunks with" in lab.text else "Only from K = 10 on")
    lab.choose("bias measure", "angle")
    lab.wait(lambda: max(lab.figure("truncation chart bias")[0]["y"]) > 2, "degrees")
    lab.choose("lab observe", "<bos> He buys tickets to the concert")
    lab.wait(lambda: len(lab.figure("truncation chart boundary")[0]["x"]) == 7, "the third sentence")
    lab.choose("lab more", "+ 100")
    lab.wait(lambda: "Computing" not in lab.text, "the copy is trained on")
    assert lab.text != before


@pytest.mark.slow
def test_the_form_changes_the_network_that_is_studied(lab: Laboratory):
    lab.page.locator("[class*='st-key-field-truncation-']").get_by_text("Full", exact=True).click()
    lab.says("This run cuts nothing.")
    lab.wait(lambda: "trunc=" not in lab.page.url, "an address that says so")
    box = lab.page.locator("[class*='st-key-field-text-'] textarea")
    box.fill("a b c d e f g h i j k l m n")
    box.press("ControlOrMeta+Enter")
    lab.wait(lambda: len(lab.figure("truncation chart bias")[0]["x"]) == 15, "another sentence")


@pytest.fixture
def boundary(lab: Laboratory) -> Locator:
    chart = lab.widget("truncation chart boundary")
    chart.scroll_into_view_if_needed()
    assert lab.figure("truncation chart boundary")[1]["x"]
    return chart


@pytest.mark.slow
def test_the_boundary_is_moved_with_keys(lab: Laboratory, boundary: Locator):
    slider, told = boundary.get_by_role("slider", name="Steps that are kept, K"), boundary.locator(".gtitle")
    for key, k in (("ArrowLeft", 3), ("Home", 1), ("ArrowRight", 2), ("End", 10)):
        before = lab.figure("truncation chart boundary")[1]
        slider.press(key)
        lab.wait(lambda before=before: lab.figure("truncation chart boundary")[1] != before, "another boundary")
        expect(told).to_contain_text(f"K = {k}: error ")
        expect(slider).to_have_attribute("aria-valuetext", re.compile(f"^K = {k}: error .* paths kept"))
    assert lab.figure("truncation chart boundary")[1]["x"] == [], "K = T cuts nothing"


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "cut", "k"), [("sliding window", 5, 3), ("chunks", 8, 6)])
def test_the_boundary_is_dragged_itself(lab: Laboratory, boundary: Locator, scheme: str, cut: int, k: int):
    lab.choose("bias scheme", scheme)
    told = boundary.locator(".gtitle")
    expect(told).to_contain_text("K = 4: error ")
    boundary.get_by_role("slider").scroll_into_view_if_needed()
    row = 9
    cell = f"""plot => {{
        const {{ xaxis, yaxis }} = plot._fullLayout;
        const {{ left, top }} = plot.getBoundingClientRect();
        return {{ x: left + xaxis._offset + xaxis.d2p(0.5), y: top + yaxis._offset + yaxis.d2p({row}), wide: xaxis.d2p(2) - xaxis.d2p(1) }};
    }}"""
    place = boundary.locator(".js-plotly-plot").evaluate(cell)
    mouse = lab.page.mouse
    mouse.move(place["x"] + cut * place["wide"] + 2, place["y"])
    expect(boundary.locator(".plot")).to_have_class(re.compile("near"))
    mouse.down()
    mouse.move(place["x"] + 6 * place["wide"], place["y"], steps=6)
    mouse.up()
    expect(told).to_contain_text(f"K = {k}: error ")
    mouse.move(place["x"] + 2 * place["wide"], place["y"], steps=6)
    expect(told).to_contain_text(f"K = {k}: error ")


@pytest.mark.slow
def test_bad_iterations_are_refused_and_good_ones_measured(lab: Laboratory):
    for text, sentence in (("many", "must be a whole number, not 'many'"), ("5", "must be a whole number from 16 to 5,000, not 5")):
        lab.enter("growth iterations", text)
        lab.wait(lambda said=sentence: said in lab.problems, sentence)
        expect(lab.widget("begin growth").get_by_role("button")).to_be_disabled()
    lab.enter("growth iterations", "32")
    lab.press("begin growth")
    lab.wait(lambda: lab.widget("truncation chart growth").count(), "the first look")
    lab.wait(lambda: lab.figure("truncation chart growth")[0]["x"][-1] == 32, "the last look")
    lines = lab.csv("csv growth")
    assert lines[0] == "scheme,iteration,k,error"
    assert lines[-1].startswith("chunk,32,")


def test_a_long_study_can_be_cancelled(lab: Laboratory):
    lab.enter("growth iterations", "5000")
    lab.press("begin growth")
    lab.press("cancel growth")
    lab.says("Cancelled.")


@pytest.mark.slow
def test_numbers_and_pictures_can_be_saved(lab: Laboratory):
    lines = lab.csv("csv bias")
    assert lines[0] == "scheme,k,weight,error,cosine"
    assert len(lines) == 1 + 2 * 10 * 6, "schemes, Ks, five weights and all together"
    assert lab.csv("csv decay")[0] == "lag,phi,low,high"
    chart = lab.widget("truncation chart bias")
    chart.hover()
    with lab.page.expect_download() as download:
        chart.locator("[data-title='Save as a picture']").click()
    assert download.value.suggested_filename == "bptt_bias.png"


@pytest.mark.slow
def test_it_studies_the_run_of_the_page_before_as_it_is_trained(open_page: Callable[..., Page]):
    explorer = Explorer(open_page("/?h=8"))
    explorer.step()
    explorer.step()
    explorer.page.get_by_role("link", name="Truncation").click()
    lab = Laboratory(explorer.page)
    lab.says("8 hidden units, 1 layer, after 2 iterations")
    lab.page.get_by_role("link", name="Explore").click()
    explorer = Explorer(lab.page)
    explorer.wait(lambda: explorer.iteration == 2, "the same run")
