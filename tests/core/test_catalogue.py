"""The catalogue: registries as plain values, and the questions a form asks them."""

from __future__ import annotations

import json

import pytest

from core.catalogue import Catalogue
from core.experiment import DEFAULTS, SPECS, Experiment, InvalidExperiment
from core.tasks import TASKS
from core.training import Trainer


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.here()


def test_every_registry_that_a_field_names_is_there(catalogue):
    named = {spec.choices for spec in SPECS.values() if isinstance(spec.choices, str)}
    assert named == set(catalogue.registries)
    assert all(DEFAULTS[field] in catalogue.members(field) for field, spec in SPECS.items() if isinstance(spec.choices, str))


def test_every_member_explains_itself_and_names_real_fields(catalogue):
    for members in catalogue.registries.values():
        assert members
        for name, member in members.items():
            assert name == name.lower()
            assert member.label
            assert member.help.endswith(".")
            assert all(SPECS[option].option for option in member.options)


def test_every_option_is_read_by_somebody(catalogue):
    read = {option for members in catalogue.registries.values() for member in members.values() for option in member.options}
    assert read == {name for name, spec in SPECS.items() if spec.option}


def test_there_and_back_through_json(catalogue):
    assert Catalogue.from_dict(json.loads(json.dumps(catalogue.to_dict()))) == catalogue


def test_what_does_not_exist_is_refused_with_what_does(catalogue):
    catalogue.check(Experiment())
    with pytest.raises(InvalidExperiment) as caught:
        catalogue.check(Experiment(cell="transformer", clip="hard"))
    assert caught.value.problems == {
        "cell": "Cell must be one of rnn_tanh, rnn_relu, lstm, gru, not 'transformer'.",
        "clip": "Clipping must be one of off, norm, value, not 'hard'.",
    }


@pytest.mark.parametrize("field", [field for field, spec in SPECS.items() if isinstance(spec.choices, str)])
def test_every_member_makes_a_run(catalogue, field):
    reader = {"task": "series", "values": " ".join(map(str, range(60)))} if SPECS[field].option else {}
    for name in catalogue.members(field):
        suited = [task for task, member in catalogue.members("task").items() if member.suits.get(field) == name]
        about = {"task": suited[0]} if suited else {}
        assert Trainer(Experiment(**reader | about | {field: name})).step().iteration == 1


def test_a_task_brings_the_model_that_it_is_about_and_takes_it_along(catalogue):
    sentences, influence = Experiment(), Experiment(task="influence", model="balanced")
    assert list(catalogue.offered(sentences, "model")) == ["recurrent", "transformer"]
    assert list(catalogue.offered(influence, "model")) == ["recurrent", "transformer", "balanced"]
    assert list(catalogue.offered(sentences, "task")) == list(TASKS)
    assert catalogue.together(sentences, {"task": "influence", "k": "9"}) == {"task": "influence", "model": "balanced", "k": "9"}
    assert catalogue.together(sentences, {"task": "influence", "model": "transformer"}) == {"task": "influence", "model": "transformer"}
    assert catalogue.together(influence, {"task": "copy"}) == {"task": "copy", "model": "recurrent"}
    assert catalogue.together(influence.replace(model="transformer"), {"task": "copy"}) == {"task": "copy"}
    assert catalogue.together(influence, {"task": "influence", "seed": "3"}) == {"task": "influence", "seed": "3"}
    assert catalogue.together(sentences, {"task": "none"}) == {"task": "none"}
    for name in ("hidden", "cell", "layers", "gain", "attention", "embedding"):
        assert not catalogue.matters(influence, name)


