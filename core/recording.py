"""Recordings: what a `core.Recorder` saw of somebody's own training loop, in one file.

safetensors with words in its metadata: a file from somebody else can hold numbers and words, never code, and is as large in memory as on
disk but for its words, whose length is bounded before any is read.  Nothing here imports torch: the web process reads recordings too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load, save

from core import limits
from core.file_words import in_order, length, metadata
from core.trace import AXES, PARTS, Array, Axis, Trace

FORMAT = "bptt-recording-1"
"""Grows when a recording is laid out differently."""

COLUMNS = ("iteration", "loss", "norm_before", "norm_after", "factor", "share_clipped")
"""Of the history: as of a run's own, with the gradient norm of all of the model's weights before and after clipping."""

LABELLED = ("gate", "part", "weight")
"""The axes of a recorded Trace that have labels."""

NEEDED = frozenset(("h", "dh", "da", "lag_h", "reach"))
RECORDED = NEEDED | {"c", "gate", "dc", "lag_c", "share_projection", "share_norm", "gradient_norm"}
"""The quantities of a recorded Trace."""

LONGEST_LABEL = 200
LARGEST_COUNT = 2**53
"""Bounds of the words and whole numbers in a file: what is larger was not written by a Recorder."""


class InvalidRecording(ValueError):
    """The bytes are not a recording; the message says why in one sentence."""


@dataclass(frozen=True)
class About:
    """What was recorded.

    stack: the recurrent module's name in its model.  cell: as in `core.cells.CELLS`.  layers, inputs, hidden: its sizes.  dtype: of its
    numbers.  every: iterations from one Trace to the next.  sequences: how many of a batch a Trace shows.
    """

    stack: str
    cell: str
    layers: int
    inputs: int
    hidden: int
    dtype: str
    every: int
    sequences: int

    @property
    def kind(self) -> str:
        """The cell as people call it: LSTM, RNN (tanh)."""
        kind, _, squashed_by = self.cell.partition("_")
        return kind.upper() + (f" ({squashed_by})" if squashed_by else "")


@dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded of one training loop.

    history: (n, 6) with the columns `COLUMNS`; NaN where a number was not known.  traces: of every n-th iteration, oldest first.
    What a Trace of a recording does not have is the loss of each step: of somebody's own loss only the errors are known that enter the
    outputs of the module.  Row s of its lag matrix follows the error that enters at step s.
    """

    about: About
    history: Array
    traces: tuple[Trace, ...]

    @property
    def iterations(self) -> tuple[int, ...]:
        """Those that have a Trace."""
        return tuple(trace.iteration for trace in self.traces)

    @property
    def books(self) -> dict[str, tuple[float, int]]:
        """Of each book, the largest relative error among the traces, and the iteration that it is of; NaN is the largest."""
        kept = [(name, error, trace.iteration) for trace in self.traces for name, error in trace.books.items()]
        worst: dict[str, tuple[float, int]] = {}
        for name, error, iteration in sorted(kept, key=lambda one: (math.isnan(one[1]), one[1])):
            worst[name] = (error, iteration)
        return worst

    def to_frame(self) -> pd.DataFrame:
        """The history as tidy pandas."""
        return pd.DataFrame(self.history, columns=list(COLUMNS)).astype({"iteration": int})

    def to_bytes(self) -> bytes:
        """The recording as one block of bytes; `InvalidRecording` where that could not be read again."""
        tensors = {"history": np.ascontiguousarray(self.history)}
        told = []
        for number, trace in enumerate(self.traces):
            tensors |= {f"{number}/{name}": np.ascontiguousarray(value) for name, value in trace.values.items()}
            axes = [[axis.inputs, axis.targets] for axis in trace.axes]
            told.append({"iteration": trace.iteration, "axes": axes, "labels": dict(trace.labels), "books": dict(trace.books)})
        block = in_order(save(tensors, {"format": FORMAT, "about": json.dumps(vars(self.about)), "traces": json.dumps(told)}))
        try:
            type(self).from_bytes(block)
        except InvalidRecording as error:
            raise InvalidRecording(f"What was recorded could not be read again, and is not written. {error}") from error
        return block

    def save(self, path: str | Path) -> None:
        """Write the file."""
        Path(path).write_bytes(self.to_bytes())

    @classmethod
    def from_bytes(cls, block: bytes) -> Recording:
        """The inverse of `to_bytes`; `InvalidRecording` for anything else, and beyond `limits.RECORDING_BYTES`."""
        check_size(len(block))
        _check_words(block)
        try:
            tensors = load(block)
            words = metadata(block)
            if words["format"] != FORMAT:
                raise ValueError(words["format"])
            about, told = About(**json.loads(words["about"])), json.loads(words["traces"])
        except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise InvalidRecording(f"This file is not a recording that core.Recorder has written (safetensors, {FORMAT}).") from error
        try:
            for value, wanted in zip(vars(about).values(), KINDS, strict=True):
                _words([value]) if isinstance(wanted, str) else _count(value)
            if len(told) > limits.RECORDED_ITERATIONS:
                raise ValueError("too many iterations")
            traces = tuple(_trace(one, _of(tensors, number)) for number, one in enumerate(told))
            return cls(about, _history(tensors["history"]), traces)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InvalidRecording("This recording is damaged: its numbers do not fit what it says of them.") from error

    @classmethod
    def load(cls, path: str | Path) -> Recording:
        """Read a file, whose size is looked at first; raises as `from_bytes`."""
        check_size(Path(path).stat().st_size)
        return cls.from_bytes(Path(path).read_bytes())


