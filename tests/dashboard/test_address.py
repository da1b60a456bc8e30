"""Links and files: what goes out comes back, and what others write into them does no harm."""

from __future__ import annotations

import base64
import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import limits
from core.baselines import Options
from core.catalogue import Catalogue
from core.experiment import DEFAULTS, SPECS, Experiment, InvalidExperiment, Spec
from dashboard import address
from dashboard.starts import STARTS


def values(catalogue: Catalogue, name: str, spec: Spec) -> st.SearchStrategy[Any]:
    kind = type(DEFAULTS[name])
    if kind is int:
        return st.integers(int(spec.minimum or 0), int(spec.maximum or 0))
    if kind is float:
        return st.floats(spec.minimum or 0.0, spec.maximum or 0.0).map(lambda value: float(f"{value:.6g}"))
    if spec.choices:
        return st.sampled_from(list(catalogue.members(name)) or list(spec.choices))
    return st.text(st.characters(codec="utf-8"), max_size=200)


@settings(max_examples=60, deadline=None)
@given(chosen=st.data())
def test_a_link_brings_back_the_experiment(catalogue: Catalogue, chosen: st.DataObject):
    fields = {name: chosen.draw(values(catalogue, name, spec), label=name) for name, spec in SPECS.items() if chosen.draw(st.booleans())}
    if fields.get("k2", DEFAULTS["k2"]) < fields.get("k1", DEFAULTS["k1"]):
        fields.pop("truncation", None)
    if fields.get("hidden", DEFAULTS["hidden"]) % fields.get("heads", 1):
        fields.pop("heads")
    try:
        experiment = Experiment(**fields)
    except InvalidExperiment as invalid:  # an update after each block does not go with every truncation and task
        if set(invalid.problems) != {"update_every"}:
            raise
        fields.pop("update_every")
        experiment = Experiment(**fields)
    assert address.read(address.write(experiment), catalogue) == (experiment, [])
    assert address.from_file(address.to_file(experiment).encode(), catalogue) == (experiment, Options())


def test_the_default_experiment_has_an_empty_query():
    assert address.write(Experiment()) == {}


@settings(max_examples=30, deadline=None)
@given(chosen=st.data())
def test_every_page_leaves_out_what_it_begins_with(catalogue: Catalogue, chosen: st.DataObject):
    start = STARTS[chosen.draw(st.sampled_from(sorted(STARTS)))]
    names = chosen.draw(st.sets(st.sampled_from(["task", "text", "series", "horizon", "cell", "scaling", "learning_rate"])))
    experiment = Experiment(**{name: chosen.draw(values(catalogue, name, SPECS[name]), label=name) for name in names})
    query = address.write(experiment, start)
    assert address.read(query, catalogue, start) == (experiment, [])
    assert query.keys() == {SPECS[name].key for name in start.changes(experiment)}


def test_what_is_wrong_with_a_link_leaves_what_the_page_begins_with(catalogue: Catalogue):
    experiment, complaints = address.read({"hor": "0", "cell": "gru"}, catalogue, STARTS["forecast"])
    assert experiment == Experiment(task="series", cell="gru")
    assert complaints == ["Horizon must be a whole number from 1 to 100, not 0."]
    assert address.write(Experiment(), STARTS["forecast"]) == {"task": "sentences"}


def test_keys_are_short_and_values_readable():
    assert address.write(Experiment(cell="gru", learning_rate=0.05, k=7)) == {"cell": "gru", "lr": "0.05", "k": "7"}


def test_a_text_too_long_for_a_link_travels_as_a_file(catalogue: Catalogue):
    letters = random.Random(0)
    text = "\n".join("".join(letters.choice("abcdefghijklmnopqrstuvwxyz ") for _ in range(80)) for _ in range(60))
    long, short = Experiment(text=text), Experiment(text="to be or not to be")
    assert address.write(long) == {"text": "file"}
    assert not address.carries_text(long)
    assert address.carries_text(short)
    experiment, complaints = address.read(address.write(long), catalogue)
    assert experiment == Experiment()
    assert "travel as an experiment file" in complaints[0]


def packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


