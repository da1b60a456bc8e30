"""Examination: a trained network reads sequences that it never learned from, and is marked."""

from __future__ import annotations

import torch
from torch import Tensor

from core import bptt, limits
from core.examined import Examined
from core.experiment import InvalidExperiment
from core.model import SequenceModel
from core.tasks import Batch, Drawn, Task


@torch.inference_mode()
def examine(model: SequenceModel, task: Task, iteration: int) -> Examined:
    """The loss and the score of a network as it is.  `InvalidExperiment` for a task that has no examination."""
    if not isinstance(task, Drawn):
        raise InvalidExperiment({"task": "This task has no examination: choose one that is drawn by a rule."})
    batch = task.examination
    loss = score = marked = 0.0
    for part in _parts(model, batch):
        outputs = _outputs(model, part)
        losses, _ = task.loss(outputs, part)
        marks, counted = task.marks(outputs, part)
        loss += float(losses.sum()) * part.real
        score += float(marks[counted].sum())
        marked += int(counted.sum())
    return Examined(iteration, len(batch.lengths), loss / batch.real, task.score, score / marked, task.chance[task.score])


def _parts(model: SequenceModel, batch: Batch) -> list[Batch]:
    """So many sequences at a time that their states, and the weights of attention, have room."""
    steps, sequences = batch.mask.shape
    at_once = max(1, limits.EXAMINED_STATES // (steps * model.hidden * len(model.layers)))
    if model.attention:
        at_once = min(at_once, max(1, limits.ATTENTION_WEIGHTS // (limits.HEADS * steps**2)))
    return [batch.pick(range(first, min(first + at_once, sequences))) for first in range(0, sequences, at_once)]


def _outputs(model: SequenceModel, batch: Batch) -> Tensor:
    """What the model says, (T, B, O)."""
    unrolled = bptt.forward(model.cell, model.layers, model.embed(batch), mask=batch.mask)
    attended = model.attend(unrolled.h, batch.mask if unrolled.mask is not None else None)
    return model.readout(attended.read if attended else unrolled.h)
