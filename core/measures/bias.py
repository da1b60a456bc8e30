"""Bias: how far a truncated gradient is from that of full BPTT.  Nothing here imports torch.

    error_K = |g_K - g| / |g|          cosine_K = <g_K, g> / (|g_K| |g|)

g: the gradient of full BPTT, g_K: the same under the sliding window TBPTT(1, K) or under chunks TBPTT(K, K); after Williams & Peng 1990,
"An efficient gradient-based algorithm for on-line training of recurrent network trajectories".  `core.measures.truncated` computes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.trace import Array
from core.truncation import TBPTT

SCHEMES = ("window", "chunk")
"""What cuts after K steps: TBPTT(1, K) and TBPTT(K, K)."""
DOUBLED = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""The K that are looked at where all of them would be too many."""


def truncation_of(scheme: str, k: int) -> TBPTT:
    """What a scheme of `SCHEMES` cuts at K."""
    return TBPTT(1, k) if scheme == "window" else TBPTT(k, k)


@dataclass(frozen=True)
class Bias:
    """The error of truncated gradients.

    ks: (n,) ascending; the last one is T, which cuts nothing.   weights: those that the recurrence has a part in, the readout is not.
    error, cosine: (schemes, n, weights + 1), schemes as in `SCHEMES`, the last column for all these weights as one vector; NaN where a
    gradient vanishes.
    """

    ks: tuple[int, ...]
    weights: tuple[str, ...]
    error: Array
    cosine: Array

    def total(self, scheme: str, weight: str = "") -> Array:
        """error of all weights together, or of one, (n,)."""
        found: Array = self.error[SCHEMES.index(scheme), :, self._column(weight)]
        return found

    def degrees(self, scheme: str, weight: str = "") -> Array:
        """The angle between truncated and full gradient, (n,), in degrees."""
        found: Array = np.degrees(np.arccos(np.clip(self.cosine[SCHEMES.index(scheme), :, self._column(weight)], -1, 1)))
        return found

    def _column(self, weight: str) -> int:
        return self.weights.index(weight) if weight else -1

    def enough(self, scheme: str, delta: float) -> int:
        """K(delta): the smallest K from which on the error stays at or below delta; Aicher, Foti & Fox 2019 ask for this K."""
        above = np.flatnonzero(~(self.total(scheme) <= delta))
        place = int(above[-1]) + 1 if len(above) else 0
        return self.ks[min(place, len(self.ks) - 1)]

    def at(self, scheme: str, k: int) -> tuple[float, float]:
        """(error, degrees) of the largest measured K that is at most k."""
        place = max(0, int(np.searchsorted(self.ks, k, side="right")) - 1)
        return float(self.total(scheme)[place]), float(self.degrees(scheme)[place])

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row for each scheme, K and weight ("all" together), with its error and cosine."""
        names = [*self.weights, "all"]
        index = pd.MultiIndex.from_product([SCHEMES, self.ks, names], names=["scheme", "k", "weight"])
        return pd.DataFrame({"error": self.error.ravel(), "cosine": self.cosine.ravel()}, index=index).reset_index()


def ks_of(steps: int, most: int = 64) -> tuple[int, ...]:
    """All K from 1 to T, or, where these are more than `most`, at most so many: 1 to 16, and from there on by equal factors up to T."""
    if steps <= most:
        return tuple(range(1, steps + 1))
    further = np.geomspace(16, steps, most - 15)
    return tuple(sorted({*range(1, 17), *(math.floor(k) for k in further[:-1]), steps}))
