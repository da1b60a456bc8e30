"""Norms that hold where squares do not: below 1e-162 a float64 has a square of 0, beyond 1e154 one that is infinite.

A float32 leaves the range of its squares far earlier, at 1e-23 and 1e19; its norms are taken in float64.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

LOUD = {torch.float64: 1e100, torch.float32: 1e15}
"""Norms below this, and above its inverse, are exact where squares are taken in this type."""


def plain(found: Tensor, squared: torch.dtype = torch.float64) -> bool:
    """Whether norms (of any shape) that were found by squaring can be trusted: there is one, and none is faint or loud.

    squared: the type in which squares were taken.  NaN and 0 say nothing.
    """
    least, most = (value.item() for value in torch.aminmax(found))
    if not least > 0:
        known = found[found > 0]
        if not len(known):
            return False
        least, most = (value.item() for value in torch.aminmax(known))
    return 1 / LOUD[squared] < least and most < LOUD[squared]


def norms(vectors: Tensor) -> Tensor:
    """|v| of vectors v (..., H) as float64, (...): scaled by the largest entry, down to the smallest number that the entries hold."""
    wide = vectors.double()
    largest = wide.abs().amax(-1, keepdim=True)
    unit = torch.where((largest > 0) & largest.isfinite(), largest, 1.0)
    found: Tensor = torch.linalg.vector_norm(wide / unit, dim=-1).mul_(unit[..., 0])
    return found


def length(vector: Tensor) -> float:
    """|v| of one vector, (P,); inf or NaN only where an entry is."""
    found = torch.linalg.vector_norm(vector, dtype=torch.float64).item()
    return found if 1 / LOUD[torch.float64] < found < LOUD[torch.float64] else norms(vector).item()


def largest(tensors: Iterable[Tensor]) -> float:
    """The largest entry of all by its size; NaN where one of them is (which Python's `max` may pass over)."""
    return float(torch.stack([tensor.abs().amax() for tensor in tensors]).max())
