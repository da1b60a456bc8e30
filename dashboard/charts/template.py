"""What all figures look alike in, and what no chart says for itself: fonts, lines of the grid, the colours of the page's text."""

from __future__ import annotations

from functools import cache

import plotly.graph_objects as go

from dashboard import theme

FONT = '"Source Sans", sans-serif'
"""The page's own."""


@cache
def template(dark: bool) -> go.layout.Template:
    """Plotly's template of the light or the dark theme."""
    colours = theme.colours(dark)
    axis = {
        "automargin": True,
        "gridcolor": colours.grid,
        "zerolinecolor": colours.grid,
        "tickcolor": colours.grid,
        "title": {"font": {"size": 14}},
        "minor": {"gridcolor": colours.grid},
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 12, "color": colours.text},
            "colorway": [colours.first, colours.second, *colours.others],
            "xaxis": axis | {"showgrid": False, "zeroline": False, "title": {"font": {"size": 14}, "standoff": 20}},
            "yaxis": axis | {"title": {"font": {"size": 14}, "standoff": 24}},
            "margin": {"pad": 8},
            "hoverlabel": {"bgcolor": colours.page, "bordercolor": colours.grid, "font": {"color": colours.text, "size": 12}},
            "modebar": {"color": colours.text, "activecolor": colours.first},
            "legend": {"bgcolor": "rgba(0,0,0,0)"},
        },
        data={"scatter": [{"marker": {"line": {"width": 0}}}]},
    )
