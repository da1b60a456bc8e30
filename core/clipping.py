"""Clipping: what is done to a gradient before the update (Pascanu, Mikolov & Bengio 2013; by value: Graves 2013)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.vector_norms import length


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What clipping did to one gradient.

    norm_before, norm_after: Euclidean norm over all weights.
    factor: what every entry was multiplied by (by norm); 1 when nothing was scaled.
    share_clipped: share of the entries that were cut to the threshold (by value), 0 to 1.
    """

    norm_before: float
    norm_after: float
    factor: float = 1.0
    share_clipped: float = 0.0

    @property
    def clipped(self) -> bool:
        """Whether the gradient was changed."""
        return self.factor < 1.0 or self.share_clipped > 0.0


def clip_off(gradient: Tensor, _threshold: float) -> ClipReport:
    """Measure the gradient, (P,), and leave it alone."""
    norm = length(gradient)
    return ClipReport(norm, norm)


def clip_by_norm(gradient: Tensor, threshold: float) -> ClipReport:
    """Scale the gradient, (P,), in place by min(1, threshold / |g|); at or below the threshold not a bit of it changes."""
    norm = length(gradient)
    if not norm > threshold:
        return ClipReport(norm, norm)
    factor = threshold / norm
    gradient.mul_(factor)
    return ClipReport(norm, norm * factor, factor=factor)


def clip_by_value(gradient: Tensor, threshold: float) -> ClipReport:
    """Cut each entry of the gradient, (P,), in place to [-threshold, threshold]; this can turn its direction."""
    norm = length(gradient)
    outside = int(torch.count_nonzero(gradient.abs() > threshold))
    if not outside:
        return ClipReport(norm, norm)
    gradient.clamp_(-threshold, threshold)
    return ClipReport(norm, length(gradient), share_clipped=outside / gradient.numel())


@dataclass(frozen=True, slots=True)
class Clip:
    """One way to clip."""

    label: str
    help: str
    options: tuple[str, ...]
    apply: Callable[[Tensor, float], ClipReport]


CLIPS: dict[str, Clip] = {
    "off": Clip("Off", "The gradient goes into the update as it is.", (), clip_off),
    "norm": Clip(
        "By norm", "A gradient longer than the threshold is scaled down to it; its direction stays.", ("threshold",), clip_by_norm
    ),
    "value": Clip("By value", "Each entry beyond the threshold is cut to it; the direction can turn.", ("threshold",), clip_by_value),
}
