"""Drawn tasks: sequences that a rule draws at random, so that it is known beforehand what there is to learn, and what guessing earns.

The seed fixes two pools from streams of their own: `examples` sequences to learn from, and others for examinations.  Training never reads
the latter; where a task has few different sequences, as a grammar has short strings, some of them equal ones that it reads.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from core import limits
from core.experiment import Experiment, InvalidExperiment
from core.tasks.batch import Batch
from core.tasks.losses import cross_entropy
from core.tasks.task import Task
from core.trace import UNANSWERED, Array, Axis

TRAINED, EXAMINED = range(2)
"""The streams of the two pools."""


class Drawn(Task):
    """A task whose sequences are drawn by `draw`.  A subclass calls `_fill` at the end of its own `__init__`.

    examination: the sequences that training never reads.
    score: what they are marked with, "accuracy" or "squared error".
    """

    usual = 64
    score: ClassVar[str] = "accuracy"
    examination: Batch

    @abstractmethod
    def draw(self, generator: np.random.Generator, count: int) -> Batch:
        """So many sequences, drawn independently of each other."""

    @abstractmethod
    def marks(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The score of each step's output (T, B, O), and at which steps it counts, both (T, B); an examination's score is their mean."""

    @abstractmethod
    def _named(self, index: int) -> str:
        """One sequence of the pool as a line, to choose it by."""

    def _fill(self, experiment: Experiment, steps: int) -> None:
        """Draw both pools.  steps: of a sequence, about."""
        if steps > limits.STEPS:
            raise InvalidExperiment({self._long: f"These sequences would have {steps} steps; at most {limits.STEPS} are allowed."})
        if steps * experiment.examples > limits.DRAWN_STEPS:
            most = limits.DRAWN_STEPS // steps
            raise InvalidExperiment(
                {"examples": f"There is room for {most:,} sequences of {steps} steps, not for {experiment.examples:,}: draw fewer."}
            )
        pools = [np.random.default_rng((experiment.seed, stream)) for stream in (TRAINED, EXAMINED)]
        self._pool = self.draw(pools[TRAINED], experiment.examples)
        self.examination = self.draw(pools[EXAMINED], min(limits.EXAMINED, max(1, limits.EXAMINED_STEPS // steps)))
        self.sequences = experiment.examples
        self.lengths = tuple(self._pool.lengths.tolist())
        self.texts = tuple(self._named(index) for index in range(min(limits.SHOWN, self.sequences)))

    _long = "length"
    """The field that makes sequences long."""

    def batch(self, indices: Sequence[int] | None = None) -> Batch:
        """The whole pool (always the same Batch), or the named sequences in that order, padded to the longest of them."""
        return self._pool if indices is None else self._pool.pick(indices)

    def _one(self, index: int) -> Batch:
        return self._pool.pick([index])


class Symbols(Drawn):
    """A drawn task that reads symbols, and answers with symbols.

    A subclass sets `vocabulary`, the symbols that are read, and `labels`, those that are answered.
    """

    inputs = None
    reads = True

    def _fill(self, experiment: Experiment, steps: int) -> None:
        self.outputs = len(self.labels)
        self.coordinates = {"token": self.labels}
        super()._fill(experiment, steps)

    def axis(self, index: int) -> Axis:
        """The symbols that are read, and those that are to be answered."""
        return self._axis(self._one(index))

    def _axis(self, one: Batch) -> Axis:
        answers = zip(one.targets[:, 0].tolist(), one.with_loss[:, 0].tolist(), strict=True)
        return Axis(
            inputs=tuple(self.vocabulary[entry] for entry in one.inputs[:, 0].tolist()),
            targets=tuple(self.labels[entry] if counted else UNANSWERED for entry, counted in answers),
        )

    def loss(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross-entropy (`core.tasks.losses`)."""
        return cross_entropy(outputs, batch)

    def shown(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Array]:
        """The probability of each symbol as the answer."""
        return {"probability": torch.softmax(outputs, -1).numpy()}

    def marks(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Accuracy: whether the likeliest answer is the true one, at the steps that are `judged`."""
        return outputs.argmax(-1) == batch.targets, self.judged(batch)

    def judged(self, batch: Batch) -> Tensor:
        """At which steps answers are marked, (T, B): where there is a loss."""
        return batch.with_loss

    def read(self, text: str) -> tuple[Batch, Axis, tuple[int, ...]]:
        """A sequence of the user's, of this task's symbols; spaces between them count for nothing.  Each symbol is known, or refused."""
        one = self.asked(self._ids(text))
        return one, self._axis(one), ()

    def _ids(self, text: str) -> list[int]:
        """The symbols of a text."""
        parts = [symbol for symbol in text if not symbol.isspace()]
        if foreign := [symbol for symbol in parts if symbol not in self.typed]:
            raise InvalidExperiment({"text": f"'{foreign[0]}' is no symbol of this task: use {' '.join(self.typed)}."})
        if len(parts) > limits.STEPS // 2:
            raise InvalidExperiment({"text": f"{len(parts):,} symbols are too many; at most {limits.STEPS // 2} are allowed."})
        return [self.vocabulary.index(symbol) for symbol in parts]

    @property
    def typed(self) -> tuple[str, ...]:
        """The symbols of which a text may be made."""
        return self.vocabulary

    @abstractmethod
    def asked(self, ids: Sequence[int]) -> Batch:
        """A user's symbols as a batch of one.  InvalidExperiment where nothing is asked with them."""

    def write(self, ids: Iterable[int]) -> str:
        """The symbols, without spaces."""
        return "".join(self.labels[entry] for entry in ids)


def whole(inputs: Tensor, targets: Tensor, counted: Tensor | None = None) -> Batch:
    """Equally long sequences, (T, B) or (T, B, O) each, as a batch without padding."""
    steps, sequences = inputs.shape[:2]
    return Batch(inputs, targets, torch.ones(steps, sequences, dtype=torch.bool), torch.full((sequences,), steps), counted)


def last_only(steps: int, sequences: int) -> Tensor:
    """`counted` of an answer after the last step."""
    counted = torch.zeros(steps, sequences, dtype=torch.bool)
    counted[-1] = True
    return counted


def evenly(choices: int) -> Mapping[str, float]:
    """What guessing among so many answers earns: a loss of ln n, an accuracy of 1 / n."""
    return {"loss": math.log(choices), "accuracy": 1 / choices}
