"""Bands and decades: what charts of norms and losses share."""

from __future__ import annotations

import math

import numpy as np

from core.trace import Array

MOST = 6
"""Decades that are labelled on an axis; of more, every second or third one."""


def pale(colour: str, opacity: float) -> str:
    """A colour of the theme, "#rrggbb", as one that covers only so much, 0 to 1."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def decades(*values: Array) -> int | str:
    """Plotly's `dtick` of a logarithmic axis over these values: whole decades, and of less than two 1, 2 and 5 of each.

    Of a small part of one every digit, since there may be none of these, and of a smaller one steps that are as long in value.
    """
    every = np.concatenate([value.ravel() for value in values])
    there = every[np.isfinite(every) & (every > 0)]
    span = math.log10(there.max() / there.min()) if len(there) else 0.0
    if 0 < span < math.log10(2):
        step = (there.max() - there.min()) / 3
        rounded = 10.0 ** math.floor(math.log10(step))
        return f"L{rounded * max(digit for digit in (1, 2, 5) if digit * rounded <= step):.6g}"
    if span < 2:
        return "D2" if span >= 0.7 else "D1"
    return max(1, math.ceil(span / MOST))
