"""Hooks: look at every step of a pass, forwards and backwards, as it happens.

A hook is a callable that is handed each `Step`.  It gets copies, so it cannot change a number.  Which hooks look is scoped::

    norms = {}

    def record(step):
        if step.phase == "backward":
            norms[step.t] = step.values["dh"].norm().item()

    trainer = Trainer(Experiment())
    with trainer.hooks.watching(record):
        trainer.step()
    print(norms)  # |dL/dh_t| for each step t: one layer, and full BPTT, which visits each step once
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Phase = Literal["forward", "backward"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one layer.

    t: the step, from 1.  layer: from 0, next to the input.  window: which window of the truncation (backward), from 1; where windows
    overlap, one step is visited once for each of them, and dL/dh_t is the sum over its visits.
    values: forward "h", perhaps "c", and each gate by name (rows that are padding mean nothing); backward "dh", perhaps "dc", and "da_i",
    ... for each gate, the gradient of its pre-activation.  Copies, (B, H) each.
    """

    phase: Phase
    t: int
    layer: int
    window: int
    values: Mapping[str, Tensor]


Hook = Callable[[Step], None]


class Hooks:
    """The hooks of one model or trainer, called in the order of `all`, in which they were added."""

    def __init__(self, *hooks: Hook) -> None:
        self.all = list(hooks)

    def __bool__(self) -> bool:
        return bool(self.all)

    def add(self, hook: Hook) -> None:
        """From now on, `hook` sees every step."""
        self.all.append(hook)

    def remove(self, hook: Hook) -> None:
        """`hook` sees no more steps; ValueError if it saw none."""
        self.all.remove(hook)

    @contextmanager
    def watching(self, *hooks: Hook) -> Iterator[None]:
        """Add hooks for the length of a `with` block."""
        for hook in hooks:
            self.add(hook)
        try:
            yield
        finally:
            for hook in hooks:
                self.remove(hook)

    def show(self, phase: Phase, t: int, layer: int, window: int, values: Mapping[str, Tensor]) -> None:
        """Hand copies of one step's values, t and window from 0, to every hook."""
        with torch.inference_mode(mode=False):
            for hook in tuple(self.all):
                hook(Step(phase, t + 1, layer, window + 1, {name: value.clone() for name, value in values.items()}))
