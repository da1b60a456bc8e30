"""Onward: a model that reads on and on, a few steps at a time, and says after each what it expects next.  Nothing is learned."""

from __future__ import annotations

import torch
from torch import Tensor

from core import bptt
from core.attention import Past
from core.model import SequenceModel


class Onward:
    """Carries what the model knows from one reading to the next: its states and, where it attends to them, all states so far.

    A model that knows only so many positions reads no further than these: beyond, its window slides along, and what stands in it is read
    anew from the first position on, as in training.
    """

    def __init__(self, model: SequenceModel) -> None:
        self._model = model
        self._state: bptt.State | None = None
        self._past: Past | None = None
        self._window: Tensor | None = None

    @torch.inference_mode()
    def read(self, inputs: Tensor) -> Tensor:
        """Read tokens (T, B) or numbers (T, B, I); the outputs after the last step, (B, O)."""
        positions = self._model.positions
        if positions is None:
            return self._go_on(inputs)
        so_far = inputs if self._window is None else torch.cat((self._window, inputs))
        self._window = so_far[-positions:]
        if len(so_far) > positions:
            self._state = self._past = None
            return self._go_on(self._window)
        return self._go_on(inputs)

    def _go_on(self, inputs: Tensor) -> Tensor:
        model = self._model
        x = model.enter(inputs, len(self._past.h) if self._past else 0)
        unrolled = bptt.forward(model.cell, model.layers, x, self._state)
        self._state = unrolled.last()
        last = unrolled.h[-1:]
        if model.attention:
            # Only the last state asks; the others are there to be attended to.
            before = self._past.then(unrolled.h[:-1]) if self._past else Past(unrolled.h[:-1])
            last = model.attention(last, past=before).read
            self._past = before.then(unrolled.h[-1:])
        return model.readout(last)[0]
