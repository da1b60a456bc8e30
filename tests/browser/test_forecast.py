"""The forecast page: it learns live beside the baselines, and takes series of one's own, drawn, from a file or typed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from core.experiment import Experiment
from dashboard import address
from dashboard.starts import STARTS
from tests.browser.explorer import Explorer

BASELINES = ("Naive", "Seasonal naive", "Drift", "ETS (Holt-Winters)", "ARIMA")


@pytest.fixture
def forecast(open_page: Callable[..., Page]) -> Explorer:
    """The page with the fewest fits: the Nile has no season."""
    return Explorer(open_page("/forecast?s=nile"))


def scores(explorer: Explorer, method: str) -> list[str]:
    """A method's row of the table."""
    row = explorer.element.locator(".scores tbody tr").filter(has=explorer.page.get_by_role("rowheader", name=method, exact=True))
    return row.locator("td").all_inner_texts()


def picture(explorer: Explorer) -> bytes:
    """The drawn series, without its keys and scores."""
    explorer.page.mouse.move(0, 0)
    return explorer.element.locator("[data-panel=forecast] .plotbox").screenshot()


def field(explorer: Explorer) -> Locator:
    return explorer.page.locator(".drawing canvas")


def test_an_untrained_network_has_no_residuals_to_show(forecast: Explorer):
    """And so a page that is opened is not held up by the code of charts."""
    page = forecast.page
    expect(page.locator(".stMain")).to_contain_text("The network has not learned anything yet.")
    assert not page.evaluate("Boolean(window.Plotly)")
    forecast.step()
    expect(page.locator(".st-key-forecast-chart-residuals .js-plotly-plot")).to_be_visible(timeout=30_000)


@pytest.mark.slow
def test_an_order_that_cannot_be_read_takes_nothing_away(forecast: Explorer):
    page = forecast.page
    forecast.wait(lambda: scores(forecast, "ARIMA") and scores(forecast, "Naive"), "both scores, in whatever order they come", 120)
    before = scores(forecast, "ARIMA")
    page.locator(".st-key-orders summary").click()
    orders = page.locator(".st-key-orders")
    box = orders.locator(".st-key-fit-arima input")
    box.fill("foo")
    box.press("Enter")
    expect(orders.locator(".problem")).to_contain_text("Write an ARIMA order as (p,d,q)")
    assert scores(forecast, "ARIMA") == before
    assert scores(forecast, "Naive") != []
    box.fill("(0,1,1)")
    box.press("Enter")
    expect(orders.locator(".problem")).to_have_count(0)
    assert scores(forecast, "Naive") != []
    forecast.wait(lambda: scores(forecast, "ARIMA") not in ([], before), "the order's own scores", 120)
    box.fill("(1,0,0)(1,0,0)")
    box.press("Enter")
    expect(page.locator(".st-key-fitted-arima summary")).to_contain_text("no fit", timeout=120_000)
    assert scores(forecast, "Naive") != []


@pytest.mark.slow
def test_the_address_carries_the_orders(open_page: Callable[..., Page]):
    forecast = Explorer(open_page("/forecast?s=nile"))
    page = forecast.page
    page.locator(".st-key-orders summary").click()
    box = page.locator(".st-key-fit-arima input")
    box.fill("(0,1,1)")
    box.press("Enter")
    forecast.wait(lambda: forecast.query() == {"s": "nile", "arima": "(0,1,1)"}, "the address to say so")
    page.locator(".st-key-fit-logarithm label").click()
    forecast.wait(lambda: forecast.query() == {"s": "nile", "arima": "(0,1,1)", "log": "1"}, "the logarithm in the address")
    fitted = page.locator(".st-key-fitted-arima summary")
    expect(fitted).to_contain_text("ARIMA(0,1,1) of the logarithm", timeout=120_000)
    forecast.step()

    page.reload()
    again = Explorer(page)
    again.wait(lambda: again.iteration == 1, "the same run")
    expect(page.locator(".st-key-fitted-arima summary")).to_contain_text("ARIMA(0,1,1) of the logarithm", timeout=120_000)
    assert again.query() == {"s": "nile", "arima": "(0,1,1)", "log": "1"}

    page.get_by_role("link", name="Truncation").click()
    expect(page.locator(".stMain .subject")).to_be_visible(timeout=120_000)
    page.get_by_role("link", name="Forecast").click()
    again = Explorer(page)
    again.wait(lambda: again.query() == {"s": "nile", "arima": "(0,1,1)", "log": "1"}, "the same comparison")
    expect(page.locator(".st-key-fitted-arima summary")).to_contain_text("ARIMA(0,1,1) of the logarithm", timeout=120_000)

    theirs = Explorer(open_page("/forecast?s=nile&arima=(0,1,1)&ets=what"))
    expect(theirs.page.locator(".note", has_text="Write an ETS form as error")).to_be_visible()
    assert theirs.query() == {"s": "nile", "arima": "(0,1,1)"}
    theirs.page.locator(".st-key-orders summary").click()
    expect(theirs.page.locator(".st-key-fit-arima input")).to_have_value("(0,1,1)")


