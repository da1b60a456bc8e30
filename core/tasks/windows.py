"""Windows: continue a series.  The sequences are windows of its training part.

N points, D columns, T steps of a window; otherwise letters as in `core.tasks.task`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from core import limits
from core.experiment import Experiment, InvalidExperiment
from core.series import SCALINGS, InvalidSeries, make_series, split
from core.tasks.batch import Batch
from core.tasks.losses import squared_error
from core.tasks.task import Task
from core.trace import Array, Axis


class Windows(Task):
    """Predict each next point of a series from the points before it.

    A window that begins at o reads x_o ... x_{o+T-1} and predicts x_{o+1} ... x_{o+T}, all within the training part; the last window ends
    with it.  Values are scaled by what the training part alone says.

    series: as `core.series.make_series` makes it.   parts: its `Split`.   scaler: fitted on the training part.
    scaled (N, D): the whole series as the network reads it.   starts: the index o of each window.
    """

    label = "Series"
    help = "Read numbers over time and predict the next ones."
    options = ("series", "season", "window", "stride", "horizon", "answer", "rollout", "validation", "test", "scaling")

    def __init__(self, experiment: Experiment) -> None:
        self.series = make_series(experiment)
        self.parts = split(len(self.series.times), experiment.validation, experiment.test)
        try:
            self.scaler = SCALINGS[experiment.scaling].fit(self.series.values[self.parts.train])
            scaled = self.scaler.do(self.series.values)
        except InvalidSeries as error:
            raise InvalidExperiment({"scaling": str(error)}) from error
        self.scaled = torch.tensor(scaled, dtype=getattr(torch, experiment.dtype))
        self.starts = _starts(experiment, self.parts.train.stop)
        self.inputs = self.outputs = len(self.series.columns)
        self.sequences = len(self.starts)
        self.lengths = (experiment.window,) * self.sequences
        times = self.series.times
        self.texts = tuple(f"{times[start]} … {times[start + experiment.window - 1]}" for start in self.starts)
        self.vocabulary = self.labels = ()
        self.coordinates = {"column": self.series.columns}
        self._last_only = experiment.answer == "last"
        self._steps = experiment.window
        self._all = self._batch(self.starts)

    def batch(self, indices: Sequence[int] | None = None) -> Batch:
        """All windows (always the same Batch), or the named ones in that order."""
        return self._all if indices is None else self._batch([self.starts[index] for index in indices])

    def _batch(self, starts: Sequence[int]) -> Batch:
        steps = self._steps
        rows = torch.arange(steps)[:, None] + torch.tensor(starts)
        mask = torch.ones(steps, len(starts), dtype=torch.bool)
        counted = None
        if self._last_only:
            counted = torch.zeros_like(mask)
            counted[-1] = True
        return Batch(self.scaled[rows], self.scaled[rows + 1], mask, torch.full((len(starts),), steps), counted)

    def axis(self, index: int) -> Axis:
        """The times of the points that are read, and of those that are predicted."""
        first, last = self.starts[index], self.starts[index] + self._steps
        return Axis(inputs=self.series.times[first:last], targets=self.series.times[first + 1 : last + 1])

    def loss(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Squared error (`core.tasks.losses`) of the scaled values, divided by the number of steps that have a loss: T B, or B with an
        answer after the last step.  outputs: (T, B, D)."""
        return squared_error(outputs, batch)

    def shown(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Array]:
        """Predictions and true values in the series' own units."""
        return {name: self.unscaled(value) for name, value in (("output", outputs), ("target", targets))}

    def unscaled(self, values: Tensor) -> Array:
        """Scaled values (..., D) in the series' own units, as float64."""
        return self.scaler.undo(values.double().numpy())

    def read(self, text: str) -> tuple[Batch, Axis, tuple[int, ...]]:
        """There is no text to read: InvalidExperiment."""
        raise InvalidExperiment({"text": "A network that learns a series reads numbers: it cannot try a text."})

    def begin(self, prompt: str) -> Tensor:
        """There is no text to write: InvalidExperiment."""
        raise InvalidExperiment({"prompt": "A network that learns a series predicts numbers: it cannot write a text."})

    def write(self, ids: Iterable[int]) -> str:
        """There is no text to write: InvalidExperiment."""
        raise InvalidExperiment({"text": "A network that learns a series predicts numbers: it cannot write a text."})

    def describe(self) -> dict[str, Any]:
        """As every task, and the series: its values, parts and season."""
        series, parts = self.series, self.parts
        return super().describe() | {
            "series": {
                "name": series.name,
                "times": list(series.times),
                "columns": list(series.columns),
                "values": series.values.tolist(),
                "period": series.period,
                "source": series.source,
                "licence": series.licence,
                "train": parts.train.stop,
                "validation": parts.validation.stop,
            }
        }


def _starts(experiment: Experiment, trained: int) -> tuple[int, ...]:
    """Where the windows over the first `trained` points begin, so that the last target is the last of these points."""
    last = trained - 1 - experiment.window
    if last < 0:
        raise InvalidExperiment(
            {
                "window": f"The training part has {trained} points: a window may have at most {trained - 1} steps, not "
                f"{experiment.window}; windows of {trained // 2} leave room for several."
            }
        )
    fewest = -(-(last + 1) // limits.SENTENCES)
    # With one answer a window, every window counts but once: as many as there is room for.
    overlapping = experiment.window // 2 if experiment.answer == "every" else 1
    stride = experiment.stride or max(overlapping, fewest)
    if stride < fewest:
        raise InvalidExperiment(
            {"stride": f"A stride of {stride} makes more than {limits.SENTENCES} windows: choose at least {fewest}, or 0."}
        )
    return tuple(range(last % stride, last + 1, stride))
