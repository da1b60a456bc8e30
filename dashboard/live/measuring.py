"""Error against K for page scripts: plain functions that Streamlit's script threads call, in the style of `dashboard.live.fits`.

    ticket = measuring.start(experiment, iterations, seeds)
    seen = measuring.progress(ticket)     # at every rerun, until seen.state is "done" (or "cancelled")
    found = measuring.result(ticket)      # of the networks that are done: a tuple of Measured, in the order of (k, seed)

Each network is a piece of work for the fitting processes.  The same inputs give the same ticket, and what is known of it at once.
Everything here raises `LiveError`, one sentence for the user.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from core import limits
from core.error_by_k import Measured, ks, seeds
from core.experiment import DEFAULTS, SPECS, Experiment
from dashboard.live import fits, pipe
from dashboard.live.job import FitProgress, Job, Piece
from dashboard.live.workers import LiveError

__all__ = [
    "FitProgress",
    "LiveError",
    "Measured",
    "cancel",
    "compared",
    "measured_iterations",
    "measured_seeds",
    "progress",
    "result",
    "start",
]

LEFT_ALONE = {name: DEFAULTS[name] for name, spec in SPECS.items() if spec.group == SPECS["truncation"].group}
"""What is measured does not depend on how the run itself is cut."""


@dataclass(eq=False, kw_only=True)
class NetworkPiece(Piece):
    """One network."""

    k: int
    seed: int


@dataclass(eq=False, kw_only=True)
class MeasuringJob(Job):
    """Networks with several K and seeds."""

    experiment: Experiment
    ks: tuple[int, ...]
    seeds: tuple[int, ...]
    iterations: int
    seconds: float
    networks: dict[tuple[int, int], Measured] = field(default_factory=dict)

    def begin(self) -> None:
        """One piece for each network: all K with one seed, then with the next one, so that the whole curve is seen early."""
        common = {"do": "measure", "job": self.ticket, "experiment": self.experiment.to_dict(), "iterations": self.iterations, "shape": [0]}
        for seed in self.seeds:
            for k in self.ks:
                # The process ends it by itself before that.
                patience = 2 * self.seconds + 30
                self.pieces.append(NetworkPiece(request={**common, "k": k, "seed": seed}, patience=patience, k=k, seed=seed))

    def take(self, piece: NetworkPiece, answer: pipe.Message, block: bytes) -> None:
        """A network is done."""
        if "measured" in answer:
            self._add(Measured(**answer["measured"]))
        elif "failed" in answer:
            self.fail(piece, answer["failed"])

    def fail(self, piece: NetworkPiece, sentence: str) -> None:
        """A network without scores; the others stay."""
        self._add(Measured(piece.k, piece.seed, {}, sentence))

    def progress(self) -> FitProgress:
        """How many networks are done."""
        return FitProgress(len(self.networks), len(self.ks) * len(self.seeds), self.words, self.state)

    def found(self) -> tuple[Measured, ...]:
        """The networks that are done."""
        return tuple(self.networks[key] for key in sorted(self.networks))

    def _add(self, found: Measured) -> None:
        if self.state != "fitting":
            return
        self.networks[found.k, found.seed] = found
        self.words = f"K = {found.k}, seed {found.seed}"
        if len(self.networks) == len(self.ks) * len(self.seeds):
            self.state = "done"


def compared(experiment: Experiment) -> Experiment:
    """The experiment without what makes no difference here: two that are the same then ask for the same networks."""
    return experiment.replace(**LEFT_ALONE)


def measured_iterations(text: str) -> int:
    """The iterations that were typed; LiveError where that is no such number."""
    return _whole(text, "Iterations", limits.MEASURED_ITERATIONS)


def measured_seeds(text: str) -> int:
    """The number of seeds that was typed; LiveError where that is no such number."""
    return _whole(text, "Seeds", limits.MEASURED_SEEDS)


def start(experiment: Experiment, iterations: int, count: int) -> str:
    """Begin to measure with so many seeds, unless that is done or being done; the ticket by which to ask after it."""
    measured_iterations(str(iterations))
    measured_seeds(str(count))
    experiment = compared(experiment)
    said = json.dumps(["error by k", experiment.to_dict(), iterations, count])
    ticket = hashlib.sha256(said.encode()).hexdigest()
    queue = fits.queue()
    try:
        job = MeasuringJob(
            ticket=ticket,
            experiment=experiment,
            ks=ks(experiment),
            seeds=seeds(experiment, count),
            iterations=iterations,
            seconds=queue.settings.measure_seconds,
        )
    except ValueError as error:
        raise LiveError(str(error)) from None
    fits.ask(queue.submit(job))
    return ticket


def progress(ticket: str) -> FitProgress:
    """How far it is; asking also says that somebody still waits."""
    return fits.progress(ticket)


def result(ticket: str) -> tuple[Measured, ...]:
    """The networks that are done, by K and then by seed."""
    found: tuple[Measured, ...] = fits.ask(fits.queue().result(ticket))
    return found


def cancel(ticket: str) -> None:
    """Give it up for everybody who waits for it; `start` begins again."""
    fits.cancel(ticket)


def _whole(text: str, label: str, most: int) -> int:
    try:
        value = int(text.strip())
    except ValueError:
        value = 0
    if not 1 <= value <= most:
        raise LiveError(f"{label} must be a whole number from 1 to {most:,}, not {text.strip() or 'nothing'}.")
    return value
