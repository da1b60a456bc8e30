"""Truncated BPTT over a sequence that is never held as a whole.

The sequence comes in segments.  Before a segment, the last k2 - k1 steps are kept, rounded up to whole blocks of k1, so memory depends on
k2 and on the segment, not on the length of the sequence; the gradients of all segments add up to that of the whole sequence under the same
TBPTT(k1, k2).

Attention reads every state from the first on: with it, the top layer's state of each step stays, too, and nothing else of the step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core import bptt
from core.attention import Past
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

    Every segment but the last must have a multiple of k1 steps, so that a block is never torn; ValueError otherwise.
    """
    # Kept blocks are whole ones, so that blocks begin where they would in the whole sequence.
    kept = -(-truncation.overlap // truncation.k1) * truncation.k1
    before: bptt.Unrolled | None = None
    past: Past | None = None
    seen = 0
    read = torch.empty(0, dtype=torch.long)
    torn = False
    for batch in segments:
        if torn:
            raise ValueError(f"Every segment but the last must have a multiple of k1 = {truncation.k1} steps.")
        torn = len(batch.inputs) % truncation.k1 != 0
        with torch.inference_mode():
            state = before.last() if before else None
            unrolled = bptt.forward(model.cell, model.layers, model.embed(batch, seen), state, batch.mask)
            earlier = before.steps if before else 0
            joined = before.then(unrolled) if before else unrolled
            attended = model.attend(joined.h, joined.mask, past)
            h = attended.read if attended else joined.h
            losses, d_outputs = task.loss(model.readout(h[earlier:]), batch)
            losses, d_outputs = losses * batch.real, d_outputs * batch.real
            d_joined = torch.cat((d_outputs.new_zeros(earlier, *d_outputs.shape[1:]), d_outputs))
            d_read = model.readout_adjoint(d_joined)
            paths = attended.back(d_read) if attended else None
            errors = bptt.backward(joined, paths.direct if paths else d_read, truncation, paths=paths)
            gradient = model.flat.new_zeros(model.flat.shape)
            views = model.views(gradient)
            read = torch.cat((read, batch.inputs)) if earlier else batch.inputs
            for factor in model.factors(joined, errors, read, d_joined, paths):
                factor.gradient(views[factor.name])
            seen += unrolled.steps
            gone = max(0, joined.steps - kept)
            if attended:
                past = _then(past, joined, gone)
            before, read = joined.section(slice(gone, None)).copy(), read[gone:]
        yield Segment(losses.sum().item(), batch.real, gradient)


def _then(past: Past | None, joined: bptt.Unrolled, steps: int) -> Past:
    """The states that attention goes on to read: those before, and the first so many steps of these."""
    h, mask = joined.h[:steps], None if joined.mask is None else joined.mask[:steps]
    return past.then(h, mask) if past else Past(h.clone(), None if mask is None else mask.clone())
