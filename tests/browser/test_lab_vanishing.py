"""The page 'Vanishing': it opens by its address, computes on the run's own network, and reacts to every control."""

from __future__ import annotations

import csv
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.experiment import Experiment
from core.measures.phase import first_errors
from core.studies import half_lives, phase, vanishing, ways
from core.training import Trainer
from dashboard.charts.picture import number
from tests.browser.explorer import Explorer
from tests.browser.laboratory import Laboratory

TANH = "/vanishing?cell=rnn_tanh&h=8"
EXPERIMENT = Experiment(cell="rnn_tanh", hidden=8)


@pytest.fixture
def lab(open_page: Callable[..., Page]) -> Laboratory:
    return Laboratory(open_page(TANH))


def done(lab: Laboratory) -> None:
    """Until all three studies have found everything."""
    lab.wait(lambda: all(lab.widget(f"vanishing chart {name}").count() for name in ("rates", "phase", "half_lives")), "the last charts")
    lab.wait(lambda: "Computing" not in lab.text, "the end of all studies")
    lab.rest()


def test_it_opens_by_its_address_and_finds_what_core_finds(lab: Laboratory):
    done(lab)
    *_, last = vanishing.study(Trainer(EXPERIMENT), vanishing.Asked())
    found = last.found
    assert found
    mean = next(line for line in lab.figure("vanishing chart fading") if line["name"] == "mean")
    np.testing.assert_allclose(mean["y"], found.carrying.mean, rtol=1e-9)
    lab.says(f"it halves every {found.carrying.of_mean.half_life:.3g} steps")
    lab.says(f"At lag {found.tail.lost} float32 holds exactly 0")
    lab.says(f"lambda_1 = {found.rates.values[0]:.3g}: in the long run the error that fades least halves")
    expect(lab.page.locator(".shares tbody tr")).to_have_count(1)
    assert not lab.problems


@pytest.mark.slow
def test_the_fit_and_the_long_run_follow_their_fields(lab: Laboratory):
    done(lab)
    lab.enter("vanishing first", "3")
    lab.enter("vanishing last", "7")
    lab.says("From lag 3 to 7, each step back leaves")
    lab.enter("vanishing run", "300")
    lab.says("over the same 200 steps")
    lab.choose("lab observe", "<bos> He buys tickets to the concert")
    lab.says("After 7 steps back, at most")


@pytest.mark.slow
def test_what_cannot_be_gets_a_sentence_and_the_pictures_stay(lab: Laboratory):
    done(lab)
    for key, text, good, sentence in (
        ("vanishing run", "20", "600", "The long run must be a whole number from 50 to 4096, not 20."),
        ("vanishing first", "x", "1", "First lag of the fit must be a whole number, not 'x'."),
        ("phase high gain", "11", "10", "between 0.01 and 10, not from 0.1 to 11."),
        ("phase longest", "500", "64", "Longest sequence must be a whole number from 2 to 128, not 500."),
        ("half_lives seeds", "0", "5", "Seeds must be a whole number from 1 to 20, not 0."),
    ):
        lab.enter(key, text)
        lab.wait(lambda said=sentence: said in lab.problems, sentence)
        assert lab.widget("vanishing chart fading").count() == lab.widget("vanishing chart phase").count() == 1
        lab.enter(key, good)
        lab.wait(lambda: not lab.problems, "no more problems")


@pytest.mark.slow
def test_a_cell_of_the_diagram_opens_as_an_experiment(lab: Laboratory, open_page: Callable[..., Page]):
    done(lab)
    lab.enter("phase values", "8")
    lab.enter("phase longest", "16")
    lab.wait(lambda: len(lab.figure("vanishing chart phase")[3]["x"]) == 8 * 16 and "Computing" not in lab.text, "the smaller diagram")
    gains = [float(f"{gain:.6g}") for gain in np.geomspace(0.1, 10, 8)]
    task = Trainer(EXPERIMENT).task
    plot = lab.widget("vanishing chart phase").locator(".js-plotly-plot")
    plot.scroll_into_view_if_needed()
    lab.page.wait_for_timeout(300)
    place = plot.evaluate(
        "plot => { const layout = plot._fullLayout, box = plot.getBoundingClientRect();"
        " return [box.x + layout.xaxis._offset + layout.xaxis.l2p(12), box.y + layout.yaxis._offset + layout.yaxis.l2p(6)]; }"
    )
    lab.page.mouse.move(*place)
    lab.page.wait_for_timeout(200)
    lab.page.mouse.click(*place)
    norm = 10 ** first_errors(EXPERIMENT.replace(gain=gains[6]), task, 16)[11]
    lab.says(f"Chosen: recurrent gain {gains[6]:.3g}, 12 steps. Norm of the last loss's error at the first step: {norm:.3g}.")
    link = lab.page.get_by_role("link", name="Open the network with recurrent gain")
    opened = Explorer(open_page(link.get_attribute("href") or ""))
    assert opened.query() == {"cell": "rnn_tanh", "h": "8", "gain": f"{gains[6]:g}"}


