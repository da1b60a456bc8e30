"""Truncated BPTT over a sequence that is never held as a whole.

The sequence comes in segments.  Only the last k2 - k1 steps before a segment are kept, so memory depends on k2 and on the segment, not on
the length of the sequence; the gradients of all segments add up to that of the whole sequence under the same TBPTT(k1, k2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core import bptt
from core.model import SequenceModel
from core.tasks import Batch, Task
from core.truncation import TBPTT


@dataclass(frozen=True, slots=True)
class Segment:
    """What one segment added.  loss: the sum of its L_s, not divided by their number.  tokens: that number (in a series, of points).

    gradient: of loss, (P,).
    """

    loss: float
    tokens: int
    gradient: Tensor


def stream(model: SequenceModel, task: Task, segments: Iterable[Batch], truncation: TBPTT) -> Iterator[Segment]:
    """Walk over consecutive segments of the same sequences, (S, B) each.

    Every segment but the last must have a multiple of k1 steps, so that a block is never torn; ValueError otherwise, and for a model with
    attention, which reads every state from the first on.
    """
    if model.attention:
        raise ValueError("A model with attention reads all states of a sequence: it cannot be streamed, only run as a whole.")
    # Kept blocks are whole ones, so that blocks begin where they would in the whole sequence.
    kept = -(-truncation.overlap // truncation.k1) * truncation.k1
    before: bptt.Unrolled | None = None
    read = torch.empty(0, dtype=torch.long)
    torn = False
    for batch in segments:
        if torn:
            raise ValueError(f"Every segment but the last must have a multiple of k1 = {truncation.k1} steps.")
        torn = len(batch.inputs) % truncation.k1 != 0
        with torch.inference_mode():
            state = before.last() if before else None
            unrolled = bptt.forward(model.cell, model.layers, model.embed(batch), state, batch.mask)
            outputs = model.readout(unrolled.h)
            losses, d_outputs = task.loss(outputs, batch)
            losses, d_outputs = losses * batch.real, d_outputs * batch.real
            past = before.steps if before else 0
            joined = before.then(unrolled) if before else unrolled
            d_joined = torch.cat((d_outputs.new_zeros(past, *d_outputs.shape[1:]), d_outputs))
            errors = bptt.backward(joined, model.readout_adjoint(d_joined), truncation)
            gradient = model.flat.new_zeros(model.flat.shape)
            views = model.views(gradient)
            read = torch.cat((read, batch.inputs)) if past else batch.inputs
            for factor in model.factors(joined, errors, read, d_joined):
                factor.gradient(views[factor.name])
            late = slice(max(0, joined.steps - kept), None)
            before, read = joined.section(late).copy(), read[late]
        yield Segment(losses.sum().item(), batch.real, gradient)
