"""The lag matrix |dL_s/dh_t|: which step's loss reaches which step's state, and what the truncation cuts off."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from core.trace import Array, Axis, Trace
from dashboard import theme
from dashboard.charts.picture import Chart, Look, Picture, number, percent
from dashboard.charts.token_axis import inputs, loss_axis, quoted, targets, token_axis
from dashboard.live.ranges import DECADES

GONE = 0.01
"""An error that has fallen below this share of its start counts as having vanished."""

ROW, FEWEST_TALL_ROWS, MOST_TALL_ROWS = 24, 3, 12
"""Pixels of one row, where rows are few, and how few those are."""

MOST_DETAILED = 96
"""Up to this many steps, cut cells are hatched one by one and hovering names the tokens; beyond, it would be too much to send."""


def draw(trace: Trace, look: Look) -> Picture:
    """Four things look different: a value, one below the floor, one that the truncation cuts (hatched), and no path at all."""
    state = "c" if look.state == "c" and "lag_c" in trace else "h"
    norms, reach, axis = trace.pick(_quantity(trace, state, look.path), layer=look.layer), trace["reach"], trace.axes[0]
    # All ways of the error share the colour range of the whole, and are measured against its start, where no recurrence is.
    whole = trace.pick(f"lag_{state}", layer=look.layer)
    exists = ~np.isnan(norms)
    low, high = decades(whole)
    with np.errstate(divide="ignore"):
        logs = np.log10(norms)
    colours, say = look.colours, look.say
    detailed = len(norms) <= MOST_DETAILED
    cut = np.tri(len(norms), dtype=bool) & ~reach  # with its value, but for an update after each block, which never computes it
    clear = "rgba(0,0,0,0)"
    figure = go.Figure(
        [
            _cells(exists & reach & (logs >= low), logs, low, high, theme.scale(colours.magnitude), legend=True),
            _cells(exists & reach & (logs < low), logs, low, high, theme.scale((colours.below_floor,) * 2)),
            _cells(cut, logs, low, high, theme.scale((clear if detailed else colours.cut,) * 2)),
        ]
    )
    name = f"|dL/d{state}|"
    if detailed:
        figure.update_traces(text=_hover(norms, reach, axis, look, name, low), hovertemplate="%{text}<extra></extra>", xgap=1, ygap=1)
        figure.add_trace(_hatching(cut, colours.cut))
    else:
        figure.update_traces(hovertemplate=say("charts.lag_matrix.hover_long", name=name) + "<extra></extra>")
    first = first_loss(whole)
    row = max(look.step_in(trace), first + 1)
    figure.add_shape(
        type="rect", x0=0.5, x1=row + 0.5, y0=row - 0.5, y1=row + 0.5, line={"color": colours.second, "width": 1.5, "dash": "dot"}
    )
    figure.add_trace(_boundary(cut, reach, colours.second))
    loss_axis(figure, axis, look, first)
    token_axis(figure, axis, look, title=say("charts.axis.state"), height=height(440, len(norms) - first))
    return Picture(figure, words(np.where(np.eye(len(norms), dtype=bool), whole, norms), reach, axis, row - 1, look))


def _quantity(trace: Trace, state: str, path: str) -> str:
    """What is drawn: all ways of the error, or one of the two that attention has, which end at h."""
    return f"lag_{path}" if state == "h" and f"lag_{path}" in trace else f"lag_{state}"


def decades(norms: Array) -> tuple[int, int]:
    """The colour range in powers of ten: the matrix's own whole decades, at most `DECADES` of them; the low end is the floor."""
    values = norms[norms > 0]
    if not values.size:
        return -1, 0
    high = math.ceil(math.log10(values.max()))
    return max(min(math.floor(math.log10(values.min())), high - 1), high - DECADES), high


def first_loss(norms: Array) -> int:
    """The first step, from 0, that has a loss: those before it have no row.  norms: (loss steps, steps), NaN where there is no path."""
    return int((~np.isnan(norms)).any(1).argmax())


def height(whole: int, rows: int) -> int:
    """Of a figure of so many rows, in pixels; of many rows it is `whole`."""
    return whole - ROW * max(0, MOST_TALL_ROWS - max(rows, FEWEST_TALL_ROWS))


