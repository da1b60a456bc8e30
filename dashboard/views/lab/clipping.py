"""The page 'Clipping': how long this run's gradients are, the same training with other thresholds, and the error cliff."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from core.measures.error_cliff import CLIPPINGS
from core.studies import cliff_descent, clipping, replay
from core.studies.start import STARTS
from dashboard import session
from dashboard.charts.lab import error_cliff, norms
from dashboard.charts.lab import replay as replayed
from dashboard.charts.picture import Look, percent
from dashboard.form import line
from dashboard.live import runs
from dashboard.live.runs import LiveError
from dashboard.session import Session
from dashboard.texts import Texts
from dashboard.views import looking
from dashboard.views.lab import frame, typed
from dashboard.views.lab.leads import lead

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

PLACE = "clipping"
QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.99)
SCALES = ("log", "linear")
BEGINNING, PRESENT = STARTS


def panel(held: Session, say: Texts) -> None:
    """Everything on the page."""
    names = ("norms", "replay", "error_cliff")
    tabs = st.tabs([say(f"lab.clipping.tabs.{name}") for name in names], key="clipping tabs", on_change="rerun")
    for tab, section in zip(tabs, (_norms, _replay, _cliff), strict=True):
        if tab.open:
            with tab:
                section(held, say)
    looking.picture_format(say)
    st.html(f"<p class='aside'>{escape(say('lab.clipping.source'))}</p>")


def _starts(say: Texts) -> dict[str, str]:
    return {start: say(f"lab.starts.{start}") for start in STARTS}


def _norms(held: Session, say: Texts) -> None:
    """The norms of this run, and what carried the longest."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = typed.choice("norms", "start", _starts(say), BEGINNING, say)
        frame.further(say, there=start != BEGINNING)
        iterations = typed.field("norms", "iterations", "300", say)
        spikes = typed.field("norms", "spikes", "3", say)
    line(say("lab.norms.changed") if held.changed_live and start == BEGINNING else "", "note")
    labels = {name: say(f"lab.norms.{name}") for name in ("iterations", "spikes")}
    asked = typed.asked(
        "norms",
        lambda: clipping.Asked(
            start, typed.read_whole(labels["iterations"], iterations, say), typed.read_whole(labels["spikes"], spikes, say)
        ),
    )
    if asked:
        frame.study(held, "clipping", asked, lambda found: _norms_found(held, asked, found, say), say)


def _norms_found(held: Session, asked: clipping.Asked, found: clipping.Found, say: Texts) -> None:
    look, place = looking.as_shown(say), "norms"
    quantile = typed.pick("norms", "quantile", QUANTILES, 0.9, percent, say)
    left, right = st.columns(2, gap="large")
    with left:
        looking.heading("norms", "norms.csv", looking.table(found.to_frame), place, say)
        looking.figure(norms.draw(found, quantile, look), "norms", place)
    frame.afterwards(held, PLACE, lambda: _norms_further(asked, found, quantile, right, look, say), "found")


def _norms_further(asked: clipping.Asked, found: clipping.Found, quantile: float, right: DeltaGenerator, look: Look, say: Texts) -> None:
    """How the norms are distributed, how far clipping turned gradients, and what carried the longest."""
    place = "norms"
    with right:
        looking.heading("distribution", "norms_distribution.csv", looking.table(found.distribution), place, say)
        looking.figure(norms.draw_distribution(found, quantile, look), "distribution", place)
    looking.heading("turned", "turned.csv", looking.table(found.angles), place, say)
    turned = norms.draw_turned(found, look)
    if np.isfinite(found.cut_at).any():
        looking.figure(turned, "turned", place)
    else:
        st.html(f"<p class='words'>{escape(turned.words)}</p>")
    if found.spikes:
        _spike(found, look, say)
    elif asked.spikes:
        lead("spikes", PLACE, say)


def _spike(found: clipping.Found, look: Look, say: Texts) -> None:
    """One of the spikes that were looked into: the longest against those before it, unless another one is chosen."""
    place = "norms"
    by_times = sorted(found.spikes, key=lambda spike: -spike.times)
    spikes = {spike.iteration: spike for spike in by_times}
    chosen = spikes[typed.pick("norms", "spike", list(spikes), by_times[0].iteration, lambda iteration: f"{iteration:,}", say)]
    left, right = st.columns([3, 2], gap="large")
    with left:
        looking.heading("spike", f"spike_{chosen.iteration}.csv", looking.table(chosen.to_frame), place, say)
        looking.figure(norms.draw_spike(chosen, look), "spike", place)
    with right:
        looking.heading("spike_weights", f"spike_{chosen.iteration}_weights.csv", looking.table(chosen.weights_frame), place, say)
        looking.figure(norms.draw_weights(chosen, look), "spike_weights", place)


