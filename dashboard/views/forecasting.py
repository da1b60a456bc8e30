"""Forecasts compared: the baselines beside the network, what they were fitted to, and what each leaves over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from core.baselines import BASELINES
from core.forecast import Forecast
from core.forecast_frame import frame
from dashboard import comparing, session
from dashboard.charts import residuals
from dashboard.charts.picture import number
from dashboard.form import folded, problem_line
from dashboard.live import runs
from dashboard.live.fits import Result
from dashboard.live.runs import LiveError
from dashboard.session import Session
from dashboard.texts import Texts, literal
from dashboard.views import looking, measured

PLACE = "forecast"
NETWORK = "network"
ASK_EVERY = 0.7
"""Seconds between two looks at how far the fits are."""


def panel(held: Session, say: Texts) -> None:
    """Baselines on the left, residuals and the error against K on the right."""
    compared = held.comparison
    fitting, leaving = st.columns([2, 3], gap="large")
    with fitting:
        _heading(held, say)
        _progress(held, say)
        problem_line(compared.problem)
        _orders(held, say)
        for name, result in compared.results.items():
            _fitted(name, result, say)
    with leaving:
        _residuals(held, say)
        if compared.series is not None:
            measured.panel(held, say)


def _heading(held: Session, say: Texts) -> None:
    """What stands here, and all forecasts as a file, the network's too while it rests."""
    compared = held.comparison
    row = st.container(horizontal=True, vertical_alignment="bottom", key="baselines heading")
    row.html(f"<h3 class='chart'>{escape(say('forecast.baselines'))}</h3><p class='aside'>{escape(say('forecast.baselines_help'))}</p>")
    if compared.series is not None and compared.parts is not None and compared.lines:
        looking.offer(row, "forecasts", "forecasts.csv", looking.table(lambda: _every_forecast(held)), say)


def _every_forecast(held: Session) -> pd.DataFrame:
    """All forecasts of the series with their intervals; empty once the page has none."""
    compared = held.comparison
    if compared.series is None or compared.parts is None:
        return pd.DataFrame()
    network = None if _is_untrained(held) else _network(held)
    found = {NETWORK: network, **{name: result.forecast for name, result in compared.results.items()}}
    there = {name: forecast for name, forecast in found.items() if forecast is not None}
    return frame(compared.series, compared.parts, there)


def _progress(held: Session, say: Texts) -> None:
    """How far the fits are, looked at again and again while they go on."""
    compared = held.comparison
    every = ASK_EVERY if compared.going_on else None

    @st.fragment(run_every=every, key="fits")
    def progress() -> None:
        before = compared.results.keys()
        comparing.look(compared)
        seen = compared.progress
        if seen is None:
            return
        if every and (seen.state != "fitting" or compared.results.keys() != before):
            st.rerun()
        if seen.state == "fitting":
            looking.going(seen, say("forecast.fitting", done=seen.done, total=seen.total))
            st.button(say("forecast.cancel"), on_click=comparing.cancel, args=(compared,), key="cancel fits")
        elif seen.state == "cancelled":
            st.html(f"<p class='aside'>{escape(say('forecast.cancelled'))}</p>")
            st.button(say("forecast.again"), on_click=comparing.begin, args=(compared, held.experiment), key="fit again", type="primary")

    progress()


def _orders(held: Session, say: Texts) -> None:
    """What can be written about the baselines.  What stands in the session is shown: a link may have brought it."""
    written, refused = held.fitting, held.comparison.unreadable

    def take(name: str) -> None:
        value: Any = session.widget(f"fit {name}")
        if not isinstance(value, bool):
            value = (value or "").strip() or "auto"
        held.fitting = replace(held.fitting, **{name: value})

    def field(name: str, draw: Callable[..., object], label: str, help: str) -> None:
        session.set_widget(f"fit {name}", getattr(written, name))
        draw(label, key=f"fit {name}", help=literal(help), on_change=take, args=(name,))
        problem_line(refused.get(name))

    place = folded(say("forecast.orders"), "orders", unfold=bool(refused))
    if not place.open:
        return
    with place:
        field("arima", st.text_input, say("forecast.arima"), say("forecast.arima_help"))
        field("ets", st.text_input, say("forecast.ets"), say("forecast.ets_help"))
        field("logarithm", st.toggle, say("forecast.logarithm"), say("forecast.logarithm_help"))


