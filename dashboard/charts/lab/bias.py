"""Bias: the error of the truncated gradient against K, or its angle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.measures.bias import SCHEMES, Bias
from core.studies.truncation import Found
from core.trace import Array
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page, percent

FLOOR = 1e-6
"""Relative errors below it are rounding, or as good as none."""
NEAR = 0.9
"""A loss above this share of that of chance is near chance."""
YOUNG = 100
"""Iterations before which a network has hardly begun to learn."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is shown.

    measure: "error" or "degrees".   scheme: the one that the words are about.   delta: the error that is allowed.
    weight: its gradient alone, "" for those of all weights together.
    """

    measure: str = "error"
    scheme: str = "window"
    delta: float = 0.1
    weight: str = ""


def draw(found: Found, asked: Asked, look: Look) -> Picture:
    """A line for each scheme, the allowed error and the run's own truncation marked."""
    say, colours, bias = look.say, look.colours, found.bias
    figure = go.Figure()
    hover = say("charts.bias.hover", k="%{x}", value="%{customdata}") + "<extra></extra>"
    for scheme, colour, dash in zip(SCHEMES, (colours.first, colours.second), ("solid", "dot"), strict=True):
        values = curve(bias, scheme, asked)
        shown = [percent(value) if asked.measure == "error" else f"{number(value)}°" for value in values]
        figure.add_trace(
            go.Scatter(
                x=bias.ks,
                y=np.maximum(values, FLOOR) if asked.measure == "error" else values,
                mode="lines+markers",
                marker={"size": 5},
                line={"color": colour, "width": 2, "dash": dash},
                name=say(f"lab.schemes.{scheme}"),
                customdata=shown,
                hovertemplate=say(f"lab.schemes.{scheme}") + "<br>" + hover,
            )
        )
    if asked.measure == "error":
        figure.add_hline(y=asked.delta, line={"color": colours.cut, "width": 1.5, "dash": "dash"})
    own = own_k(found)
    if own:
        figure.add_vline(x=own, line={"color": colours.cut, "width": 1.5, "dash": "dash"})
        label = say("charts.bias.own", k=own)
        figure.add_annotation(
            x=math.log10(own), y=1, yref="paper", text=label, showarrow=False, yanchor="bottom", font={"color": colours.cut}
        )
    ticks = [k for k in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512) if k <= bias.ks[-1]]
    figure.update_xaxes(
        title={"text": say("charts.bias.k"), "standoff": 6},
        type="log",
        tickvals=ticks,
        ticktext=[str(k) for k in ticks],
        range=[math.log10(0.9), math.log10(bias.ks[-1] * 1.1)],
    )
    figure.update_yaxes(
        title={"text": say(f"charts.bias.{asked.measure}"), "standoff": 6},
        type="log" if asked.measure == "error" else "linear",
        rangemode="normal" if asked.measure == "error" else "tozero",
        exponentformat="power",
    )
    on_page(figure, look, height=340, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.06, "x": 0})
    return Picture(figure, words(found, asked, look))


def curve(bias: Bias, scheme: str, asked: Asked) -> Array:
    """What is drawn of a scheme, (n,)."""
    return (bias.total if asked.measure == "error" else bias.degrees)(scheme, asked.weight)


def own_k(found: Found) -> int | None:
    """The run's own K; None where it cuts nothing."""
    return found.k2 if found.k2 < found.bias.ks[-1] else None


def words(found: Found, asked: Asked, look: Look) -> str:
    """Which K would do, what the run's own truncation does, and what chunks cost at the same K."""
    say, bias = look.say, found.bias
    k = bias.enough(asked.scheme, asked.delta)
    scheme = say(f"lab.schemes.{asked.scheme}")
    told = [say("charts.bias.full" if k == bias.ks[-1] else "charts.bias.enough", scheme=scheme, k=k, delta=percent(asked.delta))]
    within = bias.ks[int((bias.total(asked.scheme) <= asked.delta).argmax())]
    if within < k:
        told.append(say("charts.bias.uneven", k=within))
    if k < bias.ks[-1] and (doubt := doubts(found, k, look)):
        told.append(doubt)
    if own_k(found):
        name = f"TBPTT({found.k1}, {found.k2})"
        told.append(say("charts.bias.today", name=name, error=percent(found.error), degrees=number(found.degrees)))
    else:
        told.append(say("charts.bias.today_full"))
    middle = min(bias.ks, key=lambda one: abs(one - max(2, bias.ks[-1] // 4)))
    window, chunk = (bias.at(scheme, middle)[0] for scheme in SCHEMES)
    if chunk > window > FLOOR and (times := number(chunk / window)) != "1":
        told.append(say("charts.bias.worse", k=middle, times=times))
    if asked.weight or asked.measure != "error":
        told.append(say("charts.bias.all"))
    return " ".join(told)


def doubts(found: Found, k: int, look: Look) -> str:
    """Why a K that suffices for the gradient of these weights may not be enough to learn with; "" where there is no reason to doubt."""
    say = look.say
    at = {"iterations": say.count("iteration", found.iteration), "loss": number(found.loss), "chance": number(found.chance)}
    if k <= found.task_lag:
        return say("charts.bias.blind", k=k, lag=found.task_lag, **at)
    if found.loss > NEAR * found.chance:
        return say("charts.bias.near_chance", **at)
    return say("charts.bias.young", **at) if found.iteration < YOUNG else ""
