"""Phase diagram of the learner's experiment: a lever x the length of the sequence -> what reaches the first step of the last loss's error.

Only `study` needs torch; see `core.measures.phase`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.experiment import SPECS, InvalidExperiment
from core.measures.decay import fit_decay
from core.studies.study import Progress, Refused
from core.trace import Array

if TYPE_CHECKING:
    from core.training import Trainer

LEVERS = ("gain", "forget_bias")
"""The fields of an Experiment that may stand on the vertical axis."""
MOST = 64
LONGEST = 128


@dataclass(frozen=True, slots=True)
class Asked:
    """lever: one of `LEVERS`, from `low` to `high` at so many `values`: a gain by equal factors, a forget bias by equal steps.

    longest: the longest sequence.
    """

    lever: str = "gain"
    low: float = 0.1
    high: float = 10.0
    values: int = 32
    longest: int = 64

    def __post_init__(self) -> None:
        if self.lever not in LEVERS:
            raise Refused(f"The lever must be one of {', '.join(LEVERS)}, not {self.lever!r}.")
        least, most = SPECS[self.lever].minimum or 0.0, SPECS[self.lever].maximum or 0.0
        least = 0.01 if self.lever == "gain" else least
        if not least <= self.low < self.high <= most:
            label = SPECS[self.lever].label
            raise Refused(
                f"{label} goes from a lower to a higher value between {least:g} and {most:g}, not from {self.low:g} to {self.high:g}."
            )
        for name, label, most in (("values", "Values", MOST), ("longest", "Longest sequence", LONGEST)):
            value = getattr(self, name)
            if type(value) is not int or not 2 <= value <= most:
                raise Refused(f"{label} must be a whole number from 2 to {most}, not {value!r}.")

    def ladder(self) -> Array:
        """The values of the lever, (n,), ascending; of six digits, so that a link that carries one carries all of it."""
        spaced = np.geomspace if self.lever == "gain" else np.linspace
        return np.array([float(f"{value:.6g}") for value in spaced(self.low, self.high, self.values)])


@dataclass(frozen=True, slots=True)
class Found:
    """The diagram as far as it is known.

    state: whose error it is, "c" or "h", at the top layer.   seed: of every network.   now: the lever in the experiment itself;
    NaN where it began with weights of a file, of which no lever tells.
    values: (n,), the experiment's own among them if it lies between them.   lengths: T, (m,).
    logs: log10 |dL_T/d state_1|, (n, m); -inf where it vanished below the smallest number, inf or NaN where it exploded beyond the largest.
    known: whether a row has been computed, (n,); others are NaN.
    """

    cell: str
    state: str
    seed: int
    lever: str
    now: float
    values: Array
    lengths: Array
    logs: Array
    known: Array

    def rates(self) -> Array:
        """log10 of the factor per step along each row, (n,): the slope of the line through its finite cells; NaN without two of them."""
        return np.array([fit_decay(10.0**row).slope for row in self.logs]) / math.log(10)

    def border(self) -> float:
        """Where the rate changes from falling to growing, between two values of the lever.

        NaN where it never does, and where more than one row in ten falls above or grows below: then there is no border.
        """
        rates = self.rates()
        above = np.flatnonzero((rates[:-1] < 0) & (rates[1:] >= 0))
        astray = [int((rates[: place + 1] >= 0).sum() + (rates[place + 1 :] < 0).sum()) for place in above]
        if not astray or min(astray) > len(rates) / 10:
            return float("nan")
        place = int(above[np.argmin(astray)])
        share = -rates[place] / (rates[place + 1] - rates[place])
        low, high = self.values[place : place + 2]
        return float(low * (high / low) ** share if self.lever == "gain" else low + share * (high - low))

    def to_frame(self) -> pd.DataFrame:
        """Tidy: lever, its value, length, log10_norm; rows that are not computed yet are left out."""
        rows = np.flatnonzero(self.known)
        return pd.DataFrame(
            {
                "lever": self.lever,
                "value": np.repeat(self.values[rows], len(self.lengths)),
                "length": np.tile(self.lengths, len(rows)),
                "log10_norm": self.logs[rows].ravel(),
            }
        )


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """Networks of the trainer's experiment before any training, coarse rows first.   `InvalidExperiment` for a lever that its cell lacks,
    for attention and for a model without recurrence.
    """
    from core.cells import CELLS
    from core.measures.phase import first_errors

    experiment, task = trainer.experiment, trainer.task
    cell = CELLS[experiment.cell]
    if asked.lever == "forget_bias" and "forget_bias" not in cell.options:
        raise InvalidExperiment({"cell": "Only a cell with a forget gate has a forget bias: choose the LSTM, or the recurrent gain."})
    now = math.nan if trainer.given else float(getattr(experiment, asked.lever))
    values, known = _with(asked.ladder(), now), np.zeros(asked.values, bool)
    logs = np.full((asked.values, asked.longest), np.nan)
    for done, row in enumerate(_coarse_first(asked.values), 1):
        logs[row] = first_errors(experiment.replace(**{asked.lever: float(values[row])}), task, asked.longest)
        known[row] = True
        lengths = np.arange(1, asked.longest + 1)
        found = Found(experiment.cell, cell.states[-1], experiment.seed, asked.lever, now, values, lengths, logs.copy(), known.copy())
        yield Progress(done, asked.values, f"{asked.lever.replace('_', ' ')} {values[row]:.3g}", found)


def _with(values: Array, now: float) -> Array:
    """The values with the nearest one moved to where the experiment itself stands, if that is between them."""
    if values[0] <= now <= values[-1]:
        values[np.abs(values - now).argmin()] = now
    return values


def _coarse_first(count: int) -> list[int]:
    """0 ... count - 1 with the whole range covered from the first on: every 8th, the ones in the middle, then the rest."""
    return sorted(range(count), key=lambda row: (min(step for step in (8, 4, 2, 1) if row % step == 0) if row % 8 else 0, row))
