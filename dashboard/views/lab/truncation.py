"""The page 'Truncation': what it costs this network, and which K would do."""

from __future__ import annotations

from html import escape

import streamlit as st

from core.measures.bias import SCHEMES
from core.studies import cost, growth, influence
from core.studies.truncation import Asked, Found
from dashboard import session
from dashboard.charts.lab import bias, boundary, decay
from dashboard.charts.lab import cost as cost_chart
from dashboard.charts.lab import growth as growth_chart
from dashboard.charts.lab import influence as influence_charts
from dashboard.charts.picture import percent
from dashboard.session import Session
from dashboard.texts import Texts
from dashboard.views import looking
from dashboard.views.lab import cliff, frame, typed

PLACE = "truncation"
DELTAS = (0.9, 0.5, 0.1, 0.05, 0.01)
MEASURES = ("error", "degrees")


def panel(held: Session, say: Texts) -> None:
    """Everything on the page."""
    frame.study(held, "truncation", Asked(), lambda found: _found(held, found, say), say)
    frame.lower(held, PLACE, lambda: _lower(held, say))


def _lower(held: Session, say: Texts) -> None:
    """What it costs, what becomes of it over training, and other networks."""
    with frame.headed(held, "cost", PLACE, say):
        frame.study(held, "cost", cost.Asked(), lambda found: _cost(found, say), say)
    _growth(held, say)
    cliff.section(held, say)
    st.html(f"<h3 class='chart'>{escape(say('lab.truncation.sign'))}</h3><p class='aside'>{escape(say('lab.truncation.sign_help'))}</p>")
    frame.study(held, "influence", influence.Asked(steps=influence.FEWEST_STEPS), lambda found: _sign(found, say), say, "sign")
    st.html(f"<p class='aside'>{escape(say('lab.truncation.source'))}</p>")
    looking.picture_format(say)


def _found(held: Session, found: Found, say: Texts) -> None:
    look = looking.as_shown(say)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        scheme = looking.pick("bias scheme", SCHEMES, say("lab.truncation.scheme"), lambda name: say(f"lab.schemes.{name}"))
        delta = looking.pick("bias delta", DELTAS, say("lab.truncation.delta"), percent, first=DELTAS.index(0.1))
        measure = looking.pick("bias measure", MEASURES, say("lab.truncation.measure"), lambda name: say(f"lab.bias_measures.{name}"))
        weights = ("", *found.bias.weights)
        weight = looking.pick("bias weight", weights, say("look.weight"), lambda name: name or say("lab.truncation.all"))
    left, right = st.columns(2, gap="large")
    with left:
        looking.heading("bias", "bias.csv", looking.table(found.bias.to_frame), PLACE, say)
        looking.figure(bias.draw(found, bias.Asked(measure, scheme, delta, weight), look), "bias", PLACE)

    def further() -> None:
        with right:
            looking.heading("decay", "decay.csv", looking.table(found.fading.to_frame), PLACE, say)
            looking.figure(decay.draw(found.fading, delta, look, found.bias, found.state), "decay", PLACE)
        looking.heading("boundary", "lag_matrix.csv", looking.table(found.lag_frame), PLACE, say)
        looking.figure(boundary.draw(found, scheme, look), "boundary", PLACE)

    frame.afterwards(held, PLACE, further, "found")


def _cost(found: cost.Found, say: Texts) -> None:
    look = looking.as_shown(say)
    for column, quantity in zip(st.columns(2, gap="large"), cost_chart.UNITS, strict=True):
        with column:
            looking.figure(cost_chart.draw(found, quantity, look), f"cost_{quantity}", PLACE)


def _sign(found: influence.Found, say: Texts) -> None:
    look = looking.as_shown(say)
    row = st.container(horizontal=True)
    looking.offer(row, "influence_sign", "wrong_sign.csv", looking.table(found.signs), say)
    looking.figure(influence_charts.draw_sign(found, look), "influence_sign", PLACE)


def _growth(held: Session, say: Texts) -> None:
    """The same error over training, on demand."""

    def draw(found: growth.Found) -> None:
        look = looking.as_shown(say)
        picture = growth_chart.draw(found, session.widget("bias scheme", SCHEMES[0]), held.experiment.k, look)
        looking.figure(picture, "growth", PLACE)

    def asked() -> growth.Asked:
        bounds = say("lab.truncation.iterations_help", low=growth.LOOKS, high=f"{growth.ITERATIONS:,}")
        fields = typed.Fields(say)
        iterations = fields.whole("growth iterations", growth.Asked().iterations, say("lab.truncation.iterations"), bounds)
        fields.check()
        return growth.Asked(iterations)

    with frame.headed(held, "growth", PLACE, say):
        frame.on_demand(held, "growth", asked, say("lab.truncation.grow"), draw, say)
