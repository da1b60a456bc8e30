"""Trace: what one iteration observed, frozen, with named axes.

Arrays are time-major: (T, B, H) for one layer, stacked over layers in front.  The axes of every quantity are named in `AXES`:

    layer      1 is the layer next to the input            step       column t, the step whose state or weights are meant
    sequence   a sentence of the batch                      loss_step  row s, the step whose loss is meant
    unit       a hidden unit                                part       one of `PARTS`, or of `ATTENDED_PARTS`
    gate       in torch's order (i f g o; r z n)            weight     a weight of the model, by its name
    token      what one output stands for                   column     a column of the series, or one number of an answer
    head       one of the attentions side by side

Coordinates count from 1, as on screen; positions in an array, and in `pick`, from 0.  NaN means that there is no such value: a padded
step, a step without a loss, or a loss before the state (s < t).  0.0 is a value that vanished.  The lag matrix is unmasked; `reach` says
which of its cells the truncation keeps.
Nothing here imports torch: the web process reads Traces too.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]

PARTS = ("total", "direct", "recurrent", "untruncated")
"""The coordinates of the axis "part"."""

ATTENDED_PARTS = (*PARTS, "attention")
"""The same where there is attention."""

AXES: Mapping[str, tuple[str, ...]] = {
    "h": ("layer", "step", "sequence", "unit"),
    "c": ("layer", "step", "sequence", "unit"),
    "gate": ("layer", "gate", "step", "sequence", "unit"),
    "dh": ("layer", "part", "step", "sequence", "unit"),
    "dc": ("layer", "step", "sequence", "unit"),
    "da": ("layer", "gate", "step", "sequence", "unit"),
    "loss": ("step", "sequence"),
    "lag_h": ("layer", "loss_step", "step", "sequence"),
    "lag_c": ("layer", "loss_step", "step", "sequence"),
    "lag_attention": ("layer", "loss_step", "step", "sequence"),
    "lag_recurrence": ("layer", "loss_step", "step", "sequence"),
    "reach": ("loss_step", "step"),
    "attention": ("head", "loss_step", "step", "sequence"),
    "share_projection": ("weight", "step"),
    "share_norm": ("weight", "step"),
    "gradient_norm": ("weight",),
    "probability": ("step", "sequence", "token"),
    "output": ("step", "sequence", "column"),
    "target": ("step", "sequence", "column"),
}
"""The axes of each quantity that a Trace may hold.

h, c               states after step t
gate               gate values; a plain RNN has none, its `da` has the one gate "a"
dh                 dL/dh_t at fixed c_t: total (as truncated) = direct (through the output of step t) + recurrent (from later steps); and
                   untruncated, what full BPTT gives: its difference from total is what truncation cut.
                   With attention: total = direct + attention (outputs of later steps that attend to h_t, nothing between) + recurrent
dc                 dL/dc_t, including the path through h_t
da                 dL/da_t: the gradient of each gate's pre-activation
loss               L_s; they add up to L; NaN where a step has no loss
lag_h, lag_c       |dL_s/dh_t|, |dL_s/dc_t|, norm over units, unmasked; NaN in the rows of steps that have no loss, and before the last
                   `core.limits.LAG_STEPS` steps (with attention `ATTENDED_LAG_STEPS`) of the longest sequence
lag_attention      with attention, norm of the part of dL_s/dh_t that comes along attention alone: h_t attended to at s (from a lower layer,
                   up through step t); at s = t, where no recurrence is, the whole
