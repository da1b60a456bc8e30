"""The network of influence balancing: 23 linear units whose weights are given, and one parameter theta that is learned.

Tallec & Ollivier 2017, "Unbiasing truncated backpropagation through time", section 5.1; `core.measures.influence` works out what is known
of it without training.  It reads x_t = 1 and answers with its first unit,

    h_t = A h_{t-1} + theta b x_t          o_t = h_t[0]

and stands in the place of a recurrent model whose only weight is theta: the gradient, its shares and its truncation are all about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from core import bptt
from core.attention import Paths
from core.cells import RNN, RNNSlopes, Tape, Weights
from core.experiment import Experiment, InvalidExperiment
from core.measures.influence import Balancing
from core.model import DTYPES, SequenceModel
from core.shares import Factors
from core.tasks import Task
from core.tasks.influence import Influence

THETA = "theta"


class Linear(RNN):
    """A plain network without a squashing function.  h = W_ih x + b_ih + W_hh h_before + b_hh"""

    label = "Linear"
    help = "The plain network without a squashing function."
    bounds: ClassVar[Mapping[str, tuple[float, float] | None]] = {"h": None, "a": None}

    def step(self, w: Weights, *views: Tensor) -> None:
        a, h_before, h = views
        torch.addmm(a, h_before, w.across, out=h)

    def slopes(self, tape: Tape, out: RNNSlopes) -> None:
        out.of_a.fill_(1)


class Balanced(SequenceModel):
    """The published network; theta is 0 at first.   InvalidExperiment for any other task."""

    def __init__(self, experiment: Experiment, task: Task) -> None:
        if not isinstance(task, Influence):
            raise InvalidExperiment({"model": "The balanced network has one weight, and learns influence balancing alone: choose another."})
        network, dtype = Balancing(), DTYPES[experiment.dtype]
        super().__init__(Linear(), 0, network.units, {THETA: (1, 1)}, dtype)
        self.feed = torch.from_numpy(network.feed)[:, None].to(dtype)
        self._first = torch.eye(1, network.units, dtype=dtype)
        nothing = torch.zeros(network.units, dtype=dtype)
        self.layers = (Weights.of(self.feed, torch.from_numpy(network.across).to(dtype), nothing, nothing),)

    def enter(self, inputs: Tensor, first: int = 0) -> Tensor:
        """theta x_t, which A's units are fed with."""
        return inputs * self.weights[THETA]

    def readout(self, h: Tensor) -> Tensor:
        """The first unit, (T, B, 1)."""
        return nn.functional.linear(h, self._first)

    def readout_adjoint(self, d_outputs: Tensor) -> Tensor:
        return d_outputs @ self._first

    def factors(
        self,
        unrolled: bptt.Unrolled,
        errors: bptt.Errors,
        read: Tensor | None = None,
        d_outputs: Tensor | None = None,
        paths: Paths | None = None,
    ) -> list[Factors]:
        """dL/d theta = sum over t of (b . dL/da_t) x_t; nothing without what was read."""
        return [] if read is None else [Factors(THETA, errors.da[0].flatten(-2) @ self.feed, read)]
