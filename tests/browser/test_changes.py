"""The form: what is chosen takes effect, live where it can; what cannot be is refused in one sentence, and the run goes on."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.explorer import Explorer

POEM = "床前明月光\n疑是地上霜\n举头望明月\n低头思故乡"


def test_another_cell_starts_again_and_plays_on(page: Page):
    explorer = Explorer(page)
    explorer.play()
    explorer.reaches(60)
    explorer.choose("cell", "GRU")
    explorer.wait(lambda: explorer.query().get("cell") == "gru", "the address to say so")
    explorer.wait(lambda: explorer.iteration < 60, "a new start")
    explorer.reaches(5)
    assert explorer.state == "training"
    assert explorer.problem() == ""


def test_truncation_cuts_the_lag_matrix_while_it_trains(page: Page):
    explorer = Explorer(page)
    explorer.play()
    explorer.reaches(5)
    lag = explorer.element.locator("[data-panel=lag]")
    expect(lag).not_to_contain_text("cut by the truncation")
    before = explorer.iteration
    explorer.choose("truncation", "Window")
    explorer.enter("k", "2")
    explorer.wait(lambda: explorer.query().get("k") == "2", "the address to say so")
    expect(lag).to_contain_text("cut by the truncation")
    # The last loss reaches its own state and the one before.
    expect(explorer.element.locator("[data-panel=cursor]")).to_contain_text("cut by the truncation")
    explorer.reaches(before + 20)
    assert explorer.state == "training"


def test_a_clip_threshold_takes_effect_while_it_trains(page: Page):
    explorer = Explorer(page)
    explorer.play()
    explorer.reaches(5)
    before = explorer.iteration
    assert "clipped" not in explorer.words
    explorer.enter("threshold", "0.001")
    explorer.wait(lambda: "clipped to 0.00100" in explorer.words, "clipping")
    assert explorer.iteration > before
    legend = explorer.element.locator("[data-panel=norm] .legend")
    expect(legend).to_contain_text("clips above 0.00100")
    explorer.choose("clip", "By value")
    explorer.wait(lambda: "% of entries)" in explorer.words, "entries that are cut")
    expect(legend).to_contain_text("cuts entries beyond 0.00100")
    explorer.choose("clip", "Off")
    explorer.wait(lambda: "clipped" not in explorer.words, "no clipping")
    expect(legend).to_contain_text("clipping is off now")
    assert explorer.state == "training"


@pytest.mark.slow
def test_a_learning_rate_takes_effect_while_it_trains(page: Page):
    explorer = Explorer(page)
    explorer.enter("learning_rate", "0.1")
    explorer.wait(lambda: explorer.query().get("lr") == "0.1", "the address to say so")
    assert explorer.step() > 0
    assert explorer.problem() == ""


@pytest.mark.parametrize(
    ("text", "steps", "first"), [("the cat sat on the mat\nthe dog sat on the log", 7, "the cat sat on the mat"), (POEM, 6, "床前明月光")]
)
def test_own_sentences_train(page: Page, text: str, steps: int, first: str):
    explorer = Explorer(page)
    explorer.enter("text", text)
    expect(explorer.element.get_by_role("button", name=first)).to_be_visible(timeout=20_000)
    explorer.wait(lambda: explorer.steps == steps, f"{steps} steps")
    loss = explorer.loss
    explorer.play()
    explorer.reaches(60)
    assert explorer.loss < loss / 2
    for token in first.split() if " " in first else first:
        expect(explorer.element.locator(".axisrows")).to_contain_text(token)


@pytest.mark.slow
def test_an_example_is_picked_again_and_again(page: Page):
    explorer = Explorer(page)
    picker = page.locator(".st-key-examples input")
    text = explorer.field("text").locator("textarea")

    def typed() -> list[str]:
        return text.evaluate_all("areas => areas.map((area) => area.value)")

    for title, first in (("Matching brackets", "("), ("Three sentences", "The quick"), ("Matching brackets", "(")):
        explorer.rest()
        picker.click()
        page.get_by_role("option", name=title, exact=True).click()
        explorer.wait(lambda first=first: [value.startswith(first) for value in typed()] == [True], f"the text of '{title}'")
        expect(picker).to_have_attribute("placeholder", title)
    explorer.enter("text", "my own words")
    expect(picker).to_have_attribute("placeholder", "Own sentences", timeout=20_000)
    assert typed() == ["my own words"]


def test_markup_is_shown_literally(page: Page):
    explorer = Explorer(page)
    explorer.enter("text", "<img src=x onerror=alert(1)> **bold** :red[x] $e^x$\n<script>window.owned = 1</script>")
    expect(explorer.element.get_by_role("button", name="<script>window.owned = 1</script>")).to_be_visible(timeout=20_000)
    expect(explorer.element.get_by_role("button", name=re.compile(r"\*\*bold\*\* :red\[x\]"))).to_be_visible()
    explorer.step()
    page.locator(".st-key-vocabulary summary").click()
    expect(page.locator(".st-key-vocabulary")).to_contain_text("<")
    assert page.evaluate("window.owned") is None
    assert page.locator("img[src=x]").count() == 0


REFUSED = {
    "no text": ("text", "", "type at least one word"),
    "only spaces": ("text", "  \n \n", "type at least one word"),
    "a text without end": ("text", "word " * 20_000, "100,000 characters are too many; at most 20,000"),
    "too many lines": ("text", "a b\n" * 4_900, "4,900 sentences (lines); at most 200 are allowed"),
    "a sentence without end": ("text", "a " * 9_000, "Line 1 has 9,000 tokens; at most 511"),
    "control characters": ("text", "a\x00b\x1b[31m", "Line 1 contains a control character (U+0000)"),
    "a threshold of nothing": ("threshold", "0", "from 0.000001 to 1,000,000"),
    "a threshold below nothing": ("threshold", "-1", "from 0.000001 to 1,000,000"),
    "a threshold of words": ("threshold", "small", "from 0.000001 to 1,000,000"),
    "an absurd rate": ("learning_rate", "1e9", "from 0.000001 to 10"),
    "a rate that is none": ("learning_rate", "nan", "from 0.000001 to 10"),
}


GOES_ON = {"threshold": "The run goes on with 1.", "learning_rate": "The run goes on with 0.01."}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_and_the_run_goes_on(page: Page, case: str):
    name, typed, sentence = REFUSED[case]
    explorer = Explorer(page)
    explorer.play()
    explorer.reaches(2)
    explorer.enter(name, typed)
    explorer.wait(lambda: sentence in explorer.problem(), f"a sentence with '{sentence}'")
    expect(page.locator(".problem[role=alert]")).to_have_count(1)
    assert explorer.problem().endswith(GOES_ON.get(name, "")), "and with what the run goes on"
    assert explorer.query() == {}, "the address still holds what runs"
    explorer.reaches(explorer.iteration + 10)
    assert (explorer.state, explorer.steps) == ("training", 10)


@pytest.mark.slow
def test_a_window_longer_than_every_sentence_is_refused(page: Page):
    explorer = Explorer(page)
    explorer.choose("truncation", "Window")
    explorer.enter("k", "40")
    explorer.wait(lambda: "K is 40, but the longest sentence has 10 steps" in explorer.problem(), "the bound")
    explorer.enter("k", "3")
    explorer.wait(lambda: explorer.problem() == "", "no problem")
    assert explorer.query() == {"trunc": "window", "k": "3"}


@pytest.mark.slow
def test_one_word_is_enough(page: Page):
    explorer = Explorer(page)
    explorer.enter("text", "hello")
    explorer.wait(lambda: explorer.steps == 2, "two steps")
    explorer.step()


def test_try_a_text_on_the_trained_model(page: Page):
    explorer = Explorer(page)
    explorer.play()
    explorer.reaches(60)
    explorer.pause()
    before = explorer.iteration
    page.get_by_role("tab", name="Try").click()
    box = page.locator(".st-key-try-text input")
    box.fill("The quick brown unicorn")
    box.press("Enter")
    expect(page.locator(".tokens-row .unknown").first).to_contain_text("unicorn", timeout=20_000)
    chips = page.locator(".tokens-row").first.locator("small").all_inner_texts()
    assert len(chips) == 5, "four words, and the end"
    mean = sum(map(float, chips)) / len(chips)
    said = re.search(r"Their mean is ([\d.]+), the loss of this text", page.locator(".stMain").inner_text())
    assert said
    assert float(said[1]) == pytest.approx(mean, rel=0.01)
    page.locator(".st-key-try-generate button").click()
    expect(page.locator(".tokens-row").last.locator("span").first).to_be_visible(timeout=20_000)
    assert explorer.iteration == before, "no learning"


def test_back_brings_the_settings_back(page: Page):
    explorer = Explorer(page)
    explorer.choose("cell", "GRU")
    explorer.wait(lambda: explorer.query() == {"cell": "gru"}, "the address to say so")
    explorer.enter("learning_rate", "0.5")
    explorer.wait(lambda: explorer.query() == {"cell": "gru", "lr": "0.5"}, "the address to say so")
    cell, rate = (explorer.field(name).locator("input").first for name in ("cell", "learning_rate"))
    page.go_back()
    expect(rate).to_have_value("0.01", timeout=20_000)
    expect(cell).to_have_value("GRU", timeout=20_000)
    page.go_back()
    expect(cell).to_have_value("LSTM", timeout=20_000)
    explorer.rest()
    assert explorer.query() == {}
    page.go_forward()
    expect(cell).to_have_value("GRU", timeout=20_000)
    explorer.rest()
    assert explorer.query() == {"cell": "gru"}


@pytest.mark.slow
def test_a_reload_keeps_the_layer_on_screen(open_page: Callable[..., Page]):
    page = open_page("/?layers=3")
    explorer = Explorer(page)
    layer = explorer.element.locator("select.layer")
    layer.select_option("0")
    explorer.step()
    expect(layer).to_have_value("0")
    page.reload()
    explorer = Explorer(page)
    explorer.wait(lambda: explorer.iteration == 1, "the same run")
    explorer.step()
    expect(layer).to_have_value("0")
