"""What a forecast leaves over: its residuals over time, and whether they still know of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.scores import Autocorrelation, autocorrelation, left_over, standard_error
from core.trace import Array
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page
from dashboard.texts import in_chart

LAGS = 24
SHARE = 4
"""One in so many residuals is the longest lag: beyond it too few pairs are left (Box & Jenkins 1976, 2.1)."""
DOUBTFUL = 0.05
"""The probability below which correlations are not taken for chance."""
FEWEST = 8
"""Residuals below which an autocorrelation says nothing."""


def frame(times: Sequence[str], actual: Array, forecast: Array) -> pd.DataFrame:
    """Residuals as tidy pandas.  times: n labels; actual, forecast: (n,)."""
    return pd.DataFrame({"time": times, "actual": actual, "forecast": forecast, "residual": actual - forecast})


def draw(times: Sequence[str], actual: Array, forecast: Array, period: int, look: Look, horizon: int = 1) -> Picture:
    """Residuals e = actual - forecast, and their autocorrelation with the band of white noise and the season marked.

    horizon: how many steps the forecast went ahead.
    """
    table, say, colours = frame(times, actual, forecast), look.say, look.colours
    residuals = table["residual"].to_numpy()
    figure = make_subplots(rows=2, cols=1, row_heights=[0.55, 0.45], vertical_spacing=0.2)
    places = np.arange(len(table))
    figure.add_trace(
        go.Bar(
            x=places,
            y=residuals,
            marker={"color": colours.first},
            customdata=[in_chart(time) for time in table["time"]],
            hovertemplate="%{customdata}: %{y:.3g}<extra></extra>",
        ),
        row=1,
        col=1,
    )
    every = max(1, len(table) // 6)
    ticks = places[::every]
    figure.update_xaxes(tickvals=ticks, ticktext=[in_chart(table["time"][int(at)]) for at in ticks], row=1, col=1)
    figure.update_yaxes(title={"text": say("charts.residuals.residual"), "standoff": 6}, row=1, col=1)
    lags = min(LAGS, len(residuals) // SHARE)
    words = say("charts.residuals.mean", mean=number(residuals.mean()), spread=number(residuals.std()))
    if lags >= 1 and len(residuals) >= FEWEST and residuals.std() > 0:
        found = autocorrelation(residuals[:, None], lags)
        _correlations(figure, found.values[:, 0], found.band, period, look)
        words += " " + _judged(residuals, found, horizon, look)
        if period > 1:
            words += " " + say(f"charts.residuals.{'season' if period <= lags else 'short'}", period=period)
    return Picture(on_page(figure, look, height=420, margin=NARROW), words)


def _correlations(figure: go.Figure, values: Array, band: float, period: int, look: Look) -> None:
    say, colours = look.say, look.colours
    lags = np.arange(1, len(values) + 1)
    marked = [colours.second if period > 1 and lag % period == 0 else colours.first for lag in lags]
    figure.add_trace(
        go.Bar(x=lags, y=values, width=0.5, marker={"color": marked}, hovertemplate="lag %{x}: %{y:.2f}<extra></extra>"), row=2, col=1
    )
    for edge in (-band, band):
        figure.add_hline(y=edge, line={"color": colours.cut, "width": 1.5, "dash": "dash"}, row=2, col=1)
    figure.update_yaxes(title={"text": say("charts.residuals.correlation"), "standoff": 6}, range=[-1.05, 1.05], row=2, col=1)
    figure.update_xaxes(title={"text": say("charts.residuals.lag"), "standoff": 6}, row=2, col=1)


def _judged(residuals: Array, found: Autocorrelation, horizon: int, look: Look) -> str:
    """Whether the forecast leaves structure, and whether it lies too high or too low on the whole."""
    say, n, mean = look.say, len(residuals), float(residuals.mean())
    sentences = []
    if abs(mean) > 2 * standard_error(residuals, found):
        sentences.append(say("charts.residuals.too_low" if mean > 0 else "charts.residuals.too_high", mean=number(abs(mean))))
    if horizon > 1:
        sentences.append(say("charts.residuals.shared", horizon=horizon))
    chance, judged = left_over(found, n, horizon), found.values[horizon - 1 :, 0]
    if math.isnan(chance):
        return " ".join([*sentences, say("charts.residuals.few", count=n)])
    strongest = int(np.abs(judged).argmax())
    lag, value = horizon + strongest, f"{judged[strongest]:.2f}"
    key, shown = "structure" if chance < DOUBTFUL else "noise", number(max(chance, 0.001))
    last = horizon + len(judged) - 1
    sentences.append(say(f"charts.residuals.{key}", first=horizon, last=last, lag=lag, value=value, chance=shown, count=n))
    return " ".join(sentences)
