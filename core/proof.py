"""The proof: that what is shown of a network is its gradient, checked on the network as it is.

books        sums of parts equal the whole: the books of a `core.trace.Trace` (law 2), of the pass that the next iteration makes
differences  the loss, moved up and down along one weight at a time, has the slope that full BPTT says
autograd     torch.nn and autograd, from what is read to the loss, find the same gradient of every weight under full BPTT

The last two are about full BPTT from a state of zeros, in float64: of a network in float32, a float64 copy of its weights is checked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core import bptt, passes
from core.checks import BOOKS, Check, Slope
from core.model import SequenceModel
from core.models import MODELS
from core.oracle import Twin
from core.studies.rows import rows_of
from core.tasks import TASKS, Batch, Task
from core.trace import Trace
from core.training import Trainer
from core.truncation import TBPTT

DIFFERENCES = 1e-6
"""The largest error of a slope that passes, against the largest entry of the gradient."""
AUTOGRAD = 1e-9
"""The same for the difference between the engine and autograd: both round differently, and sum in another order."""
SMALLEST = 1e-5
"""Slopes are measured against at least this: where the whole gradient is smaller, differences of the loss drown in its rounding."""

SEQUENCES = 32
"""The most sequences of which the loss is made."""
ENOUGH = 1e-9
"""Differences that are so sure of a slope, against the largest entry of the gradient, are not refined."""
STEP = 1e-3
HALVINGS = 10
"""Differences start with this step, and halve it at most so often."""
ROUNDING = torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Subject:
    """What is checked: the network in float64, some of its sequences, and full BPTT's gradient (P,)."""

    model: SequenceModel
    task: Task
    batch: Batch
    gradient: Tensor

    @classmethod
    def of(cls, trainer: Trainer) -> Subject:
        """The trainer's network; in float32, a float64 copy of it."""
        experiment = trainer.experiment.replace(dtype="float64")
        task = trainer.task if experiment == trainer.experiment else TASKS[experiment.task](experiment)
        # A copy in any case: its weights are moved.
        model = MODELS[experiment.model].make(experiment, task)
        model.cell = trainer.model.cell
        model.flat.copy_(trainer.model.flat)
        batch = task.batch(rows_of(trainer, SEQUENCES))
        steps = len(batch.inputs)
        seen = passes.run(model, task, batch, TBPTT(steps, steps))
        gradient = torch.cat([value.flatten() for value in seen.gradient().values()])
        return cls(model, task, batch, gradient)

    @property
    def largest(self) -> float:
        """The largest entry of the gradient, against which errors count; at least `SMALLEST`."""
        return max(float(self.gradient.abs().max()), SMALLEST)

    def entries(self, count: int, seed: int) -> list[int]:
        """So many entries of the gradient: one of each weight, by chance, and then any."""
        generator = torch.Generator().manual_seed(seed)
        sizes = [weight.numel() for weight in self.model.weights.values()]
        found: list[int] = []
        first = 0
        for size in sizes:
            found.append(first + int(torch.randint(size, (), generator=generator)))
            first += size
        more = torch.randperm(first, generator=generator)[: count + len(found)].tolist()
        chosen = dict.fromkeys(found[:count] + more)
        return list(chosen)[:count]

    def name(self, entry: int) -> tuple[str, int]:
        """The weight that holds an entry of the flat gradient, and the entry in it."""
        for name, weight in self.model.weights.items():
            if entry < weight.numel():
                return name, entry
            entry -= weight.numel()
        raise IndexError(entry)


@torch.inference_mode()
def loss(model: SequenceModel, task: Task, batch: Batch) -> float:
    """L by a forward pass alone."""
    unrolled = bptt.forward(model.cell, model.layers, model.embed(batch), mask=batch.mask)
    attended = model.attend(unrolled.h, batch.mask if unrolled.mask is not None else None)
    losses, _ = task.loss(model.readout(attended.read if attended else unrolled.h), batch)
    return losses.sum().item()


def slope(subject: Subject, entry: int) -> Slope:
    """dL/dw of one entry by central differences, extrapolated to a step of zero (Ridders 1982): of all extrapolations, the one that agrees
    best with those it comes from, and with what rounding allows at its step.   Shrinking steps leave a kink (of relu) behind."""
    model, weight = subject.model, subject.model.flat
    was = weight[entry].item()

    def central(step: float) -> float:
        found = []
        for moved in (was + step, was - step):
            weight[entry] = moved
            found.append(loss(model, subject.task, subject.batch))
        largest.append(max(map(abs, found)))
        return (found[0] - found[1]) / (2 * step)

    largest = [1.0]
    step, best, doubt = STEP * max(1.0, abs(was)), math.nan, math.inf
    before: list[float] = []
    try:
        for _ in range(HALVINGS + 1):
            row, power = [central(step)], 4.0
            for finer, coarser in zip(row, before, strict=False):
                row.append((power * finer - coarser) / (power - 1))
                power *= 4
                apart = max(abs(row[-1] - finer), abs(row[-1] - coarser)) + ROUNDING * max(largest) / step
                if apart < doubt:
                    best, doubt = row[-1], apart
            step, before = step / 2, row
            if doubt < ENOUGH * subject.largest:
                break
    finally:
        weight[entry] = was
    name, inner = subject.name(entry)
    return Slope(name, inner, float(subject.gradient[entry]), best, doubt)


def books(trace: Trace, dtype: str) -> list[Check]:
    """The books of a Trace."""
    whole = trace["dh"][:, 0]
    counts = {"lag matrix": whole.size, "direct": whole[..., 0].size}
    if "share_projection" in trace:
        counts["shares"] = trace["share_projection"].size
    return [Check("books", name, error, BOOKS[dtype], counts[name]) for name, error in trace.books.items()]


def differences(subject: Subject, slopes: list[Slope]) -> Check:
    """The largest error of some slopes; where differences doubt their own answer by more than the tolerance, a slope does not count.
    NaN where fewer than half count: the others could be anything."""
    clear = [one for one in slopes if not one.doubt > DIFFERENCES * subject.largest]
    errors = [abs(one.bptt - one.differences) / subject.largest for one in clear]
    enough = errors and 2 * len(errors) >= len(slopes)
    error = max(errors) if enough and all(map(math.isfinite, errors)) else math.nan
    return Check("differences", "slopes", error, DIFFERENCES, len(clear))


def autograd(subject: Subject) -> list[Check]:
    """The difference of the loss, and the largest of each weight's gradient, against the largest entry of the whole gradient."""
    value, expected = Twin(subject.model).gradient(subject.batch)
    whole = loss(subject.model, subject.task, subject.batch)
    found = [Check("autograd", "loss", abs(whole - value) / (abs(value) or 1.0), AUTOGRAD, 1)]
    for name, gradient in subject.model.views(subject.gradient).items():
        error = float((gradient - expected[name]).abs().max()) / subject.largest
        found.append(Check("autograd", name, error, AUTOGRAD, gradient.numel()))
    return found


def prove(trainer: Trainer, weights: int = 24, seed: int = 0) -> Iterator[tuple[list[Check], list[Slope]]]:
    """All checks, one after the other: what is known so far, more each time.

    weights: of how many the slope is measured, chosen by the seed: one entry of each weight first.
    """
    trace = trainer.peek().trace
    checks = books(trace, trainer.experiment.dtype) if trace else []
    yield checks, []
    subject = Subject.of(trainer)
    checks = checks + autograd(subject)
    yield checks, []
    slopes: list[Slope] = []
    for entry in subject.entries(weights, seed):
        slopes = [*slopes, slope(subject, entry)]
        yield [*checks, differences(subject, slopes)], slopes
