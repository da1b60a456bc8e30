"""This training again with other thresholds, beside what happened.  Importing this needs no torch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core import limits
from core.experiment import number
from core.studies import start
from core.studies.study import Progress, Refused
from core.trace import Array

if TYPE_CHECKING:
    from core.training import Trainer

CLIPPINGS = ("norm", "value")
BRANCHES = 6
"""The most thresholds beside the run's own."""


@dataclass(frozen=True, slots=True)
class Asked:
    """start: the run's "beginning" or "present".   alike: iterations that all networks train with the run's own clipping, before their
    thresholds part.   iterations: those after.   clipping: by "norm" or by "value".   off: also without clipping.
    """

    start: str = "beginning"
    alike: int = 0
    iterations: int = 200
    clipping: str = "norm"
    thresholds: tuple[float, ...] = (0.1, 1.0, 10.0)
    off: bool = True

    def __post_init__(self) -> None:
        start.check(self.start, self.iterations)
        if not 0 <= self.alike <= start.ITERATIONS:
            raise Refused(f"Same until must be a whole number from 0 to {start.ITERATIONS:,}, not {self.alike:,}.")
        if self.clipping not in CLIPPINGS:
            raise Refused(f"Clipping is by {' or by '.join(CLIPPINGS)}, not by {self.clipping!r}.")
        object.__setattr__(self, "thresholds", tuple(sorted({float(threshold) for threshold in self.thresholds})))
        if len(self.thresholds) > BRANCHES:
            raise Refused(f"At most {BRANCHES} thresholds can be compared, not {len(self.thresholds)}.")
        least, most = limits.SMALLEST_THRESHOLD, limits.LARGEST_THRESHOLD
        for threshold in self.thresholds:
            if not least <= threshold <= most:
                raise Refused(
                    f"A threshold must be a number from {number(least, grouped=True)} to {number(most, grouped=True)}, "
                    f"not {number(threshold, grouped=True) if math.isfinite(threshold) else threshold}."
                )
        if not self.thresholds and not self.off:
            raise Refused("There is nothing to compare with: name a threshold, or train without clipping, too.")


@dataclass(frozen=True)
class Branch:
    """One training.   own: with the run's own clipping.   iterations, loss, before, after: (n,); before and after clipping: norms.

    stopped: where its numbers left the finite, or "".
    """

    clip: str
    threshold: float
    own: bool
    iterations: Array
    loss: Array
    before: Array
    after: Array
    stopped: str = ""

    @property
    def name(self) -> str:
        return "off" if self.clip == "off" else f"{self.clip} {number(self.threshold)}"

    @property
    def last_loss(self) -> float:
        """The mean loss of the last tenth of the iterations; NaN where numbers left the finite, or there are none."""
        if self.stopped or not len(self.loss):
            return math.nan
        return float(self.loss[-max(1, len(self.loss) // 10) :].mean())

    @property
    def share_clipped(self) -> float:
        """The share of its iterations that clipping changed."""
        return float((self.after < self.before).mean()) if len(self.loss) else math.nan


@dataclass(frozen=True)
class Found:
    """branches: the run's own first.   parted: the last iteration that all of them share."""

    branches: tuple[Branch, ...]
    parted: int

    @property
    def own(self) -> Branch:
        """What happened: the run with its own clipping."""
        return self.branches[0]

    def ranked(self) -> list[Branch]:
        """From the lowest last loss to the highest; those that left the finite last."""
        return sorted(self.branches, key=lambda branch: (math.isnan(branch.last_loss), branch.last_loss))

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row an iteration, training and quantity."""
        frames = [
            pd.DataFrame(
                {
                    "clipping": branch.name,
                    "own": branch.own,
                    "iteration": branch.iterations,
                    "loss": branch.loss,
                    "norm before clipping": branch.before,
                    "norm after clipping": branch.after,
                }
            )
            for branch in self.branches
        ]
        return pd.concat(frames, ignore_index=True).melt(["clipping", "own", "iteration"], var_name="quantity")


class _Training:
    """One of the trainings, on its way."""

    def __init__(self, trainer: Trainer, *, own: bool, points: Sequence[tuple[float, ...]] = (), stopped: str = "") -> None:
        self.trainer, self.own, self.points, self.stopped = trainer, own, [*points], stopped

    def train(self, iterations: int) -> None:
        """So many iterations more, or to where numbers leave the finite."""
        for _ in range(iterations):
            if self.stopped:
                return
            snapshot = self.trainer.step()
            if snapshot.stopped:
                self.stopped = snapshot.stopped.words
            else:
                self.points.append((snapshot.iteration, snapshot.loss, snapshot.clip.norm_before, snapshot.clip.norm_after))

    def branch(self) -> Branch:
        """What is known of it so far."""
        experiment = self.trainer.experiment
        iterations, loss, before, after = np.array(self.points, float).reshape(-1, 4).T
        clip, threshold = experiment.clip, experiment.threshold
        return Branch(clip, threshold, self.own, iterations.astype(np.int64), loss, before, after, self.stopped)


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """See `Found`.  All trainings start from the same bytes, and a few iterations of each take turns."""
    from core.training import Trainer

    start.begin(trainer, asked.start)
    first, own = trainer.iteration, _Training(trainer, own=True)
    experiment = trainer.experiment
    wanted = [("off", experiment.threshold)] * asked.off + [(asked.clipping, threshold) for threshold in asked.thresholds]
    others = [(clip, t) for clip, t in wanted if clip != experiment.clip or (clip != "off" and t != experiment.threshold)]
    total = asked.alike + asked.iterations * (1 + len(others))
    shown = time.monotonic()
    for done in range(1, asked.alike + 1):
        own.train(1)
        if time.monotonic() - shown >= start.TELL_EVERY:
            yield Progress(done, total, f"iteration {trainer.iteration}", Found((own.branch(),), first + done))
            shown = time.monotonic()
    block = trainer.checkpoint()
    trainings = [own]
    for clip, threshold in others:
        copy = Trainer.restore(block)
        copy.change(clip=clip, threshold=threshold)
        trainings.append(_Training(copy, own=False, points=own.points, stopped=own.stopped))
    done, parted = asked.alike, trainer.iteration
    for _ in range(asked.iterations):
        for training in trainings:
            training.train(1)
            done += 1
            if time.monotonic() - shown >= start.TELL_EVERY and done < total:
                words = f"iteration {training.trainer.iteration}"
                yield Progress(done, total, words, Found(tuple(one.branch() for one in trainings), parted))
                shown = time.monotonic()
    yield Progress(total, total, "", Found(tuple(one.branch() for one in trainings), parted))
