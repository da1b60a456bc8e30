"""Generators: series made from a formula, so that one knows what there is to find.

N points t = 0, 1, ..., season m, signals of about unit size; each adds normal noise of the experiment's standard deviation, drawn from
its seed.  InvalidExperiment for a season that is too short to be seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.experiment import Experiment, InvalidExperiment
from core.series.series import Array, Series

SEASON = 20
"""The season of a made series that asks for none."""

LOGISTIC = 3.9
"""r of the logistic map: chaos (May 1976, Simple mathematical models with very complicated dynamics, Nature 261)."""

Formula = Callable[[Array, int, np.random.Generator], Array]
"""t (N,), season, generator -> values (N,)."""


def made(name: str, formula: Formula, *, seasonal: bool = True) -> Callable[[Experiment], Series]:
    """What makes the series of a formula for an experiment."""

    def build(experiment: Experiment) -> Series:
        if seasonal and experiment.season == 1:
            raise InvalidExperiment({"season": f"A made series needs a season of at least 2 steps, or 0 for {SEASON}."})
        generator = np.random.default_rng(experiment.seed)
        season = experiment.season or SEASON
        values = formula(np.arange(experiment.points, dtype=np.float64), season, generator)
        values = values + experiment.noise * generator.standard_normal(experiment.points)
        return Series(
            name,
            values[:, None],
            tuple(str(t + 1) for t in range(experiment.points)),
            ("value",),
            season if seasonal else 1,
            "Made by this program from a formula and the seed.",
            "Free of any right.",
        )

    return build


def sine(t: Array, m: int, _: np.random.Generator) -> Array:
    """sin(2 pi t / m) + sin(2 pi t / 2.5 m) / 2: five short waves meet two long ones."""
    wave: Array = np.sin(2 * np.pi * t / m) + np.sin(2 * np.pi * t / (2.5 * m)) / 2
    return wave


def sawtooth(t: Array, m: int, _: np.random.Generator) -> Array:
    """From -1 straight up, and back at once after m steps."""
    return 2 * (t % m) / max(m - 1, 1) - 1


def damped(t: Array, m: int, _: np.random.Generator) -> Array:
    """exp(-2 t / N) cos(2 pi t / m): an oscillation that dies away."""
    wave: Array = np.exp(-2 * t / len(t)) * np.cos(2 * np.pi * t / m)
    return wave


def logistic(t: Array, _: int, generator: np.random.Generator) -> Array:
    """x -> r x (1 - x), from a start that the seed draws."""
    x = np.empty(len(t))
    x[0] = generator.uniform(0.1, 0.9)
    for step in range(1, len(t)):
        x[step] = LOGISTIC * x[step - 1] * (1 - x[step - 1])
    return x


def trend(t: Array, m: int, _: np.random.Generator) -> Array:
    """3 t / N + sin(2 pi t / m): a season on a slope."""
    wave: Array = 3 * t / len(t) + np.sin(2 * np.pi * t / m)
    return wave
