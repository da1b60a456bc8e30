"""Theme: the colours of charts.  They are chosen once, in the live panels' `component/web/palette.json`, so that both sides look the same.

Blue is negative and orange is positive, 0 is the paper's own colour; magnitudes go from the paper's colour to its opposite in steps of
steadily changing lightness: safe for colour-blind eyes and for projectors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

PALETTE = Path(__file__).resolve().parent / "component" / "web" / "palette.json"

PAGES = {"light": ("#ffffff", "#5c6370", "#e6e8ec"), "dark": ("#101319", "#d3d7de", "#2c323c")}
"""Page, labels and fine lines.  The page's own colours are as in `.streamlit/config.toml`: a saved picture takes its page along."""

Ramp = tuple[str, ...]

PALEST = 3
"""The first of the magnitudes that a thin line can have: it has three times the page's contrast or more (WCAG 2.2, 1.4.11)."""


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of one theme.

    signed: values, centred on 0.   magnitude: sizes, mostly logarithmic.   first, second: the two colours of lines and bars.
    others: of lines that are neither.
    cut: what a truncation cuts.   below_floor: a value too small for its scale.
    page: what the chart stands on.   text: of its labels.   grid: its fine lines.
    """

    signed: Ramp
    magnitude: Ramp
    first: str
    second: str
    others: tuple[str, ...]
    cut: str
    below_floor: str
    page: str
    text: str
    grid: str

    def shades(self, count: int) -> list[str]:
        """So many shades of `magnitude`, for lines in an order: none so pale that it is lost on the page."""
        ramp = [_channels(colour) for colour in self.magnitude[PALEST:]]
        at = np.linspace(0, len(ramp) - 1, count)
        mixed = np.column_stack([np.interp(at, range(len(ramp)), channel) for channel in zip(*ramp, strict=True)])
        return ["#" + "".join(f"{round(value):02x}" for value in colour) for colour in mixed]


@cache
def colours(dark: bool) -> Colours:
    """The colours of the dark or the light theme."""
    name = "dark" if dark else "light"
    chosen = json.loads(PALETTE.read_text(encoding="utf-8"))[name]
    page, text, grid = PAGES[name]
    return Colours(
        signed=tuple(chosen["diverging"]),
        magnitude=tuple(chosen["sequential"]),
        first=chosen["line"],
        second=chosen["mark"],
        others=tuple(chosen["baselines"]),
        cut=chosen["cut"],
        below_floor=chosen["floor"],
        page=page,
        text=text,
        grid=grid,
    )


def _channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of "#rrggbb", from 0 to 255."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def scale(ramp: Ramp) -> list[tuple[float, str]]:
    """A ramp as Plotly's `colorscale`: explicit stops, because its named scales differ between Python and JavaScript."""
    last = len(ramp) - 1
    return [(position / last, colour) for position, colour in enumerate(ramp)]
