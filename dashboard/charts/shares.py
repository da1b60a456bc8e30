"""Each step's share of one weight's gradient, as bars over the tokens."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.trace import Trace
from dashboard.charts.picture import Chart, Look, Picture, number, percent
from dashboard.charts.token_axis import inputs, over_tokens, quoted


def draw(trace: Trace, look: Look) -> Picture:
    """Signed projections add up to the gradient's norm; plain norms do not add up, and are the other view.

    Shares are those of the whole batch: a longer sentence in it may have steps that this sentence does not have.
    """
    weight, say, colours = look.weight_in(trace), look.say, look.colours
    axis = trace.axes[0]
    shares = trace.pick(f"share_{look.shares}", weight=weight)
    norm = float(trace.pick("gradient_norm", weight=weight))
    steps = len(shares)
    beyond = [say("charts.shares.beyond")] * max(0, steps - len(axis.inputs))
    figure = go.Figure(
        go.Bar(
            x=np.arange(1, steps + 1),
            y=shares,
            marker={"color": [colours.first if value >= 0 else colours.second for value in shares]},
            customdata=(inputs(axis) + beyond)[:steps],
            hovertemplate=say("charts.hover.share") + "<extra></extra>",
        )
    )
    figure.update_yaxes(
        exponentformat="power",
        title={"text": say(f"charts.shares.{look.shares}"), "standoff": 6},
        zeroline=True,
        zerolinewidth=1,
        rangemode="tozero",
    )
    over_tokens(figure, axis, look, title=say("charts.axis.token"), height=260)
    figure.update_xaxes(range=[0.5, max(steps, len(axis.inputs)) + 0.5])
    if norm == 0:
        return Picture(figure, say("charts.shares.zero", weight=weight))
    largest = int(np.nanargmax(np.abs(shares)))
    token = quoted(axis.inputs[largest]) if largest < len(axis.inputs) else say("charts.shares.step", step=largest + 1)
    key = "most" if look.shares == "projection" else "longest"
    words = say(
        f"charts.shares.{key}",
        weight=weight,
        norm=number(norm),
        token=token,
        value=number(shares[largest]),
        share=percent(abs(shares[largest]) / norm),
    )
    if look.shares == "projection":
        words += " " + say("charts.shares.sum", sum=number(float(np.nansum(shares))))
    else:
        words += " " + say("charts.shares.norm_sum", sum=number(float(np.nansum(shares))), norm=number(norm))
    return Picture(figure, words)


CHART = Chart("shares", ("share_projection", "share_norm", "gradient_norm"), draw, choices=("weight", "shares"))
