"""How far the loss of a step reaches, and on which way: networks without attention, with it, and without recurrence, on the same sequence.

Only `study` needs torch.  All begin at the experiment's settings and learn its task for so many iterations; then each loss of the observed
sequence is followed back to the states of the top layer (of a transformer, to what enters its block), as in the lag matrix.  T steps of
that sequence; n seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core import limits
from core.measures.decay import by_lag, mean_by_lag
from core.studies.study import Progress, Refused
from core.trace import Array

if TYPE_CHECKING:
    from core.experiment import Experiment
    from core.tasks import Task
    from core.training import Trainer

WAYS = ("total", "attention", "recurrence")
KINDS = {"recurrent": "recurrent", "attending": "recurrent with attention", "transformer": "transformer"}
"""What is compared, and its words on the way."""
FAR = 0.01
"""The part of an error's own size that still counts as having arrived."""
TURN = 10
"""Iterations between two findings."""


@dataclass(frozen=True, slots=True)
class Asked:
    """iterations: that each network learns before it is looked at, 0 for as they begin.   seeds: networks of each kind."""

    iterations: int = 100
    seeds: int = 3

    def __post_init__(self) -> None:
        if type(self.iterations) is not int or not 0 <= self.iterations <= limits.MEASURED_ITERATIONS:
            raise Refused(f"Iterations must be a whole number from 0 to {limits.MEASURED_ITERATIONS:,}, not {self.iterations!r}.")
        if type(self.seeds) is not int or not 1 <= self.seeds <= limits.MEASURED_SEEDS:
            raise Refused(f"Seeds must be a whole number from 1 to {limits.MEASURED_SEEDS}, not {self.seeds!r}.")


@dataclass(frozen=True)
class Kind:
    """One kind of network.   name: of `KINDS`.   seeds: those that are known.

    total, attention, recurrence (n, T): |dL_s/dh_{s-l}| by lag l, the mean over the losses, each relative to its own error at lag 0; of
    all of it, and of its parts.  NaN where there is no such way.  Parts add up as vectors, their norms do not.
    """

    name: str
    seeds: tuple[int, ...]
    total: Array
    attention: Array
    recurrence: Array

    def way(self, name: str) -> Array:
        """The median over seeds of one of `WAYS`, (T,); NaN where no network has it."""
        rows: Array = getattr(self, name)
        known = np.isfinite(rows).any(0) if len(rows) else np.zeros(rows.shape[1], bool)
        median = np.full(rows.shape[1], np.nan)
        median[known] = np.nanmedian(rows[:, known], 0)
        return median

    @property
    def arrives(self) -> int:
        """The longest lag at which at least `FAR` of an error arrives."""
        there = np.flatnonzero(self.way("total") >= FAR)
        return int(there[-1]) if len(there) else 0


@dataclass(frozen=True)
class Found:
    """iterations: that the networks had learned.   cell: of the recurrent ones.   kinds: as far as they are known."""

    iterations: int
    cell: str
    kinds: tuple[Kind, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tidy: model, seed, way, lag, error; absent ways are left out."""
        tables = [
            pd.DataFrame({"model": kind.name, "seed": seed, "way": way, "lag": np.arange(len(row)), "error": row})
            for kind in self.kinds
            for way in WAYS
            for seed, row in zip(kind.seeds, getattr(kind, way), strict=True)
        ]
        columns = ["model", "seed", "way", "lag", "error"]
        return pd.concat(tables, ignore_index=True).dropna() if tables else pd.DataFrame(columns=columns)


def kinds(experiment: Experiment) -> dict[str, Experiment]:
    """What is compared; attention of the experiment's own kind where it has one, and one head where its heads do not fit."""
    attention = experiment.attention if experiment.attention != "none" else "dot"
    heads = 1 if experiment.hidden % experiment.heads else experiment.heads
    return {
        "recurrent": experiment.replace(model="recurrent", attention="none"),
        "attending": experiment.replace(model="recurrent", attention=attention, heads=heads),
        "transformer": experiment.replace(model="transformer", heads=heads),
    }


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """One seed after the other of every kind, so that all can be compared early; what the run has learned does not matter.

    `InvalidExperiment` for a network whose weights are given, or where attention does not fit.
    """
    from core.error_by_k import seeds
    from core.measures.recurrence import check_drawn

    own, task = trainer.experiment, trainer.task
    if own.model != "transformer":
        check_drawn(own)
    observed = min(trainer.observe, task.sequences - 1)
    experiments, numbers = kinds(own), seeds(own, asked.seeds)
    nothing = np.empty((0, task.lengths[observed]))
    known = {name: Kind(name, (), nothing, nothing, nothing) for name in experiments}
    total, done = len(numbers) * len(known) * (asked.iterations + 1), 0

    def progress(words: str) -> Progress[Found]:
        return Progress(done, total, words, Found(asked.iterations, own.cell, tuple(known.values())))

    for seed in numbers:
        for name, experiment in experiments.items():
            words = f"{KINDS[name]}, seed {seed}"
            yield progress(words)
            for network in _trained(experiment.replace(seed=seed), task, asked.iterations):
                if network.iteration % TURN == 0:
                    yield replace(progress(words), done=done + network.iteration)
            known[name] = _with(known[name], seed, _ways(network, observed))
            done += asked.iterations + 1
    yield progress("")


def _trained(experiment: Experiment, task: Task, iterations: int) -> Iterator[Trainer]:
    """A network on its way; it stops where it explodes."""
    from core.training import Trainer

    network = Trainer(experiment, task=task)
    yield network
    while network.iteration < iterations and not network.step().stopped:
        yield network


def _ways(network: Trainer, observed: int) -> dict[str, Array]:
    """Way -> the mean error by lag, (T,)."""
    from core.measures.each_loss import each_loss

    matrices = each_loss(network.model, network.task, network.task.batch([observed])).matrices()
    own = matrices["h"].diagonal()
    found = {"total": matrices["h"], "recurrence": matrices.get("recurrence", matrices["h"])}
    if "attention" in matrices:
        found["attention"] = matrices["attention"]
    if not network.model.cell.recurrent:
        found.pop("recurrence")
    return {name: mean_by_lag(by_lag(matrix), own) for name, matrix in found.items()}


def _with(kind: Kind, seed: int, found: dict[str, Array]) -> Kind:
    """The kind with one more network."""
    absent = np.full_like(found["total"], np.nan)
    rows = {way: np.concatenate([getattr(kind, way), found.get(way, absent)[None]]) for way in WAYS}
    return Kind(kind.name, (*kind.seeds, seed), **rows)
