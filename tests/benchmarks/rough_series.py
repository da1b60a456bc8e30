"""Series to fit, as many as there are seeds."""

from __future__ import annotations

import numpy as np


def series(points: int, season: int, seed: int) -> np.ndarray:
    """A random walk with a season and noise, (points, 1)."""
    draw = np.random.default_rng(seed)
    steps = np.arange(points)
    walk = np.cumsum(draw.normal(size=points))
    return (100 + 0.3 * walk + 5 * np.sin(2 * np.pi * steps / season) + draw.normal(size=points))[:, None]
