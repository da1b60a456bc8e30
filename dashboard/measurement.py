"""Measurement: what a page knows of the error against K of its experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.error_by_k import ks
from core.experiment import Experiment
from dashboard.live import measuring
from dashboard.live.measuring import FitProgress, LiveError, Measured


@dataclass
class Measurement:
    """The error against K of one experiment.

    asked: the experiment without its truncation; of another one there is nothing known.   ks: what is measured.
    found: the networks that are done.   problem: why there is nothing, or nothing more.
    """

    asked: Any = None
    ticket: str = ""
    ks: tuple[int, ...] = ()
    progress: FitProgress | None = None
    found: Sequence[Measured] = ()
    problem: str = ""

    @property
    def going_on(self) -> bool:
        """Whether more is to come."""
        return self.progress is not None and self.progress.state == "fitting"


def follow(held: Measurement, experiment: Experiment) -> None:
    """Forget what was measured of another experiment."""
    asked = measuring.compared(experiment).to_dict()
    if held.asked != asked:
        _forget(held)
        held.asked = asked


def unreadable(iterations: str, seeds: str) -> str:
    """What is wrong with what was typed, or ""."""
    try:
        measuring.measured_iterations(iterations)
        measuring.measured_seeds(seeds)
    except LiveError as error:
        return str(error)
    return ""


def begin(held: Measurement, experiment: Experiment, iterations: str, seeds: str) -> None:
    """Begin to measure.  iterations, seeds: as they were typed."""
    held.problem = ""
    try:
        ticket = measuring.start(experiment, measuring.measured_iterations(iterations), measuring.measured_seeds(seeds))
    except LiveError as error:
        held.problem = str(error)
        return
    held.ticket, held.ks, held.progress, held.found = ticket, ks(experiment), None, ()
    look(held)


def look(held: Measurement) -> None:
    """Take over what is done."""
    if not held.ticket or (held.progress is not None and not held.going_on):
        return
    try:
        held.progress = measuring.progress(held.ticket)
        held.found = measuring.result(held.ticket)
    except LiveError as error:
        held.problem, held.progress = str(error), None


def cancel(held: Measurement) -> None:
    """Give up what is not done."""
    try:
        measuring.cancel(held.ticket)
    except LiveError as error:
        held.problem = str(error)
    look(held)


def _forget(held: Measurement) -> None:
    held.ticket, held.ks, held.progress, held.found, held.problem = "", (), None, (), ""
