"""What every chart is given and gives back: a Look at a Trace, and a Picture of it in colours and in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.trace import Array, Trace
from dashboard import texts, theme
from dashboard.charts.template import template
from dashboard.texts import Texts

LARGEST = 1e150
MARGIN = {"l": 84, "r": 88, "t": 30, "b": 48}
"""Wide enough on both sides for labels and legends, and the same for all charts, so that they stand below each other."""
NARROW = MARGIN | {"r": 24}
"""The same for charts that stand side by side and have nothing on their right."""


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at: the choices that all charts share, so that one selection moves all of them.

    layer: counts from 0, -1 is the top one.   step: counts from 1, 0 is the one that predicts the last word.
    gate, weight: a label of the Trace; "" is the first gate, and the top layer's recurrent weight.   part: total, direct or recurrent.
    state: "h" or "c".   path: of the error, "total", "attention" or "recurrence".   shares: "projection" or "norm".
    subjects: the model that learns and the task that is learned, for the words.
    """

    layer: int = -1
    step: int = 0
    gate: str = ""
    part: str = "total"
    weight: str = ""
    state: str = "h"
    path: str = "total"
    shares: str = "projection"
    dark: bool = False
    language: str = texts.DEFAULT_LANGUAGE
    subjects: tuple[str, ...] = ()

    @property
    def colours(self) -> theme.Colours:
        return theme.colours(self.dark)

    @property
    def say(self) -> Texts:
        return texts.load(self.language).about(*self.subjects)

    def step_in(self, trace: Trace) -> int:
        """The chosen step, or the nearest one that this Trace observed."""
        steps = len(trace.axes[0].inputs)
        chosen = min(self.step, steps) if self.step > 0 else max(1, steps - 1)
        there = np.flatnonzero(observed(trace)) + 1
        return int(there[np.abs(there - chosen).argmin()]) if there.size else chosen

    def gate_in(self, trace: Trace) -> str:
        """The chosen gate, or the cell's first one."""
        gates = trace.labels["gate"]
        return self.gate if self.gate in gates else gates[0]

    def weight_in(self, trace: Trace) -> str:
        """The chosen weight, or the recurrent one of the top layer: the weight that BPTT is about."""
        weights = trace.labels["weight"]
        recurrent = [name for name in weights if "weight_hh" in name]
        return self.weight if self.weight in weights else (recurrent or list(weights))[-1]


@dataclass(frozen=True, slots=True)
class Steps:
    """One trace of a figure at each of several steps, which are gone through in the browser: with a slider, by its keys, or by dragging the
    trace itself, sideways.

    trace: its index.   first: the step that is shown at first.   lines: the x and y of each step.
    words: what is written of each, in the figure's title.   label: of the slider.
    """

    trace: int
    first: int
    lines: Sequence[tuple[Sequence[float], Sequence[float]]]
    words: Sequence[str]
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, and one or two sentences that say what it shows now (plain text, tokens as they are).

    steps: of a trace to go through.
    """

    figure: go.Figure
    words: str
    steps: Steps | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of one observed sentence.

    needs: the quantities of the Trace without which there is nothing to draw; they are what its CSV holds.
    choices: the fields of Look that it reads, beside the layer and the step.
    """

    name: str
    needs: tuple[str, ...]
    draw: Callable[[Trace, Look], Picture]
    choices: tuple[str, ...] = ()

    def fits(self, trace: Trace) -> bool:
        """Whether this Trace holds what the chart draws."""
        return all(quantity in trace for quantity in self.needs)

    def exploded_at(self, trace: Trace) -> int | None:
        """The first step with a number that is not finite, or too large to square: then there is nothing to draw or to say but that."""
        there, steps = observed(trace), []
        lossy = there & asked(trace)
        for quantity in self.needs:
            axes = trace.dims[quantity]
            bad = ~(np.abs(trace[quantity].astype(float)) <= LARGEST)
            for position, axis in enumerate(axes):
                if axis in ("step", "loss_step"):
                    of = lossy if axis == "loss_step" or quantity == "loss" else there
                    kept = np.arange(bad.shape[position]) < len(of)
                    kept[: len(of)] &= of[: len(kept)]
                    bad &= np.expand_dims(kept, [other for other in range(bad.ndim) if other != position])
            if "loss_step" in axes:  # no path from a loss to a later state: NaN belongs there
                bad &= np.tri(bad.shape[-1], dtype=bool)
            if bad.any():
                steps.append(int(np.nonzero(bad)[axes.index("step")].min()) + 1 if "step" in axes else 1)
        return min(steps, default=None)


def observed(trace: Trace) -> Array:
    """Which steps of the sentence the iteration visited: all, but for an update after each block, which sees its own block only."""
    if "reach" in trace:
        return np.asarray(trace["reach"]).diagonal().astype(bool)
    return np.ones(len(trace.axes[0].inputs), bool)


def asked(trace: Trace) -> Array:
    """Which steps have a loss.  Of the others it is NaN as well, but what the network says there is a number."""
    said = [np.isfinite(trace[quantity]).all(1) for quantity in ("probability", "output") if quantity in trace]
    if "loss" not in trace or not said:
        return np.ones(len(trace.axes[0].inputs), bool)
    silent: Array = np.isnan(trace["loss"]) & np.logical_and.reduce(said)
    return ~silent


def on_page(figure: go.Figure, look: Look, *, height: int, margin: Mapping[str, Any] = MARGIN, **more: Any) -> go.Figure:
    """The figure as every chart of a page stands there: its height, its margins, on the colour of the page."""
    if dict(margin).get("autoexpand", True):
        # Plotly takes powers of ten for narrower than they are: wide numbers would stand on the axis's title.
        figure.update_yaxes(automargin="left", title_standoff=16)
    # Between powers of ten Plotly would write bare digits: a small 5 for 0.5.
    figure.update_yaxes(minorloglabels="complete")
    return figure.update_layout(
        template=template(look.dark),
        height=height,
        margin=dict(margin),
        showlegend=False,
        modebar={"bgcolor": "rgba(0,0,0,0)"},
        paper_bgcolor=look.colours.page,
        plot_bgcolor="rgba(0,0,0,0)",
        **more,
    )


def number(value: float) -> str:
    """Three significant digits, as everywhere on the page: 0.0123, 12.3, 12,300, 1.23e+06, ∞."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    short = f"{value:.3g}"
    return f"{float(short):,.0f}" if 1e3 <= abs(float(short)) < 1e6 else short


def percent(share: float) -> str:
    """A share as a percentage of two digits that never rounds something to nothing: 0 %, 0.12 %, 1 %, 64 %."""
    return "less than 0.01 %" if 0 < share < 1e-4 else f"{float(f'{100 * share:.2g}'):g} %"
