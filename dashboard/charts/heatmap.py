"""Units over tokens: the heatmap that hidden states, gates and their gradients share."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.trace import Array, Axis
from dashboard import theme
from dashboard.charts.picture import Look
from dashboard.charts.token_axis import inputs, over_tokens

LONGEST = 8
"""Characters that stand beside a chart."""


def units_over_tokens(values: Array, axis: Axis, look: Look, *, low: float, high: float, name: str) -> go.Figure:
    """values: (steps, units); units count from 1, as on the live panels.

    Signed values (low < 0) get the diverging ramp centred on 0, others the magnitude ramp.
    """
    ramp = look.colours.signed if low < 0 else look.colours.magnitude
    say = look.say
    figure = go.Figure(
        go.Heatmap(
            z=values.T,
            x=np.arange(1, len(values) + 1),
            y=np.arange(1, values.shape[1] + 1),
            zmin=low,
            zmax=high,
            colorscale=theme.scale(ramp),
            customdata=np.broadcast_to(np.array(inputs(axis), dtype=object), values.T.shape),
            xgap=1 if len(values) <= 64 else 0,
            hovertemplate=say("charts.hover.unit", name=name) + "<extra></extra>",
            colorbar=colour_bar(low, high),
        )
    )
    figure.update_yaxes(title={"text": say("charts.axis.unit"), "standoff": 6}, showgrid=False, zeroline=False, autorange="reversed")
    return over_tokens(figure, axis, look, title=say("charts.axis.token"), height=300)


def colour_bar(low: float, high: float) -> dict[str, Any]:
    """A slim legend that states its range."""
    middle = 0.0 if low < 0 else (low + high) / 2
    return {
        "thickness": 10,
        "len": 1.0,
        "outlinewidth": 0,
        "xpad": 4,
        "tickvals": [low, middle, high],
        "ticktext": [_short(value) for value in (low, middle, high)],
    }


def _short(value: float) -> str:
    """Three significant digits, in no more room than there is beside a chart."""
    plain = f"{value:.3g}"
    return plain if len(plain) <= LONGEST else f"{value:.2e}".replace("e-0", "e-")
