"""The form's rules, without a page: what is typed holds as far as it can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.experiment import DEFAULTS, SPECS, Experiment, InvalidExperiment
from dashboard.controls import settle, stepped

NUMBERS = [name for name, value in DEFAULTS.items() if not isinstance(value, str)]


def accept(_: Experiment) -> None:
    """A run that takes everything."""


def test_what_holds_is_applied():
    settled = settle(Experiment(), {"hidden": "64", "learning_rate": "0.1"}, accept)
    assert (settled.experiment, settled.drafts, settled.problems) == (Experiment(hidden=64, learning_rate=0.1), {}, {})


@pytest.mark.parametrize("typed", ["0", "-3", "abc", "1e9", "nan", "inf", "", "1e-400", "0x10", "１e９"])
def test_a_bad_number_stays_typed_with_its_bound_and_nothing_runs(typed: str):
    ran: list[Experiment] = []
    settled = settle(Experiment(), {"threshold": typed}, ran.append)
    assert ran == []
    assert settled.experiment == Experiment()
    assert settled.drafts == {"threshold": typed}
    assert "from 0.000001 to 1,000,000" in settled.problems["threshold"]


def test_a_bad_field_does_not_hold_back_the_others():
    settled = settle(Experiment(), {"threshold": "abc", "cell": "gru"}, accept)
    assert settled.experiment == Experiment(cell="gru")
    assert settled.drafts == {"threshold": "abc"}
    assert set(settled.problems) == {"threshold"}


def test_fields_that_only_hold_together_wait_for_each_other():
    custom = Experiment(truncation="custom", k1=2, k2=4)
    first = settle(custom, {"k1": "6"}, accept)
    assert first.experiment == custom
    assert first.drafts == {"k1": "6"}
    assert set(first.problems) == {"k2"}
    second = settle(first.experiment, first.drafts | {"k2": "8"}, accept)
    assert second.experiment == Experiment(truncation="custom", k1=6, k2=8)
    assert (second.drafts, second.problems) == ({}, {})


def test_a_choice_waits_for_the_field_that_it_needs_and_holds_back_no_other():
    def short_text(experiment: Experiment) -> None:
        if experiment.truncation == "window" and experiment.k > 2:
            raise InvalidExperiment({"k": "K is too long."})

    first = settle(Experiment(), {"truncation": "window", "threshold": "0.5"}, short_text)
    assert first.experiment == Experiment(threshold=0.5)
    assert (first.drafts, set(first.problems)) == ({"truncation": "window"}, {"k"})
    second = settle(first.experiment, first.drafts | {"k": "2"}, short_text)
    assert second.experiment == Experiment(truncation="window", k=2, threshold=0.5)
    assert (second.drafts, second.problems) == ({}, {})


def test_what_was_typed_is_at_fault_and_not_what_stands_there_without_it():
    def series(experiment: Experiment) -> None:
        if experiment.series == "own" and len(experiment.values.split()) < 20:
            raise InvalidExperiment({"values": "Too few." if experiment.values else "There are none."})

    settled = settle(Experiment(task="series"), {"series": "own", "values": "1 2 3"}, series)
    assert settled.problems == {"values": "Too few."}
    assert settled.drafts == {"series": "own", "values": "1 2 3"}


def test_typing_the_old_value_again_takes_the_complaint_away():
    settled = settle(Experiment(), {"threshold": "1.0"}, accept)
    assert (settled.drafts, settled.problems) == ({}, {})


def test_what_only_the_task_can_know_is_asked_of_it():
    def no_text(experiment: Experiment) -> None:
        if not experiment.text.strip():
            raise InvalidExperiment({"text": "There is no sentence."})

    settled = settle(Experiment(), {"text": "  ", "cell": "gru"}, no_text)
    assert settled.experiment == Experiment(cell="gru")
    assert settled.problems == {"text": "There is no sentence."}


@given(name=st.sampled_from(NUMBERS), up=st.booleans(), where=st.floats(0, 1))
def test_buttons_stay_inside_the_bounds_and_move(name: str, up: bool, where: float):
    spec = SPECS[name]
    low, high = spec.minimum or 0.0, spec.maximum or 0.0
    value = low + where * (high - low)
    value = float(round(value)) if isinstance(DEFAULTS[name], int) else value
    following = stepped(name, value, up)
    assert low <= following <= high
    assert following == value or (following > value) == up
    Experiment(**{name: type(DEFAULTS[name])(following)})


def test_logarithmic_buttons_climb_one_two_five():
    climbed = [0.01]
    for _ in range(4):
        climbed.append(stepped("learning_rate", climbed[-1], up=True))
    assert climbed == [0.01, 0.02, 0.05, 0.1, 0.2]
