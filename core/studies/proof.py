"""The proof on the network as it is: books, slopes and autograd.  Importing this needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from core.checks import Check, Slope
from core.studies.study import Progress, Refused

if TYPE_CHECKING:
    from core.training import Trainer

SLOPES = 200
"""The most weights whose slope is measured."""


@dataclass(frozen=True, slots=True)
class Asked:
    """slopes: of how many weights the slope is measured.   seed: which; the same seed chooses the same."""

    slopes: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.slopes <= SLOPES:
            raise Refused(f"The number of weights must be from 1 to {SLOPES}, not {self.slopes}.")
        if not 0 <= self.seed < 2**31:
            raise Refused(f"The seed must be a whole number from 0 to 2,147,483,647, not {self.seed}.")


@dataclass(frozen=True)
class Found:
    """iteration: updates so far.   dtype: of the network; slopes and autograd are those of a float64 copy of it.   complete: whether all
    checks have been made."""

    iteration: int
    dtype: str
    checks: tuple[Check, ...]
    slopes: tuple[Slope, ...]
    complete: bool

    @property
    def passed(self) -> bool:
        """Whether all checks that were made have passed."""
        return all(check.passed for check in self.checks)

    @property
    def worst(self) -> dict[str, Check]:
        """Of each kind of check, the one that is closest to its tolerance or furthest beyond it; one without an error first."""
        found: dict[str, Check] = {}
        for check in self.checks:
            if check.name not in found or _badness(check) > _badness(found[check.name]):
                found[check.name] = check
        return found

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row a check."""
        rows = [(c.name, c.of, c.error, c.tolerance, c.checked, c.passed) for c in self.checks]
        return pd.DataFrame(rows, columns=["check", "of", "error", "tolerance", "numbers", "passed"])


def _badness(check: Check) -> float:
    return check.error / check.tolerance if check.error == check.error else float("inf")


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """See `Found`."""
    from core.proof import prove

    dtype = trainer.experiment.dtype
    total = 2 + min(asked.slopes, trainer.model.flat.numel())
    for done, (checks, slopes) in enumerate(prove(trainer, asked.slopes, asked.seed), 1):
        words = "books" if done == 1 else "autograd" if done == 2 else f"slope {len(slopes)}"
        yield Progress(done, total, words, Found(trainer.iteration, dtype, tuple(checks), tuple(slopes), done == total))