def _fitted(name: str, result: Result, say: Texts) -> None:
    """One baseline: its form, its parameters and what they mean; or why there is none."""
    label = " · ".join([BASELINES[name].label, *(fit.name for fit in result.fitted[:1] if fit.form)])
    if result.forecast is None:
        label += f" · {say('forecast.no_fit')}"
    elif not all(fit.converged for fit in result.fitted):
        label += f" · {say('forecast.not_converged')}"
    place = folded(literal(label), f"fitted {name}", icon=":material/warning:" if result.words else None)
    if not place.open:
        return
    with place:
        st.html(f"<p class='aside'>{escape(BASELINES[name].help)}</p>")
        problem_line(result.words)
        for fitted in result.fitted:
            rows = "".join(
                f"<tr><th scope='row'>{escape(p.name)}</th><td>{number(p.value)}</td><td>{escape(p.meaning)}</td></tr>"
                for p in fitted.parameters
            )
            if rows:
                st.html(f"<table class='fitted'><tbody>{rows}</tbody></table>")
            if fitted.criteria:
                told = [f"{say(f'forecast.criteria.{key}')} {number(value)}" for key, value in fitted.criteria.items()]
                if fitted.logarithm:
                    told.append(say("forecast.of_logarithm"))
                st.html(f"<p class='aside'>{escape(' · '.join(told))}</p>")
        tried = sum(1 for outcome in result.tried if outcome.fitted)
        if tried > 1:
            st.html(f"<p class='aside'>{escape(say('forecast.tried', count=tried))}</p>")


def _residuals(held: Session, say: Texts) -> None:
    compared = held.comparison
    if compared.series is None or compared.parts is None:
        return
    series, parts = compared.series, compared.parts
    names = [NETWORK, *(name for name, result in compared.results.items() if result.forecast)]
    labels = {NETWORK: say("forecast.network"), **{name: member.label for name, member in BASELINES.items()}}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = looking.pick("residuals of", names, say("forecast.of"), labels.__getitem__)
        spans = [part for part in ("validation", "test") if getattr(parts, part).stop > getattr(parts, part).start]
        part = looking.pick("residuals part", spans, say("forecast.part"), lambda name: say(f"forecast.parts.{name}"))
        columns = list(range(len(series.columns)))
        column = looking.pick("residuals column", columns, say("forecast.column"), series.columns.__getitem__) if len(columns) > 1 else 0
    if chosen == NETWORK and _is_untrained(held):
        st.html(f"<p class='aside'>{escape(say('forecast.untrained'))}</p>")
        return
    forecast = _network(held) if chosen == NETWORK else compared.results[chosen].forecast
    if forecast is None:
        st.html(f"<p class='aside'>{escape(say('forecast.pause'))}</p>")
        if held.control is not None:
            control = held.control
            st.button(
                say("inspect.pause"), on_click=lambda: runs.command(control, "pause"), icon=":material/pause:", key="pause for residuals"
            )
        return
    where: slice = getattr(parts, part)
    first = parts.train.stop
    times, actual = series.times[where], series.values[where, column]
    said = forecast.values[where.start - first : where.stop - first, column]
    ahead = 1 if chosen == NETWORK and held.experiment.rollout == "forced" else held.experiment.horizon
    look = looking.as_shown(say)
    numbers = looking.table(lambda: residuals.frame(times, actual, said))
    looking.heading("residuals", f"residuals_{chosen}_{part}.csv", numbers, PLACE, say)
    looking.figure(residuals.draw(times, actual, said, series.period, look, ahead), "residuals", PLACE)


def _is_untrained(held: Session) -> bool:
    """Whether the network has not learned anything yet.  The code of charts, which takes a browser a second, is not needed before."""
    try:
        info = runs.find(held.run) if held.run else None
    except LiveError:
        return False
    return info is not None and info.iteration == 0 and info.state != "training"


def _network(held: Session) -> Forecast | None:
    """The network's forecast as it is now; None while it trains, when it would be out of date before it is drawn."""
    run = held.run
    try:
        info = runs.find(run) if run else None
        return runs.forecast(run) if run and info and info.state != "training" else None
    except LiveError:
        return None
