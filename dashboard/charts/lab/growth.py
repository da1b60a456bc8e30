"""Growth: the error of the truncated gradient over training, a line for each K."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.measures.bias import SCHEMES
from core.studies.growth import Found
from dashboard.charts.lab.bands import decades
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page, percent

FLOOR = 1e-6


def draw(found: Found, scheme: str, k: int, look: Look) -> Picture:
    """scheme: whose lines are drawn.   k: the one that the words are about, the nearest that was followed."""
    say = look.say
    place = SCHEMES.index(scheme)
    figure = go.Figure()
    shades = reversed(look.colours.shades(len(found.ks)))
    for column, (one, shade) in enumerate(zip(found.ks, shades, strict=True)):
        values = found.error[place, :, column]
        figure.add_trace(
            go.Scatter(
                x=found.iterations,
                y=np.maximum(values, FLOOR),
                mode="lines+markers",
                marker={"size": 4},
                line={"color": shade, "width": 2},
                name=f"K = {one}",
                customdata=[percent(value) for value in values],
                hovertemplate=say("charts.growth.hover", k=one, iteration="%{x}", value="%{customdata}") + "<extra></extra>",
            )
        )
    figure.update_xaxes(title={"text": say("charts.growth.iteration"), "standoff": 6})
    drawn = np.maximum(found.error[place], FLOOR)
    figure.update_yaxes(title={"text": say("charts.bias.error"), "standoff": 6}, type="log", exponentformat="power", dtick=decades(drawn))
    on_page(figure, look, height=340, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(found, scheme, k, look))


def words(found: Found, scheme: str, k: int, look: Look) -> str:
    """From where to where the error of this K went, and what chunks cost against windows at the end."""
    say = look.say
    column = min(range(len(found.ks)), key=lambda place: abs(found.ks[place] - k))
    known = found.error[SCHEMES.index(scheme), :, column]
    name, one = say(f"lab.schemes.{scheme}"), found.ks[column]
    if len(known) < 2 or not math.isfinite(known[-1]):
        return say("charts.growth.going", k=one)
    told = [
        say(
            f"charts.growth.{_went(known[0], known[-1])}",
            scheme=name,
            k=one,
            first=percent(known[0]),
            last=percent(known[-1]),
            times=number(known[-1] / known[0]) if known[0] > 0 else "∞",
            iterations=say.count("iteration", found.iterations[-1] - found.iterations[0]),
        )
    ]
    window, chunk = (found.error[SCHEMES.index(kind), -1, column] for kind in ("window", "chunk"))
    if window > FLOOR:
        times = number(chunk / window)
        told.append(say("charts.growth.chunks_alike" if times == "1" else "charts.growth.chunks", k=one, times=times))
    if found.exploded:
        told.append(say("charts.growth.exploded", words=found.exploded))
    return " ".join(told)


def _went(first: float, last: float) -> str:
    """Which sentence tells where an error went, as far as its percentages show it."""
    if percent(first) == percent(last):
        return "stayed"
    return "grew" if last > first else "shrank"
