"""What truncation saves: memory and time against K, measured.  Importing this needs no torch."""

from __future__ import annotations

import statistics
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
    total = len(SCHEMES) * len(ks)
    held, seconds = np.zeros((len(SCHEMES), len(ks)), np.int64), np.full((len(SCHEMES), len(ks)), np.nan)
    for place in range(total):
        row, column = place % len(SCHEMES), place // len(SCHEMES)
        scheme, k = SCHEMES[row], ks[column]
        held[row, column] = weigh(model, task, batch, scheme, k)
        times = []
        for _round in range(ROUNDS):
            begin = time.process_time()
            walk(model, task, batch, scheme, k)
            times.append(time.process_time() - begin)
            yield Progress(place, total, f"K = {k}")
        seconds[row, column] = statistics.median(times)
    yield Progress(total, total, "", Found(ks, steps, batch.inputs.shape[1], held, seconds))
