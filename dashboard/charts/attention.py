"""What attention reads: with what weight the output of each step reads the states of its own and of earlier steps."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.trace import Array, Axis, Trace
from dashboard import theme
from dashboard.charts.picture import Chart, Look, Picture, number, percent
from dashboard.charts.token_axis import inputs, loss_axis, quoted, targets, token_axis

FLOOR = -3
"""Exponent of the least weight with a colour of its own: among many steps each has but a small share."""
TICKS = list(range(FLOOR, 1))


def draw(trace: Trace, look: Look) -> Picture:
    """The mean over heads; rows add up to 1, and above the diagonal there is nothing to read yet."""
    weights, axis, say = trace["attention"].mean(0), trace.axes[0], look.say
    steps = np.arange(1, len(weights) + 1)
    read, predicted = inputs(axis), targets(axis)
    names = np.array([[(predicted[s], read[t], weights[s, t]) for t in range(len(steps))] for s in range(len(steps))], dtype=object)
    figure = go.Figure(
        go.Heatmap(
            z=np.log10(np.maximum(weights, 10.0**FLOOR)),
            x=steps,
            y=steps,
            zmin=FLOOR,
            zmax=0,
            colorscale=theme.scale(look.colours.magnitude),
            hoverongaps=False,
            customdata=names,
            hovertemplate=say("charts.attention.hover") + "<extra></extra>",
            colorbar={
                "thickness": 10,
                "len": 1.0,
                "outlinewidth": 0,
                "xpad": 4,
                "tickvals": TICKS,
                "ticktext": [f"{10.0**at:g}" for at in TICKS],
            },
        )
    )
    row = look.step_in(trace)
    figure.add_shape(
        type="rect", x0=0.5, x1=row + 0.5, y0=row - 0.5, y1=row + 0.5, line={"color": look.colours.second, "width": 1.5, "dash": "dot"}
    )
    loss_axis(figure, axis, look)
    token_axis(figure, axis, look, title=say("charts.axis.state"), height=440)
    return Picture(figure, words(weights, axis, row - 1, look))


def words(weights: Array, axis: Axis, s: int, look: Look) -> str:
    """Where row s looks, and how far back attention looks on average."""
    say, row = look.say, weights[s, : s + 1]
    if np.isnan(row).any():
        return say("charts.attention.unseen", target=quoted(axis.targets[s]))
    most = int(row.argmax())
    lags = np.arange(len(weights))[:, None] - np.arange(len(weights))
    seen = ~np.isnan(weights).any(axis=1, where=lags >= 0)
    back = float(np.mean([weights[at, : at + 1] @ lags[at, : at + 1] for at in np.flatnonzero(seen)]))
    told = say(
        "charts.attention.most", target=quoted(axis.targets[s]), token=quoted(axis.inputs[most]), share=percent(row[most]), lag=s - most
    )
    return f"{told} {say('charts.attention.back', steps=number(back))}"


CHART = Chart("attention", ("attention",), draw)
