"""Fading: the error of every loss against the lag, their mean, and the line fitted to it."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.studies.vanishing import Fade
from core.trace import Array
from dashboard.charts.lab.bands import decades
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page

STRAYS = 1.5
"""From which factor on, of one standard deviation about the line, it is said that an error follows none."""


def draw(fade: Fade, look: Look) -> Picture:
    """Each relative to its own error at lag 0, on a logarithmic axis."""
    say, colours = look.say, look.colours
    lags = np.arange(len(fade.mean))
    figure = go.Figure()
    x, y, losses = _one_line(fade.rows, fade.own)
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": colours.first, "width": 1},
            opacity=0.3,
            customdata=losses,
            name=say("charts.fading.each"),
            hovertemplate=say("charts.fading.hover") + "<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=lags,
            y=np.where(fade.mean > 0, fade.mean, np.nan),
            mode="lines+markers",
            marker={"size": 5},
            line={"color": colours.first, "width": 2.5},
            name=say("charts.fading.mean"),
            hovertemplate=say("charts.fading.hover_mean") + "<extra></extra>",
        )
    )
    fit = fade.of_mean
    if fit.lags > 1:
        fitted = np.array([fit.first, fit.last])
        figure.add_trace(
            go.Scatter(
                x=fitted,
                y=fit.at(fitted),
                mode="lines",
                line={"color": colours.second, "width": 2, "dash": "dash"},
                name=say("charts.fading.fit"),
                hoverinfo="skip",
            )
        )
    figure.update_xaxes(title={"text": say("charts.fading.lag"), "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(
        title={"text": say("charts.fading.norm", state="c" if fade.state == "c" else "h"), "standoff": 6},
        type="log",
        exponentformat="power",
        dtick=decades(y, fade.mean),
    )
    on_page(figure, look, height=340, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(fade, look))


def words(fade: Fade, look: Look) -> str:
    """The half-life, how sure it is, and how the losses differ."""
    say, fit = look.say, fade.of_mean
    told = [_told(fade, look)]
    if (factor := float(np.exp(fit.residual))) >= STRAYS:  # False for NaN
        told.append(say("charts.fading.strays", factor=number(factor)))
    lives = fade.half_lives()
    if len(lives) > 1:
        low, high = number(lives[0]), number(lives[-1])
        told.append(say("charts.fading.losses", low=low, high=high, count=len(lives)))
    if fit.vanished:
        told.append(say("charts.fading.vanished", lags=say.count("lag", fit.vanished)))
    return " ".join(told)


def _told(fade: Fade, look: Look) -> str:
    say, fit = look.say, fade.of_mean
    if math.isnan(fit.slope):
        return say("charts.fading.unknown", last=len(fade.mean) - 1)
    span = {"first": fit.first, "last": fit.last, "beta": number(fit.beta)}
    low, high = fit.half_life_band
    if math.isfinite(fit.half_life):
        if math.isnan(fit.spread):
            return say("charts.fading.fades_bare", half=number(fit.half_life), **span)
        return say("charts.fading.fades", half=number(fit.half_life), low=number(low), high=number(high), **span)
    return say("charts.fading.grows", double=number(fit.doubling), **span)


def _one_line(rows: Array, own: Array) -> tuple[Array, Array, Array]:
    """Every row relative to its loss's own error, one after the other with a gap between them: lags, values, and the loss's step from 1."""
    with np.errstate(all="ignore"):
        relative = rows / own[:, None]
    relative = np.where(np.isfinite(relative) & (relative > 0), relative, np.nan)
    gap = np.full((len(rows), 1), np.nan)
    lags = np.broadcast_to(np.arange(rows.shape[1] + 1), (len(rows), rows.shape[1] + 1))
    losses = np.broadcast_to(np.arange(1, len(rows) + 1)[:, None], lags.shape)
    there = np.concatenate((~np.isnan(rows), np.ones_like(gap, bool)), 1)
    return lags[there], np.concatenate((relative, gap), 1)[there], losses[there]
