"""What a page shows of a study: the last answer while the next one comes, but never beside why there is none."""

from __future__ import annotations

from threading import Event, Thread
from time import sleep

import pytest

from core.baselines import Options
from core.experiment import Experiment
from dashboard import comparing, inquiry
from dashboard.inquiry import Inquiry
from dashboard.live import fits, studying
from dashboard.live.job import FitProgress


@pytest.mark.parametrize(
    ("state", "stale", "shown"),
    [("fitting", True, True), ("done", False, True), ("refused", True, False), ("failed", True, True), ("cancelled", True, True)],
)
def test_an_earlier_answer_gives_way_to_a_refusal_alone(state: str, stale: bool, shown: bool):
    held = Inquiry(found="an answer", stale=stale, progress=FitProgress(0, 1, "", state))
    assert held.shown == ("an answer" if shown else None)


def test_nothing_is_shown_before_anything_is_found():
    assert Inquiry().shown is None


def test_the_next_run_of_a_page_waits_until_the_question_is_asked(monkeypatch: pytest.MonkeyPatch):
    """Two runs of one page at a time, as Streamlit has them: both know of the study that the first one asked for."""
    asked = Event()
    monkeypatch.setattr(studying, "progress", lambda ticket: FitProgress(0, 1, "", "fitting"))
    monkeypatch.setattr(studying, "result", lambda ticket: None)
    held = Inquiry()

    def begin(_: str) -> str:
        asked.set()
        sleep(0.3)
        return "ticket"

    first = Thread(target=inquiry.follow, args=(held, "a question", begin))
    first.start()
    asked.wait()
    inquiry.follow(held, "a question", begin)
    assert held.going_on
    first.join()


def test_the_next_run_of_a_page_waits_until_the_baselines_are_asked_for(monkeypatch: pytest.MonkeyPatch):
    asked = Event()

    def start(*_: object, **__: object) -> str:
        asked.set()
        sleep(0.3)
        return "ticket"

    monkeypatch.setattr(fits, "start", start)
    monkeypatch.setattr(fits, "progress", lambda ticket: FitProgress(0, 1, "", "fitting"))
    monkeypatch.setattr(fits, "result", lambda ticket: {})
    held, experiment = comparing.Comparison(), Experiment(task="series")
    first = Thread(target=comparing.follow, args=(held, experiment, Options()))
    first.start()
    asked.wait()
    comparing.follow(held, experiment, Options())
    assert held.going_on
    first.join()


class Slow:
    """A study that has a beginning at once and everything at the ninth."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks = 0
        monkeypatch.setattr(studying, "progress", self.progress)
        monkeypatch.setattr(studying, "result", lambda ticket: f"{ticket}, look {self.looks}")

    def progress(self, _: str) -> FitProgress:
        self.looks += 1
        return FitProgress(self.looks, 9, "", "done" if self.looks >= 9 else "fitting")


def test_a_beginning_is_shown_at_once_where_there_was_nothing(monkeypatch: pytest.MonkeyPatch):
    Slow(monkeypatch)
    held = Inquiry()
    inquiry.follow(held, "a question", lambda _: "first", hurried=True)
    assert held.shown.startswith("first")
    assert held.going_on


def test_an_answer_is_not_replaced_by_the_beginning_of_the_next_one(monkeypatch: pytest.MonkeyPatch):
    """A page would lose what stands there, and have it again a moment later."""
    Slow(monkeypatch)
    held = Inquiry(asked="a question", found="an answer")
    inquiry.follow(held, "another question", lambda _: "second", hurried=True)
    assert held.shown.startswith("second")
    assert not held.going_on