def words(norms: Array, reach: Array, axis: Axis, s: int, look: Look) -> str:
    """What row s says, and what the truncation takes away.  norms, reach: (loss steps, steps)."""
    say = look.say
    row = norms[s, : s + 1]
    start = row[s]
    target = quoted(axis.targets[s])
    if not start > 0:
        return say("charts.lag_matrix.no_error", target=target)
    lags = s - np.flatnonzero(row < GONE * start)
    furthest = int(np.flatnonzero(~np.isnan(row))[0])
    left, first = row[furthest] / start, quoted(axis.inputs[furthest])
    if s == 0:
        sentences = [say("charts.lag_matrix.first", target=target)]
    elif furthest == s:
        sentences = [say("charts.lag_matrix.alone", target=target)]
    elif lags.size:
        sentences = [say("charts.lag_matrix.vanishes", target=target, steps=_steps(int(lags.min()) - 1, look), share=percent(GONE))]
    elif left > 1:
        sentences = [say("charts.lag_matrix.grows", target=target, times=number(left), first=first)]
    else:
        sentences = [say("charts.lag_matrix.arrives", target=target, first=first, share=percent(left))]
    kept = reach[s, : s + 1]
    if not kept.all():
        nearest = int(np.flatnonzero(~kept).max())
        steps = _steps(s - nearest - 1, look)
        if not np.isnan(row[nearest]):
            sentences = [say("charts.lag_matrix.uncut", words=told[:1].lower() + told[1:]) for told in sentences]
        if np.isnan(row[nearest]):
            sentences.append(say("charts.lag_matrix.cut_unseen", steps=steps))
        else:
            sentences.append(say("charts.lag_matrix.cut_row", steps=steps, share=percent(row[nearest] / start)))
    cells = np.tri(len(norms), dtype=bool) & ~np.isnan(norms).all(1, keepdims=True)
    if cut := int(np.count_nonzero(cells & ~reach)):
        sentences.append(say("charts.lag_matrix.cut", cut=cut, all=int(np.count_nonzero(cells))))
    return " ".join(sentences)


def _steps(count: int, look: Look) -> str:
    return look.say("charts.steps.one" if count == 1 else "charts.steps.many", count=count)


def _cells(which: Array, logs: Array, low: int, high: int, scale: list[tuple[float, str]], *, legend: bool = False) -> go.Heatmap:
    steps = np.arange(1, len(logs) + 1)
    return go.Heatmap(
        z=np.where(which, np.nan_to_num(np.maximum(logs, low - DECADES), nan=low), np.nan),
        x=steps,
        y=steps,
        zmin=low,
        zmax=high,
        colorscale=scale,
        hoverongaps=False,
        showscale=legend,
        colorbar={"thickness": 10, "len": 1.0, "outlinewidth": 0, "xpad": 4, "tickvals": [low, high], "ticktext": [f"1e{low}", f"1e{high}"]}
        if legend
        else None,
    )


def _hover(norms: Array, reach: Array, axis: Axis, look: Look, name: str, low: int) -> Array:
    say, read, predicted = look.say, inputs(axis), targets(axis)
    text = np.full(norms.shape, "", dtype=object)
    for s, t in np.argwhere(np.tri(len(norms), dtype=bool)):
        value = say("charts.lag_matrix.unseen") if np.isnan(norms[s, t]) else number(norms[s, t])
        if not reach[s, t]:
            value = say("charts.lag_matrix.hover_cut", value=value)
        elif norms[s, t] < 10.0**low:
            value = say("charts.lag_matrix.hover_floor", value=value)
        text[s, t] = say("charts.lag_matrix.hover", target=predicted[s], s=s + 1, token=read[t], t=t + 1, lag=s - t, name=name, value=value)
    return text


def _hatching(cut: Array, colour: str) -> go.Scatter:
    """Diagonals through every cut cell, which go on in its neighbours."""
    x: list[float | None] = []
    y: list[float | None] = []
    for s, t in np.argwhere(cut) + 1:
        x += [t - 0.5, t, None, t - 0.5, t + 0.5, None, t, t + 0.5, None]
        y += [s, s - 0.5, None, s + 0.5, s - 0.5, None, s + 0.5, s, None]
    return go.Scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 1}, hoverinfo="skip")


def _boundary(cut: Array, reach: Array, colour: str) -> go.Scatter:
    """The staircase between what is kept and what is cut."""
    x: list[float] = []
    y: list[float] = []
    for s, row in enumerate(reach if cut.any() else []):
        if row.any():
            first = int(np.flatnonzero(row)[0]) + 0.5
            x += [first, first]
            y += [s + 0.5, s + 1.5]
    return go.Scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 2.5}, hoverinfo="skip")


CHART = Chart("lag_matrix", ("lag_h", "reach"), draw, choices=("state", "path"))
