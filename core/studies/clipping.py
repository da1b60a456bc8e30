"""What clipping does to the gradients of this network while it trains, and which of them are long.  Importing this needs no torch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.measures.norms import TYPICAL, Advice, advice, degrees, histogram, times_median, times_typical, value_threshold
from core.studies import start
from core.studies.study import Progress, Refused
from core.trace import Array

if TYPE_CHECKING:
    from core.passes import Pass
    from core.training import Block, Trainer

SPIKES = 10
"""The most spikes that are looked into."""
LEAST = 2.0
"""A gradient is a spike that is longer than so many times the median of those before it."""
NEAR = 5
"""Iterations within which long gradients count as one spike."""


@dataclass(frozen=True, slots=True)
class Asked:
    """start: train again from the run's "beginning", or on from the "present".   spikes: how many are looked into."""

    start: str = "beginning"
    iterations: int = 300
    spikes: int = 3

    def __post_init__(self) -> None:
        start.check(self.start, self.iterations)
        if not 0 <= self.spikes <= SPIKES:
            raise Refused(f"Spikes must be a whole number from 0 to {SPIKES}, not {self.spikes}.")


@dataclass(frozen=True, eq=False)
class Spike:
    """A gradient that was long against those before it.

    times: its norm against the median of the norms before.   parts: (sequences, T), the signed part of each sequence and step in the norm;
    they add up to it.   sequences: as texts, or by number where
    the task names no more.   worst, inputs: the sequence with the largest part, and the labels of its steps.
    weights: |g_w|^2 / |g|^2 by weight; they add up to 1.
    """

    iteration: int
    loss: float
    norm: float
    times: float
    parts: Array
    sequences: tuple[str, ...]
    worst: int
    inputs: tuple[str, ...]
    weights: dict[str, float]

    @property
    def by_step(self) -> Array:
        """The part of each step, all sequences together, (T,)."""
        return np.asarray(self.parts.sum(0))

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row a sequence and step."""
        steps = self.parts.shape[1]
        index = pd.MultiIndex.from_product([self.sequences, range(1, steps + 1)], names=["sequence", "step"])
        return pd.DataFrame({"iteration": self.iteration, "part": self.parts.ravel()}, index=index).reset_index()

    def weights_frame(self) -> pd.DataFrame:
        """Tidy: a row a weight."""
        return pd.DataFrame({"iteration": self.iteration, "weight": list(self.weights), "share": list(self.weights.values())})

    @property
    def carried_by(self) -> tuple[int, float]:
        """The step, from 1, with the largest part, and that part in the norm."""
        step = int(self.by_step.argmax())
        return step + 1, float(self.by_step[step] / self.norm)


@dataclass(frozen=True)
class Found:
    """One entry for each iteration, (n,).

    before, after: norms before and after clipping.   clipped: the share of entries that was cut, or 1 where the whole was scaled.
    cut_at: the threshold of the entries that gives the same norm as `after`; inf where nothing is clipped.   turned: by how many degrees
    cutting there turns the gradient.  Scaling to `after` turns it by 0.   Where the run does not clip, both are about clipping at its
    threshold.   weights: (n, weights), |g_w| before clipping.   names: of the weights.   stopped: where numbers left the finite, or "".
    """

    clip: str
    threshold: float
    iterations: Array
    loss: Array
    before: Array
    after: Array
    clipped: Array
    cut_at: Array
    turned: Array
    weights: Array
    names: tuple[str, ...]
    spikes: tuple[Spike, ...]
    stopped: str = ""

    @property
    def share_clipped(self) -> float:
        """The share of iterations that clipping changed."""
        return float((self.clipped > 0).mean()) if len(self.clipped) else math.nan

    @property
    def times(self) -> Array:
        """Each norm against the median of those before it, (n,)."""
        return times_typical(self.before)

    def advice(self, quantile: float = 0.9) -> Advice | None:
        """Where a threshold of the norm should lie."""
        return advice(self.before, quantile)

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row an iteration and quantity."""
        columns = {
            "loss": self.loss,
            "norm before clipping": self.before,
            "norm after clipping": self.after,
            "share clipped": self.clipped,
            "value threshold of the same norm": self.cut_at,
            "degrees turned by value": self.turned,
            **{f"norm of {name}": self.weights[:, place] for place, name in enumerate(self.names)},
        }
        wide = pd.DataFrame({"iteration": self.iterations, **columns})
        return wide.melt("iteration", var_name="quantity", value_name="value")

    def distribution(self) -> pd.DataFrame:
        """How long gradients are before clipping: a row for each bin of their norms."""
        counts, edges = histogram(self.before)
        return pd.DataFrame({"from": edges[:-1], "to": edges[1:], "iterations": counts})

    def angles(self) -> pd.DataFrame:
        """What clipping by value would turn: a row an iteration, empty cells where nothing is clipped."""
        clipped = np.isfinite(self.cut_at)
        columns = {"value threshold of the same norm": self.cut_at, "degrees turned by value": self.turned}
        return pd.DataFrame({"iteration": self.iterations, **{name: np.where(clipped, one, np.nan) for name, one in columns.items()}})


