"""Singular values: of the Jacobian of one step, along the sequence; and of the products of Jacobians, by their length."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.studies.vanishing import Found, Products, Steps
from core.trace import Array
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page


def draw_steps(steps: Steps, found: Found, look: Look) -> Picture:
    """The largest, the middle and the smallest; of an LSTM also the largest of its two paths."""
    say, colours = look.say, look.colours
    figure = go.Figure()
    lines = [("largest", steps.values[:, 0], colours.first, "solid"), ("middle", _middle(steps.values), colours.first, "dash")]
    lines.append(("smallest", _smallest(steps.values), colours.first, "dot"))
    if steps.h_by_h is not None and steps.c_by_c is not None:
        lines += [("by_h", steps.h_by_h[:, 0], colours.second, "dash"), ("by_c", steps.c_by_c[:, 0], colours.second, "solid")]
    for name, values, colour, dash in lines:
        figure.add_trace(
            go.Scatter(
                x=steps.steps,
                y=np.where(values > 0, values, np.nan),
                mode="lines+markers",
                marker={"size": 4},
                line={"color": colour, "width": 2, "dash": dash},
                name=say(f"charts.jacobians.{name}"),
                hovertemplate=say(f"charts.jacobians.{name}") + ": %{y:.3g}<extra></extra>",
            )
        )
    figure.add_hline(y=1, line={"color": colours.cut, "width": 1, "dash": "dash"})
    figure.update_xaxes(title={"text": say("charts.jacobians.step"), "standoff": 6}, range=[0.5, len(found.axis.inputs) + 0.5])
    figure.update_yaxes(title={"text": say("charts.jacobians.value"), "standoff": 6}, type="log", exponentformat="power", nticks=6)
    _legend(figure, look)
    largest = steps.values[:, 0]
    low, high = number(largest.min()), number(largest.max())
    told = [say("charts.jacobians.all", value=high) if low == high else say("charts.jacobians.words", low=low, high=high)]
    if largest.max() > 1:
        told.append(say("charts.jacobians.stretches"))
    elif largest.max() < 1:
        told.append(say("charts.jacobians.shrinks", count=len(largest)))
    if steps.c_by_c is not None and steps.h_by_h is not None:
        forget, hidden = float(steps.c_by_c[:, 0].mean()), float(steps.h_by_h[:, 0].mean())
        told.append(say("charts.jacobians.paths", c=number(forget), h=number(hidden)))
    return Picture(figure, " ".join(told))


def draw_products(products: Products, look: Look) -> Picture:
    """In powers of ten, so that what no number holds can be drawn."""
    say, colours = look.say, look.colours
    logs = products.logs / np.log(10)
    figure = go.Figure()
    for name, values, dash in (("largest", logs[:, 0], "solid"), ("middle", _middle(logs), "dash"), ("smallest", _smallest(logs), "dot")):
        figure.add_trace(
            go.Scatter(
                x=products.lags,
                y=np.where(np.isfinite(values), values, np.nan),
                mode="lines+markers",
                marker={"size": 4},
                line={"color": colours.first, "width": 2, "dash": dash},
                name=say(f"charts.jacobians.{name}"),
                hovertemplate=say(f"charts.jacobians.{name}") + ": 10<sup>%{y:.2f}</sup><extra></extra>",
            )
        )
    figure.add_hline(y=0, line={"color": colours.cut, "width": 1, "dash": "dash"})
    figure.update_xaxes(title={"text": say("charts.products.lag"), "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(title={"text": say("charts.products.value"), "standoff": 6}, tickprefix="10<sup>", ticksuffix="</sup>", nticks=6)
    _legend(figure, look)
    last, lag = float(logs[-1, 0]), int(products.lags[-1])
    if not np.isfinite(last):
        return Picture(figure, say("charts.products.nothing", lag=lag))
    key = "charts.products.vanishes" if last < 0 else "charts.products.grows"
    return Picture(figure, say(key, lag=lag, value=_power(last)))


def _middle(values: Array) -> Array:
    """The one in the middle of each row, the larger of two; NaN where rounding hides it."""
    return values[:, (values.shape[1] - 1) // 2]


def _smallest(values: Array) -> Array:
    """The last of each row; NaN where rounding hides it."""
    return values[:, -1]


def _legend(figure: go.Figure, look: Look) -> None:
    on_page(figure, look, height=340, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})


def _power(exponent: float) -> str:
    """10 to this power as a number where a number holds it."""
    return number(10.0**exponent) if abs(exponent) < 300 else f"1e{exponent:.0f}"
