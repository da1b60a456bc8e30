"""Several baselines on a series of one or more columns: what there is to try, each attempt, and what comes of them.

The attempts are independent of each other, so that processes can share them: `plan` lists them, `attempt` does one, `settle` finds the
best form of a column, `forecast_of` lets it forecast, and `result` puts the columns together.  `compare` does all of it.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from core.baselines import BASELINES
from core.baselines.baseline import Fitted, Going, NoFit, Options, Progress, best
from core.forecast import Array, Forecast, side_by_side

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One form of one baseline, to be fitted to one column."""

    baseline: str
    column: int
    form: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to: a fit, or the sentence that says why there is none."""

    attempt: Attempt
    fitted: Fitted | None
    words: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"attempt": self.attempt.to_dict(), "fitted": self.fitted.to_dict() if self.fitted else None, "words": self.words}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Outcome:
        """The inverse of `to_dict`."""
        fitted = Fitted.from_dict(values["fitted"]) if values["fitted"] else None
        return cls(Attempt(**values["attempt"]), fitted, values["words"])


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What one baseline came to.

    fitted     the best form of each column, in their order; empty where it failed
    forecast   (n, D); None where it failed
    words      why it failed, or what is to be known of the fit (it did not converge, a season was too long); often empty
    tried      every form of every column, in the order in which they were planned
    """

    baseline: str
    fitted: tuple[Fitted, ...]
    forecast: Forecast | None
    words: str
    tried: tuple[Outcome, ...]


def plan(train: Array, period: int, which: Sequence[str], options: Options) -> tuple[tuple[Attempt, ...], dict[str, str]]:
    """The attempts, quick baselines first as they are listed, and for baselines that cannot even be begun, why.

    train (n, D); ValueError with one sentence for a name that is none of BASELINES, or an option that cannot be read.
    """
    if unknown := [name for name in which if name not in BASELINES]:
        raise ValueError(f"'{unknown[0]}' is not a baseline; there are {', '.join(BASELINES)}.")
    attempts: list[Attempt] = []
    refused: dict[str, str] = {}
    for name in which:
        try:
            forms = [BASELINES[name].candidates(column, period, options) for column in train.T]
        except NoFit as refusal:
            refused[name] = str(refusal)
        else:
            attempts += [Attempt(name, column, form) for column, choices in enumerate(forms) for form in choices]
    return tuple(attempts), refused


def attempt(train: Array, period: int, options: Options, wanted: Attempt, going: Going = lambda: None) -> Outcome:
    """Do one attempt; train is the whole training part, (n, D)."""
    try:
        return Outcome(wanted, BASELINES[wanted.baseline].try_form(train[:, wanted.column], period, wanted.form, options, going))
    except NoFit as refusal:
        return Outcome(wanted, None, str(refusal))


def settle(outcomes: Sequence[Outcome]) -> Fitted:
    """The best fit among the outcomes of one baseline and column; NoFit where there is none."""
    return best([outcome.fitted or NoFit(outcome.words) for outcome in outcomes])


def forecast_of(fitted: Fitted, column: Array, origins: Sequence[int], horizon: int) -> Forecast:
    """The forecast of one column (N,); NoFit where it is not finite."""
    made = fitted.forecast(column, origins, horizon)
    for part in (made.values, made.lower, made.upper):
        if part is not None and not np.isfinite(part).all():
            raise NoFit(f"{fitted.name} runs away: its forecast is not finite.")
    return made


def result(name: str, outcomes: Sequence[Outcome], forecasts: Sequence[tuple[Fitted, Forecast]], failure: str = "") -> Result:
    """A baseline's columns put together; `failure` says why there is no forecast, and wins over everything else."""
    if failure or not forecasts:
        return Result(name, (), None, failure or "There was nothing to fit.", tuple(outcomes))
    fitted = tuple(entry for entry, _ in forecasts)
    words = " ".join(dict.fromkeys(entry.words for entry in fitted if entry.words))
    return Result(name, fitted, side_by_side([forecast for _, forecast in forecasts]), words, tuple(outcomes))


def compare(
    values: Array,
    period: int,
    origins: Sequence[int],
    horizon: int,
    *,
    which: Sequence[str] = tuple(BASELINES),
    options: Options | None = None,
    processes: int = 0,
    progress: Progress | None = None,
) -> dict[str, Result]:
    """Fit baselines to values (N, D) before the first origin and let them forecast the rest.

    processes: how many share the work, each on one thread; 0 does it here, on as many threads as OPENBLAS_NUM_THREADS allows (1 is best).
    progress: may raise, which ends the comparison.
    """
    options = options or Options()
    train = values[: origins[0]]
    attempts, refused = plan(train, period, which, options)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in which}
    with _sharing(processes) as share:
        for outcome in share(partial(attempt, train, period, options), attempts):
            outcomes[outcome.attempt.baseline].append(outcome)
            if progress:
                progress(sum(map(len, outcomes.values())), len(attempts), outcome.attempt.form)
    return {name: _conclude(name, outcomes[name], refused.get(name, ""), values, origins, horizon) for name in which}


def of_column(outcomes: Iterable[Outcome], column: int) -> list[Outcome]:
    """The outcomes of one column."""
    return [outcome for outcome in outcomes if outcome.attempt.column == column]


def _conclude(name: str, outcomes: Sequence[Outcome], refused: str, values: Array, origins: Sequence[int], horizon: int) -> Result:
    forecasts = []
    try:
        for column in range(values.shape[1] if not refused else 0):
            fitted = settle(of_column(outcomes, column))
            forecasts.append((fitted, forecast_of(fitted, values[:, column], origins, horizon)))
    except NoFit as refusal:
        refused = str(refusal)
    return result(name, outcomes, forecasts, refused)


@contextmanager
def _sharing(processes: int) -> Iterator[Callable[[Callable[[Attempt], Outcome], Sequence[Attempt]], Iterable[Outcome]]]:
    """A `map` that may be shared by processes, each on one thread: more threads only get into each other's way at these sizes."""
    if not processes:
        yield map
        return
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool.map
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
