"""One training with several thresholds: losses and norms beside each other, and whether the first is what happened."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.studies.replay import Branch, Found
from core.trace import Array
from dashboard.charts.lab.bands import decades
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page, percent


@dataclass(frozen=True, slots=True)
class Agreement:
    """A training against what a run recorded.   same: how many iterations have the same loss and norm, to the last bit.

    differs: the first iteration that does not; 0 where all do.
    """

    same: int
    differs: int


def agreement(own: Branch, history: Array) -> Agreement:
    """history: (n, 6), the run's points, with iteration, loss and norm before clipping in front."""
    recorded = {int(row[0]): (row[1], row[2]) for row in history}
    same, differs = 0, 0
    for iteration, loss, before in zip(own.iterations.tolist(), own.loss, own.before, strict=True):
        if iteration not in recorded:
            continue
        if recorded[iteration] == (loss, before):
            same += 1
        elif not differs:
            differs = iteration
    return Agreement(same, differs)


def name(branch: Branch, look: Look) -> str:
    """As a reader sees it."""
    say = look.say
    clip = say("lab.clips.off") if branch.clip == "off" else f"{say(f'lab.clips.{branch.clip}')} {number(branch.threshold)}"
    return say("charts.replay.own", clip=clip) if branch.own else clip


def draw(found: Found, history: Array, look: Look) -> Picture:
    """history: the run's own points, as in `agreement`."""
    say, colours = look.say, look.colours
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    thresholds = sorted({branch.threshold for branch in found.branches if branch.clip != "off" and not branch.own})
    shades = dict(zip(thresholds, colours.shades(len(thresholds)), strict=True))
    for branch in sorted(found.branches, key=lambda one: one.own):  # the run's own on top
        if branch.own:
            line = {"color": colours.second, "width": 3}
        elif branch.clip == "off":
            line = {"color": colours.cut, "width": 1.5, "dash": "dot"}
        else:
            line = {"color": shades[branch.threshold], "width": 1.75}
        for row, values in ((1, branch.loss), (2, branch.before)):
            figure.add_trace(
                go.Scatter(
                    x=branch.iterations,
                    y=np.where(values > 0, values, np.nan),
                    mode="lines",
                    line=line,
                    name=name(branch, look),
                    legendgroup=branch.name,
                    showlegend=row == 1,
                    hovertemplate=f"{name(branch, look)}<br>%{{x:,}}: %{{y:.3g}}<extra></extra>",
                ),
                row=row,
                col=1,
            )
    if found.parted > found.own.iterations.min(initial=1):
        figure.add_vline(x=found.parted, line={"color": colours.cut, "width": 1, "dash": "dash"})
    figure.update_yaxes(
        title={"text": say("charts.axis.loss_total"), "standoff": 6},
        type="log",
        exponentformat="power",
        dtick=decades(*(branch.loss for branch in found.branches)),
        row=1,
        col=1,
    )
    figure.update_yaxes(
        title={"text": say("charts.norms.norm"), "standoff": 6},
        type="log",
        exponentformat="power",
        dtick=decades(*(branch.before for branch in found.branches)),
        row=2,
        col=1,
    )
    figure.update_xaxes(title={"text": say("charts.axis.iteration"), "standoff": 6}, row=2, col=1)
    on_page(figure, look, height=460, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(found, history, look))


def words(found: Found, history: Array, look: Look) -> str:
    """Which threshold ended with the lowest loss, and whether the own training is what happened."""
    say = look.say
    if not len(found.own.iterations):
        return say("charts.norms.nothing")
    told = []
    if len(found.branches) > 1:
        ranked = [branch for branch in found.ranked() if math.isfinite(branch.last_loss)]
        alike = len(ranked) > 1 and ranked[0].last_loss == ranked[-1].last_loss
        if ranked and not alike:
            best, worst = ranked[0], ranked[-1]
            loss, clipped = number(best.last_loss), percent(best.share_clipped)
            told.append(say("charts.replay.best", name=name(best, look), loss=loss, clipped=clipped))
            if worst.last_loss > best.last_loss > 0:
                more = percent(worst.last_loss / best.last_loss - 1)
                told.append(say("charts.replay.worst", name=name(worst, look), more=more))
        told += [say("charts.replay.stopped", name=name(branch, look), words=branch.stopped) for branch in found.branches if branch.stopped]
        same = [branch for branch in found.branches[1:] if np.array_equal(branch.loss, found.own.loss)]
        if same:
            told.append(say("charts.replay.same", names=", ".join(name(branch, look) for branch in same)))
    known = agreement(found.own, history)
    if known.differs:
        told.append(say("charts.replay.differs", iteration=f"{known.differs:,}"))
    elif known.same:
        told.append(say("charts.replay.agrees", iterations=say.count("iteration", known.same)))
    return " ".join(told)
