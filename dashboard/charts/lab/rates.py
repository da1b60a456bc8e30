"""Rates: the Lyapunov exponent as it settles, beside what an error really grows by on its way back."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.studies.vanishing import Rates
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page


def draw(rates: Rates, look: Look) -> Picture:
    """Two running means over the same steps, from either end."""
    say, colours = look.say, look.colours
    figure = go.Figure()
    lines = (("exponent", rates.running, colours.first, "solid"), ("growth", rates.growing, colours.second, "dot"))
    for name, values, colour, dash in lines:
        figure.add_trace(
            go.Scatter(
                x=np.arange(1, len(values) + 1),
                y=np.where(np.isfinite(values), values, np.nan),
                mode="lines",
                line={"color": colour, "width": 2, "dash": dash},
                name=say(f"charts.rates.{name}"),
                hovertemplate=say(f"charts.rates.{name}") + ": %{y:.4f}<extra></extra>",
            )
        )
    figure.add_hline(y=0, line={"color": colours.cut, "width": 1, "dash": "dash"})
    figure.update_xaxes(title={"text": say("charts.rates.steps"), "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(title={"text": say("charts.rates.rate"), "standoff": 6})
    on_page(figure, look, height=340, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(rates, look))


def words(rates: Rates, look: Look) -> str:
    """lambda_1, what it means for an error, how well both ways meet, and the other exponents."""
    say = look.say
    first = float(rates.values[0])
    if math.isnan(first):
        return say("charts.rates.begins")
    if not math.isfinite(first):
        return say("charts.rates.gone")
    key = "halves" if first < 0 else "doubles"
    told = [say(f"charts.rates.{key}", value=number(first), steps=number(math.log(2) / abs(first)) if first else "∞")]
    if math.isfinite(rates.growth):
        difference = number(abs(first - rates.growth))
        told.append(say("charts.rates.meets", growth=number(rates.growth), difference=difference, steps=len(rates.running)))
    above = int((rates.values > 0).sum())
    if len(rates.values) > 1:
        told.append(say("charts.rates.others", count=len(rates.values), last=number(float(rates.values[-1])), above=above))
    return " ".join(told)