@pytest.mark.slow
def test_a_watch_link_and_a_file_carry_the_orders(open_page: Callable[..., Page], tmp_path: Path):
    chosen = {"s": "nile", "arima": "(0,1,1)", "ets": "ANN"}
    page = Explorer(open_page(f"/forecast?{urlencode(chosen)}")).page
    page.locator(".st-key-share-watch summary").click()
    watching = Explorer(open_page(page.locator(".st-key-share-watch code").inner_text())).page
    expect(watching.locator(".st-key-fitted-arima summary")).to_contain_text("ARIMA(0,1,1)", timeout=120_000)
    expect(watching.locator(".st-key-fitted-ets summary")).to_contain_text("ETS(A,N,N)")

    page.locator(".st-key-share-files summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download experiment").click()
    download.value.save_as(tmp_path / "experiment.json")
    theirs = Explorer(open_page("/forecast"))
    theirs.page.locator(".st-key-share-files summary").click()
    theirs.page.locator(".st-key-experiment-file input[type=file]").set_input_files(tmp_path / "experiment.json")
    theirs.wait(lambda: theirs.query() == chosen, "the file's experiment and baselines")
    theirs.page.locator(".st-key-orders summary").click()
    expect(theirs.page.locator(".st-key-fit-ets input")).to_have_value("ANN")


def test_back_brings_the_orders_back(forecast: Explorer):
    page = forecast.page
    page.locator(".st-key-orders summary").click()
    box = page.locator(".st-key-fit-arima input")
    for order in ("(0,1,1)", "(1,0,0)+c"):
        box.fill(order)
        box.press("Enter")
        forecast.wait(lambda order=order: forecast.query().get("arima") == order, "the address to say so")
        forecast.rest()
    page.go_back()
    expect(box).to_have_value("(0,1,1)", timeout=30_000)
    forecast.rest()
    assert forecast.query() == {"s": "nile", "arima": "(0,1,1)"}
    page.go_forward()
    expect(box).to_have_value("(1,0,0)+c", timeout=30_000)
    forecast.enter("horizon", "3")
    forecast.wait(lambda: forecast.query() == {"s": "nile", "hor": "3", "arima": "(1,0,0)+c"}, "both in the address")
    page.get_by_role("button", name="Back to the defaults").click()
    expect(box).to_have_value("auto", timeout=30_000)
    forecast.wait(lambda: forecast.query() == {}, "the bare address")


@pytest.mark.slow
def test_what_cannot_be_compared_is_not_ranked(open_page: Callable[..., Page]):
    """A network that reads true values on its way looks one step ahead, baselines as far as the horizon."""
    explorer = Explorer(open_page("/forecast?s=nile&hor=6&roll=forced"))
    explorer.wait(lambda: scores(explorer, "Naive") != [], "a baseline", 120)
    assert len(scores(explorer, "Network, one step ahead")) == 4
    expect(explorer.element.locator(".verdict")).to_contain_text("cannot be ranked together")
    assert explorer.element.locator(".scores tbody tr").first.locator("td.best").count() == 0


@pytest.mark.slow
def test_with_attention_a_part_of_the_gradient_comes_along_it(open_page: Callable[..., Page]):
    explorer = Explorer(open_page("/forecast?s=nile&att=dot&heads=2"))
    parts = explorer.element.get_by_role("group", name="Part", exact=True)
    parts.get_by_role("button", name="attention").click()
    explorer.wait(lambda: parts.locator("[aria-pressed=true]").inner_text() == "attention", "the part")
    explorer.choose("attention", "None")
    explorer.wait(lambda: parts.get_by_role("button", name="attention").is_hidden(), "no such part")
    assert parts.locator("[aria-pressed=true]").inner_text() == "total"


