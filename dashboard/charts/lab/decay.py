"""Decay: the mean error against the lag, with its quartiles and the fitted line."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.measures.advice import SURE, Fading
from core.measures.bias import Bias
from dashboard.charts.lab.bands import decades, pale
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page, percent


def draw(fading: Fading, delta: float, look: Look, bias: Bias | None = None, state: str = "h") -> Picture:
    """On a logarithmic axis, where a constant factor per step is a straight line.

    state: whose error it is.   bias: the measured error of the truncated gradient, where it is known.
    """
    say, colours = look.say, look.colours
    lags = np.arange(len(fading.phi))
    above = [np.where(values > 0, values, np.nan) for values in (fading.phi, fading.low, fading.high)]
    phi, low, high = above
    figure = go.Figure(
        [
            go.Scatter(x=lags, y=high, mode="lines", line={"width": 0}, hoverinfo="skip"),
            go.Scatter(
                x=lags, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=pale(colours.first, 0.18), hoverinfo="skip"
            ),
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
    if fading.fit.lags:
        fitted = lags[fading.tau :]
        figure.add_trace(
            go.Scatter(
                x=fitted,
                y=fading.fit.at(fitted),
                mode="lines",
                line={"color": colours.second, "width": 1.5, "dash": "dash"},
                hoverinfo="skip",
            )
        )
    figure.update_xaxes(title={"text": say("charts.decay.lag"), "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(
        title={"text": say("charts.decay.norm", state=state), "standoff": 6}, type="log", exponentformat="power", dtick=decades(*above)
    )
    return Picture(on_page(figure, look, height=340, margin=NARROW), words(fading, delta, look, bias))


def words(fading: Fading, delta: float, look: Look, bias: Bias | None) -> str:
    """What is estimated, and which K to trust where that is not the measured one."""
    estimated = fading.enough(delta) if _tells(fading) else None
    told = _estimate(fading, estimated, look)
    measured = bias.enough("window", delta) if bias else estimated
    if measured == estimated:
        return told
    key = "measured" if estimated else "measured_alone"
    return f"{told} {look.say(f'charts.decay.{key}', k=measured, delta=percent(delta))}"


def _tells(fading: Fading) -> bool:
    """Whether a K follows from the decay: only where the error surely fades, and halves within what is seen of it."""
    return fading.beta < 1 and not _unsure(fading) and fading.fit.half_life <= len(fading.phi)


def _unsure(fading: Fading) -> bool:
    """Whether the samples and the fit say both: that the error fades, and that it does not."""
    low, high = fading.beta_spread
    return min(low, fading.beta) < 1 <= max(high, fading.beta)


def _estimate(fading: Fading, k: int | None, look: Look) -> str:
    """The factor per step, its spread, the half-life, and the K that they ask for."""
    say = look.say
    if not math.isfinite(fading.beta):
        return say("charts.decay.unknown")
    if _unsure(fading) or fading.beta >= 1:
        key = "unsure" if _unsure(fading) else "grows"
        return say(f"charts.decay.{key}", tau=fading.tau, beta=_left(fading.beta), spread=_spread(fading, look))
    seen = len(fading.phi)
    values = {
        "tau": fading.tau,
        "beta": _left(fading.beta),
        "low": percent(fading.beta_low),
        "high": percent(fading.beta_high),
        "half": number(fading.fit.half_life),
        "spread": _spread(fading, look),
    }
    if not _tells(fading):
        return say("charts.decay.slow", lags=seen, **values)
    told = say("charts.decay.fades", **values)
    return f"{told} {say('charts.decay.enough', k=k, tail=percent(fading.tail(k)))}" if k else told


def _left(factor: float) -> str:
    """What a step leaves, as a percentage with the digits that tell on which side of 100 % it lies."""
    return f"{100 * factor:.{4 if factor >= 1 else 3}g} %"


def _spread(fading: Fading, look: Look) -> str:
    """How sure tau and beta are."""

    def between(low: str, high: str) -> str:
        return low if low == high else look.say("charts.decay.between", low=low, high=high)

    return look.say(
        "charts.decay.spread",
        redrawn=look.say(f"charts.decay.drawn.{fading.redrawn}"),
        share=percent(SURE),
        tau=between(*map(number, fading.tau_spread)),
        beta=between(*map(_left, fading.beta_spread)),
    )
