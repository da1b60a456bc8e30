"""Cost: the CPU time of one estimate, and the memory that it holds, measured, beside each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.studies.estimators import Estimated, Found
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page


def draw(found: Found, look: Look) -> Picture:
    """Two panels of bars on logarithmic axes, an estimator a line."""
    say, colours = look.say, look.colours
    rows = [row for row in found.rows if row.samples]
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    labels = [row.label for row in rows]
    kinds = (
        ([1e3 * row.seconds for row in rows], [milliseconds(row) for row in rows], "charts.estimator_cost.time", colours.first),
        ([row.held / 1024 for row in rows], [kibibytes(row) for row in rows], "charts.estimator_cost.memory", colours.second),
    )
    for place, (values, shown, title, colour) in enumerate(kinds, 1):
        # On a logarithmic axis a bar begins at the least power of ten: dots claim no length.
        known = [value if math.isfinite(value) and value > 0 else None for value in values]
        figure.add_trace(
            go.Scatter(
                x=known,
                y=labels,
                mode="markers+text",
                marker={"color": colour, "size": 11},
                text=shown,
                textposition="middle right",
                cliponaxis=False,
                hovertemplate="%{y}: %{text}<extra></extra>",
            ),
            row=1,
            col=place,
        )
        there = [value for value in known if value]
        low, high = (math.log10(pick(there)) for pick in (min, max)) if there else (0, 1)
        room = 0.7 * max(1.0, high - low)
        figure.update_xaxes(
            title={"text": say(title), "standoff": 6}, type="log", dtick=1, range=[low - 0.2, high + room], row=1, col=place
        )
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=labels)
    on_page(figure, look, height=360, margin=NARROW)
    return Picture(figure, words(found, look))


def words(found: Found, look: Look) -> str:
    """What RTRL costs beside BPTT, and why a truncation may hold more than what it cuts."""
    say = look.say
    exact, forwards = found.row("bptt"), found.row("rtrl")
    if not exact or not forwards or not math.isfinite(forwards.seconds) or not math.isfinite(exact.seconds):
        return say("charts.estimator_cost.going")
    told = say(
        "charts.estimator_cost.words",
        steps=found.steps,
        sequences=say.count("sequence", found.sequences),
        states=f"{found.states:,}",
        parameters=f"{found.parameters:,}",
        time=number(forwards.seconds / exact.seconds),
        memory=number(forwards.held / exact.held),
    )
    return " ".join([told, *_more(found, exact, look)])


def _more(found: Found, exact: Estimated, look: Look) -> Iterator[str]:
    """Of the truncations that hold more than BPTT."""
    say = look.say
    window, *chunks = ((row if row and row.held > exact.held else None) for row in map(found.row, ("window", "chunk", "artbp")))
    if window:
        yield say("charts.estimator_cost.window", name=window.label, times=number(window.held / exact.held))
    if names := ", ".join(row.label for row in chunks if row):
        yield say("charts.estimator_cost.chunks", names=names)


def milliseconds(row: Estimated) -> str:
    """CPU time of one estimate."""
    return f"{number(1e3 * row.seconds)} ms" if math.isfinite(row.seconds) else "–"


def kibibytes(row: Estimated) -> str:
    """Memory that one estimate holds."""
    return f"{number(row.held / 2**20)} MiB" if row.held >= 2**20 else f"{number(row.held / 1024)} KiB"