def own(explorer: Explorer) -> None:
    explorer.choose("series", "Own")
    expect(field(explorer)).to_be_visible()
    explorer.rest()


def draw(explorer: Explorer, first: float = 0.0, last: float = 1.0, height: Callable[[float], float] = lambda x: math.sin(12 * x)) -> None:
    """A stroke over a part of the field's width; heights from -1 to 1."""
    explorer.rest()
    field(explorer).scroll_into_view_if_needed()
    box = field(explorer).bounding_box()
    assert box is not None
    mouse = explorer.page.mouse
    for i in range(41):
        share = first + (last - first) * i / 40
        mouse.move(box["x"] + 8 + share * (box["width"] - 16), box["y"] + box["height"] / 2 - 60 * height(share))
        if i == 0:
            mouse.down()
    mouse.up()


def values(explorer: Explorer) -> list[float]:
    """The values that the form shows."""
    explorer.rest()
    areas = explorer.field("values").locator("textarea")

    def texts() -> list[str]:
        return areas.evaluate_all("areas => areas.map((area) => area.value)")

    # While the page is drawn again, the old area may still stand there, or the new one be empty.
    explorer.wait(lambda: len(texts()) == 1 and texts()[0].strip(), "the one field with its values")
    return [float(value) for value in texts()[-1].split()]


def test_the_page_opens_by_its_address_and_play_sharpens_the_forecast(forecast: Explorer):
    assert re.search(r"/forecast\?s=nile$", forecast.page.url)
    expect(forecast.element.locator("[data-panel=forecast]")).to_be_visible()
    expect(forecast.element.locator("[data-panel=next]")).to_be_hidden()
    forecast.wait(lambda: scores(forecast, "Network"), "the network's scores")
    before, seen = scores(forecast, "Network"), picture(forecast)
    forecast.play()
    forecast.reaches(40)
    forecast.wait(lambda: scores(forecast, "Network") != before, "scores that move")
    forecast.pause()
    assert picture(forecast) != seen
    expect(forecast.element.locator("[data-panel=cursor]")).to_contain_text("predicted for")
    expect(forecast.element.locator("[data-panel=cursor]")).to_contain_text("true value")


def test_baselines_appear_beside_the_network_and_the_best_is_marked(forecast: Explorer):
    for name in ("Naive", "Drift", "ETS (Holt-Winters)", "ARIMA"):
        forecast.wait(lambda name=name: len(scores(forecast, name)) == 4, name)
    expect(forecast.element.locator(".verdict")).to_contain_text("By MASE")
    expect(forecast.element.locator(".scores .best").first).to_be_visible()
    on_validation = scores(forecast, "Naive")
    forecast.element.get_by_role("button", name="on test").click()
    forecast.wait(lambda: scores(forecast, "Naive") != on_validation, "the scores on the test part")
    key = forecast.element.get_by_role("button", name="ARIMA", exact=True)
    forecast.element.locator("h3", has_text="Forecast").click()
    seen = picture(forecast)
    key.click()
    key.blur()
    expect(key).to_have_attribute("aria-pressed", "false")
    forecast.wait(lambda: picture(forecast) != seen, "a line less")
    assert len(scores(forecast, "ARIMA")) == 4, "what is hidden is still judged"


def test_intervals_are_judged_pointed_at_and_downloaded(forecast: Explorer):
    for name in ("Naive", "ARIMA"):
        forecast.wait(lambda name=name: len(scores(forecast, name)) == 4, name)
    coverage = forecast.element.locator(".coverage")
    told = r"^Share of the true values on validation inside the 95 % intervals: Naive \d+ %, .*ARIMA \d+ %\.$"
    expect(coverage).to_have_text(re.compile(told))
    forecast.element.get_by_role("button", name="on test").click()
    expect(coverage).to_contain_text("on test")
    box = forecast.element.locator("[data-panel=forecast] .plotbox")
    width = box.bounding_box()["width"]
    box.hover(position={"x": width - 20, "y": 100})
    here = forecast.element.locator("[data-panel=forecast] .here")
    expect(here).to_have_text(re.compile(r"Naive [\d.,]+ \([\d.,−]+ to [\d.,]+\)"))
    forecast.wait(lambda: forecast.page.locator(".st-key-csv-forecasts button").count() == 1, "forecasts as a file")
    with forecast.page.expect_download() as download:
        forecast.page.locator(".st-key-csv-forecasts button").click()
    head, *lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert head == "method,part,time,column,actual,forecast,lower,upper"
    assert {line.split(",")[0] for line in lines} >= {"naive", "drift"}
    assert all(line.split(",")[-1] for line in lines if line.startswith("naive")), "a baseline has an interval at every time"


