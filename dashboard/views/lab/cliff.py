"""The truncation cliff, a section of the page 'Truncation': networks that differ in K alone, trained side by side."""

from __future__ import annotations

from html import escape

import streamlit as st

from core import limits
from core.studies.cliff import Asked, Found, spread
from dashboard.charts.lab import cliff
from dashboard.session import Session
from dashboard.texts import Texts
from dashboard.views import looking
from dashboard.views.lab import frame, typed
from dashboard.views.lab.leads import lead

PLACE = "cliff"


def section(held: Session, say: Texts) -> None:
    """Begun on purpose: it trains several networks from the start."""
    if held.experiment.model == "transformer":
        return
    look = looking.as_shown(say)

    def draw(found: Found) -> None:
        for quantity, column in zip(found.quantities(), st.columns(2, gap="large"), strict=False):
            with column:
                looking.figure(cliff.draw(found, quantity, look), f"cliff {quantity}", PLACE)

    with frame.headed(held, "cliff", PLACE, say):
        if not held.description["lag"]:
            st.html(f"<p class='words'>{escape(say('lab.cliff.unknown'))}</p>")
            with st.container(horizontal=True):
                lead("order", "truncation", say)
                lead("echo", "truncation", say)
        frame.on_demand(held, "cliff", lambda: _asked(held, say), say("lab.cliff.ask"), draw, say)


def _asked(held: Session, say: Texts) -> Asked:
    """What was typed: several K, iterations and seeds.  At first what shows the cliff of this task; of another task, its own."""
    steps, lag, tells = (held.description[name] for name in ("steps", "lag", "tells"))
    first, fields = Asked(spread(steps, lag), tells), typed.Fields(say)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ks = fields.several(f"cliff ks {steps} {lag}", first.ks, say("lab.cliff.ks"), say("lab.cliff.ks_help", steps=steps))
        iterations = fields.whole(
            f"cliff iterations {tells}", first.iterations, say("measure.iterations"), _upto(limits.MEASURED_ITERATIONS, say)
        )
        seeds = fields.whole("cliff seeds", first.seeds, say("measure.seeds"), _upto(limits.MEASURED_SEEDS, say))
    fields.check()
    return Asked(tuple(sorted(set(ks))), iterations, seeds)


def _upto(most: int, say: Texts) -> str:
    return say("lab.truncation.iterations_help", low=1, high=f"{most:,}")
