"""Every page, rendered by Streamlit against real trainers; no browser."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.experiment import SPECS, Experiment
from core.training import Trainer
from dashboard import address
from dashboard.charts import CHARTS
from dashboard.live import runs
from dashboard.live.route import lifespan
from dashboard.texts import literal
from tests.serving import ROOT

MAIN = ROOT / "dashboard" / "main.py"


@pytest.fixture(scope="module")
def trainers() -> Iterator[None]:
    """The live server without its sockets: its event loop in a thread, its workers beside it."""
    loop, ending, begun = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def live() -> None:
        async with lifespan(None):
            begun.set()
            await ending.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    assert begun.wait(30)
    runs.catalogue()
    yield
    loop.call_soon_threadsafe(ending.set)
    thread.join(30)
    loop.close()


@pytest.fixture
def page(trainers: None) -> Iterator[AppTest]:
    opened = AppTest.from_file(str(MAIN), default_timeout=60)
    opened.run()
    yield opened
    if control := opened.session_state["session"].control:
        runs.close(control)


def reach(control: str, iteration: int) -> None:
    """Wait until the worker has told of this iteration: a command is sent on, not waited for."""
    ending = time.monotonic() + 30
    while runs.find(control).iteration < iteration:
        assert time.monotonic() < ending
        time.sleep(0.02)


def text_of(page: AppTest) -> str:
    """All that stands on the page as HTML."""
    return " ".join(element.proto.body for element in page.get("html"))


def field(page: AppTest, name: str) -> object:
    return next(element for kind in (page.text_input, page.text_area, page.selectbox, page.get("button_group")) for element in kind
                if element.key and element.key.startswith(f"typed {name} "))  # fmt: skip


def unfold(page: AppTest) -> None:
    """Open every place of the form: what stands there is drawn only then."""
    for group in {spec.group for spec in SPECS.values()}:
        page.session_state[f"more {group}"] = True
    page.run()


def test_what_is_folded_away_is_not_drawn(page: AppTest):
    def is_drawn() -> bool:
        return any(one.key and one.key.startswith("typed seed ") for one in page.text_input)

    assert not is_drawn()
    unfold(page)
    assert is_drawn()


def test_a_field_at_fault_unfolds_its_place(page: AppTest):
    held = page.session_state["session"]
    held.drafts["seed"], held.problems["seed"] = "-1", "Seed must be a whole number."
    page.run()
    assert field(page, "seed").value == "-1"
    assert any("Seed must be a whole number." in one.proto.body for one in page.get("html"))


def test_the_page_renders_with_a_run_of_its_own(page: AppTest):
    assert not page.exception
    session = page.session_state["session"]
    info = runs.find(session.control)
    assert info is not None
    assert info.experiment == Experiment()
    assert runs.find(session.watch).control is False


def test_every_field_that_matters_is_in_the_form(page: AppTest):
    catalogue = runs.catalogue()
    unfold(page)
    for name, spec in SPECS.items():
        if catalogue.matters(Experiment(), name) and (not isinstance(spec.choices, str) or len(catalogue.members(name)) > 1):
            element = field(page, name)
            assert element.label == spec.label
            assert element.help


def test_a_link_makes_the_run(trainers: None):
    experiment = Experiment(cell="gru", text="a b\nc d", truncation="chunk", k=2)
    opened = AppTest.from_file(str(MAIN), default_timeout=60)
    for key, value in address.write(experiment).items():
        opened.query_params[key] = value
    opened.run()
    assert not opened.exception
    assert runs.find(opened.session_state["session"].control).experiment == experiment
    assert dict(opened.query_params) == address.write(experiment)


def test_a_hostile_link_gets_sentences_and_a_run(trainers: None):
    opened = AppTest.from_file(str(MAIN), default_timeout=60)
    opened.query_params["cell"] = "<script>alert(1)</script>"
    opened.query_params["trunc"] = "window"
    opened.query_params["k"] = "400"
    opened.query_params["watch"] = "nobody"
    opened.run()
    assert not opened.exception
    session = opened.session_state["session"]
    assert runs.find(session.control) is not None
    assert len(session.notes) == 2, "what is wrong with a link is said in one place"
    assert "<script>" not in text_of(opened)


def test_a_change_reaches_the_run_and_the_address(page: AppTest):
    field(page, "threshold").set_value("0.5").run()
    session = page.session_state["session"]
    assert runs.find(session.control).experiment.threshold == 0.5
    assert not session.changed_live, "nothing was trained before"
    assert page.query_params["thr"] == "0.5"
    field(page, "cell").set_value("gru").run()
    assert runs.find(session.control).experiment == Experiment(threshold=0.5, cell="gru")
    assert not page.exception


@pytest.mark.parametrize("typed", ["0", "-3", "abc", "1e9"])
def test_a_bad_value_stays_in_its_field_and_the_run_goes_on(page: AppTest, typed: str):
    control = page.session_state["session"].control
    runs.command(control, "play")
    field(page, "learning_rate").set_value(typed).run()
    assert not page.exception
    assert field(page, "learning_rate").value == typed
    assert text_of(page).count("class='problem'") == 1
    info = runs.find(control)
    assert (info.state, info.experiment) == ("training", Experiment())
    field(page, "learning_rate").set_value("0.1").run()
    assert "class='problem'" not in text_of(page)
    assert runs.find(control).experiment.learning_rate == 0.1


def test_a_window_too_long_for_the_text_is_said_at_a_field_that_can_be_mended(page: AppTest):
    field(page, "text").set_value("hello").run()
    field(page, "truncation").set_value("window").run()
    assert "K is 4, but the longest sentence has 2 steps" in text_of(page)
    field(page, "k").set_value("2").run()
    assert "class='problem'" not in text_of(page)
    experiment = runs.find(page.session_state["session"].control).experiment
    assert (experiment.truncation, experiment.k) == ("window", 2)


def test_typed_text_is_literal_everywhere(page: AppTest):
    typed = "<img src=x onerror=alert(1)> **bold** :red[x] $e^x$ [a](http://b)"
    field(page, "text").set_value(typed).run()
    assert not page.exception
    assert "<img" not in text_of(page)
    for element in (*page.markdown, *page.caption):
        assert "**" not in element.value


def test_inspecting_a_paused_run_shows_every_chart(page: AppTest):
    control = page.session_state["session"].control
    for _ in range(2):
        runs.command(control, "step")
    reach(control, 2)
    charts = ["history", *CHARTS]
    page.session_state["inspect charts"] = charts
    page.run()
    assert not page.exception
    drawn = len(charts) - 1  # there is no attention to draw
    assert "Iteration 2, where the run rests." in text_of(page)
    assert len([part for part in page.get("bidi_component") if part.proto.component_name == "bptt_plot"]) == drawn
    assert text_of(page).count("class='words'") == drawn
    assert "This network has no attention" in text_of(page)
    for choice in page.selectbox:
        if choice.key.startswith("inspect "):
            choice.set_value(choice.options[-1] if isinstance(choice.value, str) else 1).run()
            assert not page.exception


def test_trying_a_text(page: AppTest):
    page.session_state["below"] = "Try a text"
    page.run()
    page.text_input(key="try text").set_value("The quick unicorn").run()
    assert not page.exception
    assert "class='unknown'" in text_of(page)
    page.button(key="try generate").click().run()
    first = page.session_state["session"].generated
    page.button(key="try generate").click().run()
    assert page.session_state["session"].generated == first, "the same seed draws the same tokens"
    page.text_input(key="try prompt").set_value("the unicorn")
    page.button(key="try generate").click().run()
    assert "Training never showed 1 token of this beginning" in text_of(page)
    page.text_input(key="try temperature").set_value("hot")
    page.button(key="try generate").click().run()
    assert "Temperature must be a number" in text_of(page)
    assert "Training never showed" not in text_of(page), "a refusal stands above nothing that was written before"


def test_watching_shows_the_run_without_a_form(page: AppTest):
    opened = AppTest.from_file(str(MAIN), default_timeout=60)
    opened.query_params["watch"] = page.session_state["session"].watch
    opened.run()
    assert not opened.exception
    assert opened.session_state["session"].control is None
    assert not opened.text_area


def test_without_a_server_the_page_says_so_and_no_page_imports_torch():
    """In a process of its own: this one has trainers, and torch."""
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({str(MAIN)!r}, default_timeout=60)\npage.run()\nassert not page.exception\n"
        "assert any(\"class='waiting'\" in element.proto.body for element in page.get('html'))\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_form_follows_a_run_that_another_page_changed(page: AppTest):
    control = page.session_state["session"].control
    field(page, "threshold").set_value("none").run()
    runs.change(control, Experiment(cell="gru", learning_rate=0.05))
    page.run()
    assert not page.exception
    assert field(page, "cell").value == "gru"
    assert field(page, "learning_rate").value == "0.05"
    assert field(page, "threshold").value == "none", "a draft stays"
    assert page.query_params["lr"] == "0.05"
    assert page.session_state["session"].changed_live is runs.find(control).changed_live


def test_a_report_of_a_browser_that_has_not_heard_of_a_press_does_not_undo_it(page: AppTest):
    control, before = page.session_state["session"].control, field(page, "learning_rate").key
    page.button(key="press learning_rate +").click().run()
    assert runs.find(control).experiment.learning_rate == 0.02
    page.session_state[before] = "0.01"  # what stood there before, sent again
    page.run()
    assert runs.find(control).experiment.learning_rate == 0.02
    assert field(page, "learning_rate").value == "0.02"
    field(page, "learning_rate").set_value("0.01").run()  # typed
    assert runs.find(control).experiment.learning_rate == 0.01


@pytest.fixture
def forecast(trainers: None) -> Iterator[AppTest]:
    """The forecast page, by its address."""
    opened = AppTest.from_function(_forecast, default_timeout=60)
    opened.run()
    yield opened
    if control := opened.session_state["session forecast"].control:
        runs.close(control)


def _forecast() -> None:
    from dashboard.views import explore

    explore.page("forecast")


def test_the_forecast_page_begins_with_a_series(forecast: AppTest):
    assert not forecast.exception
    session = forecast.session_state["session forecast"]
    assert runs.find(session.control).experiment == Experiment(task="series")
    assert dict(forecast.query_params) == {}, "its bare address says so"
    field(forecast, "horizon").set_value("3").run()
    assert dict(forecast.query_params) == {"hor": ["3"]} or dict(forecast.query_params) == {"hor": "3"}
    field(forecast, "task").set_value("sentences").run()
    assert runs.find(session.control).experiment == Experiment(horizon=3)


def test_choosing_an_own_series_without_one_says_what_to_do_and_keeps_the_run(forecast: AppTest):
    session = forecast.session_state["session forecast"]
    field(forecast, "series").set_value("own").run()
    assert not forecast.exception
    assert "draw a curve, choose a file, or type numbers" in text_of(forecast)
    assert "class='problem'" not in text_of(forecast)
    assert runs.find(session.control).experiment == Experiment(task="series")
    values = " ".join(str(t % 12) for t in range(60))
    field(forecast, "values").set_value(values).run()
    assert runs.find(session.control).experiment == Experiment(task="series", series="own", values=values)
    assert "choose a file, or type" not in text_of(forecast)
    field(forecast, "values").set_value("1 2 three").run()
    assert "&#x27;three&#x27; is not a number" in text_of(forecast)
    assert runs.find(session.control).experiment.values == values


def test_a_drawn_series_needs_room_for_a_window(forecast: AppTest):
    session = forecast.session_state["session forecast"]
    field(forecast, "series").set_value("own").run()
    field(forecast, "values").set_value(" ".join(str(t) for t in range(25))).run()
    offered = re.search(r"a window may have at most \d+ steps, not 24; windows of (\d+) leave room for several", text_of(forecast))
    assert offered
    assert runs.find(session.control).experiment == Experiment(task="series")
    field(forecast, "window").set_value(offered[1]).run()
    assert runs.find(session.control).experiment.series == "own"
    assert runs.describe(runs.find(session.control).experiment)["steps"] == int(offered[1])
    assert "a window may have at most" not in text_of(forecast), "what baselines say of so few points is another matter"
    assert not forecast.exception


def test_a_file_is_read_and_its_columns_chosen(forecast: AppTest):
    session = forecast.session_state["session forecast"]
    field(forecast, "series").set_value("own").run()
    rows = [f"{2015 + i // 12}-{i % 12 + 1:02d},{100 + i},{i % 7}" for i in range(60)]
    (uploader,) = [element for element in forecast.get("file_uploader") if element.key == "series file"]
    uploader.set_value(("shop.csv", "\n".join(["date,sold,price", *rows]).encode(), "text/csv")).run()
    assert not forecast.exception
    experiment = runs.find(session.control).experiment
    assert experiment.series == "own"
    assert experiment.values.startswith("# from 2015-01 every 1 months\nsold,price\n100,0\n101,1\n")
    assert "60 points in 3 columns" in text_of(forecast)
    forecast.multiselect(key="series columns").set_value(["price"]).run()
    assert runs.find(session.control).experiment.values.startswith("# from 2015-01 every 1 months\nprice\n0\n1\n")
    (uploader,) = [element for element in forecast.get("file_uploader") if element.key == "series file"]
    uploader.set_value(("again.csv", "\n".join(["date,sold,price", *rows]).encode(), "text/csv")).run()
    assert forecast.multiselect(key="series columns").value == ["sold", "price"], "what is learned of this file, not of the one before"
    before = runs.find(session.control).experiment
    (uploader,) = [element for element in forecast.get("file_uploader") if element.key == "series file"]
    uploader.set_value(("gap.csv", "\n".join(["date,sold,price", *rows[:30], *rows[32:]]).encode(), "text/csv")).run()
    assert "2 points are missing" in text_of(forecast)
    assert runs.find(session.control).experiment == before


def test_the_error_against_k_is_measured_on_demand(forecast: AppTest):
    session = forecast.session_state["session forecast"]
    forecast.text_input(key="measure iterations").set_value("some").run()
    assert "Iterations must be a whole number from 1 to 2,000, not some." in text_of(forecast)
    assert forecast.button(key="measure").disabled
    forecast.text_input(key="measure iterations").set_value("2").run()
    assert "Iterations must be" not in text_of(forecast), "what is told is of what stands in the field"
    forecast.text_input(key="measure seeds").set_value("1").run()
    forecast.button(key="measure").click().run()
    assert session.measurement.going_on
    assert forecast.button(key="cancel measuring")
    ending = time.monotonic() + 90
    while session.measurement.going_on:
        assert time.monotonic() < ending
        time.sleep(0.3)
        forecast.run()
    assert not forecast.exception
    assert [one.k for one in session.measurement.found] == [1, 2, 3, 4, 6, 8, 12, 16, 24]
    assert "With K = 12, the season, the median MASE is" in text_of(forecast)
    assert "more seeds are needed to tell K from chance" in text_of(forecast)
    field(forecast, "truncation").set_value("window").run()
    assert session.measurement.found, "what is measured does not depend on how the run is cut"
    field(forecast, "cell").set_value("gru").run()
    assert not session.measurement.found
    assert "more seeds are needed" not in text_of(forecast)


@pytest.mark.parametrize(("done", "last", "told"), [(0, "", "0 of 27 networks"), (3, "K = 4, seed 1", "3 of 27 networks · K = 4, seed 1")])
def test_what_is_told_of_a_job_names_its_last_piece_once_there_is_one(done: int, last: str, told: str):
    def job(done: int, last: str) -> None:
        from dashboard.live.job import FitProgress
        from dashboard.views import looking

        looking.going(FitProgress(done, 27, last, "fitting"), f"{done} of 27 networks")

    page = AppTest.from_function(job, args=(done, last)).run()
    (bar,) = page.get("progress")
    assert bar.proto.text == literal(told)


def test_pages_of_a_tab_keep_their_own_settings(trainers: None):
    def both() -> None:
        import streamlit as st

        from dashboard.views import explore

        explore.page(st.session_state.get("at", "explore"))

    tab = AppTest.from_function(both, default_timeout=60)
    tab.run()
    field(tab, "cell").set_value("gru").run()
    tab.session_state["at"] = "forecast"
    tab.query_params.clear()
    tab.run()
    assert not tab.exception
    first, second = tab.session_state["session"], tab.session_state["session forecast"]
    assert runs.find(second.control).experiment == Experiment(task="series"), "fields of one page say nothing to the other"
    assert field(tab, "cell").value == "lstm"
    tab.session_state["at"] = "explore"
    tab.query_params.clear()
    tab.run()
    assert field(tab, "cell").value == "gru"
    assert runs.find(first.control).experiment == Experiment(cell="gru")
    assert first.query == {"cell": "gru"}, "written as soon as the browser has arrived"
    for control in (first.control, second.control):
        runs.close(control)


def test_a_link_to_an_own_series_without_values_opens_all_the_same(trainers: None):
    opened = AppTest.from_function(_forecast, default_timeout=60)
    for key, value in {"s": "own", "v": "file", "cell": "gru"}.items():
        opened.query_params[key] = value
    opened.run()
    assert not opened.exception
    session = opened.session_state["session forecast"]
    assert runs.find(session.control).experiment == Experiment(task="series", cell="gru")
    assert "travel as an experiment file" in session.notes[0]
    runs.close(session.control)


def laboratory() -> None:
    from dashboard.views import proof
    from dashboard.views.lab import frame
    from dashboard.views.lab.pages import LAB

    frame.page("truncation", LAB["truncation"], proof.badge)


def test_a_study_follows_weights_that_come_from_a_file(trainers: None):
    """Of the same experiment at the same iteration, they are another network."""
    page = AppTest.from_function(laboratory, default_timeout=60)
    page.run()
    held = page.session_state["session"]
    known = held.inquiries["truncation"]
    first = known.ticket
    page.run()
    assert known.ticket == first
    other = Trainer(held.experiment)
    other.model.flat.detach().mul_(0.5)
    runs.restore(held.control, other.checkpoint())
    page.run()
    assert known.ticket != first
    runs.close(held.control)