def test_several_columns_share_their_scores_units(open_page: Callable[..., Page]):
    forecast = Explorer(open_page("/forecast?s=macro&hor=4"))
    units = forecast.element.locator(".scoreboard .units")
    expect(units).to_contain_text("every score is the mean over the 4 columns")
    forecast.element.get_by_label("Column").select_option(label="inflation %")
    forecast.wait(lambda: len(scores(forecast, "Naive")) == 4, "a baseline")
    mean_absolute = forecast.element.locator(".scores th", has_text="MAE")
    expect(mean_absolute).to_have_attribute("title", re.compile("averaged over the columns"))
    forecast.choose("series", "Nile")
    expect(units).to_be_hidden()
    expect(mean_absolute).to_have_attribute("title", re.compile("own units"))
    forecast.choose("series", "US economy")
    expect(units).to_be_visible()
    forecast.step()
    assert forecast.query()["s"] == "macro"


@pytest.mark.slow
def test_the_error_against_k_is_measured_and_drawn(open_page: Callable[..., Page]):
    forecast = Explorer(open_page("/forecast?s=nile&w=4&h=4&trunc=window&k=2"))
    page = forecast.page
    for name, text in (("iterations", "3"), ("seeds", "2")):
        box = page.locator(f".st-key-measure-{name} input")
        box.fill(text)
        box.press("Enter")
        forecast.rest()
    page.get_by_role("button", name="Measure", exact=True).click()
    said = page.locator(".words", has_text="With K = 4, the whole window, the median MASE is")
    expect(said).to_be_visible(timeout=60_000)
    chart = page.locator(".js-plotly-plot", has_text="this run: 2")
    expect(chart).to_be_visible()
    expect(chart.locator(".xtick text")).to_have_text(["1", "2", "3", "4"])
    expect(chart.locator(".scatterlayer .point")).to_have_count(8)


@pytest.mark.slow
def test_another_horizon_and_another_series_begin_anew(forecast: Explorer):
    forecast.wait(lambda: len(scores(forecast, "Naive")) == 4, "a baseline")
    one_step = scores(forecast, "Naive")
    forecast.enter("horizon", "10")
    forecast.wait(lambda: forecast.query() == {"s": "nile", "hor": "10"}, "the address to say so")
    forecast.wait(lambda: len(scores(forecast, "Naive")) == 4 and scores(forecast, "Naive") != one_step, "a forecast of ten steps")
    forecast.choose("series", "Damped oscillation")
    expect(forecast.element.locator("[data-panel=forecast] .line").first).to_contain_text("Damped oscillation")
    forecast.enter("horizon", "1000")
    forecast.wait(lambda: "Horizon must be a whole number from 1 to 100, not 1,000." in forecast.problem(), "a sentence")
    assert forecast.query() == {"s": "damped", "hor": "10"}, "what cannot be leaves the run alone"


@pytest.mark.slow
def test_there_is_a_way_from_page_to_page_and_back(page: Page):
    explorer = Explorer(page)
    explorer.choose("cell", "GRU")
    explorer.wait(lambda: explorer.query() == {"cell": "gru"}, "the address to say so")
    page.get_by_role("link", name="Forecast").click()
    expect(page.locator("[data-panel=forecast]")).to_be_visible(timeout=30_000)
    assert page.url.endswith("/forecast")
    forecast = Explorer(page)
    forecast.enter("horizon", "2")
    forecast.wait(lambda: forecast.query() == {"hor": "2"}, "the address to say so")
    page.get_by_role("link", name="Explore").click()
    expect(page.locator("[data-panel=next]")).to_be_visible(timeout=30_000)
    explorer.wait(lambda: page.url.endswith("/?cell=gru"), "the first page's address")
    page.go_back()  # to the bare address that was passed on the way: it changes nothing
    page.wait_for_timeout(1500)
    explorer.rest()
    expect(explorer.field("cell").locator("input")).to_have_value("GRU")
    page.go_back()
    expect(page.locator("[data-panel=forecast]")).to_be_visible(timeout=30_000)
    explorer.wait(lambda: page.url.endswith("/forecast?hor=2"), "the second page's address")
    page.reload()
    assert Explorer(page).query() == {"hor": "2"}


