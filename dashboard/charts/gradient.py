"""dL/dh_t: total, its direct and recurrent parts, and what it would be without truncation, all on one colour range."""

from __future__ import annotations

import numpy as np

from core.trace import Trace
from dashboard.charts.heatmap import units_over_tokens
from dashboard.charts.picture import Chart, Look, Picture, number, percent
from dashboard.charts.token_axis import quoted


def draw(trace: Trace, look: Look) -> Picture:
    """The range is that of the largest of the parts, so that switching between them compares."""
    parts = trace.pick("dh", layer=look.layer)
    axis = trace.axes[0]
    limit = float(np.nanmax(np.abs(parts))) or 1.0
    values = trace.pick("dh", layer=look.layer, part=look.part)
    name = "dL/dh" if look.part == "total" else f"dL/dh {look.part}"
    figure = units_over_tokens(values, axis, look, low=-limit, high=limit, name=name)
    norms = {part: np.linalg.norm(trace.pick("dh", layer=look.layer, part=part), axis=1) for part in trace.labels["part"]}
    shown = norms[look.part]
    largest, smallest = int(np.nanargmax(shown)), int(np.nanargmin(shown))
    say = look.say
    if shown[largest] == 0:
        return Picture(figure, say("charts.gradient.zero", name=name))
    words = say(
        "charts.gradient.range",
        name=name,
        most=quoted(axis.inputs[largest]),
        largest=number(shown[largest]),
        least=quoted(axis.inputs[smallest]),
        smallest=number(shown[smallest]),
    )
    step = look.step_in(trace) - 1
    direct, recurrent = norms["direct"][step], norms["recurrent"][step]
    if "attention" in norms:
        along = number(norms["attention"][step])
        words += " " + say(
            "charts.gradient.ways", token=quoted(axis.inputs[step]), direct=number(direct), attention=along, recurrent=number(recurrent)
        )
    elif direct + recurrent > 0:
        words += " " + say(
            "charts.gradient.parts",
            token=quoted(axis.inputs[step]),
            direct=number(direct),
            recurrent=number(recurrent),
            share=percent(recurrent / (direct + recurrent)),
        )
    total, full = (trace.pick("dh", layer=look.layer, part=part) for part in ("total", "untruncated"))
    cut, whole = float(np.sqrt(np.nansum((full - total) ** 2))), float(np.sqrt(np.nansum(full**2)))
    if cut > 0:
        words += " " + say("charts.gradient.cut", share=percent(cut / whole))
    return Picture(figure, words)


CHART = Chart("gradient", ("dh",), draw, choices=("part",))
