"""Half-lives: a dot for each seed and a bar for the median, cell by cell, on one logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go

from core.studies.half_lives import Found, Line
from dashboard.charts.picture import MARGIN, Look, Picture, number, on_page

LONGEST = 1000.0
"""Half-lives beyond it, and errors that do not fade, stand at the right edge."""


def draw(found: Found, cell_label: Callable[[str], str], look: Look) -> Picture:
    """cell_label: the name of a cell."""
    say, colours = look.say, look.colours
    names = [name(line, cell_label, look) for line in found.lines]
    figure = go.Figure()
    for line, label in zip(found.lines, names, strict=True):
        lives = np.array([decay.half_life for decay in line.decays])
        if not lives.size:
            continue
        colour = colours.second if line.own else colours.first
        figure.add_trace(
            go.Scatter(
                x=np.minimum(lives, LONGEST),
                y=[label] * len(lives),
                mode="markers",
                marker={"color": colour, "size": 9, "opacity": 0.55},
                customdata=[[seed, number(life)] for seed, life in zip(line.seeds, lives, strict=True)],
                hovertemplate=say("charts.half_lives.hover") + "<extra></extra>",
            )
        )
        figure.add_trace(
            go.Scatter(
                x=[min(line.half_life, LONGEST)],
                y=[label],
                mode="markers",
                marker={"symbol": "line-ns", "size": 18, "line": {"width": 3, "color": colour}},
                hoverinfo="skip",
            )
        )
        figure.add_annotation(
            x=1, xref="paper", y=label, text=number(line.half_life), showarrow=False, xanchor="left", xshift=10, font={"color": colour}
        )
    figure.update_xaxes(
        title={"text": say("charts.half_lives.axis"), "standoff": 6},
        type="log",
        range=[math.log10(0.3), math.log10(LONGEST * 1.15)],
        tickvals=[1, 10, 100, LONGEST],
        ticktext=["1", "10", "100", say("charts.half_lives.more")],
    )
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=names, automargin=True)
    on_page(figure, look, height=90 + 36 * len(names), margin=MARGIN | {"l": 8})
    return Picture(figure, words(found, cell_label, look))


def name(line: Line, cell_label: Callable[[str], str], look: Look) -> str:
    """The cell and its levers, where they are not plain."""
    say = look.say
    parts = [cell_label(line.cell)]
    if line.initialisation != "uniform":
        parts.append(line.initialisation)
    if line.gain != 1:
        parts.append(say("charts.half_lives.gain", value=number(line.gain)))
    if line.forget_bias and line.cell == "lstm":
        parts.append(say("charts.half_lives.forget_bias", value=number(line.forget_bias)))
    told = ", ".join(parts)
    return say("charts.half_lives.own", name=told) if line.own else told


def words(found: Found, cell_label: Callable[[str], str], look: Look) -> str:
    """The LSTM at its plain start against the plain network, and the line that keeps errors longest."""
    say = look.say
    measured = [line for line in found.lines if not math.isnan(line.half_life)]
    plain = {line.cell: line for line in reversed(measured) if not line.own and line.initialisation == "uniform" and not line.forget_bias}
    told = []
    if "lstm" in plain and "rnn_tanh" in plain:
        told.append(say("charts.half_lives.myth", lstm=number(plain["lstm"].half_life), rnn=number(plain["rnn_tanh"].half_life)))
    longest = max((line for line in measured if not line.own), key=lambda line: line.half_life, default=None)
    if longest:
        low, high = (number(end) for end in longest.ends)
        told.append(
            say("charts.half_lives.longest", name=name(longest, cell_label, look), half=number(longest.half_life), low=low, high=high)
        )
    return " ".join(told)
