"""Saturation: the share of units whose value lies so near a bound of its range that hardly any error passes.

A tanh at |h| = 0.97 has the slope 1 - h^2 = 0.06, a sigmoid at 0.03 or 0.97 the slope 0.03.  A relu has no bound, but it is off at 0,
where nothing passes at all (Pascanu, Mikolov & Bengio 2013, section 2; Glorot & Bengio 2010 for the measure).  Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from core.bptt import Unrolled

NEAR = 0.03
"""How near a bound counts as saturated."""


@dataclass(frozen=True, slots=True)
class Saturated:
    """Of one value of a layer (a gate, or "h"), shares of its numbers over steps, sequences and units.

    low, high: within `NEAR` of the lower and of the upper bound; NaN where there is none.
    off: exactly 0, of a value without bounds (relu); NaN for others.
    """

    name: str
    low: float
    high: float
    off: float


def saturation(unrolled: Unrolled, layer: int = -1) -> tuple[Saturated, ...]:
    """What is saturated in a layer, real steps only: each gate if the cell has any, and h."""
    cell, tape = unrolled.cell, unrolled.tapes[layer]
    gates = dict(zip(cell.gates, tape["a"].chunk(len(cell.gates), -1), strict=True)) if cell.gated else {}
    found = []
    for name, values in (gates | {"h": tape["h"][1:]}).items():
        there = values if unrolled.mask is None else values[unrolled.mask]
        bounds = cell.bounds.get(name)
        if bounds is None:
            found.append(Saturated(name, float("nan"), float("nan"), _share(there == 0)))
        else:
            low, high = bounds
            found.append(Saturated(name, _share(there < low + NEAR), _share(there > high - NEAR), float("nan")))
    return tuple(found)


def _share(held: Tensor) -> float:
    return float(held.double().mean())
