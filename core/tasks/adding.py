"""Adding: two numbers of a row are marked, and their sum is asked for at the end.  T steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from core.experiment import Experiment, InvalidExperiment
from core.tasks.batch import Batch
from core.tasks.drawn import Drawn, last_only, whole
from core.tasks.losses import squared_error
from core.trace import UNANSWERED, Array, Axis


class Adding(Drawn):
    """Step t reads a number, evenly from 0 to 1, and a mark, which is 1 at one step of the first half and at one of the second, otherwise
    0.  After the last step, the sum of the two marked numbers is asked for.

    Hochreiter & Schmidhuber 1997, "Long short-term memory" (experiment 4), in the form of Le, Jaitly & Hinton 2015, "A simple way to
    initialize recurrent networks of rectified linear units", and Arjovsky, Shah & Bengio 2016.  Who always says 1 has an error of 1/6,
    the variance of a sum of two such numbers (Le et al. print 0.1767).
    """

    label = "Adding problem"
    help = "Two numbers of a row are marked: say their sum after the last step."
    options = ("length", "examples")
    definition = (
        "T steps, each of which reads a number, evenly from 0 to 1, and a mark: 1 at one step of the first half and at one of the "
        "second, otherwise 0. After the last step the sum of the two marked numbers is asked for. Experiment 4 of Hochreiter & "
        "Schmidhuber 1997, in the form of Le, Jaitly & Hinton 2015 and Arjovsky, Shah & Bengio 2016."
    )
    score = "squared error"
    inputs, outputs = 2, 1
    vocabulary = labels = ()
    coordinates = MappingProxyType({"column": ("sum",)})
    chance = MappingProxyType({"loss": 1 / 6, "squared error": 1 / 6})
    guess = "always 1"

    def __init__(self, experiment: Experiment) -> None:
        self._steps = experiment.length
        self._dtype = getattr(torch, experiment.dtype)
        self._fill(experiment, self._steps)

    def draw(self, generator: np.random.Generator, count: int) -> Batch:
        steps, half, every = self._steps, self._steps // 2, np.arange(count)
        numbers, marks = generator.random((steps, count)), np.zeros((steps, count))
        for first, last in ((0, half), (half, steps)):
            marks[generator.integers(first, last, count), every] = 1
        targets = np.zeros((steps, count, 1))
        targets[-1, :, 0] = (numbers * marks).sum(0)
        inputs = torch.from_numpy(np.stack((numbers, marks), -1)).to(self._dtype)
        return whole(inputs, torch.from_numpy(targets).to(self._dtype), last_only(steps, count))

    def axis(self, index: int) -> Axis:
        """Numbers of two digits (.64), the marked ones with a star, and the sum."""
        one = self._one(index)
        numbers, marks = one.inputs[:, 0].unbind(-1)
        read = tuple(f"{number:.2f}".lstrip("0") + "*" * int(mark) for number, mark in zip(numbers.tolist(), marks.tolist(), strict=True))
        return Axis(inputs=read, targets=(UNANSWERED,) * (len(read) - 1) + (f"{float(one.targets[-1, 0, 0]):.2f}",))

    def _named(self, index: int) -> str:
        one = self._one(index)
        numbers, marks = one.inputs[:, 0].unbind(-1)
        return " + ".join(f"{number:.2f}" for number in numbers[marks > 0].tolist()) + f" = {float(one.targets[-1, 0, 0]):.2f}"

    def loss(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Squared error (`core.tasks.losses`)."""
        return squared_error(outputs, batch)

    def shown(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Array]:
        """What is said after each step, and the sum where it is asked for."""
        return {"output": outputs.double().numpy(), "target": targets.double().numpy()}

    def marks(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The squared error of the sum."""
        return (outputs - batch.targets).square().sum(-1), batch.with_loss

    def read(self, text: str) -> tuple[Batch, Axis, tuple[int, ...]]:
        """There is no text to read: InvalidExperiment."""
        raise InvalidExperiment({"text": "A network that learns to add reads numbers: it cannot try a text."})

    def write(self, ids: Iterable[int]) -> str:
        """There is no text to write: InvalidExperiment."""
        raise InvalidExperiment({"text": "A network that learns to add answers with a number: it cannot write a text."})
