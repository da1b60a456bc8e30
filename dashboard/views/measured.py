"""The section 'Error against K': what truncation costs the forecast, measured on demand."""

from __future__ import annotations

import math
from html import escape

import streamlit as st

from core.baselines import BASELINES
from core.experiment import Experiment
from core.scores import SCORES
from core.truncation import TRUNCATIONS
from dashboard import measurement, session
from dashboard.charts import error_by_k
from dashboard.comparing import Comparison
from dashboard.form import problem_line
from dashboard.session import Session
from dashboard.texts import Texts, literal
from dashboard.views import looking

PLACE = "forecast"
NAME = "error_by_k"
ASK_EVERY = 0.7
"""Seconds between two looks at how far the networks are."""
FIRST = {"measure iterations": "300", "measure seeds": "3"}


def panel(held: Session, say: Texts) -> None:
    """All of the section, drawn again and again while networks are trained."""
    measured = held.measurement
    measurement.follow(measured, held.experiment)
    every = ASK_EVERY if measured.going_on else None

    @st.fragment(run_every=every, key="error by k")
    def section() -> None:
        measurement.look(measured)
        if measured.going_on != bool(every):  # the fragment is to be asked again, or no more
            st.rerun()
        csv = looking.table(lambda: error_by_k.frame(measured.found)) if measured.found else None
        looking.heading(NAME, "error_by_k.csv", csv, PLACE, say)
        problem_line(_order(held, say) or measured.problem)
        _progress(held, say)
        if measured.found:
            _chart(held, say)

    section()


def _order(held: Session, say: Texts) -> str:
    """How many iterations and seeds, and the button; what is wrong with them, or ""."""
    for key, first in FIRST.items():
        if session.widget(key) is None:
            session.set_widget(key, first)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(say("measure.iterations"), key="measure iterations", help=literal(say("measure.iterations_help")), width=150)
        st.text_input(say("measure.seeds"), key="measure seeds", help=literal(say("measure.seeds_help")), width=150)
        refused = measurement.unreadable(*_typed())
        idle = bool(refused) or held.measurement.going_on
        st.button(say("measure.go"), on_click=_begin, args=(held,), key="measure", type="primary", disabled=idle)
    return refused


def _begin(held: Session) -> None:
    measurement.begin(held.measurement, held.experiment, *_typed())


def _typed() -> tuple[str, str]:
    """Iterations and seeds, as they stand in their fields."""
    iterations, seeds = (session.widget(key) or "" for key in FIRST)
    return iterations, seeds


def _progress(held: Session, say: Texts) -> None:
    measured = held.measurement
    seen = measured.progress
    if seen is None:
        return
    if seen.state == "fitting":
        looking.going(seen, say("measure.going", done=seen.done, total=seen.total))
        st.button(say("forecast.cancel"), on_click=measurement.cancel, args=(measured,), key="cancel measuring")
    elif seen.state == "cancelled":
        st.html(f"<p class='aside'>{escape(say('forecast.cancelled'))}</p>")


def _chart(held: Session, say: Texts) -> None:
    compared, measured = held.comparison, held.measurement
    if compared.series is None or compared.parts is None or measured.progress is None:
        return
    spans = [part for part in ("validation", "test") if getattr(compared.parts, part).stop > getattr(compared.parts, part).start]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if session.widget("measure score") is None:
            session.set_widget("measure score", "mase")
        score = looking.pick("measure score", list(SCORES), say("measure.score"), lambda name: SCORES[name].label)
        part = looking.pick("measure part", spans, say("forecast.part"), lambda name: say(f"forecast.parts.{name}"))
    if len(compared.series.columns) > 1:
        st.html(f"<p class='aside'>{escape(say('measure.columns', count=len(compared.series.columns)))}</p>")
    asked = error_by_k.Asked(
        measured.ks,
        measured.progress.total,
        part,
        score,
        compared.series.period,
        cut(held.experiment),
        best_baseline(compared, part, score),
        ended=not measured.going_on,
    )
    look = looking.as_shown(say)
    looking.figure(error_by_k.draw(measured.found, asked, look), NAME, PLACE)


def cut(experiment: Experiment) -> int | None:
    """The longest reach of the experiment's own truncation, None where it cuts nothing."""
    reach = TRUNCATIONS[experiment.truncation].of(experiment, experiment.window).k2
    return reach if reach < experiment.window else None


def best_baseline(compared: Comparison, part: str, score: str) -> tuple[str, float] | None:
    """The name and the score of the baseline with the smallest one."""
    boards = {name: compared.board(result.forecast) for name, result in compared.results.items() if result.forecast}
    found = {name: board[part][score] for name, board in boards.items() if part in board and math.isfinite(board[part][score])}
    if not found:
        return None
    name = min(found, key=found.__getitem__)
    return BASELINES[name].label, found[name]
