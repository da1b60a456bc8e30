"""Ways: how much of a loss's error arrives how far back, without attention, with it, and without recurrence, on one sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.studies.ways import FAR, Found, Kind
from core.trace import Array
from dashboard.charts.lab.bands import decades, pale
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page, percent

DASHES = {"attention": "dash", "recurrence": "dot"}
"""Of the ways that make up a line."""


def draw(found: Found, look: Look) -> Picture:
    """A line for each kind, the median of its seeds, all of them in a pale band; where an error has two ways, a thin line for each."""
    say, figure = look.say, go.Figure()
    drawn = [kind for kind in found.kinds if kind.seeds]
    for kind in drawn:
        colour, label = _colour(kind, look), say(f"charts.ways.{kind.name}")
        _band(figure, kind.total, colour)
        _line(figure, kind.way("total"), label, {"color": colour, "width": 2.5}, look)
        if kind.name == "attending":
            for way, dash in DASHES.items():
                _line(figure, kind.way(way), say(f"charts.ways.{way}", name=label), {"color": colour, "width": 1.5, "dash": dash}, look)
    figure.add_hline(y=FAR, line={"color": look.colours.cut, "width": 1, "dash": "dash"})
    figure.update_xaxes(title={"text": say("charts.fading.lag"), "standoff": 6}, rangemode="tozero")
    low, high = _reach([kind.way("total") for kind in drawn])
    figure.update_yaxes(
        title={"text": say("charts.fading.norm", state="h"), "standoff": 6},
        type="log",
        exponentformat="power",
        dtick=decades(np.array([10.0**low, 10.0**high])),
        range=[low, high],
    )
    on_page(figure, look, height=380, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "traceorder": "normal"})
    return Picture(figure, words(found, look))


def _reach(totals: Sequence[Array]) -> tuple[float, float]:
    """The axis, in powers of ten: what arrives in all, and `FAR`.  A way on which next to nothing comes leaves it below."""
    values = np.concatenate([np.array([FAR / 10]), *totals])
    logs = np.log10(values[np.isfinite(values) & (values > 0)])
    return float(np.floor(logs.min())), float(np.ceil(logs.max() + 0.1))


def words(found: Found, look: Look) -> str:
    """How far an error arrives in each kind, and what comes along each way at the end of the sequence."""
    say, told = look.say, []
    for kind in found.kinds:
        if kind.seeds and np.isfinite(kind.way("total")).any():
            last = len(kind.way("total")) - 1
            name = say(f"charts.ways.{kind.name}")
            told.append(say("charts.ways.far", name=name, lag=kind.arrives, last=last, share=percent(FAR)))
    told += [_by_way(kind, look) for kind in found.kinds if kind.name == "attending" and kind.seeds]
    return " ".join(part for part in told if part) or say("charts.ways.nothing")


def _by_way(kind: Kind, look: Look) -> str:
    """What arrives on each of two ways, at the longest lag that has both."""
    attention, recurrence = kind.way("attention"), kind.way("recurrence")
    both = np.flatnonzero(np.isfinite(attention) & np.isfinite(recurrence))
    if not len(both):
        return ""
    lag = int(both[-1])
    return look.say("charts.ways.by_way", lag=lag, attention=number(attention[lag]), recurrence=number(recurrence[lag]))


def _colour(kind: Kind, look: Look) -> str:
    colours = look.colours
    return {"recurrent": colours.first, "attending": colours.second, "transformer": colours.others[0]}[kind.name]


def _line(figure: go.Figure, values: Array, name: str, line: dict[str, object], look: Look) -> None:
    if np.isfinite(values).any():
        shown = np.where(values > 0, values, np.nan)  # 0 has no place on a logarithmic axis
        hover = name + ", " + look.say("charts.ways.hover") + "<extra></extra>"
        figure.add_trace(go.Scatter(x=np.arange(len(values)), y=shown, mode="lines+markers", line=line, name=name, hovertemplate=hover))


def _band(figure: go.Figure, rows: Array, colour: str) -> None:
    """From the smallest to the largest of the seeds, where there are several."""
    known = np.flatnonzero(np.isfinite(rows).all(0) & (rows > 0).all(0))
    if len(rows) < 2 or not len(known):
        return
    for edge, fill in ((rows.max(0), None), (rows.min(0), "tonexty")):
        figure.add_trace(
            go.Scatter(
                x=known,
                y=edge[known],
                mode="lines",
                line={"width": 0},
                fill=fill,
                fillcolor=pale(colour, 0.15),
                hoverinfo="skip",
                showlegend=False,
            )
        )
