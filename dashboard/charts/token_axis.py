"""The token axis that every chart over time shares: tick labels, hover texts and margins are the same on all of them."""

from __future__ import annotations

from unicodedata import bidirectional

import plotly.graph_objects as go

from core.trace import Axis
from dashboard.charts.picture import MARGIN, Look, on_page
from dashboard.texts import in_chart

RIGHT_TO_LEFT = ("\u2068", "\u2069")
"""The marks around what has a direction of its own: first strong isolate, pop directional isolate."""
MOST_TICKS = 48
MOST_ROWS = 24
TOKEN_MARGIN = MARGIN | {"b": 72, "autoexpand": False}
"""Fixed, so that the same token stands at the same place in all charts."""


def inputs(axis: Axis) -> list[str]:
    """The tokens that the steps read, ready for Plotly."""
    return [in_chart(token) for token in axis.inputs]


def targets(axis: Axis) -> list[str]:
    """The tokens that the steps' losses predict, ready for Plotly."""
    return [in_chart(token) for token in axis.targets]


def quoted(token: str) -> str:
    """A token inside a sentence: 'dog', but <bos> bare."""
    if token in ("<bos>", "<eos>", "<pad>", "<unk>"):
        return token
    # What is written from the right would carry the marks around it along.
    return f"'{RIGHT_TO_LEFT[0]}{token}{RIGHT_TO_LEFT[1]}'" if any(bidirectional(one) in ("R", "AL") for one in token) else f"'{token}'"


def over_tokens(figure: go.Figure, axis: Axis, look: Look, *, title: str, height: int) -> go.Figure:
    """The figure with the steps of a sentence as its horizontal axis, and the chosen step marked on it."""
    figure.add_vline(
        x=min(look.step or len(axis.inputs), len(axis.inputs)), line={"color": look.colours.second, "width": 1.5, "dash": "dot"}
    )
    return token_axis(figure, axis, look, title=title, height=height)


def token_axis(figure: go.Figure, axis: Axis, look: Look, *, title: str, height: int) -> go.Figure:
    """The figure with the steps of a sentence as its horizontal axis."""
    ticks = _ticks(len(axis.inputs))
    on_page(figure, look, height=height, margin=TOKEN_MARGIN, hoverlabel={"align": "left"}, dragmode="zoom")
    names = inputs(axis)
    figure.update_xaxes(
        tickvals=ticks,
        ticktext=[names[t - 1] for t in ticks],
        range=[0.5, len(names) + 0.5],
        automargin=False,
        showgrid=False,
        zeroline=False,
        title={"text": title, "standoff": 6},
        fixedrange=False,
    )
    return figure


def loss_axis(figure: go.Figure, axis: Axis, look: Look, first: int = 0) -> None:
    """The steps of a sentence from top to bottom, named by what their losses predict.   first: the first that is shown, from 0."""
    names = targets(axis)
    ticks = [first + row for row in _ticks(len(names) - first, most=MOST_ROWS)]
    figure.update_yaxes(
        tickvals=ticks,
        ticktext=[names[s - 1] for s in ticks],
        range=[len(names) + 0.5, first + 0.5],
        showgrid=False,
        zeroline=False,
        title={"text": look.say("charts.axis.loss"), "standoff": 6},
    )


def _ticks(steps: int, most: int = MOST_TICKS) -> list[int]:
    every = -(-steps // most)
    return list(range(1, steps + 1, every))
