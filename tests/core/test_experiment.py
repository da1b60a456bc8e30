"""Law 11: bad input gets one clear sentence at its field, with the bound that it broke."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import limits
from core.experiment import DEFAULTS, SPECS, Experiment, InvalidExperiment, can_change_live, number
from core.truncation import TBPTT, TRUNCATIONS, Truncation

NUMBERS = {name: spec for name, spec in SPECS.items() if not isinstance(DEFAULTS[name], str)}


def problem(**fields) -> str:
    """The sentence for the one field at fault."""
    with pytest.raises(InvalidExperiment) as caught:
        Experiment(**fields)
    (name,) = caught.value.problems
    assert name in fields
    words = caught.value.problems[name]
    assert str(caught.value) == words
    assert words.endswith(".")
    assert "\n" not in words
    return words


def test_the_default_is_valid_and_complete():
    assert set(DEFAULTS) == set(SPECS) == {field.name for field in dataclasses.fields(Experiment)}
    assert Experiment().text.count("\n") == 2


@pytest.mark.parametrize("name", SPECS)
def test_every_field_explains_itself(name):
    spec = SPECS[name]
    assert spec.label
    assert spec.help.endswith(".")
    assert spec.group
    if name in NUMBERS:
        assert spec.minimum is not None
        assert spec.maximum is not None
        assert spec.minimum <= DEFAULTS[name] <= spec.maximum
        assert not spec.logarithmic or spec.minimum > 0


def test_keys_of_an_address_are_short_and_different():
    keys = [spec.key for spec in SPECS.values()]
    assert len(set(keys)) == len(keys)
    assert all(1 <= len(key) <= 6 for key in keys)


@pytest.mark.parametrize("name", NUMBERS)
def test_bounds_are_inside(name):
    for value in (NUMBERS[name].minimum, NUMBERS[name].maximum):
        fields = {name: value} | ({"k2": limits.STEPS} if name == "k1" else {})
        assert getattr(Experiment(**fields), name) == value


@pytest.mark.parametrize("name", NUMBERS)
def test_beyond_a_bound_the_sentence_names_it(name):
    spec = NUMBERS[name]
    for bound, value in ((spec.minimum, spec.minimum - 1), (spec.maximum, spec.maximum + 1)):
        words = problem(**{name: value})
        assert words.startswith(f"{spec.label} must be a ")
        assert number(bound, grouped=True) in words
        assert words.endswith(f", not {number(value, grouped=True)}.")
        assert ("whole number" in words) == isinstance(DEFAULTS[name], int)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [None, "many", "", [], {}, True, math.nan, math.inf, -math.inf, 10**400, 1j], ids=lambda v: repr(v)[:10])
def test_what_is_no_number_is_refused(name, value):
    assert problem(**{name: value}).startswith(f"{SPECS[name].label} must be a ")


@pytest.mark.parametrize("name", [name for name in NUMBERS if isinstance(DEFAULTS[name], int)])
def test_half_a_unit_is_refused(name):
    assert "whole number" in problem(**{name: DEFAULTS[name] + 0.5})


@pytest.mark.parametrize("name", [name for name in SPECS if isinstance(DEFAULTS[name], str)])
@pytest.mark.parametrize("value", [None, 3, b"lstm", ["lstm"]], ids=repr)
def test_what_is_no_text_is_refused(name, value):
    assert problem(**{name: value}) == f"{SPECS[name].label} must be text."


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tokens": "letter"}, "Tokens must be one of word, character, not 'letter'."),
        ({"dtype": "float16"}, "Precision must be one of float64, float32, not 'float16'."),
        ({"update_every": "step"}, "Update after must be one of pass, block, not 'step'."),
        ({"k": "abc"}, "K must be a whole number from 1 to 512, not 'abc'."),
        ({"threshold": ""}, "Threshold must be a number from 0.000001 to 1,000,000, not empty."),
        ({"seed": "7" * 50 + "x"}, f"Seed must be a whole number from 0 to 2,147,483,647, not '{'7' * 40}…'."),
        ({"text": "x" * 20_001}, "Sentences: 20,001 characters are too many; at most 20,000 are allowed."),
        ({"hidden": 257}, "Hidden units must be a whole number from 1 to 256, not 257."),
        ({"threshold": 0}, "Threshold must be a number from 0.000001 to 1,000,000, not 0."),
        ({"threshold": -1}, "Threshold must be a number from 0.000001 to 1,000,000, not -1."),
        ({"seed": 2**31}, "Seed must be a whole number from 0 to 2,147,483,647, not 2,147,483,648."),
        ({"learning_rate": 1e9}, "Learning rate must be a number from 0.000001 to 10, not 1,000,000,000."),
    ],
)
def test_the_sentences_are_these(fields, words):
    assert problem(**fields) == words


def test_windows_shorter_than_their_block_are_refused_where_they_matter():
    with pytest.raises(InvalidExperiment) as caught:
        Experiment(truncation="custom", k1=4, k2=3)
    assert caught.value.problems == {"k2": "k2 must be at least k1 = 4: a window cannot be shorter than its block."}
    assert Experiment(truncation="full", k1=4, k2=3).k2 == 3
    assert Experiment(truncation="custom", k1=4, k2=4).k2 == 4


def test_an_update_after_each_block_needs_windows_of_one_block():
    with pytest.raises(InvalidExperiment) as caught:
        Experiment(truncation="custom", k1=2, k2=4, update_every="block")
    assert caught.value.problems == {
        "update_every": "An update after each block needs k1 = k2: a window must not reach back over an update."
    }
    assert Experiment(truncation="custom", k1=4, k2=4, update_every="block").k1 == 4
    assert Experiment(truncation="window", k1=2, k2=4, update_every="block").k1 == 2


def test_what_does_not_go_together_depends_on_what_a_truncation_reads(monkeypatch: pytest.MonkeyPatch):
    late = Truncation("Late", "Every loss reaches as far as custom.", ("k1", "k2", "update_every"), lambda e, steps: TBPTT(e.k1, e.k2))
    monkeypatch.setitem(TRUNCATIONS, "late", late)
    for fields in ({"k1": 4, "k2": 3}, {"k1": 2, "k2": 4, "update_every": "block"}):
        with pytest.raises(InvalidExperiment) as caught:
            Experiment(truncation="custom", **fields)
        with pytest.raises(InvalidExperiment) as caught_here:
            Experiment(truncation="late", **fields)
        assert caught_here.value.problems == caught.value.problems
    rest = {"k1": 4, "k2": 4, "update_every": "block", "task": "series", "answer": "last"}
    for name in ("late", "custom", "chunk"):
        with pytest.raises(InvalidExperiment, match="earlier blocks have no loss"):
            Experiment(truncation=name, **rest)
    assert Experiment(truncation="window", **rest).k1 == 4


def test_all_problems_come_at_once():
    with pytest.raises(InvalidExperiment) as caught:
        Experiment(hidden=0, dtype="int8", threshold=-1)
    assert list(caught.value.problems) == ["hidden", "threshold", "dtype"]
    assert str(caught.value) == " ".join(caught.value.problems.values())


def test_numbers_take_their_fields_type():
    experiment = Experiment(hidden=8.0, gain=2)
    assert (type(experiment.hidden), type(experiment.gain)) == (int, float)


def valid(name: str) -> st.SearchStrategy:
    spec, default = SPECS[name], DEFAULTS[name]
    if isinstance(spec.choices, tuple):
        return st.sampled_from(spec.choices)
    if isinstance(default, str):
        return st.text(max_size=20)
    if isinstance(default, int):
        return st.integers(int(spec.minimum), int(spec.maximum))
    return st.floats(spec.minimum, spec.maximum)


experiments = st.fixed_dictionaries({}, optional={name: valid(name) for name in SPECS if name != "k1"})


@given(experiments)
def test_there_and_back_through_json(fields):
    fields = fields | {"k1": 1, "heads": math.gcd(fields.get("heads", 1), fields.get("hidden", DEFAULTS["hidden"]))}
    experiment = Experiment(**fields)
    assert Experiment.from_dict(json.loads(json.dumps(experiment.to_dict()))) == experiment
    assert hash(Experiment(**fields)) == hash(experiment)
    assert not Experiment().changes(Experiment())
    assert Experiment(k1=1).replace(**Experiment(k1=1).changes(experiment)) == experiment


def test_missing_fields_take_their_defaults_and_unknown_ones_are_named():
    assert Experiment.from_dict({}) == Experiment()
    with pytest.raises(InvalidExperiment) as caught:
        Experiment.from_dict({"hiden": 3, "colour": 1})
    assert caught.value.problems == {
        "hiden": "'hiden' is not a field of an experiment; did you mean hidden?",
        "colour": "'colour' is not a field of an experiment.",
    }


def test_changes_name_what_differs():
    assert Experiment().changes(Experiment(hidden=7, gain=2.0)) == {"hidden": 7, "gain": 2.0}


def test_an_experiment_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Experiment().hidden = 3


def test_what_changes_live():
    assert can_change_live([])
    assert can_change_live(["learning_rate", "truncation", "k", "k1", "k2", "update_every", "clip", "threshold", "momentum"])
    assert not can_change_live(["learning_rate", "hidden"])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.01, "0.01"),
        (1e-6, "0.000001"),
        (1000, "1000"),
        (10.0, "10"),
        (2**31 - 1, "2147483647"),
        (1e6, "1000000"),
        (0.123456789, "0.123456789"),
        (1e300, "1e+300"),
        (0, "0"),
    ],
)
def test_numbers_are_written_as_people_do(value, words):
    assert number(value) == words


def test_no_torch_is_needed():
    """The web process makes Experiments and reads Traces and catalogues."""
    code = "import sys, core, core.limits; core.Experiment(); core.Trace; core.Catalogue; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