class _Watching:
    """Writes down every iteration, and looks into the longest gradients of all."""

    def __init__(self, trainer: Trainer, asked: Asked) -> None:
        self.trainer, self.asked = trainer, asked
        self.names = tuple(trainer.model.weights)
        self.rows: list[tuple[float, ...]] = []
        self.weights: list[list[float]] = []
        self.norms: list[float] = []
        self.spikes: list[Spike] = []
        self.stopped = ""

    def step(self) -> bool:
        """One iteration; False where numbers left the finite."""
        trainer = self.trainer
        snapshot = trainer.step(watch=self._watch)
        clip = snapshot.clip
        if snapshot.stopped:
            self.stopped = snapshot.stopped.words
            del self.norms[-1:], self.weights[-1:]
            self.spikes = [spike for spike in self.spikes if spike.iteration < snapshot.iteration]
            return False
        clipped = clip.share_clipped or float(clip.factor < 1)
        self.rows.append((snapshot.iteration, snapshot.loss, clip.norm_before, clip.norm_after, clipped, *self._turned(clip.norm_after)))
        return True

    def _watch(self, seen: Pass, block: Block) -> None:
        from core.vector_norms import length

        trainer = self.trainer
        gradients = trainer.model.views(trainer.gradient)
        self._raw = trainer.gradient.clone()
        self.weights.append([length(g.flatten()) for g in gradients.values()])
        self.norms.append(length(trainer.gradient))
        times = times_median(self.norms[-1], self.norms[-TYPICAL - 1 : -1])
        if not (self.asked.spikes and math.isfinite(self.norms[-1]) and times > LEAST):
            return
        # Of gradients that follow each other closely, the longest tells of all.
        near = [spike for spike in self.spikes if spike.iteration >= trainer.iteration + 1 - NEAR]
        others = sorted((spike for spike in self.spikes if spike not in near), key=lambda spike: spike.times)
        beaten = near or others[: len(others) == self.asked.spikes]
        if all(spike.times < times for spike in beaten):
            self.spikes = [*(spike for spike in others if spike not in beaten), self._spike(seen, block, times)]

    def _spike(self, seen: Pass, block: Block, times: float) -> Spike:
        from core.measures.spikes import carried

        trainer, task = self.trainer, self.trainer.task
        found = carried(seen.factors, list(trainer.model.views(trainer.gradient).values()))
        parts = found.parts.T.numpy()
        rows = block.rows or tuple(range(task.sequences))
        steps = block.first + len(seen.batch.inputs)
        whole = np.zeros((len(rows), steps))
        whole[:, steps - parts.shape[1] :] = parts
        worst = int(whole.sum(1).argmax())
        return Spike(
            trainer.iteration + 1,
            seen.loss,
            self.norms[-1],
            times,
            whole,
            tuple(task.texts[row] if row < len(task.texts) else f"sequence {row + 1}" for row in rows),
            worst,
            task.axis(rows[worst]).inputs,
            found.of_weights,
        )

    def _turned(self, after: float) -> tuple[float, float]:
        """Where cutting gives the same norm as scaling, and by how many degrees it turns the gradient."""
        experiment, raw = self.trainer.experiment, self._raw.numpy()
        norm = min(after, experiment.threshold) if experiment.clip == "off" else after
        if not norm < self.norms[-1]:
            return math.inf, 0.0
        cut_at = value_threshold(raw, norm)
        return cut_at, degrees(raw.clip(-cut_at, cut_at), raw) if math.isfinite(cut_at) else 0.0

    def found(self) -> Found:
        """What is known so far."""
        experiment = self.trainer.experiment
        iterations, loss, before, after, clipped, cut_at, turned = np.array(self.rows, float).reshape(-1, 7).T
        return Found(
            clip=experiment.clip,
            threshold=experiment.threshold,
            iterations=iterations.astype(np.int64),
            loss=loss,
            before=before,
            after=after,
            clipped=clipped,
            cut_at=cut_at,
            turned=turned,
            weights=np.array(self.weights, float).reshape(-1, len(self.names)),
            names=self.names,
            spikes=tuple(sorted(self.spikes, key=lambda spike: spike.iteration)),
            stopped=self.stopped,
        )


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """See `Found`."""
    start.begin(trainer, asked.start)
    watching = _Watching(trainer, asked)
    shown = time.monotonic()
    for done in range(1, asked.iterations + 1):
        if not watching.step():
            break
        if time.monotonic() - shown >= start.TELL_EVERY and done < asked.iterations:
            yield Progress(done, asked.iterations, f"iteration {trainer.iteration}", watching.found())
            shown = time.monotonic()
    yield Progress(asked.iterations, asked.iterations, "", watching.found())
