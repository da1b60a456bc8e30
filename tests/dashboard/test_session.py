"""Session: what a browser asks for twice is done once."""

from __future__ import annotations

import pytest

from dashboard.session import Session


def test_a_wish_is_done_once_and_the_next_one_again():
    held, done = Session(), []
    for wish in ("first", "first", "second", "first"):
        with held.once("file", wish) as new:
            if new:
                done.append(wish)
    assert done == ["first", "second", "first"]
    with held.once("another file", "first") as new:
        assert new


def test_a_wish_that_failed_is_not_tried_again():
    held = Session()
    with pytest.raises(ValueError, match="no file"), held.once("file", "first"):
        raise ValueError("no file")
    with held.once("file", "first") as new:
        assert not new


def test_a_wish_that_was_broken_off_is_left_to_the_next_run():
    held = Session()
    with pytest.raises(KeyboardInterrupt), held.once("file", "first"):
        raise KeyboardInterrupt  # as Streamlit ends a script in the midst of one: no Exception
    with held.once("file", "first") as new:
        assert new


def test_the_value_of_a_wish_comes_with_it():
    held = Session()
    values = []
    for wish in (None, {"id": 1, "value": "run"}, {"id": 1, "value": "run"}):
        with held.asked("arrived", wish) as value:
            values.append(value)
    assert values == [None, "run", None]
