"""The badge of the proof is green only for what was measured to be right."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from core.checks import Check, Slope
from core.studies.proof import Found
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


def verdict(monkeypatch, books, dtype="float64", proved=None) -> tuple[str, str]:
    held = Session(page=FIRST, experiment=STARTS[FIRST].replace(dtype=dtype))
    if proved is not None:
        held.inquiries["proof numbers"] = Inquiry(found=proved)
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


def test_without_a_trace_nothing_is_claimed(monkeypatch):
    def gone(key):
        raise LiveError("gone")

    monkeypatch.setattr(proof.runs, "trace", gone)
    assert proof._verdict(Session(page=FIRST, experiment=STARTS[FIRST]), load())[0] == "unknown"


def test_a_check_that_fails_is_loud_in_the_table():
    say = load()
    rows = [proof._row(check, say) for check in found(0.2).checks]
    assert rows[0] == ("Books", "shares of the steps add up to each weight's gradient", "2e-16", "1e-09", "9", "✓")
    assert rows[1] == ("Autograd", "readout.bias", "2e-01", "1e-09", "7", "✗ too large")
    table = proof._table(rows, say)
    assert table.count("class='bad'") == 1
    assert "readout.bias" in proof._slopes(found(0.2).slopes, say)
