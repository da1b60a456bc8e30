"""Half-lives of cells and levers at equal settings, before any training, beside the learner's network as it is now.

Only `study` needs torch; see `core.measures.half_lives`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core import limits
from core.measures.decay import Decay
from core.studies.study import Progress, Refused

if TYPE_CHECKING:
    from core.experiment import Experiment
    from core.training import Trainer

SEEDS = 20
LAGS = 400
INPUTS = ("task", "noise")


@dataclass(frozen=True, slots=True)
class Asked:
    """seeds: how many, the experiment's own first.   inputs: "task", its sequences one after another, or "noise", x ~ N(0, 1).

    first, last: the lags that are fitted, on a run of half as many steps more.
    """

    seeds: int = 5
    inputs: str = "task"
    first: int = 5
    last: int = 40

    def __post_init__(self) -> None:
        if type(self.seeds) is not int or not 1 <= self.seeds <= SEEDS:
            raise Refused(f"Seeds must be a whole number from 1 to {SEEDS}, not {self.seeds!r}.")
        if self.inputs not in INPUTS:
            raise Refused(f"The inputs must be one of {', '.join(INPUTS)}, not {self.inputs!r}.")
        whole = type(self.first) is int and type(self.last) is int
        if not whole or not 0 <= self.first <= self.last - 2 or self.last > LAGS:
            raise Refused(f"Half-lives are fitted to three lags or more, from 0 up to {LAGS}: not from {self.first!r} to {self.last!r}.")


@dataclass(frozen=True, slots=True)
class Line:
    """One cell with its levers.   seeds: what was measured with each.   own: whether it is the learner's network, as trained so far."""

    cell: str
    initialisation: str
    gain: float
    forget_bias: float
    own: bool
    seeds: tuple[int, ...]
    decays: tuple[Decay, ...]

    @property
    def half_life(self) -> float:
        """Median over the seeds; inf where the error does not fade."""
        return float(np.median([decay.half_life for decay in self.decays])) if self.decays else math.nan

    @property
    def ends(self) -> tuple[float, float]:
        """The shortest and the longest of the seeds."""
        found = [decay.half_life for decay in self.decays]
        return (float(np.min(found)), float(np.max(found))) if found else (math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Found:
    """hidden, layers: of all lines.   iteration: of the learner's network.   first, last: the lags.   lines: as far as they are known."""

    hidden: int
    layers: int
    iteration: int
    first: int
    last: int
    lines: tuple[Line, ...]

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row for each line and seed."""
        rows = [
            {
                "cell": line.cell,
                "initialisation": line.initialisation,
                "gain": line.gain,
                "forget_bias": line.forget_bias,
                "trained": line.own,
                "seed": seed,
                "half_life": decay.half_life,
                "doubling": decay.doubling,
                "slope": decay.slope,
                "spread": decay.spread,
                "vanished_lags": decay.vanished,
            }
            for line in self.lines
            for seed, decay in zip(line.seeds, line.decays, strict=True)
        ]
        return pd.DataFrame(rows)


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """The learner's network first, then one seed after the other of every line, so that all can be compared early.

    `InvalidExperiment` for a model whose recurrence is not drawn.
    """
    from core.measures.half_lives import LINE_UP, PLAIN, Stretch, at_start, of_model
    from core.measures.recurrence import check_drawn

    own, task = trainer.experiment, trainer.task
    check_drawn(own)
    stretch = Stretch(asked.last + asked.last // 2, asked.first, asked.last)
    seeds = tuple((own.seed + more) % (limits.SEED + 1) for more in range(asked.seeds))
    noise = asked.inputs == "noise"
    measured = of_model(trainer.model, task, stretch, own.seed if noise else None)
    lines = [_line(own, own=True, seeds=(own.seed,), decays=(measured,))]
    experiments = [own.replace(**{**PLAIN, **changes}) for changes in LINE_UP]
    lines += [_line(one) for one in experiments]
    total = len(seeds) * len(experiments)
    for done in range(total):
        seed, place = seeds[done // len(experiments)], done % len(experiments)
        decay = at_start(experiments[place].replace(seed=seed), task, stretch, noise)
        line = lines[place + 1]
        lines[place + 1] = replace(line, seeds=(*line.seeds, seed), decays=(*line.decays, decay))
        found = Found(own.hidden, own.layers, trainer.iteration, asked.first, asked.last, tuple(lines))
        yield Progress(done + 1, total, f"seed {seed}", found)


def _line(experiment: Experiment, *, own: bool = False, seeds: tuple[int, ...] = (), decays: tuple[Decay, ...] = ()) -> Line:
    return Line(experiment.cell, experiment.initialisation, experiment.gain, experiment.forget_bias, own, seeds, decays)
