"""Truncated gradients of one pass for many K: what `core.measures.bias` compares.

All come from one forward pass and a sweep with every loss kept apart.  After K of its steps, the sums over losses are those of the sliding
window K.  A chunk of K steps keeps at step t (from 0) the lags below K - t mod K: its sums are picked from those of all windows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from core import bptt, passes
from core.measures.bias import SCHEMES, Bias, ks_of, truncation_of
from core.model import SequenceModel, state_weights
from core.passes import Pass
from core.tasks import Batch, Task
from core.trace import Array
from core.truncation import TBPTT
from core.vector_norms import largest

HELD = 2**25
"""Numbers that may be held at a time."""


@torch.inference_mode()
def truncation_bias(model: SequenceModel, task: Task, batch: Batch, ks: Sequence[int] = ()) -> Bias:
    """The error of truncated gradients on a batch, with the weights as they are.

    ks: which K, ascending; by default all, or 64 of them (`ks_of`); T is always among them.
    """
    steps = len(batch.inputs)
    ks = tuple(sorted({*(k for k in ks if k < steps), steps})) if ks else ks_of(steps)
    full = passes.run(model, task, batch, TBPTT(steps, steps))
    names = tuple(state_weights(factor.name for factor in full.factors))
    exact = _flat(full, names)
    found = np.stack([np.concatenate([*_compared(gradients(full, task, scheme, ks, names), exact)]) for scheme in SCHEMES])
    return Bias(ks, names, found[..., 0], found[..., 1])


def gradients(full: Pass, task: Task, scheme: str, ks: Sequence[int], names: Sequence[str]) -> Iterator[list[Tensor]]:
    """The gradients of these weights under each K of a scheme, flattened; each is good until the next.

    full: an untruncated pass.  ks: ascending.
    """
    if full.paths:
        # What attention lets through depends on the window, too: a whole pass for each K.
        for k in ks:
            yield _flat(passes.run(full.model, task, full.batch, truncation_of(scheme, k)), names)
        return
    for errors in (_windows if scheme == "window" else _chunks)(full, ks):
        yield _of_stack(full, errors, names)


def _windows(full: Pass, ks: Sequence[int]) -> Iterator[bptt.Errors]:
    """The errors under the sliding window of each K."""
    sweep = bptt.Backward(full.unrolled, full.direct, TBPTT(1, len(full.direct)))
    done = 0
    for k in ks:
        for _ in range(done, k):
            sweep.step()
        done = k
        yield sweep.sums()


def _chunks(full: Pass, ks: Sequence[int]) -> Iterator[bptt.Errors]:
    """The errors under chunks of each K: picked from the windows' where those can be held, otherwise by a pass for each K."""
    unrolled, direct = full.unrolled, full.direct
    steps, kinds = len(direct), len(unrolled.cell.states)
    if len(unrolled.layers) * kinds * steps * direct.numel() > HELD:
        for k in ks:
            yield bptt.backward(unrolled, direct, TBPTT(k, k))
        return
    sweep = bptt.Backward(unrolled, direct, TBPTT(1, steps))
    dh, dc = ([error.new_empty(steps, *error.shape) for error in errors] for errors in sweep.arrived())
    for lag in range(steps):
        sweep.step()
        for kept, errors in zip((dh, dc), sweep.arrived(), strict=True):
            for layer, error in zip(kept, errors, strict=True):
                layer[lag] = error
    slopes = unrolled.slope_room()
    unrolled.slopes(slopes)
    step = torch.arange(steps)
    for k in ks:
        lags = (k - 1 - step % k).clamp_max(steps - 1)
        yield bptt.gate_errors(unrolled, slopes, [layer[lags, step] for layer in dh], [layer[lags, step] for layer in dc])


def _flat(seen: Pass, names: Sequence[str]) -> list[Tensor]:
    by_name = seen.gradient()
    return [by_name[name].flatten().clone() for name in names]


def _of_stack(full: Pass, errors: bptt.Errors, names: Sequence[str]) -> list[Tensor]:
    factors = full.model.factors(full.unrolled, errors, full.batch.inputs, full.d_outputs)
    weights = full.model.weights
    return [factor.gradient(torch.empty_like(weights[factor.name])).flatten() for factor in factors if factor.name in names]


def _compared(found: Iterator[list[Tensor]], exact: Sequence[Tensor]) -> Iterator[Array]:
    """(some Ks, weights + 1, 2): relative error and cosine, the last row of each K for all weights as one vector.

    In units of the largest entry: squares of what a type still holds may leave its range.
    """
    sizes = [len(one) for one in exact]
    together = max(1, HELD // (8 * sum(sizes)))
    whole = torch.cat(list(exact))
    if 0 < (unit := largest([whole])) < torch.inf:
        whole = whole / unit
    else:
        unit = 1.0
    while some := list(itertools.islice((torch.cat(one) for one in found), together)):
        mine = torch.stack(some).div_(unit)
        products = (mine * mine, mine * whole, (mine - whole).square_(), (whole * whole).expand_as(mine))
        by_weight = [torch.stack([piece.sum(1) for piece in product.split(sizes, 1)], 1) for product in products]
        squares, product, difference, true = (torch.cat((one, one.sum(1, keepdim=True)), 1).double() for one in by_weight)
        yield torch.stack(((difference / true).sqrt(), product / (squares * true).sqrt()), -1).numpy()


@torch.inference_mode()
def own_bias(full: Pass, task: Task, truncation: TBPTT) -> tuple[float, float]:
    """The relative error and the angle in degrees of any truncated gradient, all weights of the states together.

    full: an untruncated pass.
    """
    names = tuple(state_weights(factor.name for factor in full.factors))
    cut = passes.run(full.model, task, full.batch, truncation)
    error, cosine = next(_compared(iter([_flat(cut, names)]), _flat(full, names)))[0, -1]
    return float(error), float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
