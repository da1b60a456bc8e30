"""Scoreboard: every score of a forecast on validation and on test, and which of several forecasts is best.  Nothing here imports torch.

N points of the series, n of them after the training part, D columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.forecast import Forecast
from core.scores import SCORES, coverage
from core.series import Split

Array = np.ndarray[Any, Any]

Board = Mapping[str, Mapping[str, float]]
"""Part ("validation", "test") -> name of a score -> the score; NaN where it cannot be had."""

PARTS = ("validation", "test")


def score(values: Array, parts: Split, period: int, forecast: Forecast) -> dict[str, dict[str, float]]:
    """The scores of one forecast of a series, values (N, D).  A part without points is left out."""
    train, first = values[parts.train], parts.train.stop
    board: dict[str, dict[str, float]] = {}
    for part in PARTS:
        where: slice = getattr(parts, part)
        if where.stop > where.start:
            said = forecast.values[where.start - first : where.stop - first]
            board[part] = {name: _score(name, values[where], said, train, period) for name in SCORES}
    return board


def covered(values: Array, parts: Split, forecast: Forecast) -> dict[str, float]:
    """Part -> the share of its true values inside the forecast's intervals; nothing for a forecast that has none.  values (N, D)."""
    if forecast.lower is None or forecast.upper is None:
        return {}
    first = parts.train.stop
    shares = {}
    for part in PARTS:
        where: slice = getattr(parts, part)
        said = slice(where.start - first, where.stop - first)
        if where.stop > where.start:
            shares[part] = coverage(values[where], forecast.lower[said], forecast.upper[said])
    return shares


def _score(name: str, actual: Array, said: Array, train: Array, period: int) -> float:
    if not np.isfinite(said).all():
        return math.nan
    if not 1 <= period < len(train):
        period = 1
    return SCORES[name].of(actual, said, train, period)


def best(boards: Mapping[str, Board], part: str, name: str) -> frozenset[str]:
    """Whose score is the smallest to four digits, among those that have one; several share a place that numbers cannot tell apart."""
    found = {who: board[part][name] for who, board in boards.items() if part in board and math.isfinite(board[part][name])}
    if not found:
        return frozenset()
    least = min(found.values())
    return frozenset(who for who, value in found.items() if value <= least * (1 + 1e-4))
