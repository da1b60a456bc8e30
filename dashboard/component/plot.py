"""A figure of Plotly's on the page.

Streamlit's own chart brings all of Plotly's library along, 4.7 MB that a browser reads for most of a second before the first line is drawn.
The figures here need its cartesian part alone, a third of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard.charts.picture import Steps
from dashboard.component.assets import loader, prefix, version

_mount = st.components.v2.component("bptt_plot", js=loader("plot.js"), isolate_styles=False)  # Plotly writes its styles into the page


def plot(
    key: str,
    figure: go.Figure,
    alt: str,
    file: Mapping[str, str],
    base_path: str = "",
    picked: Callable[[], None] | None = None,
    steps: Steps | None = None,
) -> None:
    """Mounts a figure of cartesian traces (scatter, bar, heatmap, contour, ...) that has a height.

    key: Streamlit's element key; while it stays, another figure is drawn in place of the one before.
    alt: what those are told who cannot see it.   file: format and filename of the picture that its camera button saves.
    base_path: `server.baseUrlPath`.   picked: is called when a point was clicked, which `place` then reads.
    steps: of a trace to go through, below the figure.
    """
    data = {
        "base": prefix(base_path),
        "version": version(),
        "figure": figure.to_json(validate=False),
        "height": figure.layout.height,
        "alt": alt,
        "file": dict(file),
        "picks": picked is not None,
        "steps": asdict(steps) if steps else None,
    }
    _mount(key=key, data=data, on_picked_change=picked or _unheard)


def place(state: Any) -> tuple[float, float] | None:
    """x and y of the point that was clicked last, from what Streamlit holds under a plot's key; None where there is none."""
    told = (state or {}).get("picked")
    chosen = told.get("value") if isinstance(told, Mapping) else None
    if not isinstance(chosen, list) or len(chosen) != 2 or not all(isinstance(value, int | float) for value in chosen):
        return None
    return float(chosen[0]), float(chosen[1])


def _unheard() -> None:
    """Streamlit hands back only the values that have a callback."""
