"""Optimisers: from an Experiment to `torch.optim`, over the model's one flat vector of parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

from core.experiment import Experiment


@dataclass(frozen=True, slots=True)
class Optimiser:
    """One optimiser: its class in `torch.optim`, and the settings it reads from an Experiment, which may change while it runs."""

    label: str
    help: str
    options: tuple[str, ...]
    kind: Callable[..., Optimizer]
    settings: Callable[[Experiment], dict[str, Any]]

    def build(self, parameters: Tensor, experiment: Experiment) -> Optimizer:
        """The torch optimiser of a flat parameter vector, (P,)."""
        return self.kind([parameters], fused=True, **self.settings(experiment))

    def adjust(self, optimiser: Optimizer, experiment: Experiment) -> None:
        """Take over changed settings; the optimiser keeps its state."""
        for group in optimiser.param_groups:
            group.update(self.settings(experiment))


OPTIMISERS: dict[str, Optimiser] = {
    "sgd": Optimiser(
        "SGD", "Steps straight down the gradient.", (), SGD, lambda e: {"lr": e.learning_rate, "weight_decay": e.weight_decay}
    ),
    "momentum": Optimiser(
        "SGD with momentum",
        "Keeps part of the last step.",
        ("momentum",),
        SGD,
        lambda e: {"lr": e.learning_rate, "weight_decay": e.weight_decay, "momentum": e.momentum},
    ),
    "adam": Optimiser(
        "Adam",
        "Scales each weight's step by the size of its recent gradients.",
        (),
        Adam,
        lambda e: {"lr": e.learning_rate, "weight_decay": e.weight_decay},
    ),
}