KINDS = ("", "", 0, 0, 0, "", 0, 0)
"""One value of the type of each field of `About`."""


def check_size(size: int) -> None:
    """`InvalidRecording` for a file of so many bytes that is too large."""
    if size > limits.RECORDING_BYTES:
        raise InvalidRecording(f"A recording may have {limits.RECORDING_BYTES // 2**20} MB at most; this file has {size / 2**20:.0f}.")


def _check_words(block: bytes) -> None:
    """`InvalidRecording` for a file whose header is too long to be taken apart."""
    if limits.RECORDING_WORDS < length(block) <= len(block):
        raise InvalidRecording(f"The words of a recording may take {limits.RECORDING_WORDS / 2**20:.0f} MB at most.")


def words_of(trace: Trace) -> int:
    """About how many bytes the words of a Trace take in a file, names and places of its arrays included; rather more than fewer."""
    labels = [label for axis in trace.axes for label in (*axis.inputs, *axis.targets)] + [
        name for names in trace.labels.values() for name in names
    ]
    return 2 * len(json.dumps(labels)) + 200 * (len(trace.values) + len(trace.books) + 1)


def _of(tensors: Mapping[str, Array], number: int) -> dict[str, Array]:
    """The arrays of one Trace by quantity."""
    start = f"{number}/"
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def _history(points: Array) -> Array:
    if points.dtype != np.float64 or points.ndim != 2 or points.shape[1] != len(COLUMNS) or len(points) > limits.HISTORY_POINTS:
        raise ValueError("history")
    if not ((np.abs(points[:, 0]) < LARGEST_COUNT).all() and (np.diff(points[:, 0]) > 0).all()):
        raise ValueError("iterations")
    return points


def _trace(told: Mapping[str, Any], values: Mapping[str, Array]) -> Trace:
    """One Trace, whose arrays all agree about the length of every axis."""
    axes = tuple(Axis(_words(inputs), _words(targets)) for inputs, targets in told["axes"])
    labels = {axis: _words(told["labels"][axis]) for axis in LABELLED}
    books = {str(name): float(error) for name, error in told["books"].items()}
    if not NEEDED <= values.keys() <= RECORDED or labels["part"] != PARTS or len(books) > LONGEST_LABEL:
        raise ValueError("quantities")
    sizes = {axis: len(names) for axis, names in labels.items()} | {"sequence": len(axes)}
    for name, value in values.items():
        if value.dtype != (bool if name == "reach" else value.dtype if value.dtype in (np.float32, np.float64) else np.float64):
            raise ValueError(name)
        for axis, size in zip(AXES[name], value.shape, strict=True):
            if not size or sizes.setdefault("step" if axis == "loss_step" else axis, size) != size:
                raise ValueError(f"{name}: {axis}")
    if not axes or any(len(axis.inputs) != len(axis.targets) or not 1 <= len(axis.inputs) <= sizes["step"] for axis in axes):
        raise ValueError("axes")
    return Trace(_count(told["iteration"]), axes, labels, values, books=books)


def _words(labels: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(label, str) and len(label) <= LONGEST_LABEL for label in labels):
        raise ValueError("labels")
    return tuple(labels)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < LARGEST_COUNT:
        raise ValueError("a whole number")
    return value
