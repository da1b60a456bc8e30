"""A pass: one batch forward through a model, its loss, and back; everything an iteration knows before it updates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from core import bptt
from core.attention import Past, Paths
from core.hooks import Hooks
from core.model import SequenceModel
from core.shares import Factors
from core.tasks import Batch, Task
from core.truncation import TBPTT


@dataclass(frozen=True)
class Pass:
    """One batch, forwards and backwards.

    losses: L_s of each step and sequence, (T, B), which add up to L.  outputs: (T, B, O).  d_outputs: dL/d outputs.
    direct: the error that each step's own loss sends into its own state of the top layer, (T, B, H).
    paths: what attention lets through to other states; None without attention.   beyond: the errors that enter the states after the last
    step; see `core.bptt.Backward`.
    """

    model: SequenceModel
    batch: Batch
    truncation: TBPTT
    unrolled: bptt.Unrolled
    outputs: Tensor
    losses: Tensor
    d_outputs: Tensor
    direct: Tensor
    errors: bptt.Errors
    paths: Paths | None = None
    beyond: bptt.State | None = None

    @cached_property
    def loss(self) -> float:
        """L, the sum of the losses: of a task, whose L_s are divided by their number, the mean over the real steps of the batch.  NaN where
        they are not known."""
        return self.losses.sum().item()

    @cached_property
    def factors(self) -> list[Factors]:
        """Every weight's gradient as errors and inputs."""
        with torch.inference_mode():
            return self.model.factors(self.unrolled, self.errors, self.batch.inputs, self.d_outputs, self.paths)

    @torch.inference_mode()
    def gradient(self, out: Mapping[str, Tensor] | None = None) -> Mapping[str, Tensor]:
        """dL/d weight for every weight by name, written into `out` where given.

        Without it they are inference tensors: to change them in place, or to let an optimiser do so, `clone()` them.
        """
        out = out or self.model.views(torch.zeros_like(self.model.flat))
        for factor in self.factors:
            factor.gradient(out[factor.name])
        return out


class Engine:
    """Runs passes of a model, and keeps the room of the last one for the next of the same shape.

    A Pass is good until the next `run`, which may overwrite what it points at.
    """

    def __init__(self, model: SequenceModel, task: Task) -> None:
        self.model, self.task = model, task
        self._shape: tuple[object, ...] = ()
        self._ahead: bptt.Forward
        self._back: bptt.Backward

    @torch.inference_mode()
    def run(
        self, batch: Batch, truncation: TBPTT, state: bptt.State | None = None, hooks: Hooks | None = None, past: Past | None = None
    ) -> Pass:
        """A whole pass.  past: states from before it that attention reads."""
        model, task = self.model, self.task
        x, shape = model.embed(batch, len(past.h) if past else 0), (batch.inputs.shape, truncation)
        fresh = shape != self._shape
        if fresh:
            self._shape = ()  # a hook may break the pass off before its room is whole
            self._ahead = bptt.Forward(model.cell, model.layers, x, state, batch.mask, hooks)
        else:
            self._ahead.begin(x, state, batch.mask, hooks)
        unrolled = self._ahead.finish()
        above = top(model, task, batch, unrolled, past)
        if fresh:
            self._back = bptt.Backward(unrolled, above.direct, truncation, hooks, above.paths)
            self._shape = shape
        else:
            self._back.begin(unrolled, above.direct, hooks, above.paths)
        return Pass(model, batch, truncation, unrolled, *above[:4], self._back.finish(), above.paths)


class Top(NamedTuple):
    """What stands above the recurrence, there and back; each as in a `Pass`."""

    outputs: Tensor
    losses: Tensor
    d_outputs: Tensor
    direct: Tensor
    paths: Paths | None


def top(model: SequenceModel, task: Task, batch: Batch, unrolled: bptt.Unrolled, past: Past | None = None) -> Top:
    """From the states of a pass to its losses, and back to the states.  past: states from before it that attention reads."""
    attended = model.attend(unrolled.h, batch.mask if unrolled.mask is not None else None, past)
    outputs = model.readout(attended.read if attended else unrolled.h)
    losses, d_outputs = task.loss(outputs, batch)
    d_read = model.readout_adjoint(d_outputs)
    if attended is None:
        return Top(outputs, losses, d_outputs, d_read, None)
    paths = attended.back(d_read)
    return Top(outputs, losses, d_outputs, paths.direct, paths)


def run(
    model: SequenceModel,
    task: Task,
    batch: Batch,
    truncation: TBPTT,
    state: bptt.State | None = None,
    hooks: Hooks | None = None,
    past: Past | None = None,
) -> Pass:
    """A whole pass in room of its own; `walk` is the same, step by step."""
    return Engine(model, task).run(batch, truncation, state, hooks, past)


def walk(
    model: SequenceModel,
    task: Task,
    batch: Batch,
    truncation: TBPTT,
    state: bptt.State | None = None,
    hooks: Hooks | None = None,
    past: Past | None = None,
) -> Iterator[bptt.Forward | bptt.Backward | Pass]:
    """The pass one step at a time: yields the `Forward` after each of its steps, the `Backward` after each of its, and the `Pass` last."""
    ahead = bptt.Forward(model.cell, model.layers, model.embed(batch, len(past.h) if past else 0), state, batch.mask, hooks)
    while not ahead.done:
        ahead.step()
        yield ahead
    above = top(model, task, batch, ahead.unrolled, past)
    back = bptt.Backward(ahead.unrolled, above.direct, truncation, hooks, above.paths)
    while not back.done:
        back.step()
        yield back
    yield Pass(model, batch, truncation, ahead.unrolled, *above[:4], back.finish(), above.paths)
