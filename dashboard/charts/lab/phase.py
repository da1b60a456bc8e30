"""Phase: the lever against the length of the sequence, a real network in every cell; blue vanishes, orange explodes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.studies.phase import Found
from core.trace import Array
from dashboard import theme
from dashboard.charts.picture import Look, Picture, number, on_page

WIDEST = 12
"""Decades to either side of 1 that the colours tell apart."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the diagram.   row: of the lever's values, from 0.   length: T."""

    row: int
    length: int


def draw(found: Found, chosen: Cell, look: Look) -> Picture:
    """Rows stand at equal distances.  What is not computed yet is empty; what vanished entirely or exploded has a colour of its own."""
    say, colours = look.say, look.colours
    rows = np.arange(len(found.values))
    finite = np.isfinite(found.logs)
    reach = decades(found.logs)
    known = np.broadcast_to(found.known[:, None], found.logs.shape)
    figure = go.Figure(
        [
            _cells(found, np.where(finite, np.clip(found.logs, -reach, reach), np.nan), theme.scale(colours.signed), reach, look),
            _cells(found, np.where(np.isneginf(found.logs), 0.0, np.nan), theme.scale((colours.below_floor,) * 2), reach),
            _cells(found, np.where(known & ~finite & ~np.isneginf(found.logs), 0.0, np.nan), theme.scale((colours.cut,) * 2), reach),
            # A heatmap cannot be clicked on; the squares on top of it can.
            go.Scatter(
                x=np.tile(found.lengths, len(rows)),
                y=np.repeat(rows, len(found.lengths)),
                mode="markers",
                marker={"symbol": "square", "size": 9, "opacity": 0},
                customdata=hover(found, look).ravel(),
                hovertemplate="%{customdata}<extra></extra>",
            ),
            go.Scatter(
                x=[chosen.length],
                y=[chosen.row],
                mode="markers",
                marker={"symbol": "square-open", "size": 14, "color": colours.second, "line": {"width": 3}},
                hoverinfo="skip",
            ),
        ]
    )
    for value, colour, label in (
        (found.now, colours.cut, say("charts.phase.now")),
        (found.border(), colours.second, say("charts.phase.border")),
    ):
        place = row_of(found, value)
        if not math.isnan(place):
            figure.add_hline(y=place, line={"color": colour, "width": 1.5, "dash": "dash"})
            figure.add_annotation(
                x=0.01,
                xref="paper",
                y=place,
                text=label,
                showarrow=False,
                xanchor="left",
                yanchor="bottom",
                font={"color": colour},
                bgcolor=colours.page,
                opacity=0.85,
            )
    ticks = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), 9)).round().astype(int))
    figure.update_xaxes(
        title={"text": say("charts.phase.length"), "standoff": 6},
        range=[found.lengths[0] - 0.5, found.lengths[-1] + 0.5],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        title={"text": say(f"charts.phase.{found.lever}"), "standoff": 6},
        tickvals=ticks,
        ticktext=[number(float(value)) for value in found.values[ticks]],
        range=[-0.5, len(rows) - 0.5],
        showgrid=False,
        zeroline=False,
    )
    on_page(figure, look, height=460, dragmode=False)
    return Picture(figure, words(found, look))


def decades(logs: Array) -> int:
    """How far the colours go to either side."""
    there = np.abs(logs[np.isfinite(logs)])
    return max(1, min(WIDEST, math.ceil(there.max()))) if there.size else 1


def row_of(found: Found, value: float) -> float:
    """Where a value of the lever stands between the rows; NaN outside of them."""
    if not found.values[0] <= value <= found.values[-1]:
        return math.nan
    if found.lever == "gain":
        return float(np.interp(math.log(value), np.log(found.values), np.arange(len(found.values))))
    return float(np.interp(value, found.values, np.arange(len(found.values))))


def told(log10: float, look: Look) -> str:
    """One cell in words."""
    if np.isneginf(log10):
        return look.say("charts.phase.vanished")
    return number(10.0**log10) if math.isfinite(log10) else look.say("charts.phase.exploded")


def hover(found: Found, look: Look) -> Array:
    """The hover text of every cell, (n, m)."""
    text = np.full(found.logs.shape, look.say("charts.phase.not_yet"), dtype=object)
    label = look.say(f"charts.phase.{found.lever}")
    for row in np.flatnonzero(found.known):
        for column, length in enumerate(found.lengths):
            text[row, column] = look.say(
                "charts.phase.hover", lever=label, value=number(found.values[row]), length=length, norm=told(found.logs[row, column], look)
            )
    return text


def words(found: Found, look: Look) -> str:
    """Where the border stands, and what becomes of the error at the experiment's own lever."""
    say = look.say
    lever = say(f"charts.phase.{found.lever}").lower()
    if not found.known.all():
        return say("charts.phase.going", done=int(found.known.sum()), all=len(found.known))
    border = found.border()
    if math.isnan(border):
        sentences = [say("charts.phase.no_border", lever=lever)]
    else:
        sentences = [say("charts.phase.has_border", lever=lever, value=number(border), length=int(found.lengths[-1]))]
    place = row_of(found, found.now)
    if math.isnan(found.now):
        sentences.append(say("charts.phase.not_own"))
    elif not math.isnan(place):
        norm, length = told(float(found.logs[round(place), -1]), look), int(found.lengths[-1])
        value = number(found.now)
        sentences.append(say("charts.phase.own", lever=lever, value=value, length=length, norm=norm, state=found.state))
    return " ".join(sentences)


def _cells(found: Found, z: Array, scale: list[tuple[float, str]], reach: int, look: Look | None = None) -> go.Heatmap:
    return go.Heatmap(
        z=z,
        x=found.lengths,
        y=np.arange(len(found.values)),
        zmin=-reach,
        zmax=reach,
        colorscale=scale,
        hoverinfo="skip",
        showscale=look is not None,
        colorbar={
            "thickness": 10,
            "outlinewidth": 0,
            "xpad": 4,
            "tickvals": [-reach, 0, reach],
            "ticktext": [f"1e−{reach}", "1", f"1e{reach}"],
        }
        if look
        else None,
    )