@pytest.mark.parametrize(
    ("fields", "matter", "idle"),
    [
        ({}, {"text", "forget_bias", "threshold", "hidden", "learning_rate"}, {"k", "k1", "k2", "momentum", "update_every"}),
        ({"cell": "gru", "clip": "off"}, {"tokens"}, {"forget_bias", "threshold"}),
        ({"truncation": "chunk"}, {"k", "update_every"}, {"k1", "k2"}),
        ({"truncation": "window"}, {"k"}, {"k1", "k2", "update_every"}),
        ({"truncation": "custom"}, {"k1", "k2", "update_every"}, {"k"}),
        ({"optimiser": "momentum", "clip": "value"}, {"momentum", "threshold"}, set()),
        ({}, {"attention"}, {"heads"}),
        ({"attention": "dot"}, {"heads"}, set()),
        ({"attention": "additive"}, {"heads"}, set()),
        (
            {"model": "transformer"},
            {"heads", "hidden", "embedding", "text", "truncation"},
            {"cell", "layers", "initialisation", "gain", "forget_bias", "attention"},
        ),
        ({"model": "transformer", "attention": "dot", "task": "series"}, {"heads", "window"}, {"cell", "attention", "embedding"}),
        ({}, {"embedding"}, {"series", "values", "points", "season", "noise", "window", "horizon", "scaling", "test"}),
        ({"series": "own"}, {"text"}, {"series", "values", "season"}),
        (
            {"task": "series"},
            {"series", "season", "window", "stride", "horizon", "answer"},
            {"text", "embedding", "points", "noise", "values"},
        ),
        ({"task": "series", "series": "sine"}, {"points", "noise", "season", "rollout", "scaling"}, {"values", "tokens"}),
        ({"task": "series", "series": "own"}, {"values", "validation", "test"}, {"points", "noise"}),
        ({"task": "copy"}, {"items", "delay", "examples", "embedding"}, {"length", "text", "series"}),
        ({"task": "adding"}, {"length", "examples"}, {"items", "delay", "embedding"}),
    ],
    ids=str,
)
def test_what_matters(catalogue, fields, matter, idle):
    experiment = Experiment(**fields)
    assert {field for field in matter if catalogue.matters(experiment, field)} == matter
    assert not {field for field in idle if catalogue.matters(experiment, field)}


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({}, {"k": 2}),
        ({}, {"k1": 1}),
        ({}, {"momentum": 0.1}),
        ({"cell": "gru"}, {"forget_bias": 2.0}),
        ({"clip": "off"}, {"threshold": 1e-5}),
        ({}, {"heads": 3}),
        ({"model": "transformer"}, {"cell": "gru"}),
        ({"model": "transformer"}, {"attention": "additive"}),
        ({"model": "transformer"}, {"layers": 2, "gain": 3.0, "initialisation": "orthogonal", "forget_bias": 1.0}),
        ({"truncation": "window"}, {"update_every": "block"}),
        ({"truncation": "chunk"}, {"k2": 9}),
        ({}, {"series": "sine"}),
        ({"series": "sine"}, {"points": 90}),
        ({"task": "series"}, {"text": "a b"}),
        ({"task": "series"}, {"embedding": 3}),
        ({"task": "series"}, {"noise": 3.0}),
        ({"task": "copy"}, {"length": 30}),
        ({"task": "order"}, {"delay": 3, "items": 3}),
        ({}, {"examples": 30, "length": 30}),
    ],
    ids=str,
)
def test_what_does_not_matter_changes_no_number(catalogue, fields, change):
    plain = Experiment(**fields)
    assert not any(catalogue.matters(plain, field) for field in change)
    assert Trainer(plain).run(3).loss == Trainer(plain.replace(**change)).run(3).loss


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"truncation": "chunk"}, {"k": 2}),
        ({"truncation": "window"}, {"k": 2}),
        ({"truncation": "custom"}, {"k1": 1}),
        ({"truncation": "custom"}, {"k2": 9}),
        ({"truncation": "chunk"}, {"update_every": "block"}),
        ({"optimiser": "momentum"}, {"momentum": 0.1}),
        ({}, {"forget_bias": 2.0}),
        ({}, {"threshold": 1e-5}),
        ({}, {"text": "a b"}),
        ({}, {"tokens": "character"}),
        ({}, {"gain": 0.5}),
        ({}, {"seed": 1}),
        ({}, {"weight_decay": 0.5}),
        ({}, {"dtype": "float32"}),
        ({}, {"batch": 1}),
        ({}, {"initialisation": "orthogonal"}),
        ({}, {"embedding": 3}),
        ({}, {"attention": "dot"}),
        ({"attention": "dot"}, {"attention": "additive"}),
        ({"attention": "dot"}, {"heads": 2}),
        ({}, {"model": "transformer"}),
        ({"model": "transformer"}, {"heads": 2}),
        ({"model": "transformer"}, {"embedding": 3}),
        ({"attention": "additive"}, {"heads": 2}),
        ({"task": "series"}, {"series": "nile"}),
        ({"task": "series"}, {"window": 12}),
        ({"task": "series"}, {"stride": 3}),
        ({"task": "series"}, {"answer": "last"}),
        ({"task": "series"}, {"validation": 0.3}),
        ({"task": "series"}, {"test": 0.3}),
        ({"task": "series"}, {"scaling": "log"}),
        ({"task": "series", "series": "sine"}, {"season": 7}),
        ({"task": "series", "series": "sine"}, {"points": 90}),
        ({"task": "series", "series": "sine"}, {"noise": 3.0}),
        ({"task": "copy"}, {"items": 3}),
        ({"task": "copy"}, {"delay": 3}),
        ({"task": "echo"}, {"length": 30}),
        ({"task": "echo"}, {"delay": 3}),
        ({"task": "adding"}, {"length": 30}),
        ({"task": "order"}, {"length": 30}),
        ({"task": "order"}, {"examples": 30}),
        ({"task": "reber"}, {"examples": 30}),
    ],
    ids=str,
)
def test_what_matters_changes_numbers(catalogue, fields, change):
    plain = Experiment(**fields)
    assert all(catalogue.matters(plain, field) for field in change)
    assert Trainer(plain).run(3).loss != Trainer(plain.replace(**change)).run(3).loss
