"""Theme: the colours of charts.  They are chosen once, in the live panels' `component/web/palette.json`, so that both sides look the same.

Blue is negative and orange is positive, 0 is the paper's own colour; magnitudes go from the paper's colour to its opposite in steps of
steadily changing lightness: safe for colour-blind eyes and for projectors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PALETTE = Path(__file__).resolve().parent / "component" / "web" / "palette.json"

LIGHT_PAGE, DARK_PAGE = "#ffffff", "#101319"
"""The page's own colours, as in `.streamlit/config.toml`: a chart that is saved as a picture takes its page along."""

Ramp = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of one theme.

    signed: values, centred on 0.   magnitude: sizes, mostly logarithmic.   first, second: the two colours of lines and bars.
    others: of lines that are neither.
    cut: what a truncation cuts.   below_floor: a value too small for its scale.
    page: what the chart stands on.
    """

    signed: Ramp
    magnitude: Ramp
    first: str
    second: str
    others: tuple[str, ...]
    cut: str
    below_floor: str
    page: str


@cache
def colours(dark: bool) -> Colours:
    """The colours of the dark or the light theme."""
    chosen = json.loads(PALETTE.read_text(encoding="utf-8"))["dark" if dark else "light"]
    return Colours(
        signed=tuple(chosen["diverging"]),
        magnitude=tuple(chosen["sequential"]),
        first=chosen["line"],
        second=chosen["mark"],
        others=tuple(chosen["baselines"]),
        cut=chosen["cut"],
        below_floor=chosen["floor"],
        page=DARK_PAGE if dark else LIGHT_PAGE,
    )


def scale(ramp: Ramp) -> list[tuple[float, str]]:
    """A ramp as Plotly's `colorscale`: explicit stops, because its named scales differ between Python and JavaScript."""
    last = len(ramp) - 1
    return [(position / last, colour) for position, colour in enumerate(ramp)]
