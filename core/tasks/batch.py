"""Batch: some sequences side by side.  T steps, B sequences, I inputs, O outputs; time-major, padded at the end of the shorter ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


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

    def pick(self, indices: Sequence[int]) -> Batch:
        """The named sequences in that order, padded to the longest of them."""
        index = torch.as_tensor(indices, dtype=torch.long)
        lengths = self.lengths[index]
        steps = int(lengths.max())
        counted = None if self.counted is None else self.counted[:steps, index]
        return Batch(self.inputs[:steps, index], self.targets[:steps, index], self.mask[:steps, index], lengths, counted)

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
