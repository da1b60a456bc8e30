"""How estimators of the gradient do on this network: bias, spread, time and memory, beside full BPTT.  Importing this needs no torch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core import limits
from core.experiment import number
from core.studies.rows import SEQUENCES, rows_of
from core.studies.start import TELL_EVERY
from core.studies.study import Progress, Refused
from core.trace import Array

if TYPE_CHECKING:
    from core.estimators import Estimator, Gradient, Knobs
    from core.measures.agreement import Tally
    from core.tasks import Batch
    from core.training import Trainer

SAMPLES = 500
SHORTEST_CUT, LONGEST_CUT = 0.01, 0.9
TIMED = 5
"""At most so many runs of an exact estimator are timed, as long as they take less than `TIMED_FOR` seconds together."""
TIMED_FOR = 0.1
"""Seconds."""


def check_cut(cut: float) -> None:
    """`Refused` for a probability of ARTBP's cuts with which it would hardly ever cut, or hardly ever go on."""
    if not SHORTEST_CUT <= cut <= LONGEST_CUT:
        raise Refused(f"Cut probability must be a number from {SHORTEST_CUT} to {LONGEST_CUT}, not {number(cut)}.")


@dataclass(frozen=True, slots=True)
class Asked:
    """k: of window and chunk.   cut: ARTBP's probability of a cut after each step.   samples: of each random estimator.

    sequences: how many of the task's are looked at.   untrained: look at the weights that the run began with.   seed: of what is drawn.
    `Refused` out of bounds.
    """

    k: int = 4
    cut: float = 0.1
    samples: int = 20
    sequences: int = 8
    untrained: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        _whole("K", self.k, 1, limits.STEPS)
        _whole("Samples", self.samples, 2, SAMPLES)
        _whole("Sequences", self.sequences, 1, SEQUENCES)
        _whole("Seed", self.seed, 0, limits.SEED)
        check_cut(self.cut)


@dataclass(frozen=True)
class Estimated:
    """One estimator.  Columns: the weights, and all of them together.

    name, label, source: as in `core.estimators`.   random, unbiased: what theory says of it.
    samples: estimates so far.   error, cosine, norm: of their mean, (columns,); spread: of one around it, NaN for an exact estimator.
    single_error, single_cosine: of one estimate, on average.   curve: the error of the mean of the first 1 ... n, (n, columns).
    seconds: of CPU for one estimate, the median; NaN before one is timed.   held: bytes of tensors held at one time, at most.
    refused: why there is no estimate, or "".
    """

    name: str
    label: str
    source: str
    random: bool
    unbiased: bool
    samples: int
    error: Array
    cosine: Array
    norm: Array
    spread: Array
    single_error: Array
    single_cosine: Array
    curve: Array
    seconds: float
    held: int
    refused: str

    def chance(self) -> Array:
        """The error of the mean that chance alone leaves on average, (columns,); NaN for an exact estimator."""
        found: Array = self.spread / math.sqrt(max(1, self.samples))
        return found


