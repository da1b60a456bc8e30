"""What truncation saves: memory and time against K, measured.  Importing this needs no torch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.measures.bias import DOUBLED, SCHEMES
from core.studies.rows import rows_of
from core.studies.study import Progress
from core.trace import Array

if TYPE_CHECKING:
    from core.training import Trainer

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """Nothing is asked but the network itself."""


@dataclass(frozen=True)
class Found:
    """One gradient of the whole batch under each truncation, read in segments of K steps, of which only what a window needs is kept.

    ks: (n,), the last one T.   steps, sequences: of the batch.   schemes as in `core.measures.bias.SCHEMES`.
    held: the most bytes of tensors that were held at one time, (schemes, n); as integers.   seconds: CPU time, median, (schemes, n).
    With K = T all schemes are one computation, and have one time.
    """

    ks: tuple[int, ...]
    steps: int
    sequences: int
    held: Array
    seconds: Array

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row for each scheme and K."""
        index = pd.MultiIndex.from_product([SCHEMES, self.ks], names=["scheme", "k"])
        return pd.DataFrame({"bytes": self.held.ravel(), "seconds": self.seconds.ravel()}, index=index).reset_index()


def study(trainer: Trainer, _: Asked) -> Iterator[Progress[Found]]:
    """See `Found`."""
    from core.measures.segments import walk, weigh

    model, task = trainer.model, trainer.task
    batch = task.batch(rows_of(trainer))
    steps = len(batch.inputs)
    ks = (*(k for k in DOUBLED if k < steps), steps)
    held, times = np.zeros((len(SCHEMES), len(ks)), np.int64), np.zeros((len(SCHEMES), len(ks), ROUNDS))
    ways = [(row, column) for column in range(len(ks)) for row in range(len(SCHEMES))]
    total = (1 + ROUNDS) * len(ways)
    for place, (row, column) in enumerate(ways):
        held[row, column] = weigh(model, task, batch, SCHEMES[row], ks[column])
        yield Progress(place, total, f"K = {ks[column]}")
    for turn in range(ROUNDS):  # in turn, so that a moment in which the machine is slow is not that of one K
        for place, (row, column) in enumerate(ways):
            begin = time.process_time()
            walk(model, task, batch, SCHEMES[row], ks[column])
            times[row, column, turn] = time.process_time() - begin
            yield Progress((1 + turn) * len(ways) + place, total, f"K = {ks[column]}")
    seconds = np.median(times, axis=-1)
    seconds[:, -1] = np.median(times[:, -1])
    yield Progress(total, total, "", Found(ks, steps, batch.inputs.shape[1], held, seconds))
