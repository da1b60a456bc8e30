"""Copying: keep symbols for a while, then say them again.  n symbols, delay d, T steps.

The copy memory problem of Hochreiter & Schmidhuber 1997, "Long short-term memory", in the form of Arjovsky, Shah & Bengio 2016, "Unitary
evolution recurrent neural networks" (section 4.1), whose n is 10; and the same without an end, each symbol said d steps later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.experiment import Experiment, InvalidExperiment
from core.tasks.batch import Batch
from core.tasks.drawn import Symbols, whole

KINDS = 8
"""Different symbols, drawn evenly."""

BLANK, GO = KINDS, KINDS + 1


class Copying(Symbols):
    """What copy tasks have in common: eight symbols and a blank; the blank is said while there is nothing to say.

    The accuracy is that of the symbols; blanks are no merit.
    """

    labels = (*map(str, range(1, KINDS + 1)), "·")
    guess = f"a blank when it is due, otherwise any of the {KINDS} symbols"

    def _known(self, symbols: int, steps: int) -> None:
        """Who says blanks and guesses at so many of the steps loses ln 8 at each of them."""
        self.chance = {"loss": symbols * math.log(KINDS) / steps, "accuracy": 1 / KINDS}

    @property
    def typed(self) -> tuple[str, ...]:
        return self.vocabulary[:KINDS]

    def judged(self, batch: Batch) -> Tensor:
        """Where a symbol is due."""
        return batch.mask & (batch.targets != BLANK)


class Copy(Copying):
    """n symbols; d - 1 blanks and a sign to go; n blanks, at which the symbols are to be said in their order.  T = d + 2 n."""

    label = "Copy memory"
    help = "Keep symbols over a delay, then say them again in their order."
    options = ("items", "delay", "examples", "embedding")
    definition = (
        f"T = d + 2n steps: n symbols drawn evenly from {KINDS}; d - 1 blanks and a sign to go; n blanks, at which the symbols are said "
        "in their order. Until then, a blank is due. Hochreiter & Schmidhuber 1997, in the form of Arjovsky, Shah & Bengio 2016 "
        "(section 4.1), whose n is 10."
    )
    vocabulary = (*Copying.labels, "go")
    _long = "delay"

    def __init__(self, experiment: Experiment) -> None:
        self._delay, self._items = experiment.delay, experiment.items
        steps = self._delay + 2 * self._items
        self._known(self._items, steps)
        self.lag = steps - self._items
        self._fill(experiment, steps)

    def draw(self, generator: np.random.Generator, count: int) -> Batch:
        return self._around(torch.from_numpy(generator.integers(0, KINDS, (self._items, count))))

    def _around(self, items: Tensor) -> Batch:
        """The sequences of symbols (n, B)."""
        n = len(items)
        inputs = torch.full((self._delay + 2 * n, items.shape[1]), BLANK)
        targets = inputs.clone()
        inputs[:n], targets[-n:] = items, items
        inputs[n + self._delay - 1] = GO
        return whole(inputs, targets)

    def _named(self, index: int) -> str:
        return self.write(self._one(index).inputs[: self._items, 0].tolist())

    def asked(self, ids: Sequence[int]) -> Batch:
        """Symbols, as many as one likes, to be said again after the delay."""
        if not ids:
            raise InvalidExperiment({"text": f"There is nothing to copy: type symbols from {self.labels[0]} to {self.labels[KINDS - 1]}."})
        return self._around(torch.tensor(ids)[:, None])


class Echo(Copying):
    """T symbols; each is to be said d steps later, and blanks during the first d steps."""

    label = "Delayed copy"
    help = "Say each symbol again a fixed number of steps after it was read."
    options = ("length", "delay", "examples", "embedding")
    definition = (
        f"T steps, each of which reads a symbol drawn evenly from {KINDS}; from step d + 1 on, the symbol of d steps before is due, "
        "until then a blank. The copy memory problem of Hochreiter & Schmidhuber 1997 and Arjovsky, Shah & Bengio 2016, without an end."
    )
    tells = 600
    vocabulary = Copying.labels[:KINDS]

    def __init__(self, experiment: Experiment) -> None:
        self._delay, self._steps = experiment.delay, experiment.length
        if self._delay >= self._steps:
            raise InvalidExperiment(
                {"delay": f"Nothing is said within {self._steps} steps at a delay of {self._delay}: choose 1 to {self._steps - 1}."}
            )
        self._known(self._steps - self._delay, self._steps)
        self.lag = self._delay
        self._fill(experiment, self._steps)

    def draw(self, generator: np.random.Generator, count: int) -> Batch:
        return self._echoed(torch.from_numpy(generator.integers(0, KINDS, (self._steps, count))))

    def _echoed(self, inputs: Tensor) -> Batch:
        targets = torch.full_like(inputs, BLANK)
        targets[self._delay :] = inputs[: -self._delay]
        return whole(inputs, targets)

    def _named(self, index: int) -> str:
        return self.write(self._one(index).inputs[:, 0].tolist())

    def asked(self, ids: Sequence[int]) -> Batch:
        """More symbols than the delay is long."""
        if len(ids) <= self._delay:
            raise InvalidExperiment({"text": f"Type more than {self._delay} symbols: each is said {self._delay} steps later."})
        return self._echoed(torch.tensor(ids)[:, None])
