"""Cliff: how networks that differ in K alone learn, side by side, and what chance earns."""

from __future__ import annotations

import warnings

import numpy as np
import plotly.graph_objects as go

from core.studies.cliff import Found
from core.trace import Array
from dashboard.charts.lab.bands import pale
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page


def draw(found: Found, quantity: str, look: Look) -> Picture:
    """A line for each K, the mean of its seeds, with all of them in a pale band.   quantity: of `Found.quantities`."""
    say, figure = look.say, go.Figure()
    for place, (k, colour) in enumerate(zip(found.ks, look.colours.shades(len(found.ks)), strict=True)):
        rows = found.curves(quantity)[place]
        mean, low, high = summary(rows)
        if len(rows) > 1:
            for edge, fill in ((high, None), (low, "tonexty")):
                figure.add_trace(
                    go.Scatter(
                        x=found.iterations.tolist(),
                        y=edge,
                        mode="lines",
                        line={"width": 0},
                        fill=fill,
                        fillcolor=pale(colour, 0.18),
                        hoverinfo="skip",
                        showlegend=False,
                    )
                )
        name = say("charts.cliff.full" if k >= found.steps else "charts.cliff.k", k=k)
        figure.add_trace(
            go.Scatter(
                x=found.iterations.tolist(),
                y=mean,
                mode="lines",
                line={"color": colour, "width": 2},
                name=name,
                hovertemplate=name + "<br>%{x:,.0f}: %{y:.3g}<extra></extra>",
            )
        )
    chance = found.chance(quantity)
    if np.isfinite(chance):
        figure.add_hline(
            y=chance,
            line={"color": look.colours.cut, "width": 1.5, "dash": "dash"},
            annotation={"text": say("charts.cliff.chance", value=number(chance)), "font": {"color": look.colours.cut}},
            annotation_position="top right",
        )
    top = {"range": [0, 1.03]} if quantity == "accuracy" else {"rangemode": "tozero"}
    figure.update_yaxes(title={"text": say(f"charts.cliff.{quantity.replace(' ', '_')}"), "standoff": 6}, **top)
    figure.update_xaxes(title={"text": say("charts.axis.iteration"), "standoff": 6}, range=[0, int(found.iterations[-1])])
    on_page(figure, look, height=340, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.06, "x": 0, "traceorder": "normal"})
    return Picture(figure, words(found, quantity, look))


def summary(rows: Array) -> tuple[Array, Array, Array]:
    """Mean, smallest and largest over seeds, (seed, look) -> (look,) each; NaN where no network is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a look that no network has reached yet
        return np.nanmean(rows, 0), np.nanmin(rows, 0), np.nanmax(rows, 0)


def words(found: Found, quantity: str, look: Look) -> str:
    """Where each K stands, and chance."""
    say, told = look.say, []
    for place, k in enumerate(found.ks):
        values = found.last(quantity, place)
        values = values[np.isfinite(values)]
        if len(values):
            shown = number(float(values.mean()))
            if values.min() < values.max():
                shown = say("charts.cliff.between", mean=shown, low=number(float(values.min())), high=number(float(values.max())))
            told.append(say("charts.cliff.at", k=k, value=shown))
    if not told:
        return say("charts.cliff.nothing")
    reached = found.iterations[np.isfinite(found.curves("loss")).any((0, 1))].max()
    sentence = say(
        "charts.cliff.state",
        quantity=say(f"charts.cliff.{quantity.replace(' ', '_')}"),
        iterations=say.count("iteration", int(reached)),
        values=", ".join(told),
    )
    chance = found.chance(quantity)
    return sentence + (" " + say("charts.cliff.chance_words", value=number(chance)) if np.isfinite(chance) else "")
