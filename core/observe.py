"""From a Pass to a Trace: what was computed, as named arrays, with the books checked on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from core import bptt, limits
from core.attention import Paths
from core.lag_matrix import LagMatrix, LagSweep
from core.passes import Pass
from core.shares import Shares, shares
from core.trace import ATTENDED_PARTS, Array, Axis, Trace
from core.truncation import TBPTT
from core.vector_norms import largest, norms, plain


class Shows(Protocol):
    """What is asked of a task: what a Trace shows of outputs, and the labels of the axes that this adds; see `core.tasks.Task`."""

    @property
    def coordinates(self) -> Mapping[str, tuple[str, ...]]:
        """Axis -> labels."""

    def shown(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Array]:
        """Quantity -> array."""


@torch.inference_mode()
def observe(
    seen: Pass,
    gradient: Mapping[str, Tensor],
    axes: Sequence[Axis],
    rows: slice,
    task: Shows,
    *,
    iteration: int,
    in_batch: bool = True,
    first: int = 0,
    sweep: LagSweep | None = None,
    whole: bool = True,
) -> Trace:
    """The Trace of some sequences of a pass.

    gradient: of each weight, before clipping.  axes: of the observed sequences, which are the batch's `rows`.  task: theirs.
    first: the step, from 0, of the pass's first step; where a pass covers only a block of the sequence, the other steps are NaN.
    sweep: of the lag matrix, with room that was kept.
    whole: whether it has `core.trace.REST`, too, which takes a quarter to two fifths of the time, and the book of the shares.
    """
    part = seen.unrolled.section(rows=rows)
    direct = seen.direct[:, rows]
    paths = seen.paths and seen.paths.section(rows=rows)
    beyond = seen.beyond and [{name: error[rows] for name, error in errors.items()} for errors in seen.beyond]
    cell = seen.unrolled.cell
    real = seen.batch.mask[:, rows].numpy()
    with_loss = seen.batch.with_loss[:, rows].numpy()
    steps = max(first + len(real), *(len(axis.inputs) for axis in axes))
    place = slice(first, first + len(real))

    def put(value: Tensor | Array, *positions: int) -> Array:
        """Put the pass's steps at their place in the sequence along the axes at `positions`; absent steps are NaN."""
        return spread(value, dict.fromkeys(positions, place))

    def spread(value: Tensor | Array, places: Mapping[int, slice]) -> Array:
        """The same, each axis at a place of its own."""
        array = value.numpy() if isinstance(value, Tensor) else value
        if steps == len(real):
            return array.copy()
        shape = [steps if position in places else size for position, size in enumerate(array.shape)]
        out = np.zeros(shape, bool) if array.dtype == bool else np.full(shape, np.nan, array.dtype)
        out[tuple(places.get(position, slice(None)) for position in range(array.ndim))] = array
        return out

    hide = partial(_hide, place)
    hide_padding = partial(hide, there=real)

    def stacked(layers: Sequence[Tensor]) -> Array:
        """(T, B, H) a layer -> (L, T, B, H)."""
        return hide_padding(put(torch.stack(list(layers)), 1), 1, 2)

    def by_gate(layers: Sequence[Tensor]) -> Array:
        """(T, B, G, H) a layer -> (L, G, T, B, H)."""
        return hide_padding(put(torch.stack(list(layers)).movedim(-2, 1), 2), 2, 3)

    parts = bptt.direct_parts(part, direct, beyond)
    windows = seen.truncation.within(len(real))
    reach = windows.reach(len(real))
    total = [dh[:, rows] for dh in seen.errors.dh]
    states = cell.states if whole else cell.states[:1]
    values: dict[str, Array] = {name: stacked([tape[name][1:] for tape in part.tapes]) for name in states}
    if cell.gated:
        values["gate"] = by_gate([tape["a"].unflatten(-1, (len(cell.gates), -1)) for tape in part.tapes])
    along = _along(part, direct, windows, paths)
    # dL/dh under full BPTT is the total where the truncation cuts nothing.
    full = bptt.backward(part, direct, paths=paths, beyond=beyond).dh if windows.cuts(len(real)) else total
    values["dh"] = hide_padding(put(_by_part(total, parts, full, along), 2), 2, 3)
    values["loss"] = hide(put(seen.losses[:, rows], 0), 0, 1, with_loss)
    for name, value in task.shown(seen.outputs[:, rows], seen.batch.targets[:, rows]).items():
        values[name] = hide_padding(put(value, 0), 0, 1)

    books = {}
    if whole:
        if seen.errors.dc:
            values["dc"] = stacked([dc[:, rows] for dc in seen.errors.dc])
        values["da"] = by_gate([da[:, rows] for da in seen.errors.da])
        by_weight = shares(seen.factors, list(gradient.values()))
        # Attention's weights also have shares of the steps before the pass.
        shared = slice(place.stop - by_weight.norms.shape[1], place.stop)
        values["share_projection"] = spread(by_weight.projections, {1: shared})
        values["share_norm"] = spread(by_weight.norms, {1: shared})
        values["gradient_norm"] = by_weight.gradient_norms.numpy().copy()
        books["shares"] = _share_error(by_weight)

    values["reach"] = put(reach, 0, 1)
    last = int(np.flatnonzero(real.any(1)).max(initial=0)) + 1
    swept, books["lag matrix"], books["direct"] = _lag(
        sweep or LagSweep(), part, direct, reach, total, parts, paths, beyond, last, with_c=whole
    )
    for name, matrices in swept.named().items():
        values[name] = hide_padding(hide(put(torch.stack(matrices), 1, 2), 1, 3, with_loss), 2, 3)
    if paths:
        attended = slice(place.stop - len(paths.attended.h), place.stop)
        values["attention"] = hide_padding(spread(_attention(paths), {1: place, 2: attended}), 1, 3)
    kinds = ATTENDED_PARTS[: values["dh"].shape[1]]
    labels = {"gate": cell.gates, "part": kinds, "weight": tuple(gradient), **task.coordinates}
    return Trace(iteration, tuple(axes), labels, values, in_batch, books)