@pytest.mark.slow
def test_a_way_that_streamlit_lost_is_gone_all_the_same(open_page: Callable[..., Page]):
    """A question after the fits may overtake the click that leaves the page, and the server then never hears of it: so it is here."""
    page = open_page("/forecast?s=nile")
    lose, lost = [], []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: lost.append(message) if lose and not lost else server.send(message))

    page.route_web_socket("**/_stcore/stream", between)
    page.reload()
    forecast = Explorer(page)
    forecast.wait(lambda: len(scores(forecast, "ARIMA")) == 4, "all fits")
    expect(page.locator(".st-key-cancel-fits")).to_have_count(0)
    forecast.rest()
    page.wait_for_timeout(1000)
    lose.append(True)
    page.get_by_role("link", name="Explore").click()
    forecast.wait(lambda: lost, "a click that is lost")
    expect(page.locator("[data-panel=next]")).to_be_visible(timeout=30_000)
    forecast.wait(lambda: page.url.endswith("/"), "the first page's address")


@pytest.mark.slow
def test_a_curve_is_drawn_and_changed_in_part(forecast: Explorer):
    running = forecast.query()
    own(forecast)
    expect(forecast.page.locator(".note")).to_contain_text("draw a curve, choose a file, or type numbers")
    assert forecast.query() == running, "until there is one, the run goes on"
    draw(forecast, last=0.2)
    expect(forecast.page.locator(".drawing output")).to_contain_text("at least 40")
    assert forecast.query() == running
    draw(forecast)
    forecast.wait(lambda: forecast.query().get("s") == "own", "the address to say so")
    first = values(forecast)
    assert len(first) == 120
    assert max(first) == pytest.approx(50 + 100 * 60 / 134, abs=3)
    assert len(forecast.page.url) < 1000
    expect(forecast.element.locator("[data-panel=forecast] .line").first).to_contain_text("Own series")
    draw(forecast, 0.5, 0.75, height=lambda _: -0.9)
    forecast.wait(lambda: values(forecast) != first, "the change")
    second = values(forecast)
    assert second[:58] == first[:58]
    assert second[92:] == first[92:]
    assert max(second[60:90]) < 15
    forecast.page.get_by_role("button", name="Clear", exact=True).click()
    expect(forecast.page.locator(".drawing .invitation")).to_be_visible()
    assert values(forecast) == second, "the run goes on until there is another"
    forecast.page.reload()
    again = Explorer(forecast.page)
    assert values(again) == second
    expect(again.page.locator(".drawing .invitation")).to_be_hidden()


@pytest.mark.slow
def test_a_curve_is_drawn_with_keys(forecast: Explorer):
    own(forecast)
    field(forecast).focus()
    for key in ("Shift+ArrowUp", "Shift+ArrowUp", *["ArrowRight"] * 25, "Shift+ArrowDown", "PageDown", "ArrowDown", *["ArrowRight"] * 20):
        field(forecast).press(key)
    expect(forecast.page.locator(".drawing output")).to_contain_text("point 46 of 120: 49")
    field(forecast).press("Enter")
    forecast.wait(lambda: forecast.query().get("s") == "own", "the address to say so")
    assert values(forecast) == [70.0] * 25 + [49.0] * 21


