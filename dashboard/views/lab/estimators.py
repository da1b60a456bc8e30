"""The page 'Estimators': other ways to the gradient that BPTT computes, on this network."""

from __future__ import annotations

import math
from html import escape

import streamlit as st

from core.studies import influence
from core.studies.estimators import SAMPLES, Asked, Found
from core.studies.rows import SEQUENCES
from dashboard.charts.lab import estimates, estimator_cost, sample_mean
from dashboard.charts.lab import influence as influence_charts
from dashboard.charts.picture import Look, number
from dashboard.form import line, problem_line
from dashboard.session import Session
from dashboard.texts import Texts
from dashboard.views import looking
from dashboard.views.lab import frame, typed

PLACE = "estimators"
WEIGHTS = ("now", "begun")


def panel(held: Session, say: Texts) -> None:
    """Everything on the page."""
    asked = typed.asked("estimators", lambda: _asked(say)) or Asked()
    line(say("lab.estimators.attends") if held.experiment.attends else "", "aside")
    frame.study(held, "estimators", asked, lambda found: _found(held, found, say), say)
    frame.lower(held, PLACE, lambda: _lower(held, say))


def _lower(held: Session, say: Texts) -> None:
    """Influence balancing, with each of them."""
    _influence(held, say)
    st.html(f"<p class='aside'>{escape(say('lab.estimators.source'))}</p>")
    looking.picture_format(say)


def _asked(say: Texts) -> Asked:
    """What is typed."""
    first, line, fields = Asked(), "lab.estimators.", typed.Fields(say)
    with st.container(horizontal=True, vertical_alignment="bottom", key="estimators options"):
        k = fields.whole("estimators k", first.k, say(f"{line}k"), say(f"{line}k_help"))
        cut = fields.real("estimators cut", first.cut, say(f"{line}cut"), say(f"{line}cut_help"))
        samples = fields.whole("estimators samples", first.samples, say(f"{line}samples"), say(f"{line}samples_help", high=SAMPLES))
        told = say(f"{line}sequences_help", high=SEQUENCES)
        sequences = fields.whole("estimators sequences", first.sequences, say(f"{line}sequences"), told)
        weights = looking.pick("estimators weights", WEIGHTS, say(f"{line}weights"), lambda name: say(f"{line}weights_{name}"))
    fields.check()
    return Asked(k, cut, samples, sequences, weights == "begun")


def _found(held: Session, found: Found, say: Texts) -> None:
    look = looking.as_shown(say)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        columns = (found.columns[-1], *found.columns[:-1])
        weight = looking.pick(
            "estimators weight", columns, say("look.weight"), lambda name: say("lab.estimators.all") if name == "all" else name
        )
        measure = looking.pick(
            "estimators measure", estimates.MEASURES, say("lab.truncation.measure"), lambda name: say(f"charts.estimates.{name}")
        )
    for row in found.rows:
        problem_line(row.refused)
    looking.heading("estimates", "estimators.csv", looking.table(found.to_frame), PLACE, say)
    looking.figure(estimates.draw(found, weight, measure, look), "estimates", PLACE)
    frame.afterwards(held, PLACE, lambda: _further(found, weight, look, say), "found")


def _further(found: Found, weight: str, look: Look, say: Texts) -> None:
    """All numbers, what an estimate costs, and what more of them bring."""
    _table(found, weight, say)
    left, right = st.columns(2, gap="large")
    with left:
        looking.heading("estimator_cost", "estimator_cost.csv", looking.table(found.costs), PLACE, say)
        looking.figure(estimator_cost.draw(found, look), "estimator_cost", PLACE)
    with right:
        looking.heading("sample_mean", "samples.csv", looking.table(found.curves), PLACE, say)
        looking.figure(sample_mean.draw(found, weight, look), "sample_mean", PLACE)


def _table(found: Found, weight: str, say: Texts) -> None:
    """All that is measured, side by side."""
    column = found.columns.index(weight)
    names = ("estimator", "error", "spread", "cosine_single", "cosine_mean", "time", "memory", "source")
    head = "".join(f"<th scope='col'>{escape(say(f'lab.estimators.columns.{name}'))}</th>" for name in names)
    lines = []
    for row in found.rows:
        if not row.samples:
            continue
        values = (
            _number(row.error[column]),
            _number(row.spread[column]),
            _number(row.single_cosine[column], 4),
            _number(row.cosine[column], 4),
            estimator_cost.milliseconds(row),
            estimator_cost.kibibytes(row),
        )
        cells = "".join(f"<td>{escape(value)}</td>" for value in values)
        lines.append(f"<tr><th scope='row'>{escape(row.label)}</th>{cells}<td class='source'>{escape(row.source)}</td></tr>")
    st.html(f"<div class='side'><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>")


def _number(value: float, digits: int = 0) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:.{digits}f}" if digits else number(float(value))


def _influence(held: Session, say: Texts) -> None:
    """Where truncation has the wrong sign, trained on demand."""

    def draw(found: influence.Found) -> None:
        look = looking.as_shown(say)
        looking.figure(influence_charts.draw_training(found, look), "influence_training", PLACE)
        looking.heading("influence_sign", "influence_sign.csv", looking.table(found.signs), PLACE, say)
        looking.figure(influence_charts.draw_sign(found, look), "influence_sign", PLACE)

    def asked() -> influence.Asked:
        first, line, fields = influence.Asked(), "lab.estimators.", typed.Fields(say)
        with st.container(horizontal=True, vertical_alignment="bottom", key="influence options"):
            ks = fields.several("influence ks", first.ks, say(f"{line}ks"), say(f"{line}ks_help"))
            rate = fields.real("influence rate", first.rate, say(f"{line}rate"))
            steps = fields.whole("influence steps", first.steps, say(f"{line}steps"))
            seed = fields.whole("influence seed", first.seed, say(f"{line}seed"))
        fields.check()
        return influence.Asked(ks, rate, steps, seed=seed)

    with frame.headed(held, "influence", PLACE, say, "influence_training"):
        frame.on_demand(held, "influence", asked, say("lab.estimators.train"), draw, say)