def _hide(place: slice, array: Array, step: int, sequence: int, there: Array) -> Array:
    """NaN, of the steps at `place`, at those that are not there; `step` and `sequence` are axes."""
    if not there.all():
        moved = np.moveaxis(array, (step, sequence), (0, 1))
        moved[place][~there] = np.nan
    return array


def _lag(
    sweep: LagSweep,
    part: bptt.Unrolled,
    direct: Tensor,
    reach: Array,
    total: Sequence[Tensor],
    parts: Sequence[Tensor],
    paths: Paths | None,
    beyond: bptt.State | None,
    last: int,
    *,
    with_c: bool,
) -> tuple[LagMatrix, float, float]:
    """The lag matrix of the last steps, and how well its kept cells add up to dL/dh and its diagonal is the direct part.

    last: how many steps there are before nothing but padding.
    """
    most = limits.ATTENDED_LAG_STEPS if paths else limits.LAG_STEPS
    late, swept, along = slice(0, part.steps), part, paths
    if part.steps > most:
        late = slice(max(0, last - most), last)
        swept, along = part.section(late), paths and paths.section(late)
    matrix = sweep(swept, direct[late], reach[late, late], along, beyond, with_c=with_c)
    difference = _relative([kept - dh[late] for kept, dh in zip(matrix.kept_h, total, strict=True)], total)
    own = [_norms(own[late]) for own in parts]
    diagonal = _relative([h.diagonal().T - norm for h, norm in zip(matrix.h, own, strict=True)], own)
    if len(matrix.h[0]) < part.steps:
        kinds = (matrix.h, matrix.c, (), (), matrix.attention, matrix.recurrence)
        matrix = LagMatrix(*(tuple(_at(late, norms, part.steps) for norms in kind) for kind in kinds))
    return matrix, difference, diagonal


def _along(part: bptt.Unrolled, direct: Tensor, windows: TBPTT, paths: Paths | None) -> tuple[Tensor, ...]:
    """The part of dL/dh that comes along attention from later steps, (T, B, H) a layer; nothing without attention."""
    return bptt.direct_parts(part, paths.summed(windows) - direct) if paths else ()


def _by_part(total: Sequence[Tensor], direct: Sequence[Tensor], untruncated: Sequence[Tensor], attention: Sequence[Tensor]) -> Tensor:
    """(T, B, H) a layer and part -> (L, parts, T, B, H), in the order of `PARTS` or `ATTENDED_PARTS`."""
    whole, own, full = torch.stack(list(total)), torch.stack(list(direct)), torch.stack(list(untruncated))
    if not attention:
        return torch.stack((whole, own, whole - own, full), 1)
    along = torch.stack(list(attention))
    return torch.stack((whole, own, whole - own - along, full, along), 1)


def _attention(paths: Paths) -> Tensor:
    """The weights of attention, (n, T, S, B), NaN where a step cannot look: at later ones."""
    weights = paths.attended.weights.permute(1, 2, 3, 0)
    later = torch.ones(weights.shape[1:3], dtype=torch.bool).triu_(paths.attended.past + 1)
    return weights.masked_fill(later[..., None], torch.nan)


def _at(place: slice, matrix: Tensor, steps: int) -> Tensor:
    out = matrix.new_full((steps, steps, *matrix.shape[2:]), float("nan"))
    out[place, place] = matrix
    return out


def _norms(vectors: Tensor) -> Tensor:
    """|v| of vectors v (..., H) as float64, (...): by squares, which is quicker, where these can be trusted."""
    found = torch.linalg.vector_norm(vectors, dim=-1, dtype=torch.float64)
    return found if plain(found) else norms(vectors)


def _share_error(by_weight: Shares) -> float:
    return _relative([by_weight.projections.nansum(1) - by_weight.gradient_norms], [by_weight.gradient_norms])


def _relative(differences: Sequence[Tensor], wholes: Sequence[Tensor]) -> float:
    """The largest difference against the largest entry; 0 when both vanish, NaN where one of them is none."""
    difference, whole = largest(differences), largest(wholes)
    return difference / whole if whole else difference
