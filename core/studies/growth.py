"""How the bias of truncation changes while a network trains.  Importing this needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.measures.bias import DOUBLED, SCHEMES
from core.studies.rows import rows_of
from core.studies.study import Progress, Refused
from core.trace import Array

if TYPE_CHECKING:
    from core.training import Trainer

ITERATIONS = 5000
LOOKS = 16
"""How often the bias is measured on the way."""


@dataclass(frozen=True, slots=True)
class Asked:
    """iterations: how long it trains on.   `Refused` where that is not from `LOOKS` to `ITERATIONS`."""

    iterations: int = 300

    def __post_init__(self) -> None:
        if not LOOKS <= self.iterations <= ITERATIONS:
            raise Refused(f"Iterations must be a whole number from {LOOKS} to {ITERATIONS:,}, not {self.iterations:,}.")


@dataclass(frozen=True)
class Found:
    """iterations: (n,) at which was looked, the run's own count.   loss: (n,), before the next update.   ks: (m,).

    error: relative error of the truncated gradient, (schemes, n, m), schemes as in `core.measures.bias.SCHEMES`.
    exploded: where training ended early, in words; "" otherwise.
    """

    iterations: tuple[int, ...]
    loss: tuple[float, ...]
    ks: tuple[int, ...]
    error: Array
    exploded: str = ""

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row for each scheme, iteration and K."""
        index = pd.MultiIndex.from_product([SCHEMES, self.iterations, self.ks], names=["scheme", "iteration", "k"])
        return pd.DataFrame({"error": self.error.ravel()}, index=index).reset_index()


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """Train on as the run would, and look at the bias on all of the task's sequences (as many as `core.studies.rows` allows) on the way."""
    from core.measures.truncated import truncation_bias

    task = trainer.task
    batch = task.batch(rows_of(trainer, swept=True))
    steps = len(batch.inputs)
    ks = tuple(k for k in DOUBLED if k < steps) or (1,)
    begin = trainer.iteration
    looks = sorted({round(look) for look in np.linspace(0, asked.iterations, LOOKS)})
    iterations, losses, errors, words = [], [], [], ""
    for look in looks:
        while trainer.iteration - begin < look and not words:
            stopped = trainer.step().stopped
            words = stopped.words if stopped else ""
            yield Progress(trainer.iteration - begin, asked.iterations, f"training, iteration {trainer.iteration}")
        if words:
            break
        bias = truncation_bias(trainer.model, task, batch, ks)
        iterations.append(trainer.iteration)
        losses.append(trainer.peek().loss)
        errors.append(bias.error[:, : len(ks), -1])
        found = Found(tuple(iterations), tuple(losses), ks, np.stack(errors, 1))
        yield Progress(trainer.iteration - begin, asked.iterations, f"the bias at iteration {trainer.iteration}", found)
    if words:
        ended = Found(tuple(iterations), tuple(losses), ks, np.stack(errors, 1), words)
        yield Progress(asked.iterations, asked.iterations, "", ended)
