"""The value of one gate at each unit and step."""

from __future__ import annotations

import numpy as np

from core.trace import Trace
from dashboard.charts.heatmap import units_over_tokens
from dashboard.charts.picture import Chart, Look, Picture, number
from dashboard.charts.token_axis import quoted


def draw(trace: Trace, look: Look) -> Picture:
    """A sigmoid gate lies in [0, 1], a tanh candidate in [-1, 1]; both ranges are fixed."""
    gate = look.gate_in(trace)
    values = trace.pick("gate", layer=look.layer, gate=gate)
    axis = trace.axes[0]
    signed = bool(np.nanmin(values) < 0)
    figure = units_over_tokens(values, axis, look, low=-1.0 if signed else 0.0, high=1.0, name=gate)
    mean = np.mean(np.abs(values) if signed else values, axis=1)
    widest, narrowest = int(np.nanargmax(mean)), int(np.nanargmin(mean))
    words = look.say(
        "charts.gates.candidate" if signed else "charts.gates.opening",
        gate=gate,
        mean=number(float(np.nanmean(mean))),
        most=quoted(axis.inputs[widest]),
        largest=number(mean[widest]),
        least=quoted(axis.inputs[narrowest]),
        smallest=number(mean[narrowest]),
    )
    return Picture(figure, words)


CHART = Chart("gates", ("gate",), draw, choices=("gate",))