@dataclass(frozen=True)
class Found:
    """What was found, as far as it is.

    iteration: updates so far, of the weights that are looked at.   sequences, steps: of the batch.   dtype: of all numbers.
    states: numbers in the state of the stack.   parameters: weights that the recurrence has a part in.   k, cut: as asked.
    weights: their names.   rows: an estimator each, full BPTT first.
    """

    iteration: int
    sequences: int
    steps: int
    dtype: str
    states: int
    parameters: int
    k: int
    cut: float
    weights: tuple[str, ...]
    rows: tuple[Estimated, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The weights' names, and "all"."""
        return (*self.weights, "all")

    def row(self, name: str) -> Estimated | None:
        """An estimator's, where there is one with estimates."""
        return next((row for row in self.rows if row.name == name and row.samples), None)

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row for each estimator and column."""
        parts = [
            pd.DataFrame(
                {
                    "estimator": row.name,
                    "weight": self.columns,
                    "samples": row.samples,
                    "error": row.error,
                    "cosine": row.cosine,
                    "norm": row.norm,
                    "spread": row.spread,
                    "single_error": row.single_error,
                    "single_cosine": row.single_cosine,
                    "cpu_seconds": row.seconds,
                    "bytes_held": row.held,
                }
            )
            for row in self.rows
            if row.samples
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def costs(self) -> pd.DataFrame:
        """A row for each estimator: CPU time of one estimate, and the most bytes of tensors that it holds."""
        rows = [(row.name, row.seconds, row.held) for row in self.rows if row.samples]
        return pd.DataFrame(rows, columns=["estimator", "cpu_seconds", "bytes_held"])

    def curves(self) -> pd.DataFrame:
        """Tidy: the error of the mean against the number of samples, of random estimators."""
        parts = [
            pd.DataFrame(
                {
                    "estimator": row.name,
                    "samples": np.repeat(np.arange(1, row.samples + 1), len(self.columns)),
                    "weight": self.columns * row.samples,
                    "error": row.curve.ravel(),
                }
            )
            for row in self.rows
            if row.random and row.samples
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """See `Found`.  First one estimate of each, then the time that an exact one takes, then the samples of the random ones."""
    import torch

    from core.estimators import ESTIMATORS, Knobs
    from core.estimators.estimator import check_recurrent, numbers_per_state
    from core.model import state_weights

    check_recurrent(trainer.model)
    if asked.untrained:
        trainer.reset()
    batch, generator = _batch(trainer, asked), torch.Generator().manual_seed(asked.seed)
    knobs = Knobs(asked.k, asked.cut)
    true = ESTIMATORS["bptt"].estimate(trainer.model, trainer.task, batch, generator, knobs)
    if not all(bool(torch.isfinite(value).all()) for value in true.values()):
        raise Refused("The gradient of this network is not finite: go back to before it exploded, or take a smaller learning rate.")
    names = state_weights(true)
    rows = {name: _Row(name, estimator, true) for name, estimator in ESTIMATORS.items()}

    def found() -> Found:
        return Found(
            trainer.iteration,
            batch.mask.shape[1],
            batch.mask.shape[0],
            trainer.experiment.dtype,
            numbers_per_state(trainer.model),
            sum(true[name].numel() for name in names),
            asked.k,
            asked.cut,
            tuple(names),
            tuple(row.estimated(len(names) + 1) for row in rows.values() if row.begun),
        )

    # RTRL may take long: it comes when all others have something to show.
    first = sorted(rows.values(), key=lambda row: row.name == "rtrl")
    exact = [row for row in first if not row.estimator.random]
    drawn = [row for row in first if row.estimator.random]
    queue = [
        *((row, row.weighed) for row in first),
        *((row, row.timed) for row in exact),
        *((row, row.sampled) for _ in range(asked.samples - 1) for row in drawn),
    ]
    total, told = len(queue), time.monotonic()
    shown: Found | None = None
    for done, (row, walked) in enumerate(queue):
        for _ in walked(trainer, batch, generator, knobs):
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                yield Progress(done, total, row.estimator.label, shown)
        if (time.monotonic() - told > TELL_EVERY and done) or done + 1 in (len(first) - 1, total):  # BPTT alone shows nothing
            told, shown = time.monotonic(), found()
            yield Progress(done + 1, total, row.estimator.label, shown)


class _Row:
    """One estimator's estimates as they come in."""

    def __init__(self, name: str, estimator: Estimator, true: Gradient) -> None:
        from core.measures.agreement import Tally
        from core.measures.memory import Held

        self.name, self.estimator = name, estimator
        self._tally: Tally = Tally(true)
        self._held = Held()
        self._seconds: list[float] = []
        self._refused = ""

    @property
    def begun(self) -> bool:
        return bool(self._tally.samples or self._refused)

    def weighed(self, trainer: Trainer, batch: Batch, generator: Any, knobs: Knobs) -> Iterator[None]:
        """The first estimate, in pieces.  It is not timed: counting bytes takes time."""
        try:
            self.estimator.check(trainer.model, batch)
        except ValueError as refusal:
            self._refused = str(refusal)
            return
        walk = self.estimator.walk(trainer.model, trainer.task, batch, generator, knobs)
        while True:
            with self._held:
                found = next(walk)
            if found is not None:
                break
            yield
        self._tally.add(found)

    def timed(self, trainer: Trainer, batch: Batch, generator: Any, knobs: Knobs) -> Iterator[None]:
        """The same estimate again and again, of an exact estimator."""
        while not self._refused and len(self._seconds) < TIMED and sum(self._seconds) < TIMED_FOR:
            yield from self._run(trainer, batch, generator, knobs, keep=False)

    def sampled(self, trainer: Trainer, batch: Batch, generator: Any, knobs: Knobs) -> Iterator[None]:
        """One more estimate, which is timed as well."""
        if not self._refused:
            yield from self._run(trainer, batch, generator, knobs, keep=True)

    def _run(self, trainer: Trainer, batch: Batch, generator: Any, knobs: Knobs, *, keep: bool) -> Iterator[None]:
        walk, seconds = self.estimator.walk(trainer.model, trainer.task, batch, generator, knobs), 0.0
        while True:
            begun = time.process_time()
            found = next(walk)
            seconds += time.process_time() - begun
            if found is not None:
                break
            yield
        self._seconds.append(seconds)
        if keep:
            self._tally.add(found)

    def estimated(self, columns: int) -> Estimated:
        one, tally = self.estimator, self._tally
        nothing = np.full(columns, math.nan)
        single_error, single_cosine = tally.single() if tally.samples else (nothing, nothing)
        return Estimated(
            self.name,
            one.label,
            one.source,
            one.random,
            one.unbiased,
            tally.samples,
            tally.error() if tally.samples else nothing,
            tally.cosine() if tally.samples else nothing,
            tally.norm() if tally.samples else nothing,
            tally.spread(),
            single_error,
            single_cosine,
            tally.curve() if tally.samples else nothing[None, :][:0],
            float(np.median(self._seconds)) if self._seconds else math.nan,
            self._held.peak,
            self._refused,
        )


def _batch(trainer: Trainer, asked: Asked) -> Batch:
    """So many sequences, the observed one among them."""
    return trainer.task.batch(rows_of(trainer, asked.sequences))


def _whole(what: str, value: int, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise Refused(f"{what} must be a whole number from {least} to {most:,}, not {value}.")
