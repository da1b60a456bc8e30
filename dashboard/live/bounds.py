"""Bounds that depend on the task, and not on a field alone."""

from __future__ import annotations

from core.catalogue import Catalogue
from core.experiment import SPECS, Experiment

WINDOW_FIELDS = ("k", "k1", "k2")


def window_problems(experiment: Experiment, steps: int, catalogue: Catalogue) -> dict[str, str]:
    """Field -> sentence, where a window is longer than the longest sentence with its so many steps.

    The engine allows it (such a window cuts nothing), but on the page it is a slip: nothing would change beyond this K.
    """
    problems = {}
    for field in WINDOW_FIELDS:
        value = getattr(experiment, field)
        if value > steps and catalogue.matters(experiment, field):
            label = SPECS[field].label
            problems[field] = f"{label} is {value}, but the longest sentence has {steps} steps: choose 1 to {steps}, or full."
    return problems
