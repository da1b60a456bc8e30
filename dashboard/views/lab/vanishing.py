"""The page 'Vanishing': how errors fade in this network, what makes them, and which levers change it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import streamlit as st

from core import limits
from core.experiment import SPECS, Experiment, InvalidExperiment
from core.measures.recurrence import check_drawn
from core.measures.saturation import Saturated
from core.studies import half_lives, phase, vanishing, ways
from dashboard import address, session
from dashboard.charts.lab import fading, jacobians, rates, tail
from dashboard.charts.lab import half_lives as half_lives_chart
from dashboard.charts.lab import phase as phase_chart
from dashboard.charts.lab import ways as ways_chart
from dashboard.charts.picture import Look, Picture, number, percent
from dashboard.form import line
from dashboard.live import runs
from dashboard.session import Session
from dashboard.texts import Texts
from dashboard.views import looking
from dashboard.views.lab import frame, typed
from dashboard.views.lab.leads import link

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

PLACE = "vanishing"
SPANS = {"gain": (0.1, 10.0), "forget_bias": (-2.0, 6.0)}
"""Between which values the levers first go."""
MODELS_COMPARED = ("recurrent", "transformer")
"""Of which there are networks of other weights, to be compared on the same sequence."""

COLUMNS = ("network", "half_life", "shortest", "longest", "left")
"""Of the table of half-lives."""

A = TypeVar("A")


def panel(held: Session, say: Texts) -> None:
    """Everything on the page; where there is no recurrence, only what there is."""
    experiment = held.experiment
    asked = typed.asked("vanishing", lambda: _question(held, say)) or vanishing.Asked()
    kinds = _kinds(experiment)
    state = (
        kinds[0]
        if len(kinds) == 1
        else looking.pick("fading state", kinds, say("look.state"), lambda kind: say(f"lab.vanishing.kinds.{kind}"))
    )
    line(say("lab.vanishing.attends") if experiment.attends else "", "aside")
    frame.study(held, "vanishing", asked, lambda found: _fading(held, found, state, say), say)
    frame.lower(held, PLACE, lambda: _lower(held, say))


def _lower(held: Session, say: Texts) -> None:
    """Other networks of the same kind."""
    experiment = held.experiment
    try:
        check_drawn(experiment)
    except InvalidExperiment as alone:
        st.html(f"<p class='note'>{escape(str(alone))}</p>")
    else:
        _diagram(held, say)
        _cells(held, say)
    if experiment.model in MODELS_COMPARED:
        _ways(held, say)
    st.html(f"<p class='aside'>{escape(say('lab.vanishing.source'))}</p>")
    looking.picture_format(say)


def _is_lstm(experiment: Experiment) -> bool:
    return experiment.model == "recurrent" and experiment.cell == "lstm"


def _kinds(experiment: Experiment) -> list[str]:
    """The errors that are told apart."""
    return [*(["c"] if _is_lstm(experiment) else []), "h", *(["attention", "recurrence"] if experiment.attends else [])]


def _question(held: Session, say: Texts) -> vanishing.Asked:
    layers, first, fields = held.experiment.layers if held.experiment.model == "recurrent" else 1, vanishing.Asked(), typed.Fields(say)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = looking.pick("vanishing layer", [*range(layers, 0, -1)], say("look.layer"), str) if layers > 1 else 0
        lag = fields.whole("vanishing first", first.first_lag, say("lab.vanishing.first"), say("lab.vanishing.first_help"))
        last = fields.whole("vanishing last", first.last_lag, say("lab.vanishing.last"), say("lab.vanishing.last_help"))
        run = first.run
        if held.experiment.model != "transformer":
            run = fields.whole("vanishing run", first.run, say("lab.vanishing.run"), say("lab.vanishing.run_help"))
    fields.check()
    return vanishing.Asked(layer, lag, last, run)


def _fading(held: Session, found: vanishing.Found, state: str, say: Texts) -> None:
    """What is known so far; what is still to come has its heading already."""
    look = looking.as_shown(say)
    fade = next((fade for fade in found.fades if fade.state == state), found.carrying)
    columns = [column for _ in range(3) for column in st.columns(2, gap="large")] if found.radii else [st.container()]
    with columns[0]:
        looking.heading("fading", "fading.csv", _numbers(found, "fading"), PLACE, say)
        looking.figure(fading.draw(fade, look), "fading", PLACE)
    if found.radii:
        frame.afterwards(held, PLACE, lambda: _recurrence(found, columns[1:], look, say), "found")


def _recurrence(found: vanishing.Found, columns: Sequence[DeltaGenerator], look: Look, say: Texts) -> None:
    """What the recurrence does to errors."""
    drawn: Sequence[tuple[str, Any, Callable[[Any, Look], Picture]]] = (
        ("tail", found.tail, tail.draw),
        ("jacobians", found.steps, lambda steps, look: jacobians.draw_steps(steps, found, look)),
        ("products", found.products, jacobians.draw_products),
        ("rates", found.rates, rates.draw),
    )
    for column, (name, part, draw) in zip(columns, drawn, strict=False):
        with column:
            looking.heading(name, f"{name}.csv", _numbers(found, name) if part else None, PLACE, say)
            if part:
                looking.figure(draw(part, look), name, PLACE)
    with columns[-1]:
        looking.heading("saturation", "saturation.csv", _numbers(found, "saturation"), PLACE, say)
        st.html(_table(found, say))


def _numbers(found: vanishing.Found, name: str) -> Callable[[], str]:
    """The part of the table that a chart draws."""
    return looking.table(lambda: found.to_frame(name))


def _table(found: vanishing.Found, say: Texts) -> str:
    """What is saturated, and the spectral radii, gate by gate."""
    relu = any(not math.isnan(one.off) for one in found.saturated)
    heads = ["off"] if relu else ["low", "high"]
    titles = "".join(f"<th scope='col'>{escape(say(f'lab.saturation.{head}'))}</th>" for head in ("value", *heads, "radius"))
    rows = "".join(_row(one, found, heads) for one in found.saturated)
    largest = max(found.radii.values())
    told = "gated" if len(found.radii) > 1 else "below" if largest < 1 else "above"
    words = escape(say(f"lab.saturation.{told}", radius=number(largest)))
    return f"<table class='shares'><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table><p class='words'>{words}</p>"


def _row(one: Saturated, found: vanishing.Found, heads: Sequence[str]) -> str:
    # A plain network has one recurrent product alone, whose radius stands with its state.
    radius = found.radii.get(one.name) or (next(iter(found.radii.values())) if len(found.radii) == 1 else math.nan)
    cells = [percent(getattr(one, head)) for head in heads] + ["" if math.isnan(radius) else number(radius)]
    return f"<tr><th scope='row'>{escape(one.name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _diagram(held: Session, say: Texts) -> None:
    """The phase diagram: controls, picture, and the way from a cell to its network."""
    with frame.headed(held, "phase", PLACE, say):
        asked = typed.asked("phase", lambda: _levers(held, say)) or phase.Asked()
        frame.study(held, "phase", asked, lambda found: _phase(held, found, say), say)


def _levers(held: Session, say: Texts) -> phase.Asked:
    first, fields = phase.Asked(), typed.Fields(say)
    levers = phase.LEVERS if _is_lstm(held.experiment) else phase.LEVERS[:1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        lever = looking.pick("phase lever", levers, say("lab.vanishing.lever"), lambda name: SPECS[name].label)
        low, high = SPANS[lever]
        low = fields.real(f"phase low {lever}", low, say("lab.vanishing.low"))
        high = fields.real(f"phase high {lever}", high, say("lab.vanishing.high"))
        values = fields.whole("phase values", first.values, say("lab.vanishing.values"))
        longest = fields.whole("phase longest", first.longest, say("lab.vanishing.longest"))
    fields.check()
    return phase.Asked(lever, low, high, values, longest)


def _phase(held: Session, found: phase.Found, say: Texts) -> None:
    look, chosen = looking.as_shown(say), _chosen(found)

    def picked(length: float, row: float) -> None:
        session.set_widget("phase cell", {"lever": found.lever, "row": round(row), "length": round(length)})

    looking.figure(phase_chart.draw(found, chosen, look), "phase", PLACE, picked)
    value = float(found.values[chosen.row])
    norm = phase_chart.told(found.logs[chosen.row, chosen.length - 1], look) if found.known[chosen.row] else say("charts.phase.not_yet")
    words = {"lever": SPECS[found.lever].label.lower(), "value": number(value)}
    st.html(f"<p class='words'>{escape(say('lab.vanishing.cell', length=chosen.length, norm=norm, **words))}</p>")
    experiment = held.experiment.replace(**{found.lever: value})
    if address.carries_text(experiment):
        st.link_button(say("lab.vanishing.open", **words), link(PLACE, held.page, experiment, held.start), icon=":material/open_in_new:")


def _chosen(found: phase.Found) -> phase_chart.Cell:
    """The cell that was clicked on, or the longest sequence of the experiment's own row."""
    own = phase_chart.row_of(found, found.now)
    first = {"row": len(found.values) // 2 if math.isnan(own) else round(own), "length": len(found.lengths)}
    clicked = session.widget("phase cell", {})
    cell = first | (clicked if clicked.get("lever") == found.lever else {})
    return phase_chart.Cell(min(cell["row"], len(found.values) - 1), min(cell["length"], len(found.lengths)))


def _cells(held: Session, say: Texts) -> None:
    """Cells and levers at equal settings."""
    members = runs.catalogue().members("cell")

    def draw(found: half_lives.Found) -> None:
        look = looking.as_shown(say)
        looking.figure(half_lives_chart.draw(found, lambda cell: members[cell].label, look), "half_lives", PLACE)
        names = [half_lives_chart.name(line, lambda cell: members[cell].label, look) for line in found.lines]
        st.html(_in_numbers(names, found.lines, say))

    with frame.headed(held, "half_lives", PLACE, say):
        asked = typed.asked("half_lives", lambda: _line_up(say)) or half_lives.Asked()
        frame.study(held, "half_lives", asked, draw, say)


def _in_numbers(names: Sequence[str], lines: Sequence[half_lives.Line], say: Texts) -> str:
    """The same in numbers: the median of the seeds, the shortest and the longest, and what a step leaves."""
    head = "".join(f"<th scope='col'>{escape(say(f'lab.vanishing.columns.{column}'))}</th>" for column in COLUMNS)
    body = ""
    for name, one in zip(names, lines, strict=True):
        left = float(np.median([decay.beta for decay in one.decays])) if one.decays else math.nan
        cells = [*map(number, (one.half_life, *one.ends)), f"{100 * left:.3g} %"]
        body += f"<tr><th scope='row'>{escape(name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    return f"<div class='side numbers'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _line_up(say: Texts) -> half_lives.Asked:
    first, fields = half_lives.Asked(), typed.Fields(say)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        inputs = looking.pick("half_lives inputs", half_lives.INPUTS, say("lab.vanishing.inputs"), lambda name: say(f"lab.inputs.{name}"))
        seeds = fields.whole("half_lives seeds", first.seeds, say("measure.seeds"))
        lag = fields.whole("half_lives first", first.first, say("lab.vanishing.from"))
        last = fields.whole("half_lives last", first.last, say("lab.vanishing.to"))
    fields.check()
    return half_lives.Asked(seeds, inputs, lag, last)


def _ways(held: Session, say: Texts) -> None:
    """The same sequence without attention, with it, and without recurrence; begun on purpose, since it trains several networks."""

    def draw(found: ways.Found) -> None:
        looking.figure(ways_chart.draw(found, looking.as_shown(say)), "ways", PLACE)

    with frame.headed(held, "ways", PLACE, say):
        frame.on_demand(held, "ways", lambda: _compared(say), say("lab.vanishing.compare"), draw, say)


def _compared(say: Texts) -> ways.Asked:
    first, fields = ways.Asked(), typed.Fields(say)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        most = say("lab.truncation.iterations_help", low=0, high=f"{limits.MEASURED_ITERATIONS:,}")
        iterations = fields.whole("ways iterations", first.iterations, say("measure.iterations"), most)
        seeds = fields.whole("ways seeds", first.seeds, say("measure.seeds"), say("measure.seeds_help"))
    fields.check()
    return ways.Asked(iterations, seeds)
