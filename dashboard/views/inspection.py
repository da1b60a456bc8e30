"""Pause to inspect: the panels of the present iteration as charts to hover, zoom and save."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from core.experiment import InvalidExperiment
from dashboard import session
from dashboard.charts import CHARTS, history
from dashboard.charts.picture import Look
from dashboard.live import runs
from dashboard.live.runs import LiveError
from dashboard.session import Session
from dashboard.texts import Texts
from dashboard.views import looking

PLACE = "inspect"
DEFAULTS = ("history", "lag_matrix", "hidden_state", "gradient")


@st.fragment(key="inspection")
def panel(held: Session, view: Mapping[str, Any] | None, say: Texts) -> None:
    """Empty while the run trains: a picture that is already out of date is none to inspect."""
    run = held.run
    if run is None:
        return
    try:
        info = runs.find(run)
        if info is None:
            return
        if info.state == "training":
            _pause_first(held, say)
            return
        if info.iteration == 0 and not session.widget("inspect the start"):
            st.html(f"<p class='aside'>{escape(say('inspect.nothing_yet'))}</p>")
            st.toggle(say("inspect.start"), key="inspect the start")
            return
        if view and view != session.widget("inspected view"):
            session.set_widget("inspected view", view)
            looking.follow(view, PLACE)
        trace, _ = runs.trace(run)
        points = runs.history(run)
    except (LiveError, InvalidExperiment) as error:
        st.html(f"<p class='note bad' role='alert'>{escape(str(error))}</p>")
        return
    shown = f"{trace.iteration:,}"
    back = view["back"] if view else None
    if back is not None:
        st.html(f"<p class='note' role='status'>{escape(say('inspect.back', back=f'{back:,}', iteration=shown))}</p>")
    st.html(f"<p class='aside'>{escape(say('inspect.iteration', iteration=shown, books=_books(trace.books, say)))}</p>")
    if not trace.in_batch:
        st.html(f"<p class='aside'>{escape(say('inspect.not_in_batch'))}</p>")
    observed = trace.of(0)
    charts = looking.names(("history", *CHARTS), PLACE, DEFAULTS, say)
    of_trace = [name for name in charts if name in CHARTS]
    look = looking.choose(observed, of_trace, PLACE, say) if of_trace else looking.as_shown(say)
    for name in charts:
        if name == "history":
            _history(points, held, look, say)
        else:
            looking.show(name, observed, look, PLACE, say)
    if charts:
        looking.picture_format(say)


def _pause_first(held: Session, say: Texts) -> None:
    st.html(f"<p class='aside'>{escape(say('inspect.training'))}</p>")
    if held.control is not None:
        control = held.control
        st.button(say("inspect.pause"), on_click=lambda: runs.command(control, "pause"), icon=":material/pause:", key="pause to inspect")


def _history(points: Any, held: Session, look: Look, say: Texts) -> None:
    looking.heading("history", "history.csv", looking.table(lambda: history.frame(points)), PLACE, say)
    threshold = held.experiment.threshold if held.experiment.clip == "norm" else None
    looking.figure(history.draw(points, threshold, look), "history", PLACE)


def _books(books: Mapping[str, float], say: Texts) -> str:
    worst = max(books.values(), default=math.nan)
    return say("inspect.books", error=f"{worst:.0e}") if math.isfinite(worst) else say("inspect.no_books")