@pytest.mark.slow
def test_a_curve_is_drawn_with_a_finger(open_page: Callable[..., Page]):
    flat = Experiment(task="series", series="own", values="\n".join(["20"] * 80))
    phone = Explorer(open_page(f"/forecast?{urlencode(address.write(flat, STARTS['forecast']))}", screen="phone"))
    phone.page.get_by_test_id("stExpandSidebarButton").click()
    expect(field(phone)).to_be_visible()
    expect(phone.page.locator(".drawing .invitation")).to_be_hidden()
    phone.rest()
    field(phone).scroll_into_view_if_needed()
    box = field(phone).bounding_box()
    assert box is not None
    finger = phone.page.context.new_cdp_session(phone.page)
    for i in range(31):
        point = {"x": box["x"] + 8 + i / 30 * (box["width"] - 16), "y": box["y"] + 75 + 50 * (-1) ** (i // 5)}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove" if i else "touchStart", "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.wait(lambda: len(values(phone)) == 120, "the drawn values")
    assert max(values(phone)) > 70
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390


ROWS = [f"{2015 + i // 12}-{i % 12 + 1:02d},{100 + i},{i % 7},north" for i in range(60)]
BAD = {
    "a gap": ("\n".join(["date,sold,price,shop", *ROWS[:30], *ROWS[32:]]).encode(), "2 points are missing"),
    "binary": (bytes(range(256)) * 20, "not text"),
    "too large": (b"1\n" * 600_000, "at most 1 MB"),
    "empty": (b"\n", "The file is empty"),
    "few": ("\n".join(ROWS[:9]).encode(), "9 points are too few"),
    "text": ("\n".join(["when,sold", *(f"{1900 + i},{'many' if i == 7 else i}" for i in range(40))]).encode(), "'many'"),
}


def upload(explorer: Explorer, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    explorer.rest()
    explorer.page.locator(".st-key-series-file input[type=file]").set_input_files(path)


def test_a_file_is_read_and_bad_ones_leave_the_run_alone(forecast: Explorer, tmp_path: Path):
    own(forecast)
    draw(forecast)
    expect(forecast.page.locator(".drawing output")).to_contain_text("120 points")
    forecast.wait(lambda: forecast.query().get("s") == "own", "the address to say so")
    drawn = forecast.query()
    upload(forecast, tmp_path / "shop.csv", "\n".join(["date,sold,price,shop", *ROWS]).encode())
    forecast.wait(lambda: forecast.query() != drawn, "the address to say so")
    expect(forecast.page.locator(".drawing .invitation")).to_be_visible()
    expect(forecast.page.locator(".drawing output")).to_be_empty()
    expect(forecast.page.locator(".found")).to_contain_text("Times: column 'date', every month from 2015-01 to 2019-12.")
    expect(forecast.page.locator(".found")).to_contain_text("Not numbers: 'shop'.")
    expect(forecast.element.locator("[data-panel=forecast] select")).to_have_text(re.compile("sold.*price", re.DOTALL))
    before = forecast.query()
    upload(forecast, tmp_path / "other.csv", "\n".join(["date,made,cost,shop", *ROWS]).encode())
    expect(forecast.element.locator("[data-panel=forecast] select")).to_have_text(re.compile("made.*cost", re.DOTALL))
    forecast.wait(lambda: forecast.query() != before, "the address to say so")
    forecast.rest()
    expect(forecast.page.locator(".problem[role=alert]:visible")).to_have_count(0)
    running = forecast.query()
    for name, (content, sentence) in BAD.items():
        upload(forecast, tmp_path / f"{name}.csv", content)
        forecast.wait(lambda sentence=sentence: sentence in forecast.problem(), f"{name}: a sentence with {sentence}")
        expect(forecast.page.locator(".problem[role=alert]:visible")).to_have_count(1)
        assert forecast.query() == running, name


@pytest.mark.slow
def test_values_are_typed(forecast: Explorer):
    own(forecast)
    forecast.enter("values", " ".join(str(t % 5) for t in range(50)))
    forecast.field("values").locator("textarea").press("ControlOrMeta+Enter")
    forecast.wait(lambda: forecast.query().get("s") == "own", "the address to say so")
    forecast.step()
    assert forecast.problem() == ""


def test_the_page_fits_a_phone(open_page: Callable[..., Page]):
    phone = Explorer(open_page("/forecast?s=nile&hor=5", screen="phone"))
    phone.wait(lambda: len(scores(phone, "Naive")) == 4, "a baseline")
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    parts = phone.sides("[data-panel]:visible, .scores, .keys")
    assert len(parts) > 4
    assert all(0 <= left < right <= 390 for left, right in parts)
    phone.page.get_by_test_id("stExpandSidebarButton").click()
    expect(phone.page.get_by_role("link", name="Explore")).to_be_visible()


@pytest.mark.slow
def test_baselines_that_come_early_do_not_take_the_page_away(open_page: Callable[..., Page]):
    """New data for the component while its modules are still loading: slowed down here, so that it surely is so."""
    page = open_page("/forecast?s=nile")
    page.route("**/words.js", lambda route: (page.wait_for_timeout(2500), route.continue_()))
    page.reload()
    explorer = Explorer(page)
    explorer.wait(lambda: len(scores(explorer, "Naive")) == 4, "a baseline")
