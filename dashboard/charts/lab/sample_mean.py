"""The mean of samples: how its error falls with their number, for the random estimators."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.studies.estimators import Found
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page


def draw(found: Found, weight: str, look: Look) -> Picture:
    """Solid the error, dashed what chance alone leaves on average: the spread over the root of the number."""
    say, colours = look.say, look.colours
    column = found.columns.index(weight)
    figure = go.Figure()
    drawn = [row for row in found.rows if row.random and row.samples]
    for row, colour in zip(drawn, (colours.first, colours.second), strict=False):
        numbers = np.arange(1, row.samples + 1)
        figure.add_trace(
            go.Scatter(
                x=numbers,
                y=_positive(row.curve[:, column]),
                mode="lines+markers",
                marker={"size": 5},
                line={"color": colour, "width": 2},
                name=row.label,
                hovertemplate=row.label + ", %{x}: %{y:.3g}<extra></extra>",
            )
        )
        figure.add_trace(
            go.Scatter(
                x=numbers,
                y=_positive(row.spread[column] / np.sqrt(numbers)),
                mode="lines",
                line={"color": colour, "width": 1.5, "dash": "dash"},
                showlegend=False,
                hoverinfo="skip",
            )
        )
    most = max((row.samples for row in drawn), default=1)
    figure.update_xaxes(
        title={"text": say("charts.sample_mean.samples"), "standoff": 6},
        type="log",
        tickvals=[count for count in (1, 2, 5, 10, 20, 50, 100, 200, 500) if count <= most],
        range=[-0.05, math.log10(max(2, most)) + 0.05],
    )
    figure.update_yaxes(title={"text": say("charts.estimates.error"), "standoff": 6}, type="log", exponentformat="power", dtick=1)
    on_page(figure, look, height=360, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(found, weight, look))


def words(found: Found, weight: str, look: Look) -> str:
    """How many samples it would take to be off by a tenth."""
    say, column = look.say, found.columns.index(weight)
    told = [
        _told(row.label, float(row.spread[column]), look)
        for row in found.rows
        if row.random and row.samples > 1 and math.isfinite(row.spread[column])
    ]
    return " ".join(told) or say("charts.sample_mean.going")


def _told(name: str, spread: float, look: Look) -> str:
    say, needed = look.say, _needed(spread)
    if needed == 1:
        return say("charts.sample_mean.one", name=name, spread=number(spread))
    return say("charts.sample_mean.needed", name=name, spread=number(spread), samples=say.count("sample", needed))


def _needed(spread: float) -> int:
    """Of two digits: the spread itself is only known from a few samples."""
    return max(1, int(float(f"{math.ceil((spread / 0.1) ** 2):.2g}")))


def _positive(values: object) -> list[float | None]:
    return [float(value) if math.isfinite(value) and value > 0 else None for value in np.asarray(values)]
