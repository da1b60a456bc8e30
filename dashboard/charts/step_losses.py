"""The loss of each step: what was hard to predict."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.trace import Trace
from dashboard.charts.picture import Chart, Look, Picture, number, percent
from dashboard.charts.token_axis import inputs, over_tokens, quoted, targets


def draw(trace: Trace, look: Look) -> Picture:
    """L_s is step s's part of the batch's loss: the bars of all sentences together add up to L."""
    losses, axis, say, colours = trace["loss"], trace.axes[0], look.say, look.colours
    names = np.array([inputs(axis), targets(axis)], dtype=object).T
    figure = go.Figure(
        go.Bar(
            x=np.arange(1, len(losses) + 1),
            y=losses,
            marker={"color": colours.first},
            customdata=names,
            hovertemplate=say("charts.hover.loss") + "<extra></extra>",
        )
    )
    figure.update_yaxes(exponentformat="power", title={"text": "L_s", "standoff": 6}, rangemode="tozero", zeroline=False)
    over_tokens(figure, axis, look, title=say("charts.axis.token"), height=240)
    total = float(np.nansum(losses))
    if total == 0:
        return Picture(figure, say("charts.step_losses.zero"))
    hardest, easiest = int(np.nanargmax(losses)), int(np.nanargmin(losses))
    words = say(
        "charts.step_losses.hardest" if np.isfinite(losses).sum() > 1 else "charts.step_losses.only",
        target=quoted(axis.targets[hardest]),
        read=quoted(axis.inputs[hardest]),
        loss=number(losses[hardest]),
        share=percent(losses[hardest] / total),
        easiest=quoted(axis.targets[easiest]),
        least=number(losses[easiest]),
    )
    return Picture(figure, words)


CHART = Chart("step_losses", ("loss",), draw)
