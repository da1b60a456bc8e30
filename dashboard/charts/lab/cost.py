"""Cost: what truncation saves, the memory that one gradient holds and the time that it takes, against K."""

from __future__ import annotations

import plotly.graph_objects as go

from core.measures.bias import SCHEMES
from core.studies.cost import Found
from core.trace import Array
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page

UNITS = {"held": 2.0**20, "seconds": 1e-3}
"""What is drawn is in MiB, and in milliseconds."""


def draw(found: Found, quantity: str, look: Look) -> Picture:
    """quantity: "held" or "seconds"."""
    say, colours = look.say, look.colours
    values = _of(found, quantity)
    figure = go.Figure()
    for scheme, row, colour, dash in zip(SCHEMES, values, (colours.first, colours.second), ("solid", "dot"), strict=True):
        figure.add_trace(
            go.Scatter(
                x=found.ks,
                y=row,
                mode="lines+markers",
                marker={"size": 5},
                line={"color": colour, "width": 2, "dash": dash},
                name=say(f"lab.schemes.{scheme}"),
                hovertemplate="K = %{x}: %{y:.3g}<extra></extra>",
            )
        )
    figure.update_xaxes(
        title={"text": say("charts.bias.k"), "standoff": 6}, type="log", tickvals=found.ks, ticktext=[str(k) for k in found.ks]
    )
    figure.update_yaxes(title={"text": say(f"charts.cost.{quantity}"), "standoff": 6}, rangemode="tozero")
    on_page(figure, look, height=300, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(found, quantity, look))


def words(found: Found, quantity: str, look: Look) -> str:
    """What no truncation costs, the least of chunks, and the most of windows where that is more."""
    say, values = look.say, _of(found, quantity)
    window, chunk = values[SCHEMES.index("window")], values[SCHEMES.index("chunk")]
    least, most = int(chunk[: max(1, len(chunk) - 1)].argmin()), int(window.argmax())
    told = say(
        f"charts.cost.{quantity}_words",
        full=number(chunk[-1]),
        steps=found.steps,
        sequences=say.count("sequence", found.sequences),
        k=found.ks[least],
        least=number(chunk[least]),
        short=number(chunk[0]),
    )
    if window[most] <= chunk[-1]:
        return told
    return f"{told} {say(f'charts.cost.{quantity}_window', most=number(window[most]), k=found.ks[most])}"


def _of(found: Found, quantity: str) -> Array:
    values: Array = (found.held if quantity == "held" else found.seconds) / UNITS[quantity]
    return values
