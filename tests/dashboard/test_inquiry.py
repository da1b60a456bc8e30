"""What a page shows of a study: the last answer while the next one comes, but never beside why there is none."""

from __future__ import annotations

import pytest

from dashboard.inquiry import Inquiry
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
