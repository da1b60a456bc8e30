"""The truncation cliff: networks of one experiment that differ in K alone, trained side by side.  Importing this needs no torch.

For each K a fresh network learns with the sliding window TBPTT(1, K), whose losses reach back K - 1 steps.  Where K is shorter than the lag
that the task asks for, no gradient ever tells the network to remember: its accuracy stays near chance, however long it trains.  (Not quite
at it: a recurrent network keeps something of what it read without having learned to.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core import limits
from core.studies.study import Progress, Refused
from core.trace import Array

if TYPE_CHECKING:
    from core.training import Trainer

POINTS = 40
"""At most so many looks at each network."""
MOST_KS = 8
TURN = 5
"""Iterations of one network before the next has its turn."""


@dataclass(frozen=True, slots=True)
class Asked:
    """ks: the window of each network, ascending.   iterations: of each.   seeds: how many networks there are of each K."""

    ks: tuple[int, ...] = (2, 4, 8, 16)
    iterations: int = 200
    seeds: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "ks", tuple(self.ks))
        if not 1 <= len(self.ks) <= MOST_KS or list(self.ks) != sorted(set(self.ks)) or not 1 <= self.ks[0] <= self.ks[-1] <= limits.STEPS:
            told = ", ".join(f"{k:,}" for k in self.ks) or "nothing"
            raise Refused(f"K must be 1 to {MOST_KS} different whole numbers from 1 to {limits.STEPS}, the smallest first, not {told}.")
        if not 1 <= self.iterations <= limits.MEASURED_ITERATIONS:
            raise Refused(f"Iterations must be a whole number from 1 to {limits.MEASURED_ITERATIONS:,}, not {self.iterations:,}.")
        if not 1 <= self.seeds <= limits.MEASURED_SEEDS:
            raise Refused(f"Seeds must be a whole number from 1 to {limits.MEASURED_SEEDS}, not {self.seeds:,}.")


@dataclass(frozen=True)
class Found:
    """Curves of n networks at m looks, (K, seed, look).

    ks, seeds: of the networks.   iterations (m,): at which they were looked at.   steps: T of the longest sequence; from K = T on nothing
    is cut.
    loss: of the update, before it was made.   value: of the examination by `score`; all NaN where the task has none, and `score` "".
    NaN where a network has not come so far, or has exploded.
    chance_loss, chance_value: what a network earns that lacks the memory; NaN where that is not known.
    """

    ks: tuple[int, ...]
    seeds: tuple[int, ...]
    iterations: Array
    steps: int
    loss: Array
    value: Array
    score: str
    chance_loss: float
    chance_value: float

    def curves(self, quantity: str) -> Array:
        """(K, seed, look) of "loss", or of the score."""
        return self.loss if quantity == "loss" else self.value

    def chance(self, quantity: str) -> float:
        """What chance earns of it; NaN where that is not known."""
        return self.chance_loss if quantity == "loss" else self.chance_value

    def quantities(self) -> tuple[str, ...]:
        """What there are curves of, the score first."""
        return (self.score, "loss") if self.score else ("loss",)

    def last(self, quantity: str, place: int) -> Array:
        """The latest value of each seed's network of the K at a place; NaN where there is none."""
        rows = self.curves(quantity)[place]
        return np.array([row[np.isfinite(row)][-1] if np.isfinite(row).any() else np.nan for row in rows])

    def to_frame(self) -> pd.DataFrame:
        """Tidy pandas: one row for each K, seed and look."""
        index = pd.MultiIndex.from_product((self.ks, self.seeds, self.iterations.tolist()), names=("k", "seed", "iteration"))
        columns = {name: self.curves(name).ravel() for name in self.quantities()}
        return pd.DataFrame(columns, index=index).dropna(how="all").reset_index()


def spread(steps: int, lag: int = 0) -> tuple[int, ...]:
    """Up to five K up to the whole sequence of so many steps.

    lag: over which the task asks for something; K are then set to both sides of it, the last that falls short included.  Without one, they
    go from 2 in even proportions.
    """
    if lag:
        return tuple(sorted({min(max(k, 1), steps) for k in (lag // 4, lag // 2, lag, lag + (lag + 1) // 2, steps)}))
    return tuple(sorted({int(k) for k in np.geomspace(min(2, steps), steps, 5).round()}))


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """Train the networks in turns, so that their curves grow side by side; what the run itself has learned does not matter.

    Networks of one seed start from the same weights, and read the same sequences in the same order.  Raises `Refused` where K means
    nothing: for a transformer, which has no recurrence.
    """
    from core.error_by_k import seeds
    from core.tasks import TASKS, Drawn
    from core.training import Trainer

    experiment, task = trainer.experiment, trainer.task
    if experiment.model == "transformer":
        raise Refused("A transformer has no recurrence that a truncation could cut short: choose a recurrent model.")
    drawn = isinstance(task, Drawn)
    score = task.score if isinstance(task, Drawn) else ""
    every = -(-asked.iterations // POINTS)
    looks = np.array(sorted({1, *range(every, asked.iterations + 1, every), asked.iterations}))
    numbers = seeds(experiment, asked.seeds)
    shape = (len(asked.ks), len(numbers), len(looks))
    loss, value, done = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape[:2], int)
    total = asked.iterations * done.size

    def progress(words: str) -> Progress[Found]:
        known = float(task.chance.get("loss", np.nan)), float(task.chance.get(score, np.nan))
        found = Found(asked.ks, numbers, looks, task.steps, loss.copy(), value.copy(), score, *known)
        return Progress(int(done.sum()), total, words, found)

    for at, seed in enumerate(numbers):  # one seed after the other: each network holds the room of its passes
        learned = TASKS[experiment.task](experiment.replace(seed=seed)) if drawn else task
        networks: dict[int, Trainer] = {}
        for place, k in enumerate(asked.ks):
            cut = {"truncation": "window", "k": k} if k < task.steps else {"truncation": "full"}
            networks[place] = Trainer(experiment.replace(seed=seed, update_every="pass", **cut), task=learned)
            yield progress(f"seed {seed}")
        while networks:
            for place, network in list(networks.items()):
                for _ in range(TURN):
                    snapshot = network.step()
                    done[place, at] = asked.iterations if snapshot.stopped else network.iteration
                    look = int(np.searchsorted(looks, network.iteration))
                    if not snapshot.stopped and looks[look] == network.iteration:
                        loss[place, at, look] = snapshot.loss
                        value[place, at, look] = network.examine().value if drawn else np.nan
                    if done[place, at] == asked.iterations:
                        del networks[place]
                        break
                yield progress(f"seed {seed}, iteration {network.iteration:,}")
    yield progress("")
