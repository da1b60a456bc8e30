"""Error against K: what a truncation that is shorter than the season costs a forecast.  Only `measure` needs torch.

For each K a fresh network learns the series with the sliding window TBPTT(1, K), whose losses reach back K - 1 steps, for so many
iterations; then its forecast is scored as any other (`core.scoreboard`).  Several seeds tell what is K's doing from what is chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from core import limits, scoreboard
from core.experiment import Experiment, InvalidExperiment
from core.scoreboard import Board
from core.series import make_series


@dataclass(frozen=True, slots=True)
class Measured:
    """One network.  board: its scores, all NaN where it exploded.   words: where it exploded, or ""."""

    k: int
    seed: int
    board: Board
    words: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def ks(experiment: Experiment) -> tuple[int, ...]:
    """Which K are measured, ascending: 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, ... below the window, the season where it is shorter than the
    window, and the window itself, which cuts nothing.

    Raises `InvalidExperiment` for another task than a series.
    """
    _needs_series(experiment)
    found = {experiment.window}
    power = 1
    while power < experiment.window:
        found |= {power, 3 * power // 2} if power > 1 else {power}
        power *= 2
    season = make_series(experiment).period
    if season > 1:
        found.add(season)
    return tuple(sorted(k for k in found if k <= experiment.window))


def seeds(experiment: Experiment, count: int) -> tuple[int, ...]:
    """So many different seeds, the experiment's own first."""
    return tuple((experiment.seed + more) % (limits.SEED + 1) for more in range(count))


def measure(experiment: Experiment, k: int, seed: int, iterations: int, watch: Callable[[int], None] = lambda iteration: None) -> Measured:
    """Train a fresh network of this experiment with the sliding window of K steps and this seed, and score its forecast.

    The series stays that of the experiment's own seed: `seed` draws the initial weights and the order of mini-batches.  From K = window on
    nothing is cut: that is the truncation "full".   watch: called before each iteration with its number, from 1; what it raises ends the
    training.   Raises `InvalidExperiment` for another task than a series, ValueError for iterations or a K below 1.
    """
    from core.tasks import Windows
    from core.training import Trainer

    _needs_series(experiment)
    if k < 1 or iterations < 1:
        raise ValueError(f"K and the iterations must be at least 1, not {k} and {iterations}.")
    cut = {"truncation": "window", "k": k} if k < experiment.window else {"truncation": "full"}
    task = Windows(experiment)
    trainer = Trainer(experiment.replace(seed=seed, update_every="pass", **cut), task=task)
    words = ""
    for iteration in range(1, iterations + 1):
        watch(iteration)
        if stopped := trainer.step().stopped:
            words = stopped.words
            break
    board = scoreboard.score(task.series.values, task.parts, task.series.period, trainer.forecast())
    if words:
        board = {part: dict.fromkeys(scores, math.nan) for part, scores in board.items()}
    return Measured(k, seed, board, words)


def _needs_series(experiment: Experiment) -> None:
    if experiment.task != "series":
        raise InvalidExperiment({"task": "Only a series has an error against K: choose the task series."})
