"""The lag matrix with a boundary to drag: what a truncation at K cuts off, and the error, the angle and the cells that it leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.measures.bias import SCHEMES, truncation_of
from core.studies.truncation import Found
from core.trace import Array
from core.truncation import TBPTT
from dashboard import theme
from dashboard.charts.lab.bands import pale
from dashboard.charts.lag_matrix import decades, first_loss, height
from dashboard.charts.picture import Look, Picture, Steps, number, percent
from dashboard.charts.token_axis import loss_axis, token_axis

ROUNDING = 1e-4
"""Degrees: a smaller angle is that of rounding."""
BELOW = 150
"""Pixels below the matrix, for its labels and what is told of K: that takes the last `TOLD` of them."""
TOLD = 42
STAIRS = 128
"""Up to this many steps the boundary is drawn from cell to cell; beyond, its corners would not be seen."""


def draw(found: Found, scheme: str, look: Look) -> Picture:
    """scheme: which truncation has the boundary."""
    say, colours = look.say, look.colours
    low, high = decades(found.lag)
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log10(found.lag), low)
    steps = np.arange(1, len(found.lag) + 1)
    ks = [k for k in found.bias.ks if k <= len(steps)]
    first = min(range(len(ks)), key=lambda place: abs(ks[place] - min(found.k2, len(steps))))
    outlines = [_outline(truncation_of(scheme, k), len(steps)) for k in ks]
    figure = go.Figure(
        [
            go.Heatmap(
                z=logs,
                x=steps,
                y=steps,
                zmin=low,
                zmax=high,
                colorscale=theme.scale(colours.magnitude),
                hoverongaps=False,
                xgap=1 if len(steps) <= 64 else 0,
                ygap=1 if len(steps) <= 64 else 0,
                hovertemplate="s = %{y}, t = %{x}: 10<sup>%{z:.2f}</sup><extra></extra>",
                colorbar={"thickness": 10, "outlinewidth": 0, "xpad": 4, "tickvals": [low, high], "ticktext": [f"1e{low}", f"1e{high}"]},
            ),
            go.Scatter(
                x=outlines[first][0],
                y=outlines[first][1],
                mode="lines",
                fill="toself",
                fillcolor=pale(colours.page, 0.72),
                line={"color": colours.second, "width": 2},
                hoverinfo="skip",
            ),
        ]
    )
    above = first_loss(found.lag)
    loss_axis(figure, found.axis, look, above)
    token_axis(figure, found.axis, look, title=say("charts.axis.state"), height=height(540, len(steps) - above))
    labels = [_label(found, scheme, k, look) for k in ks]
    figure.update_layout(
        margin={**figure.layout.margin.to_plotly_json(), "b": BELOW},
        title={
            "text": labels[first],
            "font": {"size": 14, "color": colours.first},
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 0,
            "yref": "paper",
            "yanchor": "top",
            "pad": {"t": BELOW - TOLD},
        },
    )
    return Picture(figure, say("charts.boundary.words"), Steps(1, first, outlines, labels, say("charts.boundary.slider")))


def _label(found: Found, scheme: str, k: int, look: Look) -> str:
    error, degrees = found.bias.at(scheme, k)
    # Only a step with a loss has a row of cells.
    reach, cells = truncation_of(scheme, k).reach(len(found.lag)), np.nan_to_num(found.lag) > 0
    state = look.say(
        "charts.boundary.state",
        k=k,
        error=percent(error),
        degrees=number(degrees if degrees > ROUNDING else 0.0),
        cells=f"{int((reach & cells).sum()):,}",
        all=f"{int(cells.sum()):,}",
    )
    if not found.held.size:
        return state
    held = found.held[SCHEMES.index(scheme), found.bias.ks.index(k)] / 2**20
    return look.say("charts.boundary.memory", state=state, held=number(held))


def _outline(windows: TBPTT, steps: int) -> tuple[list[float], list[float]]:
    """The corners of what is cut: the cells left of the first that each row keeps."""
    first: Array = windows.reach(steps).argmax(1)
    if not first.any():
        return [], []
    x: list[Any] = [0.5]
    y: list[Any] = [float(np.flatnonzero(first)[0]) + 0.5]
    if windows.k1 == 1 and steps > STAIRS:
        return [*x, 0.5 + int(first[-1]), 0.5, 0.5], [*y, steps + 0.5, steps + 0.5, y[0]]
    before = 0
    for s, begin in enumerate(first):
        if begin != before:
            x += [before + 0.5, int(begin) + 0.5]
            y += [s + 0.5, s + 0.5]
            before = int(begin)
    return [*x, before + 0.5, 0.5, 0.5], [*y, steps + 0.5, steps + 0.5, y[0]]
