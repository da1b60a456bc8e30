"""Influence balancing: a parameter that helps at first and harms in the long run; only the long run is asked for.

Tallec & Ollivier 2017, "Unbiasing truncated backpropagation through time", section 5.1.  The task is about one network,
`core.balanced`, in which truncated BPTT has the wrong sign; to any other network it is merely easy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from core.experiment import Experiment, InvalidExperiment
from core.tasks.batch import Batch
from core.tasks.drawn import last_only, whole
from core.tasks.losses import squared_error
from core.tasks.task import Task
from core.trace import UNANSWERED, Array, Axis

STEPS = 100
"""After so many steps the published network rests, within one part in ten million of where it comes to rest in the end."""


class Influence(Task):
    """One sequence of 100 steps, each of which reads 1.  After the last, 1 is asked for.

    The published network is never stopped, and updated at each of its steps; here each iteration lets it go from its state of zeros to
    where it comes to rest, so that the weight stays as it is on the way.
    """

    label = "Influence balancing"
    help = "A weight that helps in the short run and harms in the long run: with windows of up to 40 steps, learning goes the wrong way."
    options = ()
    definition = (
        f"{STEPS} steps, each of which reads 1; after the last, 1 is asked for. It is about one linear network, whose single parameter "
        "moves some units one way and others the other way. Tallec & Ollivier 2017, section 5.1, whose network is updated at each of its "
        "steps and never stopped."
    )
    suits = MappingProxyType({"model": "balanced"})
    inputs = outputs = sequences = 1
    lengths = (STEPS,)
    texts = (f"1 at each of {STEPS} steps",)
    vocabulary = labels = ()
    coordinates = MappingProxyType({"column": ("answer",)})
    chance = MappingProxyType({"loss": 1.0})
    guess = "always 0, as the published network does before it learns"

    def __init__(self, experiment: Experiment) -> None:
        ones = torch.ones(STEPS, 1, 1, dtype=getattr(torch, experiment.dtype))
        self._all = whole(ones, ones, last_only(STEPS, 1))

    def batch(self, indices: Sequence[int] | None = None) -> Batch:
        """The one sequence, as often as it is named."""
        return self._all if indices is None else self._all.pick(indices)

    def axis(self, index: int) -> Axis:
        """1 at each step, and the answer."""
        return Axis(inputs=("1",) * STEPS, targets=(UNANSWERED,) * (STEPS - 1) + ("1",))

    def loss(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Squared error (`core.tasks.losses`), twice what is published."""
        return squared_error(outputs, batch)

    def shown(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Array]:
        """What is said after each step, and what is asked for."""
        return {"output": outputs.double().numpy(), "target": targets.double().numpy()}

    def read(self, text: str) -> tuple[Batch, Axis, tuple[int, ...]]:
        """There is no text to read: InvalidExperiment."""
        raise InvalidExperiment({"text": "Influence balancing always reads the same: it cannot try a text."})

    def write(self, ids: Iterable[int]) -> str:
        """There is no text to write: InvalidExperiment."""
        raise InvalidExperiment({"text": "A network that balances influences answers with a number: it cannot write a text."})
