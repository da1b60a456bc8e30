"""From a Pass to a Trace: what was computed, as named arrays, with the books checked on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from core import bptt, limits
from core.passes import Pass
from core.shares import Shares, shares
from core.tasks import Task
from core.trace import PARTS, Array, Axis, Trace


@torch.inference_mode()
def observe(
    seen: Pass,
    gradient: Mapping[str, Tensor],
    axes: Sequence[Axis],
    rows: slice,
    task: Task,
    *,
    iteration: int,
    in_batch: bool = True,
    first: int = 0,
    sweep: bptt.LagSweep | None = None,
) -> Trace:
    """The Trace of some sequences of a pass.

    gradient: of each weight, before clipping.  axes: of the observed sequences, which are the batch's `rows`.  task: theirs.
    first: the step, from 0, of the pass's first step; where a pass covers only a block of the sequence, the other steps are NaN.
    sweep: of the lag matrix, with room that was kept.
    """
    part = seen.unrolled.section(rows=rows)
    direct = seen.direct[:, rows]
    cell = seen.unrolled.cell
    real = seen.batch.mask[:, rows].numpy()
    with_loss = seen.batch.with_loss[:, rows].numpy()
    steps = max(first + len(real), *(len(axis.inputs) for axis in axes))
    place = slice(first, first + len(real))

    def whole(value: Tensor | Array, *positions: int) -> Array:
        """Put the pass's steps at their place in the sequence along the axes at `positions`; absent steps are NaN."""
        array = value.numpy() if isinstance(value, Tensor) else value
        if steps == len(real):
            return array.copy()
        shape = [steps if position in positions else size for position, size in enumerate(array.shape)]
        out = np.zeros(shape, bool) if array.dtype == bool else np.full(shape, np.nan, array.dtype)
        out[tuple(place if position in positions else slice(None) for position in range(array.ndim))] = array
        return out

    def hide(array: Array, step: int, sequence: int, there: Array) -> Array:
        if not there.all():
            moved = np.moveaxis(array, (step, sequence), (0, 1))
            moved[place][~there] = np.nan
        return array

    def hide_padding(array: Array, step: int, sequence: int) -> Array:
        return hide(array, step, sequence, real)

    def stacked(layers: Sequence[Tensor]) -> Array:
        """(T, B, H) a layer -> (L, T, B, H)."""
        return hide_padding(whole(torch.stack(list(layers)), 1), 1, 2)

    def by_gate(layers: Sequence[Tensor]) -> Array:
        """(T, B, G, H) a layer -> (L, G, T, B, H)."""
        return hide_padding(whole(torch.stack(list(layers)).movedim(-2, 1), 2), 2, 3)

    parts = bptt.direct_parts(part, direct)
    reach = seen.truncation.within(len(real)).reach(len(real))
    total = [dh[:, rows] for dh in seen.errors.dh]
    truncated = (reach != np.tri(len(real), dtype=bool)).any()
    untruncated = bptt.backward(part, direct).dh if truncated else total
    by_part = torch.stack([torch.stack((dh, own, dh - own, full)) for dh, own, full in zip(total, parts, untruncated, strict=True)])
    values: dict[str, Array] = {name: stacked([tape[name][1:] for tape in part.tapes]) for name in cell.states}
    if cell.gated:
        values["gate"] = by_gate([tape["a"].unflatten(-1, (len(cell.gates), -1)) for tape in part.tapes])
    values["dh"] = hide_padding(whole(by_part, 2), 2, 3)
    if seen.errors.dc:
        values["dc"] = stacked([dc[:, rows] for dc in seen.errors.dc])
    values["da"] = by_gate([da[:, rows] for da in seen.errors.da])
    values["loss"] = hide(whole(seen.losses[:, rows], 0), 0, 1, with_loss)
    for name, value in task.shown(seen.outputs[:, rows], seen.batch.targets[:, rows]).items():
        values[name] = hide_padding(whole(value, 0), 0, 1)

    by_weight = shares(seen.factors, list(gradient.values()))
    values["share_projection"] = whole(by_weight.projections, 1)
    values["share_norm"] = whole(by_weight.norms, 1)
    values["gradient_norm"] = by_weight.gradient_norms.numpy().copy()
    books = {"shares": _share_error(by_weight)}

    values["reach"] = whole(reach, 0, 1)
    swept, books["lag matrix"], books["direct"] = _lag(sweep or bptt.LagSweep(), part, direct, reach, total, parts)
    for name, matrices in (("lag_h", swept.h), ("lag_c", swept.c)):
        if matrices:
            values[name] = hide_padding(hide(whole(torch.stack(matrices), 1, 2), 1, 3, with_loss), 2, 3)
    labels = {"gate": cell.gates, "part": PARTS, "weight": by_weight.names, **task.coordinates}
    return Trace(iteration, tuple(axes), labels, values, in_batch, books)


def _lag(
    sweep: bptt.LagSweep, part: bptt.Unrolled, direct: Tensor, reach: Array, total: Sequence[Tensor], parts: Sequence[Tensor]
) -> tuple[bptt.LagMatrix, float, float]:
    """The lag matrix of the last steps, and how well its kept cells add up to dL/dh and its diagonal is the direct part."""
    first = max(0, part.steps - limits.LAG_STEPS)
    late = slice(first, None)
    matrix = sweep(part.section(late), direct[late], reach[late, late])
    difference = _relative([kept - dh[late] for kept, dh in zip(matrix.kept_h, total, strict=True)], total)
    own = [own[late].norm(dim=-1) for own in parts]
    diagonal = _relative([h.diagonal().T - norm for h, norm in zip(matrix.h, own, strict=True)], own)
    if first:
        matrix = bptt.LagMatrix(tuple(_at_the_end(h, part.steps) for h in matrix.h), tuple(_at_the_end(c, part.steps) for c in matrix.c))
    return matrix, difference, diagonal


def _at_the_end(matrix: Tensor, steps: int) -> Tensor:
    out = matrix.new_full((steps, steps, *matrix.shape[2:]), float("nan"))
    out[-len(matrix) :, -len(matrix) :] = matrix
    return out


def _share_error(by_weight: Shares) -> float:
    return _relative([by_weight.projections.sum(1) - by_weight.gradient_norms], [by_weight.gradient_norms])


def _relative(differences: Sequence[Tensor], wholes: Sequence[Tensor]) -> float:
    """The largest difference against the largest entry; 0 when both vanish."""
    difference = max(float(d.abs().max()) for d in differences)
    whole = max(float(w.abs().max()) for w in wholes)
    return difference / whole if whole else difference
