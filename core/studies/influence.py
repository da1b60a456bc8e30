"""Influence balancing, trained with each way to the gradient: where truncation has the wrong sign.  Nothing here needs torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core import limits
from core.measures.influence import POSITIVE, UNITS, Balancing, Forwards, Learner, RankOne, Rule, Truncated
from core.studies.estimators import check_cut
from core.studies.study import Progress, Refused
from core.trace import Array

LONGEST_K = 200
MOST_KS = 6
FEWEST_STEPS, MOST_STEPS = 100, 200_000
SMALLEST_RATE, LARGEST_RATE = 1e-7, 1e-2
POINTS = 200
"""Of each curve."""


@dataclass(frozen=True, slots=True)
class Asked:
    """ks: truncations, at most six of them.   rate: of gradient descent.   steps: of the network, each with an update.

    cut: ARTBP's probability of a cut after each step.   units, positive: of the network.   seed: of what is drawn.
    `Refused` out of bounds.
    """

    ks: Sequence[int] = (5, 20, 50)
    rate: float = 1e-5
    steps: int = 40_000
    cut: float = 0.03
    units: int = UNITS
    positive: int = POSITIVE
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "ks", tuple(self.ks))
        if not 1 <= len(self.ks) <= MOST_KS or not all(type(k) is int and 1 <= k <= LONGEST_K for k in self.ks):
            told = ", ".join(map(str, self.ks)) or "nothing"
            raise Refused(f"K must be 1 to {MOST_KS} whole numbers from 1 to {LONGEST_K}, not {told}.")
        if not SMALLEST_RATE <= self.rate <= LARGEST_RATE:
            raise Refused(f"Learning rate must be a number from {SMALLEST_RATE:.7f} to {LARGEST_RATE}, not {self.rate}.")
        if type(self.steps) is not int or not FEWEST_STEPS <= self.steps <= MOST_STEPS:
            raise Refused(f"Steps must be a whole number from {FEWEST_STEPS} to {MOST_STEPS:,}, not {self.steps}.")
        check_cut(self.cut)
        if type(self.seed) is not int or not 0 <= self.seed <= limits.SEED:
            raise Refused(f"Seed must be a whole number from 0 to {limits.SEED:,}, not {self.seed}.")
        try:
            Balancing(self.units, self.positive)
        except ValueError as error:
            raise Refused(str(error)) from error


@dataclass(frozen=True)
class Run:
    """One training.  name: "k", "rtrl", "uoro" or "artbp".   k: of a truncation, otherwise 0.

    steps (n,): after which the loss was noted.   loss (n,): its mean since the step noted before, before the updates.
    theta: the parameter as it is.   diverged: the step at which the loss passed `core.measures.influence.EXPLODED`; 0 where it did not.
    """

    name: str
    k: int
    steps: Array
    loss: Array
    theta: float
    diverged: int


@dataclass(frozen=True)
class Found:
    """What was found, as far as it is.

    kept: d x[0] / d theta truncated at K = 1, 2, ..., (n,).   exact: without truncation.   shortest: the K from which on its sign is right.
    units, positive: of the network.   best: the theta without loss.   runs: a training each.
    """

    units: int
    positive: int
    kept: Array
    exact: float
    shortest: int
    best: float
    runs: tuple[Run, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tidy: the loss of each training."""
        parts = [pd.DataFrame({"method": run.name, "k": run.k, "step": run.steps, "loss": run.loss}) for run in self.runs]
        return pd.concat(parts, ignore_index=True)

    def signs(self) -> pd.DataFrame:
        """Tidy: the truncated derivative at each K, and the exact one."""
        ks = np.arange(1, len(self.kept) + 1)
        return pd.DataFrame({"k": ks, "truncated": self.kept, "exact": self.exact})


def study(_: Any, asked: Asked) -> Iterator[Progress[Found]]:
    """See `Found`; all trainings go on side by side.  It needs no Trainer: the network is one of its own."""
    network = Balancing(asked.units, asked.positive)
    longest = max(2 * asked.units + 20, *asked.ks)
    kept, exact, shortest = network.truncated(longest), network.exact(), network.shortest()

    def drawing(make: Callable[[np.random.Generator], Rule]) -> Rule:
        return make(np.random.default_rng(asked.seed))

    rules: list[tuple[str, int, Rule]] = [("k", k, Truncated(network, k)) for k in sorted(set(asked.ks))]
    rules.append(("rtrl", 0, drawing(lambda generator: Forwards(network, 0, generator))))
    rules.append(("uoro", 0, drawing(lambda generator: RankOne(network, generator))))
    rules.append(("artbp", 0, drawing(lambda generator: Forwards(network, asked.cut, generator))))
    curves = [_Curve(name, k, Learner(network, rule, asked.rate)) for name, k, rule in rules]

    def found() -> Found:
        best = 1 / exact if exact else math.nan
        return Found(asked.units, asked.positive, kept, exact, shortest, best, tuple(curve.run() for curve in curves))

    yield Progress(0, asked.steps, "step 0", found())
    every = -(-asked.steps // POINTS)
    for done in range(0, asked.steps, every):
        for curve in curves:
            curve.go(min(every, asked.steps - done))
        reached = min(done + every, asked.steps)
        yield Progress(reached, asked.steps, f"step {reached:,}", found())


class _Curve:
    """A training, and its loss as it goes on."""

    def __init__(self, name: str, k: int, learner: Learner) -> None:
        self._name, self._k, self._learner = name, k, learner
        self._noted: list[tuple[int, float]] = []

    def go(self, steps: int) -> None:
        if losses := list(self._learner.run(steps)):
            self._noted.append((self._learner.t, float(np.mean(losses))))

    def run(self) -> Run:
        steps, loss = zip(*self._noted, strict=True) if self._noted else ((), ())
        learner = self._learner
        return Run(
            self._name, self._k, np.array(steps, np.int64), np.array(loss, float), learner.theta, learner.t if learner.diverged else 0
        )
