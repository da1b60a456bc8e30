"""Estimates: how far each estimator is from full BPTT, one estimate of it and the mean of many."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.studies.estimators import Estimated, Found
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page, percent

MEASURES = ("error", "cosine")
FLOOR = 1e-17
"""Relative errors below it are none."""


def draw(found: Found, weight: str, measure: str, look: Look) -> Picture:
    """weight: of the columns of `found`.   measure: of `MEASURES`."""
    say, colours = look.say, look.colours
    column = found.columns.index(weight)
    rows = [row for row in found.rows if row.samples and row.name != "bptt"]
    labels = [_label(row, found) for row in rows]
    figure = go.Figure()
    single, mean = (
        ([float(values[column]) for values in kind] for kind in zip(*[_values(row, measure) for row in rows], strict=True))
        if rows
        else ((), ())
    )
    for values, name, symbol, colour in (
        (single, say("charts.estimates.single"), "circle-open", colours.second),
        (mean, say("charts.estimates.mean"), "circle", colours.first),
    ):
        figure.add_trace(
            go.Scatter(
                x=labels,
                y=[_shown(value, measure) for value in values],
                mode="markers",
                marker={"size": 11, "symbol": symbol, "color": colour, "line": {"width": 2, "color": colour}},
                name=name,
                customdata=[number(value) for value in values],
                hovertemplate="%{x}, " + name + ": %{customdata}<extra></extra>",
            )
        )
    chance = [float(row.chance()[column]) if row.random and measure == "error" else math.nan for row in rows]
    if np.isfinite(chance).any():
        figure.add_trace(
            go.Scatter(
                x=labels,
                y=[value if math.isfinite(value) else None for value in chance],
                mode="markers",
                marker={"size": 22, "symbol": "line-ew", "line": {"width": 2, "color": colours.cut}},
                name=say("charts.estimates.chance"),
                hovertemplate="%{x}, " + say("charts.estimates.chance") + ": %{y:.3g}<extra></extra>",
            )
        )
    figure.update_xaxes(categoryorder="array", categoryarray=labels, range=[-0.5, len(labels) - 0.5])
    title = {"text": say(f"charts.estimates.{measure}"), "standoff": 6}
    if measure == "error":
        figure.update_yaxes(title=title, type="log", exponentformat="power", dtick=2)
    else:
        figure.update_yaxes(title=title, range=[min(-0.1, *(value for value in (*single, *mean) if math.isfinite(value)), 0) - 0.05, 1.05])
    on_page(figure, look, height=360, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(found, weight, look))


def words(found: Found, weight: str, look: Look) -> str:
    """RTRL against BPTT to the last digit, what the biased ones are off by, and whether the random ones are off by more than chance."""
    say, column = look.say, found.columns.index(weight)
    told = []
    exact, forwards = found.row("bptt"), found.row("rtrl")
    if exact and forwards:
        told.append(
            say(
                "charts.estimates.equal",
                bptt=repr(float(exact.norm[column])),
                rtrl=repr(float(forwards.norm[column])),
                error=number(float(forwards.error[column])),
            )
        )
    exact_at_k = ("window", "chunk") if found.k >= found.steps else ()  # they cut nothing
    biased = [
        row for row in found.rows if row.samples and not row.unbiased and row.name not in exact_at_k and math.isfinite(row.error[column])
    ]
    if biased:
        off = ", ".join(
            f"{_label(row, found)} {percent(float(row.error[column]))}" for row in sorted(biased, key=lambda row: row.error[column])
        )
        told.append(say("charts.estimates.biased", off=off))
    told += [
        say(
            "charts.estimates.drawn",
            name=row.label,
            one=number(float(row.single_error[column])),
            mean=number(float(row.error[column])),
            count=row.samples,
            chance=number(float(row.chance()[column])),
        )
        for row in found.rows
        if row.random and row.samples > 1 and math.isfinite(row.error[column])
    ]
    return " ".join(told) or say("charts.estimates.none")


def _values(row: Estimated, measure: str) -> tuple[object, object]:
    return (row.single_error, row.error) if measure == "error" else (row.single_cosine, row.cosine)


def _shown(value: float, measure: str) -> float | None:
    if not math.isfinite(value):
        return None
    return max(value, FLOOR) if measure == "error" else value


def _label(row: Estimated, found: Found) -> str:
    """With what it was set to."""
    if row.name in ("window", "chunk"):
        return f"{row.label} {found.k}"
    return f"{row.label} {found.cut:g}" if row.name == "artbp" else row.label