def _replay(held: Session, say: Texts) -> None:
    """The same training with other thresholds."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start, past = _start_of_replay(held, say)
        frame.further(say, there=start != BEGINNING)
        alike = typed.field("replay", "alike", "0", say)
        iterations = typed.field("replay", "iterations", "200", say)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = typed.choice("replay", "clipping", {name: say(f"lab.clips.{name}") for name in replay.CLIPPINGS}, "norm", say)
        thresholds = typed.field("replay", "thresholds", "0.02, 0.1, 0.5", say, width=260)
        off = typed.switch("replay", "off", say, first=True)
    labels = {name: say(f"lab.replay.{name}") for name in ("alike", "iterations", "thresholds")}
    asked = typed.asked(
        "replay",
        lambda: replay.Asked(
            start,
            typed.read_whole(labels["alike"], alike, say),
            typed.read_whole(labels["iterations"], iterations, say),
            by,
            typed.numbers(labels["thresholds"], thresholds, say),
            off,
        ),
    )
    if asked:
        frame.study(held, "replay", asked, lambda found: _replay_found(held, found, say), say, past=past)


def _start_of_replay(held: Session, say: Texts) -> tuple[str, int | None]:
    """Where all trainings begin: the study's own start, and the iteration of the past checkpoint whose present that is."""
    try:
        kept = [iteration for iteration in runs.checkpoints(held.control or "") if iteration]
    except LiveError:
        kept = []
    words = _starts(say) | {str(iteration): say("lab.replay.past", iteration=f"{iteration:,}") for iteration in kept}
    chosen = typed.pick("replay", "start", [BEGINNING, *map(str, kept), PRESENT], BEGINNING, words.__getitem__, say)
    return (PRESENT, int(chosen)) if chosen.isdecimal() else (chosen, None)


def _replay_found(held: Session, found: replay.Found, say: Texts) -> None:
    try:
        history = runs.history(held.run or "")
    except LiveError:
        history = np.empty((0, 6))
    looking.heading("replay", "replay.csv", looking.table(found.to_frame), "replay", say)
    looking.figure(replayed.draw(found, history, looking.as_shown(say)), "replay", "replay")


CLIFF: dict[str, str] = {"w": "5.25", "b": "-3.125", "threshold": "1", "rate": "0.5", "steps": "300", "span": "4"}


def _cliff(held: Session, say: Texts) -> None:
    """The published network of one unit."""
    st.html(f"<p class='aside'>{escape(say('lab.error_cliff.intro'))}</p>")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = typed.choice("error_cliff", "clipping", {name: say(f"lab.clips.{name}") for name in CLIPPINGS}, "norm", say)
        fields = {name: typed.field("error_cliff", name, first, say, width=110) for name, first in CLIFF.items()}
        scale = typed.choice("error_cliff", "scale", {name: say(f"lab.scales.{name}") for name in SCALES}, "linear", say)

    def make() -> cliff_descent.Asked:
        values: dict[str, Any] = {
            name: (typed.read_whole if name == "steps" else typed.read_number)(say(f"lab.error_cliff.{name}"), text, say)
            for name, text in fields.items()
        }
        return cliff_descent.Asked(clipping=by, **values)

    asked = typed.asked("error_cliff", make)
    if asked:
        frame.study(held, "cliff_descent", asked, lambda found: _cliff_found(found, scale, say), say)


def _cliff_found(found: cliff_descent.Found, scale: str, say: Texts) -> None:
    look, place, surface = looking.as_shown(say), "error_cliff", looking.table(found.surface_frame)
    left, right = st.columns(2, gap="large")
    with left:
        looking.heading("error_cliff", "error_cliff.csv", surface, place, say)
        looking.solid(error_cliff.draw_surface(found, scale, look), "error_cliff", place)
    with right:
        looking.heading("contour", "error_cliff.csv", surface, place, say)
        looking.figure(error_cliff.draw_contour(found, scale, look), "contour", place, picked=_pick)
    looking.heading("descents", "descents.csv", looking.table(found.to_frame), place, say)
    looking.figure(error_cliff.draw_descents(found, look), "descents", place)
    if session.widget("error_cliff picked"):
        session.set_widget("error_cliff picked", value=False)
        st.rerun()  # the fields of the beginning stand above this part of the page


def _pick(x: float, y: float) -> None:
    """Begin where the contours were clicked."""
    typed.put("error_cliff", "w", f"{x:.6g}")
    typed.put("error_cliff", "b", f"{y:.6g}")
    session.set_widget("error_cliff picked", value=True)
