"""Tail: the error of one loss over a long way back, in both precisions."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.studies.vanishing import Tail
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page

SMALLEST = 1.4012984643248171e-45
"""The smallest number above 0 that float32 holds."""


def draw(tail: Tail, look: Look) -> Picture:
    """Two lines, one of which ends where float32 has exactly 0."""
    say, colours = look.say, look.colours
    figure = go.Figure()
    for kind, values, colour, width in (("double", tail.double, colours.first, 2), ("single", tail.single, colours.second, 4)):
        there = np.isfinite(values) & (values > 0)
        figure.add_trace(
            go.Scatter(
                x=np.flatnonzero(there),
                y=values[there],
                mode="lines",
                line={"color": colour, "width": width, "dash": "solid" if kind == "double" else "dot"},
                name=say(f"charts.tail.{kind}"),
                hovertemplate=say(f"charts.tail.{kind}") + "<br>" + say("charts.tail.hover") + "<extra></extra>",
            )
        )
    if tail.lost >= 0:
        figure.add_hline(y=SMALLEST, line={"color": colours.cut, "width": 1.5, "dash": "dash"})
        figure.add_annotation(
            x=1,
            xref="paper",
            y=math.log10(SMALLEST),
            text=say("charts.tail.smallest"),
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
            font={"color": colours.cut},
        )
    figure.update_xaxes(title={"text": say("charts.fading.lag"), "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(title={"text": say("charts.tail.norm"), "standoff": 6}, type="log", exponentformat="power", nticks=8)
    on_page(figure, look, height=340, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(tail, look))


def words(tail: Tail, look: Look) -> str:
    """Where float32 loses the error, what float64 still says there, and the half-life of the long run."""
    say = look.say
    told = []
    if tail.lost >= 0:
        told.append(say("charts.tail.lost", lag=tail.lost, value=number(float(tail.double[tail.lost]))))
    if tail.overflowed >= 0:
        told.append(say("charts.tail.overflowed", lag=tail.overflowed))
    first = min(lag for lag in (tail.lost, tail.overflowed, len(tail.double)) if lag >= 0)
    if 0 <= tail.wrong < 0.9 * first:  # what is lost soon afterwards is not worth two sentences
        told.append(say("charts.tail.wrong", lag=tail.wrong))
    elif tail.kept:
        told.append(say("charts.tail.kept", lag=len(tail.double) - 1))
    if gone := int((tail.double == 0).sum()):
        told.append(say("charts.tail.gone", lag=len(tail.double) - gone))
    if math.isfinite(tail.fit.half_life):
        told.append(say("charts.tail.half_life", half=number(tail.fit.half_life), first=tail.fit.first, last=tail.fit.last))
    return " ".join(told)
