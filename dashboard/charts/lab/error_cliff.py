"""The error cliff: its surface in space, its contours to pick a beginning from, and the two descents over their updates."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.measures.error_cliff import Descent
from core.studies.cliff_descent import Found
from core.trace import Array
from dashboard import theme
from dashboard.charts.lab.bands import decades
from dashboard.charts.picture import Look, Picture, number, on_page

FLOOR = 1e-5
"""Losses below it are drawn as this on a logarithmic scale."""
PICKS = 41
"""Places of the contour chart that can be picked, along each side."""


def _height(loss: Array, scale: str) -> Array:
    return np.log10(np.maximum(loss, FLOOR)) if scale == "log" else loss


def _label(scale: str, look: Look) -> str:
    return look.say("charts.error_cliff.log_loss" if scale == "log" else "charts.error_cliff.loss")


def draw_surface(found: Found, scale: str, look: Look) -> Picture:
    """The loss over w and b, with both descents on it.   scale: of the loss, "log" or "linear"."""
    colours, drawn = look.colours, found.surface
    every = slice(None, None, 2)
    height = _height(drawn.loss, scale)
    figure = go.Figure(
        go.Surface(
            x=drawn.w[every],
            y=drawn.b[every],
            z=height[every, every],
            colorscale=theme.scale(colours.magnitude),
            showscale=False,
            opacity=0.92,
            hovertemplate=f"w %{{x:.3g}}, b %{{y:.3g}}<br>{_label(scale, look)} %{{z:.3g}}<extra></extra>",
        )
    )
    lift = 0.01 * float(np.ptp(height))  # or the surface would hide half of each line
    for path, colour, name in _paths(found, look):
        w, b, loss = _inside(path, found)
        figure.add_trace(
            go.Scatter3d(
                x=w,
                y=b,
                z=_height(loss, scale) + lift,
                mode="lines+markers",
                line={"color": colour, "width": 5},
                marker={"color": colour, "size": 2.5},
                name=name,
                hovertemplate=f"{name}<br>w %{{x:.4g}}, b %{{y:.4g}}<extra></extra>",
            )
        )
    axis = {"backgroundcolor": "rgba(0,0,0,0)", "showspikes": False}
    on_page(figure, look, height=460)
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 30, "b": 30},
        scene={
            "xaxis": {**axis, "title": {"text": "w"}, "range": [drawn.w[0], drawn.w[-1]]},
            "yaxis": {**axis, "title": {"text": "b"}, "range": [drawn.b[0], drawn.b[-1]]},
            "zaxis": {**axis, "title": {"text": _label(scale, look)}},
            "camera": {"eye": {"x": -1.45, "y": 2.1, "z": 1.1}, "center": {"x": 0, "y": 0, "z": -0.15}},
            "aspectratio": {"x": 1.2, "y": 1.2, "z": 0.8},
        },
        showlegend=True,
        legend={"orientation": "h", "yanchor": "top", "y": 0, "x": 0},  # at the top are the buttons
    )
    return Picture(figure, steepest(found, look))


def draw_contour(found: Found, scale: str, look: Look) -> Picture:
    """The same from above; a click on one of its invisible points picks it."""
    say, colours, drawn = look.say, look.colours, found.surface
    height = _height(drawn.loss, scale)
    figure = go.Figure(
        go.Contour(
            x=drawn.w,
            y=drawn.b,
            z=height,
            colorscale=theme.scale(colours.magnitude),
            ncontours=24,
            line={"width": 0.5},
            hoverinfo="skip",
            colorbar={"thickness": 10, "outlinewidth": 0, "xpad": 4},
        )
    )
    every = max(1, len(drawn.w) // PICKS)
    w, b = np.meshgrid(drawn.w[every // 2 :: every], drawn.b[every // 2 :: every])
    loss = drawn.loss[every // 2 :: every, every // 2 :: every]
    steepness = drawn.steepness[every // 2 :: every, every // 2 :: every]
    figure.add_trace(
        go.Scatter(
            x=w.ravel(),
            y=b.ravel(),
            mode="markers",
            marker={"size": 12, "opacity": 0, "color": colours.first},
            customdata=np.stack([loss.ravel(), steepness.ravel()], 1),
            hovertemplate=say("charts.error_cliff.hover") + "<extra></extra>",
            showlegend=False,
        )
    )
    for path, colour, name in _paths(found, look):
        shown = _inside(path, found)
        rim = {"color": colours.page, "width": 5}  # the line's own colour may be that of the contours below it
        figure.add_trace(go.Scatter(x=shown[0], y=shown[1], mode="lines", line=rim, opacity=0.75, hoverinfo="skip", showlegend=False))
        figure.add_trace(
            go.Scatter(
                x=shown[0],
                y=shown[1],
                mode="lines+markers",
                line={"color": colour, "width": 2},
                marker={"color": colour, "size": 4},
                name=name,
                hoverinfo="skip",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=found.unclipped.w[:1],
            y=found.unclipped.b[:1],
            mode="markers",
            marker={"symbol": "circle-open", "size": 14, "color": colours.cut, "line": {"width": 3}},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.update_xaxes(title={"text": "w", "standoff": 6}, range=[drawn.w[0], drawn.w[-1]], showgrid=False, zeroline=False)
    figure.update_yaxes(title={"text": "b", "standoff": 6}, range=[drawn.b[0], drawn.b[-1]], showgrid=False, zeroline=False)
    on_page(figure, look, height=460)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}, dragmode="pan")
    return Picture(figure, say("charts.contour.words"))


def draw_descents(found: Found, look: Look) -> Picture:
    """Loss and norm of the gradient over the updates, both descents."""
    say = look.say
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    for path, colour, name in _paths(found, look):
        for row, values in ((1, path.loss), (2, path.norm)):
            figure.add_trace(
                go.Scatter(
                    x=np.arange(len(values)),
                    y=np.where(values > 0, values, np.nan),
                    mode="lines",
                    line={"color": colour, "width": 2},
                    name=name,
                    legendgroup=name,
                    showlegend=row == 1,
                    hovertemplate=f"{name}<br>%{{x:,}}: %{{y:.3g}}<extra></extra>",
                ),
                row=row,
                col=1,
            )
    if found.clipping == "norm":
        figure.add_hline(y=found.threshold, line={"color": look.colours.first, "width": 1.5, "dash": "dash"}, row=2, col=1)
    figure.update_yaxes(
        title={"text": say("charts.error_cliff.loss"), "standoff": 6},
        type="log",
        exponentformat="power",
        dtick=decades(found.unclipped.loss, found.clipped.loss),
        row=1,
        col=1,
    )
    figure.update_yaxes(
        title={"text": say("charts.norms.norm"), "standoff": 6},
        type="log",
        exponentformat="power",
        dtick=decades(found.unclipped.norm, found.clipped.norm),
        row=2,
        col=1,
    )
    figure.update_xaxes(title={"text": say("charts.error_cliff.update"), "standoff": 6}, row=2, col=1)
    on_page(figure, look, height=380)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(found, look))


def _paths(found: Found, look: Look) -> list[tuple[Descent, str, str]]:
    say = look.say
    return [
        (found.unclipped, look.colours.second, say("charts.error_cliff.unclipped")),
        (found.clipped, look.colours.first, say("charts.error_cliff.clipped")),
    ]


def _inside(path: Descent, found: Found) -> tuple[Array, Array, Array]:
    """w, b and loss of a descent within the drawn part of the surface; where it leaves, up to the edge, and then a gap."""
    drawn = found.surface
    low, high = np.array([drawn.w[0], drawn.b[0]]), np.array([drawn.w[-1], drawn.b[-1]])
    places = np.stack([path.w, path.b], 1)
    inside: Array = np.all((places >= low) & (places <= high), axis=1)
    kept: list[tuple[float, float, float]] = []
    for here, place in enumerate(places):
        if inside[here]:
            kept.append((*place, float(path.loss[here])))
        elif here and inside[here - 1]:
            step = place - places[here - 1]
            with np.errstate(divide="ignore", invalid="ignore"):
                room = np.where(step > 0, (high - places[here - 1]) / step, np.where(step < 0, (low - places[here - 1]) / step, np.inf))
            kept += [(*(places[here - 1] + float(room.min()) * step), float(path.loss[here - 1])), (math.nan,) * 3]
    w, b, loss = np.array(kept).reshape(-1, 3).T
    return w, b, loss


def steepest(found: Found, look: Look) -> str:
    """Where the drawn part is steepest."""
    row, column = np.unravel_index(int(np.nanargmax(found.surface.steepness)), found.surface.steepness.shape)
    return look.say(
        "charts.error_cliff.words",
        count=f"{found.surface.steepness.size:,}",
        steep=number(float(found.surface.steepness[row, column])),
        w=number(float(found.surface.w[column])),
        b=number(float(found.surface.b[row])),
        median=number(float(np.median(found.surface.steepness))),
    )


def words(found: Found, look: Look) -> str:
    """What became of both descents."""
    say = look.say

    def told(path: Descent, key: str, **more: str) -> str:
        return say(
            f"charts.error_cliff.{key}",
            norm=number(path.steepest),
            update=f"{path.thrown_at:,}",
            thrown=number(path.thrown),
            updates=say.count("update", len(path.clipped)),
            loss=number(float(path.loss[-1])),
            **more,
        )

    by = say(f"lab.clips.{found.clipping}")
    clipped = told(found.clipped, "told_clipped", by=by, threshold=number(found.threshold), count=f"{int(found.clipped.clipped.sum()):,}")
    return f"{told(found.unclipped, 'told_unclipped')} {clipped}"
