"""The losses of a pass, each as if it were the only one, and the errors that it sends back.

T steps, H hidden units.  A loss counts in full, not divided by the number of steps.  Errors are of dL_s/dc_t where the cell has c, which is
what carries them far, and of dL_s/dh_t where not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core import bptt
from core.experiment import Experiment, InvalidExperiment
from core.model import DTYPES, SequenceModel
from core.tasks import Batch, Task
from core.trace import Array


@dataclass(frozen=True)
class EachLoss:
    """A pass along one sequence.  direct: dL_s/dh_s of each loss, (T, 1, H), at the top layer.  with_loss: which steps have one, (T,)."""

    unrolled: bptt.Unrolled
    direct: Tensor
    with_loss: Tensor

    @property
    def carrying(self) -> str:
        """The state that carries errors far: "c" or "h"."""
        return self.unrolled.cell.states[-1]

    def matrices(self, layer: int = -1) -> dict[str, Array]:
        """State -> norm of dL_s/d state_t of a layer for every s and t, (T, T); NaN above the diagonal and in rows without a loss."""
        found = bptt.lag_matrix(self.unrolled, self.direct)
        norms = {"h": found.h[layer]} | ({"c": found.c[layer]} if found.c else {})
        return {state: value[..., 0].double().masked_fill(~self.with_loss[:, None], torch.nan).numpy() for state, value in norms.items()}

    def last_by_lag(self) -> Array:
        """The norm of dL_T/d state_t at the top layer by lag T - t, (T,), from lag 0."""
        last = torch.zeros_like(self.direct)
        last[-1] = self.direct[-1]
        errors = bptt.backward(self.unrolled, last)
        norms: Array = (errors.dc or errors.dh)[-1][:, 0].norm(dim=-1).flip(0).double().numpy()
        return norms


@torch.inference_mode()
def each_loss(model: SequenceModel, task: Task, batch: Batch, x: Tensor | None = None) -> EachLoss:
    """Walk a model without attention along one sequence.   x: (T, 1, I), what it reads instead of the batch's inputs."""
    read = model.embed(batch) if x is None else x
    unrolled = bptt.forward(model.cell, model.layers, read.to(model.flat.dtype))
    _, d_outputs = task.loss(model.readout(unrolled.h), batch)
    direct = model.readout_adjoint(d_outputs.to(model.flat.dtype) * batch.real)
    return EachLoss(unrolled, direct, batch.with_loss[:, 0])


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
