"""The losses of a long run (`core.measures.long_run`), each as if it were the last and only one.

T steps, H hidden units; errors are of the top layer, dL_T/dc_t where the cell has c (it is what carries far) and dL_T/dh_t where not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core import bptt
from core.experiment import Experiment, InvalidExperiment
from core.measures.long_run import long_run
from core.model import DTYPES, SequenceModel
from core.tasks import Task
from core.trace import Array


@dataclass(frozen=True)
class LastLosses:
    """A run whose every step has a loss of its own, not divided by the number of steps.  direct: dL_s/dh_s, (T, 1, H), at the top layer."""

    unrolled: bptt.Unrolled
    direct: Tensor

    @property
    def state(self) -> str:
        """Which state carries the error: "c" or "h"."""
        return self.unrolled.cell.states[-1]

    def matrix(self) -> Array:
        """The norm of dL_s/d state_t of the top layer for every s and t, (T, T), NaN above the diagonal."""
        found = bptt.lag_matrix(self.unrolled, self.direct)
        norms: Array = (found.c or found.h)[-1][..., 0].double().numpy()
        return norms

    def by_lag(self) -> Array:
        """The norm of dL_T/d state_t by lag T - t, (T,), from lag 0."""
        last = torch.zeros_like(self.direct)
        last[-1] = self.direct[-1]
        errors = bptt.backward(self.unrolled, last)
        norms: Array = (errors.dc or errors.dh)[-1][:, 0].norm(dim=-1).flip(0).double().numpy()
        return norms


@torch.inference_mode()
def last_losses(model: SequenceModel, task: Task, steps: int, x: Tensor | None = None) -> LastLosses:
    """Walk a model without attention along a long run.   x: (T, 1, I), what it reads instead of the task's own inputs."""
    batch = long_run(task, steps)
    read = model.embed(batch) if x is None else x
    unrolled = bptt.forward(model.cell, model.layers, read.to(model.flat.dtype))
    _, d_outputs = task.loss(model.readout(unrolled.h), batch)
    return LastLosses(unrolled, model.readout_adjoint(d_outputs.to(model.flat.dtype) * batch.real))


def check_recurrent(experiment: Experiment) -> None:
    """`InvalidExperiment` where errors do not travel through the recurrence alone."""
    if experiment.model != "recurrent":
        raise InvalidExperiment({"model": "A transformer has no recurrence in which errors could vanish: choose the recurrent model."})
    if experiment.attention != "none":
        raise InvalidExperiment({"attention": "Attention carries errors past the recurrence: choose none to measure the recurrence alone."})


def in_precision(model: SequenceModel, experiment: Experiment, task: Task, dtype: str) -> SequenceModel:
    """The same weights, rounded to another precision, "float64" or "float32"."""
    other = SequenceModel.of_experiment(experiment.replace(dtype=dtype), task)
    other.flat.copy_(model.flat.to(DTYPES[dtype]))
    return other