@pytest.mark.slow
def test_an_lstm_has_two_states_and_a_forget_bias(open_page: Callable[..., Page]):
    lab = Laboratory(open_page("/vanishing?h=8"))
    done(lab)
    plot = lab.widget("vanishing chart fading").locator(".js-plotly-plot")
    titles = "plots => plots.map((plot) => plot._fullLayout?.yaxis?.title?.text)"
    lab.wait(lambda: plot.evaluate_all(titles) == ["|dL_s/dc_t| / |dL_s/dc_s|"], "the error of c")
    lab.choose("fading state", "h")
    lab.wait(lambda: plot.evaluate_all(titles) == ["|dL_s/dh_t| / |dL_s/dh_s|"], "the error of h")
    assert "path through c" in {line["name"] for line in lab.figure("vanishing chart jacobians")}
    lab.choose("phase lever", "Forget bias")
    lab.wait(lambda: lab.widget("phase low forget_bias").count() == 1, "the bounds of the forget bias")
    lab.says("forget bias 0, 64 steps")


@pytest.mark.slow
def test_half_lives_follow_their_controls_and_leave_as_numbers(lab: Laboratory):
    done(lab)
    lab.enter("half_lives seeds", "2")
    lab.choose("half_lives inputs", "random numbers")
    *_, last = half_lives.study(Trainer(EXPERIMENT), half_lives.Asked(2, "noise"))
    lines = last.found.lines
    last_drawn = 2 * len(lines) - 2  # dots and a bar for each line
    lives = [decay.half_life for decay in lines[-1].decays]
    lab.wait(lambda: lab.figure("vanishing chart half_lives")[last_drawn:][:1], "the last line")
    lab.wait(lambda: lab.figure("vanishing chart half_lives")[last_drawn]["x"] == pytest.approx(lives), "both seeds of the last line")
    lab.wait(lambda: "Computing" not in lab.text, "the end of the study")
    table = lab.page.locator(".side.numbers tbody tr")
    expect(table).to_have_count(len(last.found.lines))
    drawn = last.found.lines[-1]
    expect(table.last.locator("td").first).to_have_text(number(drawn.half_life))
    rows = list(csv.DictReader(lab.csv("csv half_lives")))
    assert [float(row["half_life"]) for row in rows] == pytest.approx([decay.half_life for line in lines for decay in line.decays])


@pytest.mark.slow
@pytest.mark.parametrize("address", [TANH, "/vanishing?model=transformer&h=8&cell=rnn_tanh"])
def test_three_networks_are_compared_on_the_same_sequence(open_page: Callable[..., Page], address: str):
    lab = Laboratory(open_page(address))
    for name, text in (("iterations", "20"), ("seeds", "1")):
        lab.enter(f"ways {name}", text)
        lab.page.wait_for_timeout(500)  # until the page has begun to be drawn again: the button asks for what stood there then
        lab.rest()
    lab.page.get_by_role("button", name="Train and compare").click()
    *_, last = ways.study(Trainer(EXPERIMENT), ways.Asked(20, 1))
    lab.says("arrives straight along attention")
    lab.wait(lambda: "Computing" not in lab.text, "the end of the study")
    lines = {line["name"]: line["y"] for line in lab.figure("vanishing chart ways")}
    for kind, name in zip(last.found.kinds, ("Recurrence alone", "Recurrence and attention", "Transformer"), strict=True):
        np.testing.assert_allclose(lines[name], kind.way("total"), rtol=1e-9)
    assert lab.csv("csv ways")[0] == "model,seed,way,lag,error"
    assert not lab.problems


@pytest.mark.slow
def test_figures_and_numbers_leave(lab: Laboratory):
    done(lab)
    rows = list(csv.DictReader(lab.csv("csv fading")))
    mean = next(line for line in lab.figure("vanishing chart fading") if line["name"] == "mean")
    assert [float(row["value"]) for row in rows if row["quantity"] == "mean_error"] == pytest.approx(mean["y"])
    rows = list(csv.DictReader(lab.csv("csv phase")))
    assert len(rows) == phase.Asked().values * phase.Asked().longest
    lab.page.get_by_text("SVG", exact=True).click()
    lab.page.wait_for_timeout(500)  # until the page has begun to be drawn again
    lab.rest()
    chart = lab.widget("vanishing chart tail")
    expect(chart).to_have_attribute("data-stale", "false")
    chart.scroll_into_view_if_needed()
    chart.hover()
    with lab.page.expect_download() as download:
        chart.locator(".modebar-btn[data-title='Save as a picture']").click()
    assert download.value.suggested_filename == "bptt_tail.svg"
    assert download.value.path().read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.slow
def test_a_model_without_recurrence_shows_its_errors_and_says_why_there_is_no_more(open_page: Callable[..., Page]):
    lab = Laboratory(open_page("/vanishing?model=transformer"))
    lab.says("A transformer has no recurrence")
    assert lab.figure("vanishing chart fading")
    expect(lab.page.locator(".stMain .js-plotly-plot")).to_have_count(1)
    assert lab.problems == ""


@pytest.mark.slow
def test_with_attention_both_ways_of_the_error_are_told_apart(open_page: Callable[..., Page]):
    lab = Laboratory(open_page("/vanishing?att=dot"))
    lab.says("all others are of the recurrence alone")
    means = {}
    for kind in ("c", "h", "h, by attention", "h, by recurrence"):
        lab.choose("fading state", kind)
        lab.page.wait_for_timeout(500)
        lab.rest()
        means[kind] = next(trace["y"] for trace in lab.figure("vanishing chart fading") if trace["name"] == "mean")
    assert len({str(mean) for mean in means.values()}) == 4
    assert lab.figure("vanishing chart rates")
