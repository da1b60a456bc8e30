"""A small picture of the truncation's windows over the tokens, as HTML for the sidebar."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from core.truncation import TBPTT

MOST_TOKENS = 14
"""A longer sentence is shown up to here: the pattern repeats."""


WIDEST = 2
"""Characters that fit over a column; where a token is longer, all stand upright."""


def draw(truncation: TBPTT, tokens: Sequence[str], caption: str) -> str:
    """One row a window: its own block is solid, the steps before it into which its losses reach are light.

    tokens: what the steps read.  caption: what a screen reader says instead.
    """
    steps = min(len(tokens), MOST_TOKENS)
    heads = "".join(f"<span class='token' title='{escape(token, quote=True)}'>{escape(token)}</span>" for token in tokens[:steps])
    upright = " upright" if any(len(token) > WIDEST for token in tokens[:steps]) else ""
    rows = "".join(_row(truncation, window, steps) for window in truncation.windows(len(tokens)) if window.start < steps)
    more = "<span class='more'>…</span>" if len(tokens) > steps else ""
    return (
        f"<div class='windows' role='img' aria-label='{escape(caption, quote=True)}' style='--steps:{steps}'>"
        f"<div class='tokens{upright}'>{heads}{more}</div>{rows}</div>"
    )


def _row(truncation: TBPTT, window: range, steps: int) -> str:
    block = max(window.start, window.stop - 1 - (window.stop - 1) % truncation.k1)
    cells = []
    if block > window.start:
        cells.append(f"<i class='reach' style='grid-column:{window.start + 1}/{min(block, steps) + 1}'></i>")
    if block < steps:
        cells.append(f"<i class='block' style='grid-column:{block + 1}/{min(window.stop, steps) + 1}'></i>")
    return f"<div class='window'>{''.join(cells)}</div>"
