"""Loss and gradient norm over the iterations of a run, with the clip threshold and the clipped iterations."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.trace import Array
from dashboard.charts.picture import Look, Picture, number, on_page, percent

COLUMNS = ("iteration", "loss", "norm_before", "norm_after", "factor", "share_clipped")
"""One point of a run's history; the columns of a frame's tail."""

MOST_DECADES = 6
"""Labelled on the axis of the gradient norm; of more, every second or third one."""


def frame(points: Array) -> pd.DataFrame:
    """The history as tidy pandas.  points: (n, 6) with the columns `COLUMNS`."""
    return pd.DataFrame(np.asarray(points, dtype=float).reshape(-1, len(COLUMNS)), columns=list(COLUMNS)).astype({"iteration": int})


def draw(points: Array, threshold: float | None, look: Look) -> Picture:
    """points: (n, 6) as in `frame`; threshold: of the norm, None when the norm is not what is clipped."""
    everything, say, colours = frame(points), look.say, look.colours
    history = everything[np.isfinite(everything[["loss", "norm_before"]]).all(axis=1)]
    if not len(history):
        return Picture(go.Figure(), say("charts.history.empty"))
    clipped = history[history["norm_after"] < history["norm_before"]]
    hover = "%{x:,.0f}: %{y:.3g}<extra></extra>"
    norms = history["norm_before"][history["norm_before"] > 0]
    span = np.log10(norms.max() / norms.min()) if len(norms) else 0
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    figure.add_trace(
        go.Scatter(x=history["iteration"], y=history["loss"], mode="lines", line={"color": colours.first, "width": 2}, hovertemplate=hover),
        row=1,
        col=1,
    )
    figure.add_trace(
        go.Scatter(
            x=history["iteration"], y=history["norm_before"], mode="lines", line={"color": colours.first, "width": 1.5}, hovertemplate=hover
        ),
        row=2,
        col=1,
    )
    figure.add_trace(
        go.Scatter(
            x=clipped["iteration"],
            y=clipped["norm_before"],
            mode="markers",
            marker={"color": colours.second, "size": 5},
            hovertemplate=say("charts.history.hover_clipped") + "<extra></extra>",
            customdata=clipped["norm_after"],
        ),
        row=2,
        col=1,
    )
    if threshold is not None:
        figure.add_hline(y=threshold, line={"color": colours.second, "width": 1.5, "dash": "dash"}, row=2, col=1)
    figure.update_yaxes(title={"text": say("charts.axis.loss_total"), "standoff": 6}, rangemode="tozero", row=1, col=1)
    figure.update_yaxes(
        title={"text": say("charts.axis.norm"), "standoff": 6},
        type="log",
        tickformat="~g",
        dtick=max(1, math.ceil(span / MOST_DECADES)) if span >= 1 else None,
        row=2,
        col=1,
    )
    figure.update_xaxes(title={"text": say("charts.axis.iteration"), "standoff": 6}, row=2, col=1)
    on_page(figure, look, height=380)
    first, last = history.iloc[0], history.iloc[-1]
    iterations = int(last["iteration"] - first["iteration"]) + 1
    thinned = "_of_drawn" if len(history) < iterations else ""  # a long run keeps only some of its older points
    words = say(
        "charts.history.loss",
        verb=say("charts.history.fell" if last["loss"] < first["loss"] else "charts.history.rose"),
        first=number(first["loss"]),
        last=number(last["loss"]),
        iterations=f"{iterations:,}",
    )
    if len(clipped):
        words += " " + say(
            f"charts.history.clipped{thinned}",
            count=f"{len(clipped):,}",
            all=f"{len(history):,}",
            share=percent(len(clipped) / len(history)),
        )
    else:
        words += " " + say(f"charts.history.unclipped{thinned}")
    if len(history) < len(everything):
        words += " " + say("charts.history.exploded", iteration=f"{everything['iteration'].max():,.0f}")
    return Picture(figure, words)
