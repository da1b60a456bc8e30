"""Truncated gradients of one pass for many K: what `core.measures.bias` compares.

All sliding windows come from one sweep with every loss kept apart: after K of its steps, the sums over losses are those of the window K.
Chunks lie side by side anyway, one backward pass over K steps for each K.  Both start from one forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from core import bptt, passes
from core.measures.bias import SCHEMES, Bias, ks_of
from core.model import SequenceModel
from core.passes import Pass
from core.tasks import Batch, Task
from core.truncation import TBPTT

UNTOUCHED = "readout."
"""What the names of weights begin with whose gradient no truncation touches."""


@torch.inference_mode()
def truncation_bias(model: SequenceModel, task: Task, batch: Batch, ks: Sequence[int] = ()) -> Bias:
    """The error of truncated gradients on a batch, with the weights as they are.

    ks: which K, ascending; by default all, or 64 of them (`ks_of`); T is always among them.
    """
    steps = len(batch.inputs)
    ks = tuple(sorted({*(k for k in ks if k < steps), steps})) if ks else ks_of(steps)
    full = passes.run(model, task, batch, TBPTT(steps, steps))
    names = _touched(full)
    exact = _flat(full, names)
    found = np.stack([np.stack([_compared(one, exact) for one in gradients(full, task, scheme, ks, names)]) for scheme in SCHEMES])
    return Bias(ks, names, found[..., 0], found[..., 1])


def gradients(full: Pass, task: Task, scheme: str, ks: Sequence[int], names: Sequence[str]) -> Iterator[list[Tensor]]:
    """The gradients of these weights under each K of a scheme, flattened; each is good until the next.

    full: an untruncated pass.  ks: ascending.
    """
    if full.paths:
        # Attention's own weights depend on the window, too: a whole pass for each K.
        for k in ks:
            yield _flat(passes.run(full.model, task, full.batch, TBPTT(1, k) if scheme == "window" else TBPTT(k, k)), names)
        return
    if scheme == "chunk":
        for k in ks:
            yield _of_stack(full, bptt.backward(full.unrolled, full.direct, TBPTT(k, k)), names)
        return
    sweep = bptt.Backward(full.unrolled, full.direct, TBPTT(1, len(full.direct)))
    done = 0
    for k in ks:
        for _ in range(done, k):
            sweep.step()
        done = k
        yield _of_stack(full, sweep.sums(), names)


def _touched(full: Pass) -> tuple[str, ...]:
    return tuple(factor.name for factor in full.factors if not factor.name.startswith(UNTOUCHED))


def _flat(seen: Pass, names: Sequence[str]) -> list[Tensor]:
    by_name = seen.gradient()
    return [by_name[name].flatten().clone() for name in names]


def _of_stack(full: Pass, errors: bptt.Errors, names: Sequence[str]) -> list[Tensor]:
    factors = full.model.factors(full.unrolled, errors, full.batch.inputs, full.d_outputs)
    weights = full.model.weights
    return [factor.gradient(torch.empty_like(weights[factor.name])).flatten() for factor in factors if factor.name in names]


def _compared(found: Sequence[Tensor], exact: Sequence[Tensor]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(weights + 1, 2): relative error and cosine, the last row for all as one vector."""
    squares = np.array(
        [[float(a @ a), float(b @ b), float(a @ b), float((a - b).square().sum())] for a, b in zip(found, exact, strict=True)]
    )
    squares = np.concatenate((squares, squares.sum(0, keepdims=True)))
    mine, true, product, difference = squares.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack((np.sqrt(difference / true), product / np.sqrt(mine * true)), 1)


@torch.inference_mode()
def own_bias(full: Pass, task: Task, truncation: TBPTT) -> tuple[float, float]:
    """The relative error and the angle in degrees of any truncated gradient, all weights but the readout's together.

    full: an untruncated pass.
    """
    names = _touched(full)
    cut = passes.run(full.model, task, full.batch, truncation)
    error, cosine = _compared(_flat(cut, names), _flat(full, names))[-1]
    return float(error), float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