lag_recurrence     norm of the rest: as vectors the two add up to dL_s/dh_t; NaN at s = t
attention          weights: how much the output of step s reads of the state of step t; each row adds up to 1
reach              whether the loss of step s reaches step t
share_projection   <share_t, g>/|g| for each weight's gradient g: their sum over t is |g| before clipping
share_norm         |share_t|
gradient_norm      |g| before clipping
probability        of each token as the next one, or as the answer
output, target     where answers are numbers, what is predicted and what is true, in the series' own units
"""

REST = ("c", "dc", "da", "lag_c", "share_projection", "share_norm", "gradient_norm")
"""Quantities that may be left out of a Trace that is only watched: none of them is in a picture that always moves."""

SAID = ("loss", "probability", "output", "target")
"""The quantities of a step that are about its answer."""

UNANSWERED = "–"
"""On an axis, the target of a step of which nothing is asked."""


@dataclass(frozen=True)
class Axis:
    """The labels of one sequence's steps: what step t reads, and what its loss predicts."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Trace:
    """What one iteration observed.

    axes: one `Axis` for each observed sequence.
    labels: the coordinates of the named axes "gate", "part", "weight", "token" and "column"; the others count from 1.
    values: quantity -> read-only array with the axes `AXES[quantity]`.
    books: name of a law -> the largest relative error with which it held (see `core.observe`).
    """

    iteration: int
    axes: tuple[Axis, ...]
    labels: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Array]
    in_batch: bool = True
    books: Mapping[str, float] = field(default_factory=dict)
    dims: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: AXES)

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            if value.ndim != len(self.dims[name]):
                raise ValueError(f"{name} has the axes {self.dims[name]}, but an array of {value.ndim} dimensions was given.")
            value.flags.writeable = False

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> Array:
        return self.values[name]

    @property
    def recurs(self) -> bool:
        """Whether errors go back through a recurrence: in a transformer they come along attention alone."""
        return "lag_recurrence" not in self or not np.isnan(self["lag_recurrence"]).all()

    def of(self, sequence: int = 0) -> Trace:
        """The Trace of one sequence: its axis is gone, and its padded steps are cut off (those of `share_*` are the batch's, and stay)."""
        steps = len(self.axes[sequence].inputs)
        values, dims = {}, {}
        for name, value in self.values.items():
            axes = self.dims[name]
            pick: list[Any] = [slice(None)] * value.ndim
            for position, axis in enumerate(axes):
                if axis == "sequence":
                    pick[position] = sequence
                elif axis in ("step", "loss_step") and not name.startswith("share_"):
                    pick[position] = slice(steps)
            values[name] = value[tuple(pick)]
            dims[name] = tuple(axis for axis in axes if axis != "sequence")
        return replace(self, axes=(self.axes[sequence],), values=values, dims=dims)

    def pick(self, name: str, **where: int | str) -> Array:
        """One slice of a quantity by axis name: `trace.pick("dh", layer=0, part="total")`.  Unknown axes or labels raise ValueError."""
        axes = self.dims[name]
        if unknown := set(where) - set(axes):
            raise ValueError(f"{name} has no axis {', '.join(sorted(unknown))}; its axes are {', '.join(axes)}.")
        chosen: list[Any] = []
        for axis in axes:
            at = where.get(axis, slice(None))
            if isinstance(at, str):
                if at not in self.labels.get(axis, ()):
                    raise ValueError(f"{axis} must be one of {', '.join(self.labels.get(axis, ()))}, not {at!r}.")
                at = self.labels[axis].index(at)
            chosen.append(at)
        picked: Array = self.values[name][tuple(chosen)]
        return picked

    def coordinates(self, name: str, axis: str) -> Sequence[Any]:
        """The coordinates of a quantity along one of its axes: labels, or counted from 1 as on screen."""
        size = self.values[name].shape[self.dims[name].index(axis)]
        if axis in self.labels:
            return self.labels[axis]
        return range(1, size + 1)

    def to_frame(self, *names: str) -> pd.DataFrame:
        """Tidy pandas: one row a number, one column an axis, `quantity` and `value`.  Without names, every quantity; absent is NaN.

        With a single sequence (`trace.of(0)`), steps also carry their tokens: `input`, `target`.
        """
        frames = []
        for name in names or tuple(self.values):
            axes = self.dims[name]
            index = pd.MultiIndex.from_product([self.coordinates(name, axis) for axis in axes], names=axes)
            frame = pd.DataFrame({"quantity": name, "value": self.values[name].ravel()}, index=index).reset_index()
            if len(self.axes) == 1 and "step" in axes:
                steps = dict(enumerate(self.axes[0].inputs, 1))
                frame["input"] = frame["step"].map(steps)
            if len(self.axes) == 1 and ("loss_step" in axes or name in SAID):
                targets = dict(enumerate(self.axes[0].targets, 1))
                frame["target"] = frame["loss_step" if "loss_step" in axes else "step"].map(targets)
            frames.append(frame)
        if len(frames) == 1:
            return frames[0]
        found = pd.concat([f.astype({"value": float}) for f in frames], ignore_index=True)
        # Where a quantity lacks an axis, pandas would make real numbers of the others' counts.
        return found.astype({name: "Int64" for name in found if pd.api.types.is_float_dtype(found[name]) and name != "value"})

    def to_bytes(self) -> bytes:
        """The Trace as one block of bytes (npz, no pickle)."""
        about = {
            "iteration": self.iteration,
            "axes": [[a.inputs, a.targets] for a in self.axes],
            "labels": dict(self.labels),
            "in_batch": self.in_batch,
            "books": dict(self.books),
            "dims": dict(self.dims),
        }
        out = io.BytesIO()
        arrays: dict[str, Any] = dict(self.values)
        np.savez(out, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, block: bytes) -> Trace:
        """The inverse of `to_bytes`."""
        with np.load(io.BytesIO(block), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            values = {name: arrays[name] for name in arrays.files if name != "about"}
        return cls(
            iteration=about["iteration"],
            axes=tuple(Axis(tuple(i), tuple(t)) for i, t in about["axes"]),
            labels={axis: tuple(labels) for axis, labels in about["labels"].items()},
            values=values,
            in_batch=about["in_batch"],
            books=about["books"],
            dims={name: tuple(axes) for name, axes in about["dims"].items()},
        )
