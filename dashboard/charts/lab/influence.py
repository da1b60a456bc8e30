"""Influence balancing: the sign that truncation gives to a derivative, and what training makes of it."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.studies.influence import Found, Run
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page


def draw_sign(found: Found, look: Look) -> Picture:
    """d x[0] / d theta truncated at K, and without truncation."""
    say, colours = look.say, look.colours
    ks = np.arange(1, len(found.kept) + 1)
    wrong = np.sign(found.kept) != np.sign(found.exact)
    figure = go.Figure()
    for mask, colour, name in ((wrong, colours.second, "wrong"), (~wrong, colours.first, "right")):
        figure.add_trace(
            go.Bar(
                x=ks[mask],
                y=found.kept[mask],
                marker={"color": colour, "line": {"width": 0}},
                name=say(f"charts.influence_sign.{name}"),
                hovertemplate="K = %{x}: %{y:.4g}<extra></extra>",
            )
        )
    figure.add_hline(y=found.exact, line={"color": colours.cut, "width": 1.5, "dash": "dash"})
    label = say("charts.influence_sign.exact", exact=number(found.exact))
    figure.add_annotation(
        x=0, xref="paper", y=found.exact, text=label, showarrow=False, xanchor="left", yanchor="top", font={"color": colours.cut}
    )
    figure.update_xaxes(title={"text": say("charts.influence_sign.k"), "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(title={"text": say("charts.influence_sign.derivative"), "standoff": 6})
    on_page(figure, look, height=360, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}, bargap=0.1)
    return Picture(figure, _sign(found, look))


def draw_training(found: Found, look: Look) -> Picture:
    """The loss against the step, a line for each way to the gradient."""
    say, colours = look.say, look.colours
    figure = go.Figure()
    truncated = [run for run in found.runs if run.name == "k"]
    shades = colours.shades(len(truncated))
    for run in found.runs:
        if run.name == "k":
            line = {"color": shades[truncated.index(run)], "width": 2, "dash": "dot"}
        else:
            line = {"color": {"rtrl": colours.first, "uoro": colours.second, "artbp": colours.cut}[run.name], "width": 2}
        figure.add_trace(
            go.Scatter(
                x=run.steps,
                y=[value if value > 0 else None for value in run.loss],
                mode="lines",
                line=line,
                name=_name(run, look),
                hovertemplate=_name(run, look) + ", %{x}: %{y:.3g}<extra></extra>",
            )
        )
    figure.update_xaxes(title={"text": say("charts.influence_training.step"), "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(
        title={"text": say("charts.influence_training.loss"), "standoff": 6}, type="log", exponentformat="power", range=[-10, 6.5]
    )
    on_page(figure, look, height=360, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, _training(found, look))


def _sign(found: Found, look: Look) -> str:
    say = look.say
    if found.shortest == 1:
        return say("charts.influence_sign.never", exact=number(found.exact))
    sized = int(np.argmax(np.abs(found.kept[: found.shortest - 1]))) + 1
    return say(
        "charts.influence_sign.words",
        exact=number(found.exact),
        k=sized,
        truncated=f"{found.kept[sized - 1]:+.3g}",
        last=found.shortest - 1,
    )


def _training(found: Found, look: Look) -> str:
    say = look.say
    diverged = [_name(run, look) for run in found.runs if run.diverged]
    rest = [run for run in found.runs if not run.diverged and len(run.loss)]
    told = []
    if diverged:
        told.append(say("charts.influence_training.diverged", names=", ".join(diverged)))
    if rest:
        ends = ", ".join(f"{_name(run, look)} {number(float(run.loss[-1]))}" for run in rest)
        told.append(say("charts.influence_training.ends", names=ends))
    if math.isfinite(found.best):
        told.append(say("charts.influence_training.best", best=number(found.best)))
    return " ".join(told)


def _name(run: Run, look: Look) -> str:
    return f"K = {run.k}" if run.name == "k" else look.say(f"lab.influence_rules.{run.name}")
