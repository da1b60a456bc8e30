"""Estimator: one way to the gradient of the loss, exact, biased or noisy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from core import limits
from core.experiment import InvalidExperiment
from core.model import SequenceModel, state_weights, torch_names
from core.tasks import Batch, Task

Gradient = dict[str, Tensor]
"""Name of a weight -> dL/d weight, in the weight's shape."""

Walk = Iterator[Gradient | None]
"""An estimate on its way: None after each step or chunk, and the gradient last."""

KEPT = 2**24
"""The most numbers of an influence ds_t/dw that may be held, over all sequences; two of them are held at a time."""

PRODUCTS = 2**35
"""The most multiplications that one estimate may take: some seconds."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """What some estimators can be set to.

    k: steps of a window or a chunk, 1 to 512.   cut: the probability of a cut between two steps, 0.01 to 0.9.
    ValueError, in one sentence, out of bounds.
    """

    k: int = 8
    cut: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.k <= limits.STEPS:
            raise ValueError(f"K must be a whole number from 1 to {limits.STEPS}, not {self.k}.")
        if not 0.01 <= self.cut <= 0.9:
            raise ValueError(f"The probability of a cut must be from 0.01 to 0.9, not {self.cut}.")


class Estimator(ABC):
    """One way to dL/dw for every weight w of a recurrent model, with attention or without.

    L is the loss of a batch whose sequences begin from states of zeros.

    label, help, source: for a reader.   options: which of the `Knobs` it heeds.   random: whether it draws numbers.
    unbiased: whether its mean over draws is the gradient itself (an exact one needs no draws).
    """

    label: ClassVar[str]
    help: ClassVar[str]
    source: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    random: ClassVar[bool] = False
    unbiased: ClassVar[bool] = False

    def estimate(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs | None = None) -> Gradient:
        """The gradient by name, for every weight: of stack and embedding, and of what reads the states (which need not be estimated).

        generator: what random estimators draw from.   `InvalidExperiment` for a model without recurrence, or whose recurrence is given;
        ValueError for one that is too large for this estimator.
        """
        return next(found for found in self.walk(model, task, batch, generator, knobs) if found is not None)

    @torch.inference_mode()
    def walk(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs | None = None) -> Walk:
        """The same in pieces: None after each, the gradient last."""
        check_recurrent(model)
        self.check(model, batch)
        yield from self._walk(model, task, batch, generator, knobs or Knobs())

    def check(self, model: SequenceModel, batch: Batch) -> None:
        """ValueError, in one sentence, where the estimate would take too much room or time."""
        return

    @abstractmethod
    def _walk(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs) -> Walk:
        """The same for a model that is known to fit."""


def check_recurrent(model: SequenceModel) -> None:
    """`InvalidExperiment` for a model without a recurrence to follow, or one whose weights are given."""
    if not model.cell.recurrent:
        raise InvalidExperiment({"model": "These estimators follow a recurrence, and a transformer has none: choose the recurrent model."})
    if any(f"rnn.{name}" not in model.weights for name in torch_names(0)):
        raise InvalidExperiment(
            {"model": "These estimators follow the weights of the recurrence, which are given here: choose the recurrent model."}
        )


def numbers_per_state(model: SequenceModel) -> int:
    """N: the numbers in the state of the whole stack."""
    return len(model.layers) * len(model.cell.states) * model.hidden


def recurrent_weights(model: SequenceModel) -> int:
    """P: the numbers in all weights that the states depend on."""
    return sum(model.weights[name].numel() for name in state_weights(model.weights))
