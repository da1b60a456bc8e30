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

SCALE = {torch.float64: 2.0**500, torch.float32: 2.0**60}
"""A norm beyond this, or below its inverse, has squares under it that its type does not hold."""


@dataclass(frozen=True)
class EachLoss:
    """A pass along one sequence.  d_read: dL_s/d of what the readout reads at step s, (T, 1, H).  with_loss: which steps have one, (T,).

    attended: what attention left, or None.   direct: dL_s/dh_s of each loss, (T, 1, H), at the top layer.
    """

    unrolled: bptt.Unrolled
    d_read: Tensor
    with_loss: Tensor
    attended: Attended | None = None

    @cached_property
    def direct(self) -> Tensor:
        return self._begun(1)[0]

    def _begun(self, factor: float) -> tuple[Tensor, Paths | None]:
        """The errors as they begin, times a factor: in each loss's own state, and along attention."""
        if self.attended is None:
            return self.d_read * factor, None
        paths = self.attended.back(self.d_read * factor)
        return paths.direct, paths

    @property
    def carrying(self) -> str:
        """The state that carries errors far: "c" or "h"."""
        return self.unrolled.cell.states[-1]

    def matrices(self, layer: int = -1) -> dict[str, Array]:
        """State -> norm of dL_s/d state_t of a layer for every s and t, (T, T); NaN above the diagonal and in rows without a loss.

        With attention also "attention" and "recurrence", the norms of the two vectors that make up dL_s/dh_t (`core.lag_matrix.LagMatrix`).
        """
        found = self._sweep(layer, 1)
        dtype = self.d_read.dtype
        for factor in (SCALE[dtype], 1 / SCALE[dtype]):
            small = factor > 1
            if any(bool(_out_of_squares(norms, dtype, small=small).any()) for norms in found.values()):
                # Errors are linear in what they begin as: begun larger, or smaller, they have squares.
                again = self._sweep(layer, factor)
                found = {
                    state: torch.where(_out_of_squares(norms, dtype, small=small), again[state] / factor, norms)
                    for state, norms in found.items()
                }
        absent = ~self.with_loss[:, None] | torch.ones_like(next(iter(found.values())), dtype=torch.bool).triu(1)
        return {state: norms.double().masked_fill(absent, torch.nan).numpy() for state, norms in found.items()}

    def _sweep(self, layer: int, factor: float) -> dict[str, Tensor]:
        direct, paths = self._begun(factor)
        found = lag_matrix(self.unrolled, direct, paths=paths)
        kinds = {"h": found.h, "c": found.c, "attention": found.attention, "recurrence": found.recurrence}
        return {kind: norms[layer][..., 0] for kind, norms in kinds.items() if norms}

    def last_by_lag(self) -> Array:
        """The norm of dL_T/d state_t at the top layer by lag T - t, (T,), from lag 0.

        With attention, of what goes through the recurrence alone, from the loss's own state on.
        """
        last = torch.zeros_like(self.direct)
        last[-1] = self.direct[-1]
        errors = bptt.backward(self.unrolled, last)
        norms: Array = _size((errors.dc or errors.dh)[-1][:, 0]).flip(0).numpy()
        return norms


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


def _out_of_squares(norms: Tensor, dtype: torch.dtype, *, small: bool) -> Tensor:
    """Where a norm is too small, or too large, to be trusted."""
    return norms < 1 / SCALE[dtype] if small else ~(norms <= SCALE[dtype])


def _size(errors: Tensor) -> Tensor:
    """Norms of vectors (..., H) as float64, down to the smallest number that the errors themselves hold."""
    largest = errors.double().abs().amax(-1, keepdim=True)
    unit = torch.where((largest > 0) & largest.isfinite(), largest, torch.ones_like(largest))
    norms: Tensor = (errors.double() / unit).norm(dim=-1) * unit[..., 0]
    return norms
