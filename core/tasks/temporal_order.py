"""Temporal order: which of two far-off symbols came first, and which second?  T steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.experiment import Experiment, InvalidExperiment
from core.tasks.batch import Batch
from core.tasks.drawn import Symbols, evenly, last_only, whole

DISTRACTORS, MARKS = ("a", "b", "c", "d"), ("X", "Y")
SHORTEST = 10


class TemporalOrder(Symbols):
    """E, then symbols drawn from a, b, c and d, then B.  Two places in between, t_1 from T/10 to T/5 and t_2 from T/2 to 3T/5 (counted
    from 0), hold X or Y instead.  After B, the class is asked for: XX, XY, YX or YY.

    Task 6a of Hochreiter & Schmidhuber 1997, "Long short-term memory", whose T is from 100 to 110; places are scaled with T here, and T
    is the same for all sequences.
    """

    label = "Temporal order"
    help = "Two symbols X or Y stand far apart in noise: say which came first and which second."
    options = ("length", "examples", "embedding")
    definition = (
        "T steps: E, then symbols drawn evenly from a, b, c and d, then B. Two places between, the first from T/10 to T/5 and the second "
        "from T/2 to 3T/5 (counted from 0), hold X or Y instead. After B the order is asked for: XX, XY, YX or YY. Task 6a of Hochreiter & "
        "Schmidhuber 1997, whose T is from 100 to 110; here the places are scaled with T."
    )
    vocabulary = ("E", "B", *DISTRACTORS, *MARKS)
    labels = tuple(first + second for first in MARKS for second in MARKS)
    chance = evenly(4)
    guess = "any of the 4 orders"

    def __init__(self, experiment: Experiment) -> None:
        self._steps = experiment.length
        if self._steps < SHORTEST:
            raise InvalidExperiment({"length": f"Temporal order needs at least {SHORTEST} steps, not {self._steps}."})
        self.lag = self._steps - 1 - self._second[1]
        self._fill(experiment, self._steps)

    @property
    def _second(self) -> tuple[int, int]:
        """The first and the last place of the second mark."""
        return self._steps // 2, 3 * self._steps // 5

    def draw(self, generator: np.random.Generator, count: int) -> Batch:
        steps, every = self._steps, np.arange(count)
        x = self.vocabulary.index("X")
        inputs = generator.integers(2, 2 + len(DISTRACTORS), (steps, count))
        inputs[0], inputs[-1] = 0, 1
        orders = np.zeros(count, dtype=np.int64)
        for first, last in ((steps // 10, steps // 5), self._second):
            drawn = generator.integers(0, len(MARKS), count)
            inputs[generator.integers(first, last + 1, count), every] = x + drawn
            orders = len(MARKS) * orders + drawn
        targets = np.zeros_like(inputs)
        targets[-1] = orders
        return whole(torch.from_numpy(inputs), torch.from_numpy(targets), last_only(steps, count))

    def _named(self, index: int) -> str:
        one = self._axis(self._one(index))
        return f"{''.join(one.inputs)} {one.targets[-1]}"

    def asked(self, ids: Sequence[int]) -> Batch:
        """Any symbols with X or Y at two places; E before and B after them may be left out."""
        body = [entry for entry in ids if entry > 1]
        x = self.vocabulary.index("X")
        found = [entry - x for entry in body if entry >= x]
        if len(found) != len(MARKS):
            raise InvalidExperiment({"text": f"X or Y must stand at two places; here they stand at {len(found)}."})
        inputs = torch.tensor([0, *body, 1])[:, None]
        targets = torch.zeros_like(inputs)
        targets[-1] = len(MARKS) * found[0] + found[1]
        return whole(inputs, targets, last_only(len(inputs), 1))
