"""Reading: what the losses send straight into the states, and the exact gradient of the weights that only read states.

No estimator needs to estimate that gradient.  Without attention each step's loss is known as soon as its state is, and reads no other:
errors come a few steps at a time.  Attention reads earlier states, which no recurrence takes part in:

    e_t = sum over s >= t of dL_s/dh_t at fixed other states          dL/dw = sum_t e_t dh_t/dw

so that whatever estimates dh_t/dw works with it as well, but it has to know the whole sequence first: forwards once more, and the states
of all steps are held.

Letters: T steps of the batch, S of a section, B sequences, H hidden units.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from core import bptt, passes
from core.estimators.estimator import Gradient
from core.model import SequenceModel, state_weights
from core.shares import Factors
from core.tasks import Batch, Task
from core.truncation import TBPTT


class Reading:
    """What reads the states of a batch."""

    def __init__(self, model: SequenceModel, task: Task, batch: Batch) -> None:
        self._model, self._task, self._batch = model, task, batch
        behind = state_weights(model.shapes)
        self.gradient: Gradient = {name: value.new_zeros(value.shape) for name, value in model.weights.items() if name not in behind}
        self._whole = self._attended() if model.attention else None

    def errors(self, h: Tensor, first: int) -> Tensor:
        """e_t of the steps from `first` on, (S, B, H).  h: their states, (S, B, H) of the top layer.  To be asked once for each step."""
        if self._whole is not None:
            return self._whole[first : first + len(h)]
        part = self._batch.section(first, first + len(h))
        # The loss of a section is divided by its own steps: what is asked for is its part of the whole batch's.
        d_outputs = self._task.loss(self._model.readout(h), part)[1] * (part.real / self._batch.real)
        self._add(self._model.reading_factors(h, d_outputs))
        return self._model.readout_adjoint(d_outputs)

    def _attended(self) -> Tensor:
        """e_t of all steps, (T, B, H)."""
        model, batch = self._model, self._batch
        steps = len(batch.inputs)
        unrolled = bptt.forward(model.cell, model.layers, model.embed(batch), mask=batch.mask)
        _, _, d_outputs, direct, paths = passes.top(model, self._task, batch, unrolled)
        self._add(model.reading_factors(unrolled.h, d_outputs, paths))
        return paths.summed(TBPTT(steps, steps)) if paths else direct

    def _add(self, factors: Iterable[Factors]) -> None:
        for factor in factors:
            total = self.gradient[factor.name]
            total += factor.gradient(total.new_empty(total.shape))
