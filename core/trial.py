"""Trials: what a trained model makes of a text, and what it writes itself.  No torch: a process that only shows them needs none."""

from __future__ import annotations

from dataclasses import dataclass

from core.trace import Trace


@dataclass(frozen=True, slots=True)
class Trial:
    """A text as the model sees it.

    unknown: the steps, from 1, whose token training never showed.
    beyond: how many of its last steps stand where no text of the training did, for a model that tells steps apart by where they stand: it
    takes all of them for the last place that it knows.
    """

    trace: Trace
    loss: float
    unknown: tuple[int, ...]
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Generated:
    """What the model wrote, each token with the probability that it had.

    ended: whether it chose to end.   unknown: how many tokens of its beginning training never showed.
    """

    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]
    text: str
    ended: bool
    unknown: int = 0
