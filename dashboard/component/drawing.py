"""The drawing field: a curve drawn from left to right with a pointer, a finger or the arrow keys, as numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.component.assets import loader, prefix, version

POINTS = 120
"""Places from the left edge to the right one; each has one number."""

FEWEST = 40
"""Places that a curve has at least: enough for windows of the usual length and three parts."""

TOP = 100.0
"""The number at the upper edge; the lower one is 0."""

_mount = st.components.v2.component("bptt_drawing", js=loader("drawing.js"))


def drawing(key: str, values: Sequence[float], base_path: str = "") -> list[float] | None:
    """Mounts the field.

    key: Streamlit's element key.   values: what stands in it, from the left edge on, unless it was drawn there.
    base_path: `server.baseUrlPath`.
    Returns, in one script run only, what was drawn: FEWEST to POINTS numbers from 0 to TOP with one decimal.
    """
    result = _mount(
        key=key,
        data={"base": prefix(base_path), "version": version(), "values": list(values), "points": POINTS, "fewest": FEWEST, "top": TOP},
        on_drawn_change=_heard,
    )
    return _curve(getattr(result, "drawn", None))


def _curve(drawn: Any) -> list[float] | None:
    """The numbers that a browser sent; None where it sent something else."""
    if not isinstance(drawn, list) or not FEWEST <= len(drawn) <= POINTS:
        return None
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in drawn):
        return None
    return [round(min(max(float(value), 0.0), TOP), 1) for value in drawn]


def _heard() -> None:
    """Streamlit hands back only the values that have a callback."""
