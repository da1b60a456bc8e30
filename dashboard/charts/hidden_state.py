"""The states after each step: h, and c for a cell that has one."""

from __future__ import annotations

import numpy as np

from core.trace import Trace
from dashboard.charts.heatmap import units_over_tokens
from dashboard.charts.picture import Chart, Look, Picture, number
from dashboard.charts.token_axis import quoted

NEAR_THE_LIMIT = 0.95
"""A unit whose |h| is above this has a nearly flat tanh: little error passes through it."""


def draw(trace: Trace, look: Look) -> Picture:
    """h lies in [-1, 1] for all cells but the relu one: that range is fixed, so that pictures of different moments compare."""
    state = look.state if look.state in trace else "h"
    values = trace.pick(state, layer=look.layer)
    axis = trace.axes[0]
    reach = float(np.nanmax(np.abs(values)))
    limit = 1.0 if state == "h" and reach <= 1 else reach or 1.0
    figure = units_over_tokens(values, axis, look, low=-limit, high=limit, name=state)
    say = look.say
    before = np.vstack([np.zeros_like(values[:1]), values[:-1]])
    change = np.linalg.norm(values - before, axis=1)
    sentences = []
    if not np.isnan(change).all():
        busiest = int(np.nanargmax(change))
        token = quoted(axis.inputs[busiest])
        sentences.append(say("charts.hidden_state.change", token=token, state=state, change=number(change[busiest])))
    near = np.count_nonzero(np.abs(values) > NEAR_THE_LIMIT, axis=1)
    if state == "h" and reach <= 1:
        fullest = int(np.argmax(near))
        sentences.append(
            say(
                "charts.hidden_state.saturated",
                count=near[fullest],
                units=values.shape[1],
                token=quoted(axis.inputs[fullest]),
                limit=NEAR_THE_LIMIT,
            )
            if near[fullest]
            else say("charts.hidden_state.free", limit=NEAR_THE_LIMIT, largest=number(reach))
        )
    return Picture(figure, " ".join(sentences))


CHART = Chart("hidden_state", ("h",), draw, choices=("state",))
