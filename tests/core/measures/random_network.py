"""A random tanh network, driven by noise: the textbook case of chaos in a recurrence (Sompolinsky, Crisanti & Sommers 1988).

    h_t = tanh(W h_{t-1} + drive * x_t),   W_ij ~ N(0, gain^2 / N),   x_t ~ N(0, 1)

Without a drive and with a gain below 1 the state goes to 0, where the Jacobian is W itself: lambda_1 is ln of W's spectral radius.
"""

from __future__ import annotations

import math

import torch

from core import bptt
from core.cells import CELLS, Weights


def random_network(units: int, gain: float, drive: float, steps: int, generator: torch.Generator) -> bptt.Unrolled:
    """A run of so many steps from a random state, one sequence; N = units.  ValueError unless units and steps are at least 1."""
    if units < 1 or steps < 1:
        raise ValueError(f"A random network needs at least one unit and one step, not {units} and {steps}.")

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    nothing = torch.zeros(units, dtype=torch.float64)
    weights = Weights.of(drive * torch.eye(units, dtype=torch.float64), gain / math.sqrt(units) * normal(units, units), nothing, nothing)
    start = [{"h": normal(1, units)}]
    return bptt.forward(CELLS["rnn_tanh"], [weights], normal(steps, 1, units), start)
