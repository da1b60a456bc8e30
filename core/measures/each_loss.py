"""The losses of a pass, each as if it were the only one, and the errors that it sends back.

T steps, H hidden units.  A loss counts in full, not divided by the number of steps.  Errors are of dL_s/dc_t where the cell has c, which is
what carries them far, and of dL_s/dh_t where not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core import bptt
from core.attention import Attended, Paths
from core.experiment import Experiment
from core.lag_matrix import lag_matrix
from core.model import DTYPES, SequenceModel
from core.models import MODELS
from core.tasks import Batch, Task
from core.trace import Array
from core.vector_norms import norms


@dataclass(frozen=True)
class EachLoss:
    """A pass along one sequence.  d_read: dL_s/d of what the readout reads at step s, (T, 1, H).  with_loss: which steps have one, (T,).

    attended: what attention left, or None.   direct: dL_s/dh_s of each loss, (T, 1, H), at the top layer.
    """

    unrolled: bptt.Unrolled
    d_read: Tensor
    with_loss: Tensor
    attended: Attended | None = None

    @property
    def direct(self) -> Tensor:
        return self._begun[0]

    @cached_property
    def _begun(self) -> tuple[Tensor, Paths | None]:
        """The errors as they begin: in each loss's own state, and along attention."""
        if self.attended is None:
            return self.d_read, None
        paths = self.attended.back(self.d_read)
        return paths.direct, paths

    @property
    def carrying(self) -> str:
        """The state that carries errors far: "c" or "h"."""
        return self.unrolled.cell.states[-1]

    def matrices(self, layer: int = -1) -> dict[str, Array]:
        """State -> norm of dL_s/d state_t of a layer for every s and t, (T, T); NaN above the diagonal and in rows without a loss.

        With attention also "attention" and "recurrence", the norms of the two vectors that make up dL_s/dh_t (`core.lag_matrix.LagMatrix`).
        """
        direct, paths = self._begun
        found = lag_matrix(self.unrolled, direct, paths=paths)
        kinds = {"h": found.h, "c": found.c, "attention": found.attention, "recurrence": found.recurrence}
        absent = ~self.with_loss[:, None] | torch.ones_like(found.h[layer][..., 0], dtype=torch.bool).triu(1)
        return {kind: one[layer][..., 0].double().masked_fill(absent, torch.nan).numpy() for kind, one in kinds.items() if one}

    def last_by_lag(self) -> Array:
        """The norm of dL_T/d state_t at the top layer by lag T - t, (T,), from lag 0.

        With attention, of what goes through the recurrence alone, from the loss's own state on.
        """
        last = torch.zeros_like(self.direct)
        last[-1] = self.direct[-1]
        errors = bptt.backward(self.unrolled, last)
        by_lag: Array = norms((errors.dc or errors.dh)[-1][:, 0]).flip(0).numpy()
        return by_lag


@torch.inference_mode()
def each_loss(model: SequenceModel, task: Task, batch: Batch, x: Tensor | None = None) -> EachLoss:
    """Walk a model along one sequence.   x: (T, 1, I), what it reads instead of the batch's inputs."""
    read = model.embed(batch) if x is None else x
    unrolled = bptt.forward(model.cell, model.layers, read.to(model.flat.dtype))
    attended = model.attend(unrolled.h)
    _, d_outputs = task.loss(model.readout(attended.read if attended else unrolled.h), batch)
    d_read = model.readout_adjoint(d_outputs.to(model.flat.dtype) * batch.real)
    return EachLoss(unrolled, d_read, batch.with_loss[:, 0], attended)


def in_precision(model: SequenceModel, experiment: Experiment, task: Task, dtype: str) -> SequenceModel:
    """The same weights, rounded to another precision, "float64" or "float32"."""
    other = MODELS[experiment.model].make(experiment.replace(dtype=dtype), task)
    other.flat.copy_(model.flat.to(DTYPES[dtype]))
    return other