HOSTILE = {
    "not base64": {"text": "@@@"},
    "not compressed": {"text": packed(b"hello")},
    "cut off": {"text": packed(zlib.compress(b"hello world")[:-6])},
    "not UTF-8": {"text": packed(zlib.compress(b"\xff\xfe\xff"))},
    "a bomb": {"text": packed(zlib.compress(b"a" * 2**22, 9))[:3000]},
    "a small bomb": {"text": packed(zlib.compress(b"a " * 200_000, 9))},
    "too long": {"text": "A" * 1_000_000},
    "no such cell": {"cell": "<script>alert(1)</script>"},
    "not a number": {"lr": "fast"},
    "not finite": {"lr": "nan"},
    "infinite": {"thr": "inf"},
    "huge": {"h": "9" * 5000},
    "a fraction": {"h": "3.5"},
    "negative": {"k": "-4"},
    "empty": {"seed": ""},
    "other digits": {"h": "²"},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_link_gets_one_sentence_and_the_default(catalogue: Catalogue, case: str):
    experiment, complaints = address.read(HOSTILE[case], catalogue)
    assert experiment == Experiment()
    assert len(complaints) == 1
    assert len(complaints[0]) < 300


def test_fields_that_are_fine_alone_and_not_together(catalogue: Catalogue):
    experiment, complaints = address.read({"trunc": "custom", "k1": "6", "k2": "3", "cell": "gru"}, catalogue)
    assert (experiment.cell, experiment.truncation) == ("gru", "full")
    assert "k2 must be at least k1" in complaints[0]
    assert address.write(experiment) == {"cell": "gru"}, "no k1 without the truncation that it was meant for"


@pytest.mark.parametrize(
    ("options", "query"),
    [
        (Options(), {}),
        (Options(arima="(0,1,1)(0,1,1)"), {"arima": "(0,1,1)(0,1,1)"}),
        (Options(arima="(2,0,0)+c", ets="MAdM", logarithm=True), {"arima": "(2,0,0)+c", "ets": "MAdM", "log": "1"}),
    ],
    ids=str,
)
def test_a_link_brings_back_what_was_chosen_of_baselines(options: Options, query: dict[str, str]):
    assert address.write_options(options) == query
    assert address.read_options({"s": "nile", **query}) == (options, [])
    assert address.of_experiment({"s": "nile", **query}) == {"s": "nile"}


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"arima": "foo"}, "Write an ARIMA order"),
        ({"arima": "(9,9,9)"}, "at most 5"),
        ({"arima": "("+"9" * 5000 + ",0,0)"}, "Write an ARIMA order"),
        ({"arima": ""}, "Write an ARIMA order"),
        ({"ets": "<script>"}, "."),
        ({"log": "perhaps"}, "'log' must be 0 or 1."),
    ],
    ids=str,
)  # fmt: skip
def test_baselines_that_a_link_cannot_name_are_left_to_themselves(query: dict[str, str], word: str):
    options, complaints = address.read_options({**query, **({} if "ets" in query else {"ets": "AAA"})})
    assert options == (Options() if "ets" in query else Options(ets="AAA"))
    assert len(complaints) == 1
    assert word in complaints[0]
    assert len(complaints[0]) < 300


def test_no_key_means_two_things():
    assert not address.OPTION_KEYS.keys() & {spec.key for spec in SPECS.values()}


def test_unknown_keys_are_ignored(catalogue: Catalogue):
    assert address.read({"utm_source": "x", "embed": "true"}, catalogue) == (Experiment(), [])


BAD_FILES = {
    "empty": b"", "not JSON": b"{", "not UTF-8": b"\xff", "a list": b"[]", "a number": b"7", "no version": b"{}",
    "another version": json.dumps({"bptt": 99, "experiment": {}}).encode(), "no fields": json.dumps({"bptt": 1, "experiment": 3}).encode(),
    "an unknown field": json.dumps({"bptt": 1, "experiment": {"colour": 1}}).encode(),
    "a bad value": json.dumps({"bptt": 1, "experiment": {"hidden": -1}}).encode(),
    "no such cell": json.dumps({"bptt": 1, "experiment": {"cell": "cnn"}}).encode(),
    "baselines of numbers": json.dumps({"bptt": 1, "experiment": {}, "baselines": {"arima": 1}}).encode(),
    "no baselines": json.dumps({"bptt": 1, "experiment": {}, "baselines": [1]}).encode(),
    "a baseline that cannot be": json.dumps({"bptt": 1, "experiment": {}, "baselines": {"ets": "ZZZ"}}).encode(),
    "deeply nested": b"[" * 100_000, "too large": b" " * (address.MOST_FILE_BYTES + 1),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_gets_a_sentence(catalogue: Catalogue, case: str):
    with pytest.raises(InvalidExperiment) as refused:
        address.from_file(BAD_FILES[case], catalogue)
    assert str(refused.value).endswith(".")


def test_a_file_brings_back_the_baselines(catalogue: Catalogue):
    chosen = Experiment(task="series"), Options(arima="(0,1,1)(0,1,1)", ets="MAdM", logarithm=True)
    assert address.from_file(address.to_file(*chosen).encode(), catalogue) == chosen


def test_the_longest_text_fits_into_a_file(catalogue: Catalogue):
    experiment = Experiment(text="語" * limits.TEXT_CHARACTERS)
    assert address.from_file(address.to_file(experiment).encode(), catalogue) == (experiment, Options())


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden", "64", 64),
        ("hidden", "1e2", 100),
        ("hidden", "2.5", 2.5),
        ("hidden", "abc", "abc"),
        ("threshold", "0.5", 0.5),
        ("cell", "7", "7"),
    ],
)
def test_what_was_typed(name: str, text: str, value: Any):
    assert address.from_text(name, text) == value
