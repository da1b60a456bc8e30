"""The truncation cliff, a section of the page 'Truncation': networks that differ in K alone, trained side by side."""

from __future__ import annotations

import re

import streamlit as st

from core import limits
from core.studies.cliff import Asked, Found, spread
from core.studies.study import Refused
from dashboard import session
from dashboard.charts.lab import cliff
from dashboard.charts.picture import Look
from dashboard.session import Session
from dashboard.texts import Texts
from dashboard.views import looking
from dashboard.views.lab import frame

PLACE = "cliff"


def section(held: Session, say: Texts) -> None:
    """Begun on purpose: it trains several networks from the start."""
    if held.experiment.model == "transformer":
        return
    known = held.inquiries.get("cliff")
    csv = (lambda: str(known.found.to_frame().to_csv(index=False))) if known and known.found else None
    looking.heading("cliff", "cliff.csv", csv, PLACE, say)
    look = Look(dark=session.is_dark(), language=say.language, subjects=say.subjects)

    def draw(found: Found) -> None:
        for quantity, column in zip(found.quantities(), st.columns(2, gap="large"), strict=False):
            with column:
                looking.figure(cliff.draw(found, quantity, look), f"cliff {quantity}", PLACE)

    frame.on_demand(held, "cliff", lambda: _asked(held, say), say("lab.cliff.ask"), draw, say)


def _asked(held: Session, say: Texts) -> Asked:
    """What was typed: several K, iterations and seeds."""
    steps = held.description["steps"]
    key, first = f"cliff ks {steps}", Asked()
    if session.widget(key) is None:
        session.set_widget(key, ", ".join(map(str, spread(steps))))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(say("lab.cliff.ks"), key=key, help=say("lab.cliff.ks_help", steps=steps), width=190)
        iterations = frame.whole("cliff iterations", first.iterations, say("measure.iterations"), _upto(limits.MEASURED_ITERATIONS, say))
        seeds = frame.whole("cliff seeds", first.seeds, say("measure.seeds"), _upto(limits.MEASURED_SEEDS, say))
    words = [word for word in re.split(r"[\s,]+", typed) if word]
    if not all(word.isdecimal() for word in words):
        raise Refused(say("lab.cliff.bad_ks"))
    return Asked(tuple(sorted({int(word) for word in words})), iterations, seeds)


def _upto(most: int, say: Texts) -> str:
    return say("lab.truncation.iterations_help", low=1, high=f"{most:,}")
