"""Try a text: the weights as they are, any text, no learning."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import streamlit as st

from core import limits
from core.experiment import InvalidExperiment
from dashboard import session
from dashboard.charts import CHARTS
from dashboard.charts.picture import number, percent
from dashboard.form import problem_line
from dashboard.live import runs
from dashboard.live.runs import LiveError
from dashboard.session import Session
from dashboard.texts import Texts
from dashboard.views import looking

PLACE = "try"
DEFAULTS = ("step_losses", "next_tokens", "lag_matrix")
TOKENS = 20
"""Generated at a time."""


@st.fragment(key="trying")
def panel(held: Session, say: Texts) -> None:
    """Reading a text on the left, writing one on the right."""
    if held.control is None:
        st.html(f"<p class='aside'>{escape(say('try.watching'))}</p>")
        return
    reading, writing = st.columns(2, gap="large")
    with reading:
        _read(held, held.control, say)
    if held.description.get("writes", True):
        with writing:
            _write(held, held.control, say)
    if held.trial is not None:
        trace = held.trial.trace.of(0)
        charts = looking.names(tuple(CHARTS), PLACE, DEFAULTS, say)
        look = looking.choose(trace, charts, PLACE, say)
        for name in charts:
            looking.show(name, trace, look, PLACE, say)


def _read(held: Session, control: str, say: Texts) -> None:
    st.html(f"<h3 class='chart'>{escape(say('try.read'))}</h3><p class='aside'>{escape(say('try.read_help'))}</p>")
    st.text_input(say("try.text"), key="try text", placeholder=say("try.placeholder"))
    pressed = st.button(say("try.go"), key="try go", type="primary")
    text = session.widget("try text") or ""
    if pressed or (text and text != session.widget("tried text")):
        session.set_widget("tried text", text)
        try:
            held.trial = runs.try_text(control, text)
            held.problems.pop("trial", None)
        except InvalidExperiment as invalid:
            held.problems["trial"] = invalid.problems.get("text", str(invalid))
        except LiveError as error:
            held.problems["trial"] = str(error)
    problem_line(held.problems.get("trial"))
    if held.trial is not None:
        _tokens(held.trial, say)


def _tokens(trial: Any, say: Texts) -> None:
    """The text as the network read it: every token's loss, the unknown ones marked."""
    axis, shares = trial.trace.of(0).axes[0], trial.trace.of(0)["loss"]
    losses = shares * np.isfinite(shares).sum()  # L is the mean of what is predicted, and L_t a share of it
    spans = []
    foretold = axis.targets[:-1] == axis.inputs[1:]
    for step, token in enumerate(axis.inputs, 1):
        unknown = step in trial.unknown
        mark = f" class='unknown' title='{escape(say('try.unknown'), quote=True)}'" if unknown else ""
        # Of what is read next, the loss stands at the token itself; any other answer stands below what was read before it.
        loss = number(losses[step - 2]) if foretold and step > 1 else ""
        if not foretold and np.isfinite(losses[step - 1]):
            loss = f"{escape(axis.targets[step - 1])} · {number(losses[step - 1])}"
        spans.append(f"<span{mark}>{escape(token)}{f'<small>{loss}</small>' if loss else ''}</span>")
    if foretold and np.isfinite(losses[-1]):
        spans.append(f"<span>{escape(axis.targets[-1])}<small>{number(losses[-1])}</small></span>")
    st.html(f"<p class='tokens-row'>{''.join(spans)}</p>")
    words = say("try.losses", mean=number(float(np.nanmean(losses))), iteration=f"{trial.trace.iteration:,}")
    if trial.unknown:
        words += " " + say("try.unknown_words", count=len(trial.unknown))
    if trial.beyond:
        words += " " + say("try.beyond", known=len(axis.inputs) - trial.beyond)
    st.html(f"<p class='words'>{escape(words)}</p>")


def _write(held: Session, control: str, say: Texts) -> None:
    st.html(f"<h3 class='chart'>{escape(say('try.write'))}</h3><p class='aside'>{escape(say('try.write_help', count=TOKENS))}</p>")
    st.text_input(say("try.prompt"), key="try prompt", placeholder=say("try.prompt_placeholder"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for key, first in (("try temperature", "1"), ("try seed", "0")):
            if session.widget(key) is None:
                session.set_widget(key, first)
        st.text_input(say("try.temperature"), key="try temperature", help=say("try.temperature_help"), width=140)
        st.text_input(say("try.seed"), key="try seed", help=say("try.seed_help"), width=140)
        pressed = st.button(say("try.generate"), key="try generate", type="primary")
    if pressed:
        held.problems.pop("generate", None)
        try:
            held.generated = runs.generate(
                control,
                TOKENS,
                _within("temperature", session.widget("try temperature"), 0.0, limits.TEMPERATURE, say),
                int(_within("seed", session.widget("try seed"), 0, limits.SEED, say)),
                session.widget("try prompt") or "",
            )
        except (InvalidExperiment, LiveError, ValueError) as error:
            held.problems["generate"] = str(error)
    problem_line(held.problems.get("generate"))
    if held.generated is not None and "generate" not in held.problems:
        spans = [
            f"<span title='{percent(chance)}'>{escape(token)}<small>{percent(chance)}</small></span>"
            for token, chance in zip(held.generated.tokens, held.generated.probabilities, strict=False)
        ]
        st.html(f"<p class='tokens-row'>{''.join(spans)}</p>")
        st.code(held.generated.text, language=None, wrap_lines=True)
        words = say("try.again")
        if held.generated.unknown:
            words = say("try.unknown_beginning", count=say.count("token", held.generated.unknown)) + " " + words
        st.html(f"<p class='aside'>{escape(words)}</p>")


def _within(name: str, typed: str | None, low: float, high: float, say: Texts) -> float:
    """The number that was typed; ValueError with one sentence where it is none, or beyond its bounds."""
    whole = name == "seed"
    try:
        value = float(typed or "")
        if not low <= value <= high or (whole and value != int(value)):
            raise ValueError
    except ValueError:
        raise ValueError(say(f"try.bad_{name}", low=f"{low:g}", high=f"{high:,.0f}")) from None
    return value
