"""Spikes: which sequences, steps and weights carried a long gradient.

As every share (`core.shares`), the part of sequence b at step t counts as its signed projection on the whole gradient,
<share_tb, g>/|g| with all weights together: over all sequences and steps these add up to |g|.  The squares of the weights' own gradients
add up to |g|^2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.shares import Factors


@dataclass(frozen=True)
class Carried:
    """parts: (T, B), whose sum is |g|.   of_weights: |g_w|^2 / |g|^2 by weight, whose sum is 1."""

    parts: Tensor
    of_weights: dict[str, float]


@torch.inference_mode()
def carried(factors: Sequence[Factors], gradients: Sequence[Tensor]) -> Carried:
    """Of a pass's factors and the gradients (before clipping) that they make.

    Where some weights also have errors of steps before the pass, T counts these too, in front.
    """
    squares = [float(g.double().square().sum()) for g in gradients]
    whole = sum(squares)
    rows = [_products(factor, g) for factor, g in zip(factors, gradients, strict=True)]
    parts = rows[0].new_zeros(max(len(row) for row in rows), rows[0].shape[1], dtype=torch.float64)
    for row in rows:
        parts[len(parts) - len(row) :] += row
    # Of a gradient that vanishes, every part is 0.
    size = whole or 1.0
    return Carried(parts / size**0.5, {factor.name: square / size for factor, square in zip(factors, squares, strict=True)})


def _products(factor: Factors, g: Tensor) -> Tensor:
    """<share_tb, g>, (T, B), for g in the shape of the weight."""
    errors, inputs = factor.errors, factor.inputs
    if inputs is None:
        return errors @ g.flatten()
    if inputs.is_floating_point():
        return (errors @ g * inputs).sum(-1)
    return (g[inputs] * errors).sum(-1)
