"""Cells for tests, simple enough to be checked in the head."""

from __future__ import annotations

import torch
from torch import Tensor

from core.cells import RNN, RNNSlopes, Rows, Tape, Weights


def weights(across: float = 1.0, upwards: float = 1.0) -> Weights:
    """One unit, one input, no bias."""
    nothing = torch.zeros(1, dtype=torch.float64)
    return Weights.of(*(torch.full((1, 1), weight, dtype=torch.float64) for weight in (upwards, across)), nothing, nothing)


class Linear(RNN):
    """A plain network without a nonlinearity: h = W_ih x + W_hh h_before."""

    def step(self, w: Weights, *views: Tensor) -> None:
        a, h_before, h = views
        torch.addmm(a, h_before, w.across, out=h)

    def slopes(self, tape: Tape, out: RNNSlopes) -> None:
        out.of_a.fill_(1)


class Adder(Linear):
    """state + input, whatever the recurrent weight: no error ever fades, and with inputs of 1 the state counts the steps."""

    def step(self, w: Weights, *views: Tensor) -> None:
        a, h_before, h = views
        torch.add(a, h_before, out=h)

    def carry(self, k: RNNSlopes, w: Weights, rows: Rows, before: Rows) -> None:
        before.dh.add_(rows.dh)
