"""Texts: every line that the code names exists, and what people type is shown literally."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.catalogue import Catalogue
from core.experiment import Experiment
from dashboard import texts

ROOT = Path(texts.__file__).parent
CODE = [path for path in ROOT.rglob("*.py") if "live" not in path.parts]
NAMED = {key for path in CODE for key in re.findall(r"""\bsay\(\s*["']([a-z_.0-9]+)["']""", path.read_text())}
SUBJECTS = ("series", "transformer", "recording", "drawn", "copy", "echo", "order", "reber", "embedded_reber")
FIELD = re.compile(r"{(\w*)}")
COMPOSED = {start for path in CODE for start in re.findall(r"""\bsay\(\s*f["']([a-z_.]*?)\{""", path.read_text())} | {"counted."}


def test_things_are_counted():
    say = texts.load()
    assert [say.count("layer", count) for count in (1, 2, 1000)] == ["1 layer", "2 layers", "1,000 layers"]


def test_every_line_that_is_named_exists():
    assert NAMED
    assert {key for key in NAMED if key not in texts.load().lines} == set()


def test_every_line_is_used():
    quoted = {part for path in CODE for part in re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', path.read_text())}
    lines = {key for key in texts.load().lines if key.split(".")[0] not in SUBJECTS}
    unused = {key for key in lines if key not in NAMED | quoted and not key.startswith(tuple(COMPOSED - {""}))}
    assert unused == set()


def test_words_about_a_task_stand_for_lines_that_exist():
    lines = texts.load().lines
    about = {key: key.partition(".")[2] for key in lines if key.split(".")[0] in SUBJECTS}
    assert about
    assert {key for key, line in about.items() if line not in lines} == set()
    assert {key for key, line in about.items() if set(FIELD.findall(lines[key])) != set(FIELD.findall(lines[line]))} == set()


def test_words_about_a_series_do_not_speak_of_sentences():
    say = texts.load().about("series")
    assert say("charts.steps.many", count=3) == "3 steps"
    assert say("charts.history.fell") == texts.load()("charts.history.fell")
    lines = {key: say.lines.get(f"series.{key}", line) for key, line in say.lines.items() if key.startswith("charts.")}
    spoken = {key for key, line in lines.items() if re.search(r"\b(token|sentence)s?\b", re.sub(r"{.*?}", "", line))}
    spoken = {key for key in spoken if not key.startswith("charts.next_tokens.")}
    assert spoken <= {"charts.shares.beyond"}, "windows are equally long: nothing lies beyond one"


def test_words_about_a_transformer_stand_before_those_about_a_series():
    say = texts.load().about("transformer", "series")
    assert say("charts.hidden_state.label") == "Block input"
    assert "remembers" not in say("charts.hidden_state.help")
    assert say("charts.steps.many", count=3) == "3 steps"
    assert texts.load().about("recurrent", "series")("charts.hidden_state.label") == "Hidden state"


@pytest.mark.parametrize("language", ["en", "en-GB", "xx", "", "../../etc"])
def test_an_unknown_language_gets_the_default(language: str):
    assert texts.load(language).language == "en"


def test_an_unknown_key_is_a_mistake():
    with pytest.raises(KeyError):
        texts.load()("no.such.key")


@pytest.mark.parametrize(
    "typed", ["**bold**", "<b>x</b>", ":red[x]", ":material/bolt:", "$x^2$", "[a](http://b)", "# head", "`code`", "1. one", "~~x~~"]
)
def test_markdown_is_escaped(typed: str):
    shown = texts.literal(typed)
    assert re.sub(r"\\(.)", r"\1", shown) == typed
    assert not re.search(r"(?<!\\)[*<>:$\[\]#`~.]", shown)


def test_control_and_direction_characters_are_dropped():
    assert texts.literal("a\x00b\u202ec") == "abc"


def test_long_tokens_are_cut_in_charts():
    assert texts.in_chart("<" + "a" * 50) == "&lt;" + "a" * 12 + "…"


def test_words_about_drawn_tasks_stand_behind_a_tasks_own(catalogue: Catalogue):
    about = {task: catalogue.subjects(Experiment(task=task)) for task in catalogue.members("task") if task != "series"}
    assert about["sentences"] == ("recurrent", "sentences")
    assert all(subjects == ("recurrent", task, "drawn") for task, subjects in about.items() if task != "sentences")
    say = texts.load().about(*about["reber"])
    assert say("charts.next_tokens.label") == texts.load().about(*about["adding"])("charts.next_tokens.label") == "Answer"
    assert "predicting it" in say("try.read_help")
    assert "predicting it" not in texts.load().about(*about["order"])("try.read_help")
