"""Bounds that depend on the task, and not on a field alone."""

from __future__ import annotations

from core.catalogue import Catalogue
from core.experiment import SPECS, Experiment

WINDOW_FIELDS = ("k", "k1", "k2")

LONGEST = {"sentences": "the longest sentence", "series": "a window of the series"}
"""What has the most steps, where a task has a word of its own for it."""


def window_problems(experiment: Experiment, steps: int, catalogue: Catalogue) -> dict[str, str]:
    """Field -> sentence, where a window of the truncation is longer than the longest sequence with its so many steps.

    The engine allows it (such a window cuts nothing), but on the page it is a slip: nothing would change beyond this K.
    """
    problems = {}
    for field in WINDOW_FIELDS:
        value = getattr(experiment, field)
        if value > steps and catalogue.matters(experiment, field):
            label = SPECS[field].label
            longest = LONGEST.get(experiment.task, "the longest sequence")
            problems[field] = f"{label} is {value}, but {longest} has {steps} steps: choose 1 to {steps}, or full."
    return problems


def work(steps: int, rows: int, weights: int) -> float:
    """Multiplications of one pictured iteration, roughly.

    Each weight is used at every step of every row, forwards and twice backwards, and once for every cell of the lag matrix.
    """
    return float(weights) * (3 * steps * rows + steps * steps / 2)


def work_problems(needed: float, allowed: float) -> dict[str, str]:
    """Field -> sentence, where one iteration would keep the trainers from everybody else for too long."""
    if needed <= allowed:
        return {}
    return {
        "hidden": f"An iteration of this network over all that it reads takes {needed / 1e9:,.0f} billion multiplications; at most "
        f"{allowed / 1e9:,.0f} billion are done here: use fewer hidden units or layers, or less and shorter to read."
    }


def held_problems(held: float, allowed: float) -> dict[str, str]:
    """Field -> sentence, where a run would take the memory that others need, for as long as it exists."""
    if held <= allowed:
        return {}
    return {
        "hidden": f"This network would hold about {held / 1e9:,.1f} GB for all that it reads at a time; at most {allowed / 1e9:,.1f} GB "
        "are given here: use fewer hidden units or layers, or fewer and shorter sequences at a time."
    }
