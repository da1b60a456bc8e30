"""Estimators that go backwards: full BPTT, its two truncations, and truncation at random.

ARTBP (Tallec & Ollivier 2017, "Unbiasing truncated backpropagation through time") cuts between two steps with probability c, and multiplies
every error that is not cut there by 1 / (1 - c), so that on average errors arrive as they would without cuts:

    dL/ds_t = dL_t/ds_t + (0 where cut, otherwise dL/ds_{t+1} D_{t+1} / (1 - c))

Chunks, of K steps or of random length, are walked one after the other: only one is held at a time.  Attention reads across their borders;
chunks of K steps cut its errors there, as the truncation does in training, and ARTBP cuts the recurrence alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from core import bptt, passes
from core.estimators.estimator import Estimator, Knobs, Walk
from core.estimators.reading import Reading
from core.model import SequenceModel
from core.tasks import Batch, Task
from core.truncation import TBPTT


class Full(Estimator):
    label = "BPTT"
    help = "Backpropagation through time over the whole sequence: exact, and holds every step."
    source = "Rumelhart, Hinton & Williams 1986; Werbos 1990"
    unbiased = True

    def _walk(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs) -> Walk:
        steps = len(batch.inputs)
        yield dict(passes.run(model, task, batch, TBPTT(steps, steps)).gradient())


class Window(Estimator):
    label = "Window"
    help = "A window slides along: each loss reaches back K - 1 steps. All windows are walked at once here."
    source = "Williams & Peng 1990"
    options = ("k",)

    def _walk(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs) -> Walk:
        yield dict(passes.run(model, task, batch, TBPTT(1, knobs.k)).gradient())


class Chunk(Estimator):
    label = "Chunk"
    help = "Cuts after every K steps, and holds one chunk at a time."
    source = "Williams & Peng 1990"
    options = ("k",)

    def _walk(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs) -> Walk:
        if model.attention:  # of which a chunk cuts what leads out of it, too
            yield dict(passes.run(model, task, batch, TBPTT(knobs.k, knobs.k)).gradient())
        else:
            yield from in_chunks(model, task, batch, range(knobs.k, len(batch.inputs), knobs.k))


class ARTBP(Estimator):
    label = "ARTBP"
    help = "Cuts at random, and weighs up what is not cut: right on average, noisy where errors live long."
    source = "Tallec & Ollivier 2017"
    options = ("cut",)
    random = True
    unbiased = True

    def _walk(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs) -> Walk:
        drawn = torch.rand(len(batch.inputs) - 1, generator=generator, dtype=torch.float64) < knobs.cut
        yield from in_chunks(model, task, batch, (drawn.nonzero().flatten() + 1).tolist(), 1 / (1 - knobs.cut))


def in_chunks(model: SequenceModel, task: Task, batch: Batch, cuts: Iterable[int], weight: float = 1.0) -> Walk:
    """BPTT within chunks.  cuts: the steps, from 0 and ascending, with which chunks begin after the first; the same for all sequences.
    Only the recurrence is cut there.

    weight: multiplies every error on its way from one step to the one before.
    """
    reading = Reading(model, task, batch)
    total, one = (model.views(torch.zeros_like(model.flat)) for _ in range(2))
    borders: list[int] = [0, *cuts, len(batch.inputs)]
    state: bptt.State | None = None
    for first, last in pairwise(borders):
        part = batch.section(first, last)
        unrolled = bptt.forward(model.cell, model.layers, model.embed(part), state, part.mask)
        errors = _reweighted(unrolled, reading.errors(unrolled.h, first), weight)
        for factor in model.factors(unrolled, errors, part.inputs):
            total[factor.name].add_(factor.gradient(one[factor.name]))
        state = [{name: value.clone() for name, value in states.items()} for states in unrolled.last()]
        yield None
    yield total | reading.gradient


def _reweighted(unrolled: bptt.Unrolled, direct: Tensor, weight: float) -> bptt.Errors:
    """Errors e_t = direct_t + weight J e_{t+1}.  With f_t = weight^t e_t, f_t = weight^t direct_t + J f_{t+1}: plain BPTT of f."""
    if weight == 1:
        return bptt.backward(unrolled, direct)
    powers = weight ** torch.arange(unrolled.steps, dtype=direct.dtype)
    errors = bptt.backward(unrolled, direct * powers[:, None, None])
    da = _divided(errors.da, powers)
    da_across = da if errors.da_across[0] is errors.da[0] else _divided(errors.da_across, powers)
    return replace(errors, dh=_divided(errors.dh, powers), dc=_divided(errors.dc, powers), da=da, da_across=da_across)


def _divided(values: Sequence[Tensor], powers: Tensor) -> tuple[Tensor, ...]:
    return tuple(value / powers.view(-1, *[1] * (value.ndim - 1)) for value in values)
