"""Decay: the mean error against the lag, with its quartiles and the fitted line."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.measures.advice import Decay
from dashboard.charts.picture import Look, Picture, number, on_page, percent


def draw(decay: Decay, delta: float, look: Look) -> Picture:
    """On a logarithmic axis, where a constant factor per step is a straight line."""
    say, colours = look.say, look.colours
    lags = np.arange(len(decay.phi))
    above = [np.where(values > 0, values, np.nan) for values in (decay.phi, decay.low, decay.high)]
    phi, low, high = above
    figure = go.Figure(
        [
            go.Scatter(x=lags, y=high, mode="lines", line={"width": 0}, hoverinfo="skip"),
            go.Scatter(x=lags, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=_pale(colours.first), hoverinfo="skip"),
            go.Scatter(
                x=lags,
                y=phi,
                mode="lines+markers",
                marker={"size": 5},
                line={"color": colours.first, "width": 2},
                hovertemplate=say("charts.decay.lag") + " %{x}: %{y:.3g}<extra></extra>",
            ),
        ]
    )
    if math.isfinite(decay.beta) and len(lags) > decay.tau:
        fitted = lags[decay.tau :]
        usable = np.isfinite(np.log(np.where(decay.phi > 0, decay.phi, np.nan)))[decay.tau :]
        centre = np.mean(np.log(decay.phi[decay.tau :][usable]) - fitted[usable] * math.log(decay.beta))
        figure.add_trace(
            go.Scatter(
                x=fitted,
                y=np.exp(centre + fitted * math.log(decay.beta)),
                mode="lines",
                line={"color": colours.second, "width": 1.5, "dash": "dash"},
                hoverinfo="skip",
            )
        )
    figure.update_xaxes(title={"text": say("charts.decay.lag"), "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(title={"text": say("charts.decay.norm"), "standoff": 6}, type="log", exponentformat="power")
    return Picture(on_page(figure, look, height=340), words(decay, delta, look))


def words(decay: Decay, delta: float, look: Look) -> str:
    """The factor per step, its spread, the half-life, and the K that they ask for."""
    say = look.say
    if not math.isfinite(decay.beta):
        return say("charts.decay.unknown")
    if decay.beta >= 1:
        return say("charts.decay.grows", beta=number(decay.beta))
    told = [
        say(
            "charts.decay.fades",
            tau=decay.tau,
            beta=percent(decay.beta),
            low=percent(decay.beta_low),
            high=percent(decay.beta_high),
            half=number(decay.half_life),
        )
    ]
    if k := decay.enough(delta):
        told.append(say("charts.decay.enough", k=k, delta=percent(delta)))
    return " ".join(told)


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
