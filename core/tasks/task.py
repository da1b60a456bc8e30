"""A Task: what the network has to learn.  It owns the sequences, what stands in them, the targets and the loss.

T steps, B sequences, I inputs, O outputs.  Everything is time-major, (T, B, ...), padded at the end of the shorter sequences.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from torch import Tensor

from core.experiment import Experiment
from core.trace import Array, Axis


@dataclass(frozen=True)
class Batch:
    """Some sequences of a task, padded at the end to the longest of them.

    inputs   (T, B) long, ids that the model embeds; or (T, B, I) numbers: what step t reads
    targets  (T, B) long; or (T, B, O)                                      what its output should predict
    mask     (T, B) bool   True where a step is real
    lengths  (B,)   long   real steps of each sequence
    counted  (T, B) bool   True where a step has a loss; None where every real step has
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor
    lengths: Tensor
    counted: Tensor | None = None

    def section(self, first: int = 0, last: int | None = None) -> Batch:
        """The same sequences, from step `first` (from 0) up to `last`."""
        steps = slice(first, last)
        lengths = (self.lengths - first).clamp(0, len(self.inputs[steps]))
        counted = None if self.counted is None else self.counted[steps]
        return Batch(self.inputs[steps], self.targets[steps], self.mask[steps], lengths, counted)

    @cached_property
    def with_loss(self) -> Tensor:
        """(T, B) bool, True where a step has a loss."""
        return self.mask if self.counted is None else self.counted

    @cached_property
    def real(self) -> int:
        """The number of steps that have a loss: what it is divided by."""
        return int(self.with_loss.sum())

    @cached_property
    def without_loss(self) -> Tensor | None:
        """(T, B) bool, True where a step has no loss, as padding has none; None when every step has one."""
        return None if self.real == self.mask.numel() else ~self.with_loss


class Task(ABC):
    """Sequences to learn from, and the loss that says how well they were learned.

    label, help, options: for `TASKS` (see `core.catalogue.Member`).
    inputs: how many numbers enter the model at each step; None where inputs are ids that it embeds.
    outputs: how many numbers the model's readout has at each step.
    sequences: how many sequences there are.   lengths: the steps of each.   texts: each as one line, to choose it by.
    vocabulary: the token of each id, nothing where there are no ids.   labels: the same as a reader sees them.
    coordinates: the labels of the axes that `shown` adds to a Trace.
    """

    label: ClassVar[str]
    help: ClassVar[str]
    options: ClassVar[tuple[str, ...]]

    inputs: int | None
    outputs: int
    sequences: int
    lengths: tuple[int, ...]
    texts: tuple[str, ...]
    vocabulary: tuple[str, ...]
    labels: tuple[str, ...]
    coordinates: Mapping[str, tuple[str, ...]]

    @abstractmethod
    def __init__(self, experiment: Experiment) -> None:
        """Raise `InvalidExperiment` when the experiment's options do not make a task."""

    @abstractmethod
    def batch(self, indices: Sequence[int] | None = None) -> Batch:
        """All sequences, or the named ones in that order."""

    @abstractmethod
    def axis(self, index: int) -> Axis:
        """The labels of one sequence's steps."""

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of each step, (T, B), 0 where padded, whose sum is L; and dL/d outputs, in the shape of `outputs`."""

    @abstractmethod
    def shown(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Array]:
        """What a Trace shows of outputs (T, B, O) and their targets, by the quantity's name, with axes as in `core.trace.AXES`."""

    @abstractmethod
    def read(self, text: str) -> tuple[Batch, Axis, tuple[int, ...]]:
        """A text of the user's as a batch of one, its axis, and the steps (from 1) whose input is not in the vocabulary.

        InvalidExperiment where the task reads no text.
        """

    @abstractmethod
    def write(self, ids: Iterable[int]) -> str:
        """Ids as a text that a person would write."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What a form shows of the task, as plain values ready for JSON."""
