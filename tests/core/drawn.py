"""Small experiments of every task, and the same networks in plain PyTorch with a loss that anybody would write."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.experiment import Experiment
from core.model import SequenceModel
from core.tasks import Batch
from tests.core import oracle

TEXT = "a b c a d\nb a\nc a b"

SMALL = {
    "sentences": {"text": TEXT},
    "series": {"series": "sine", "points": 40, "window": 6},
    "copy": {"items": 2, "delay": 3, "examples": 9},
    "echo": {"length": 7, "delay": 2, "examples": 9},
    "adding": {"length": 7, "examples": 9},
    "order": {"length": 10, "examples": 9},
    "influence": {},
    "reber": {"examples": 9},
    "embedded_reber": {"examples": 9},
}
"""Task -> the fields of a small experiment of it."""

DRAWN = [task for task in SMALL if task not in ("sentences", "series", "influence")]


def small(task: str, **fields: object) -> Experiment:
    """Everything is small and nothing is equal by accident."""
    return Experiment(**{"task": task, "hidden": 5, "embedding": 3, "layers": 2, "seed": 3, "batch": 4} | SMALL[task] | fields)


class Model(nn.Module):
    """The network in PyTorch, with the engine's weights: of ids or of numbers."""

    def __init__(self, kind: str, model: SequenceModel) -> None:
        super().__init__()
        weights = model.weights
        inputs = model.layers[0].weight_ih.shape[1]
        outputs, hidden = weights["readout.weight"].shape
        dtype = model.flat.dtype
        if "embedding.weight" in weights:
            self.embedding = nn.Embedding(*weights["embedding.weight"].shape, dtype=dtype)
        self.rnn = oracle.MODULES[kind](inputs, hidden, len(model.layers), dtype=dtype)
        self.readout = nn.Linear(hidden, outputs, dtype=dtype)
        self.load_state_dict({name: weight.clone() for name, weight in weights.items()})

    def outputs(self, batch: Batch) -> Tensor:
        x = self.embedding(batch.inputs) if batch.inputs.ndim == 2 else batch.inputs
        return self.readout(self.rnn(x)[0])

    def loss(self, batch: Batch) -> Tensor:
        """The mean over the steps that have a loss, of the cross-entropy or of the squared error."""
        there = batch.mask if batch.counted is None else batch.counted
        outputs, targets = self.outputs(batch)[there], batch.targets[there]
        if targets.ndim == 1:
            return functional.cross_entropy(outputs, targets)
        return (outputs - targets).square().sum(-1).mean()

    def gradient(self, batch: Batch) -> tuple[float, dict[str, Tensor]]:
        """L, and dL/dw of every weight by name."""
        self.zero_grad()
        loss = self.loss(batch)
        loss.backward()
        return loss.item(), {name: torch.zeros_like(w) if w.grad is None else w.grad.clone() for name, w in self.named_parameters()}
