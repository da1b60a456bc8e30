"""The error cliff, and two descents from one place of it: clipped and not.  Of the published network of one unit; see
`core.measures.error_cliff`.  Importing this needs no torch, and neither does running it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.experiment import number
from core.measures.error_cliff import CLIPPINGS, Descent, Surface, descend, surface
from core.studies.study import Progress, Refused

BOUNDS: dict[str, tuple[float, float]] = {
    "w": (-20, 20),
    "b": (-20, 20),
    "threshold": (1e-6, 1e6),
    "rate": (1e-6, 10),
    "steps": (1, 2000),
    "span": (0.05, 20),
}
POINTS = 141
"""Of the grid, along each side: 20,000 places, each of them 50 steps forward and 50 back."""


@dataclass(frozen=True, slots=True)
class Asked:
    """w, b: where both descents begin.   clipping: by "norm" or by "value", at the threshold.   rate: the learning rate.   steps: updates.
    span: the width and height of the part of the surface that is drawn, around the beginning.
    """

    w: float = 5.25
    b: float = -3.125
    clipping: str = "norm"
    threshold: float = 1.0
    rate: float = 0.5
    steps: int = 300
    span: float = 4.0

    def __post_init__(self) -> None:
        if self.clipping not in CLIPPINGS:
            raise Refused(f"Clipping is by {' or by '.join(CLIPPINGS)}, not by {self.clipping!r}.")
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                said = number(value, grouped=True) if math.isfinite(value) else value
                label = name if len(name) == 1 else name.capitalize()
                raise Refused(f"{label} must be a number from {number(least, grouped=True)} to {number(most, grouped=True)}, not {said}.")


@dataclass(frozen=True)
class Found:
    """clipping, threshold: of the clipped descent.   surface: where the descents begin.   clipped, unclipped: the descents."""

    clipping: str
    threshold: float
    surface: Surface
    unclipped: Descent
    clipped: Descent

    def to_frame(self) -> pd.DataFrame:
        """Tidy: both descents, a row a place."""
        frames = []
        for name, path in (("unclipped", self.unclipped), ("clipped", self.clipped)):
            columns: dict[str, Any] = {"w": path.w, "b": path.b, "loss": path.loss, "norm": path.norm}
            frames.append(pd.DataFrame({"descent": name, "update": range(len(path.w)), **columns}))
        return pd.concat(frames, ignore_index=True)

    def surface_frame(self) -> pd.DataFrame:
        """Tidy: the surface, a row a place."""
        drawn = self.surface
        b, w = np.meshgrid(drawn.b, drawn.w, indexing="ij")
        return pd.DataFrame({"w": w.ravel(), "b": b.ravel(), "loss": drawn.loss.ravel(), "norm": drawn.steepness.ravel()})


def study(_trainer: object, asked: Asked) -> Iterator[Progress[Found]]:
    """See `Found`; the learner's own network has no part in it."""
    yield Progress(0, 3, "the surface")
    half = asked.span / 2
    drawn = surface((asked.w - half, asked.w + half), (asked.b - half, asked.b + half), POINTS)
    yield Progress(1, 3, "without clipping")
    unclipped = descend(asked.w, asked.b, asked.rate, asked.steps)
    yield Progress(2, 3, "clipped")
    clipped = descend(asked.w, asked.b, asked.rate, asked.steps, asked.clipping, asked.threshold)
    yield Progress(3, 3, "", Found(asked.clipping, asked.threshold, drawn, unclipped, clipped))
