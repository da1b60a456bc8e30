"""The page 'Vanishing': how errors fade in this network, what makes them, and which levers change it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, TypeVar

import streamlit as st

from core.experiment import SPECS
from core.measures.saturation import Saturated
from core.studies import half_lives, phase, vanishing
from core.studies.study import Refused
from dashboard import session, steering
from dashboard.charts.lab import fading, jacobians, rates, tail
from dashboard.charts.lab import half_lives as half_lives_chart
from dashboard.charts.lab import phase as phase_chart
from dashboard.charts.picture import Look, Picture, number, percent
from dashboard.form import problem_line
from dashboard.live import runs
from dashboard.session import Session
from dashboard.texts import Texts
from dashboard.views import looking
from dashboard.views.lab import frame

PLACE = "vanishing"
BOUNDS = {"gain": (0.1, 10.0), "forget_bias": (-2.0, 6.0)}
"""Between which values the levers first go."""

A = TypeVar("A")


def panel(held: Session, say: Texts) -> None:
    """Everything on the page."""
    asked = _asked(vanishing.Asked, lambda: _question(held, say))
    frame.study(held, "vanishing", asked, lambda found: _fading(found, say), say)
    _diagram(held, say)
    _cells(held, say)
    st.html(f"<p class='aside'>{escape(say('lab.vanishing.source'))}</p>")
    looking.picture_format(say)


def _look(say: Texts) -> Look:
    return Look(dark=session.is_dark(), language=say.language, task=say.task)


def _asked(kind: type[A], make: Callable[[], A]) -> A:
    """What is typed; where that cannot be, one sentence, and what was asked before."""
    key = f"{kind.__module__} asked"
    try:
        asked = make()
    except Refused as refusal:
        problem_line(str(refusal))
        before = session.widget(key)
        return kind(**before) if before else kind()
    session.set_widget(key, frame.plain(asked))
    return asked


def _question(held: Session, say: Texts) -> vanishing.Asked:
    plain = vanishing.Asked()
    layers = held.experiment.layers
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = 0
        if layers > 1:
            layer = looking.pick("vanishing layer", [*range(layers, 0, -1)], say("look.layer"), str)
        first = frame.whole("vanishing first", plain.first_lag, say("lab.vanishing.first"), say("lab.vanishing.first_help"))
        last = frame.whole("vanishing last", plain.last_lag, say("lab.vanishing.last"), say("lab.vanishing.last_help"))
        run = frame.whole("vanishing run", plain.run, say("lab.vanishing.run"), say("lab.vanishing.run_help"))
    return vanishing.Asked(layer, first, last, run)
