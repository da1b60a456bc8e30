"""The badge of the proof is green only for what was measured to be right."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from core.checks import Check, Slope
from core.studies.proof import Asked, Found
from dashboard.inquiry import Inquiry
from dashboard.live.runs import LiveError
from dashboard.session import Session
from dashboard.starts import FIRST, STARTS
from dashboard.texts import load
from dashboard.views import proof

RIGHT = {"lag matrix": 3e-16, "shares": 2e-16, "direct": 0.0}


def found(error: float) -> Found:
    checks = (Check("books", "shares", 2e-16, 1e-9, 9), Check("autograd", "readout.bias", error, 1e-9, 7))
    return Found(4, "float64", checks, (Slope("readout.bias", 3, 0.5, 0.5, 1e-12),), complete=True)


def verdict(monkeypatch, books, dtype="float64", proved=None, iteration=4, stale=False, **changed) -> tuple[str, str]:
    """iteration: of the run now.   stale, changed: of the question and the experiment, since the proof."""
    held = Session(page=FIRST, control="key", experiment=STARTS[FIRST].replace(dtype=dtype))
    if proved is not None:
        asked = ((held.control, held.experiment, Asked(), 0, 0), 4)
        held.inquiries["proof numbers"] = Inquiry(asked=asked, found=proved, stale=stale)
    held.experiment = held.experiment.replace(**changed)
    monkeypatch.setattr(proof.runs, "find", lambda key: SimpleNamespace(iteration=iteration))
    monkeypatch.setattr(proof.runs, "trace", lambda key: (SimpleNamespace(books=books), {}))
    return proof._verdict(held, load())


@pytest.mark.parametrize(
    ("books", "dtype", "expected"),
    [
        (RIGHT, "float64", ("good", "✓ books balance · 3e-16")),
        (RIGHT | {"shares": 2e-9}, "float64", ("bad", "✗ the books do not balance · 2e-09")),
        (RIGHT | {"shares": 2e-6}, "float32", ("good", "✓ books balance · 2e-06")),
        (RIGHT | {"shares": 2e-4}, "float32", ("bad", "✗ the books do not balance · 2e-04")),
        (RIGHT | {"shares": math.nan}, "float64", ("unknown", "books not known yet")),
        ({"first": math.nan} | RIGHT, "float64", ("unknown", "books not known yet")),
        ({}, "float64", ("unknown", "books not known yet")),
    ],
    ids=str,
)
def test_the_badge_says_what_the_books_say(monkeypatch, books, dtype, expected):
    assert verdict(monkeypatch, books, dtype) == expected


def test_a_failed_proof_is_red_however_well_the_books_balance(monkeypatch):
    assert verdict(monkeypatch, RIGHT, proved=found(1e-12))[0] == "good"
    assert verdict(monkeypatch, RIGHT, proved=found(0.2)) == ("bad", "✗ the proof fails · 2e-01")
    assert verdict(monkeypatch, RIGHT, proved=found(math.nan)) == ("bad", "✗ the proof fails · —")


@pytest.mark.parametrize("since", [{"iteration": 5}, {"hidden": 3}, {"stale": True}], ids=str)
def test_a_proof_of_another_network_says_nothing_of_this_one(monkeypatch, since):
    assert verdict(monkeypatch, RIGHT, proved=found(0.2), **since) == ("good", "✓ books balance · 3e-16")


@pytest.mark.parametrize("control", ["key", None])
def test_who_watches_cannot_ask_for_the_numbers(monkeypatch, control):
    buttons = []
    monkeypatch.setattr(proof, "_verdict", lambda held, say: ("good", "✓"))
    monkeypatch.setattr(proof, "panel", lambda held, say: None)
    monkeypatch.setattr(proof.st, "button", lambda label, **more: buttons.append(more))
    proof.badge(Session(page=FIRST, control=control, experiment=STARTS[FIRST]), load())
    (button,) = buttons
    assert button["disabled"] == (control is None)
    assert button["help"].startswith("Show the numbers" if control else "You are watching")


def test_it_is_said_how_many_slopes_are_sure(monkeypatch):
    shown = []
    monkeypatch.setattr(proof.st, "html", shown.append)
    monkeypatch.setattr(proof.looking, "heading", lambda *_: None)
    sure = (Check("differences", "slopes", 1e-12, 1e-6, 2),)
    slopes = tuple(Slope("readout.bias", entry, 0.5, 0.5, doubt) for entry, doubt in enumerate((1e-12, 1e-12, 1.0)))
    proof._found(Found(4, "float64", sure, slopes, complete=True), load())
    assert "2 of 3 slopes are sure." in shown[0]


def test_without_a_trace_nothing_is_claimed(monkeypatch):
    def gone(key):
        raise LiveError("gone")

    monkeypatch.setattr(proof.runs, "trace", gone)
    assert proof._verdict(Session(page=FIRST, experiment=STARTS[FIRST]), load())[0] == "unknown"


def test_a_check_that_fails_is_loud_in_the_table():
    say = load()
    rows = [proof._row(check, say) for check in found(0.2).checks]
    assert rows[0] == ("Books", "✓", "shares of the steps add up to each weight's gradient", "2e-16", "1e-09", "9")
    assert rows[1] == ("Autograd", "✗ too large", "readout.bias", "2e-01", "1e-09", "7")
    table = proof._table(proof.CHECKED, rows, say)
    assert table.count("class='bad'") == 1
    assert "readout.bias" in proof._slopes(found(0.2).slopes, say)
