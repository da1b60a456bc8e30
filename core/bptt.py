"""Backpropagation through time, written out.

`Forward` walks the steps of a stack of cells and leaves a tape.  `Backward` walks them in reverse: each step turns dL/dh_t into dL/da_t,
hands W_hh^T dL/da_t to step t-1 and W_ih^T dL/da_t to the layer below.  `core.lag_matrix` is the same walk with every loss kept apart.

Truncation needs no graph surgery.  TBPTT(k1, k2) has a window for each block of k1 steps; all windows are swept together, one row of a
batch for each window and sequence.  In *folded* layout, (k1, W B, ...) for W windows, the steps at which the windows stand at a given
moment lie side by side, whatever k1 and k2 are: full BPTT is one window, and the lag matrix is the window TBPTT(1, T).

Letters: T steps, B sequences, I inputs, H hidden units, G gates, L layers, W windows.  Arrays are time-major, (T, B, H).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from core.attention import Paths
from core.cells import AnyCell, Slopes, Tape, Weights
from core.hooks import Hooks
from core.truncation import TBPTT

State = Sequence[Mapping[str, Tensor]]
"""The states of each layer between two steps: "h" and perhaps "c", (B, H) each."""


@dataclass(frozen=True)
class Unrolled:
    """What a forward pass leaves: the inputs, (T, B, I), the layers, and each layer's tape.

    mask: (T, B), False at padded steps, or None when every step is real.
    """

    cell: AnyCell
    layers: tuple[Weights, ...]
    x: Tensor
    tapes: tuple[Tape, ...]
    mask: Tensor | None = None

    @property
    def h(self) -> Tensor:
        """States of the top layer, (T, B, H)."""
        return self.tapes[-1]["h"][1:]

    @property
    def steps(self) -> int:
        return len(self.x)

    def inputs(self, layer: int) -> Tensor:
        """What entered a layer, (T, B, I) or (T, B, H)."""
        return self.tapes[layer - 1]["h"][1:] if layer else self.x

    def last(self) -> State:
        """The states after the last step."""
        return [{name: tape[name][-1] for name in self.cell.states} for tape in self.tapes]

    def slope_room(self) -> list[Slopes]:
        """Room for the local derivatives of every layer."""
        return [self.cell.slope_room(tape) for tape in self.tapes]

    def slopes(self, out: Sequence[Slopes]) -> None:
        """Write the local derivatives of every layer; 0 at padded steps, so that no error passes them."""
        for tape, room in zip(self.tapes, out, strict=True):
            self.cell.slopes(tape, room)
            if self.mask is not None:
                for k in room:
                    k.masked_fill_(~self.mask.view(*self.mask.shape, *[1] * (k.ndim - 2)), 0)

    def section(self, steps: slice = slice(None), rows: slice = slice(None)) -> Unrolled:
        """The same pass, seen through some of its steps and sequences."""
        first, last, _ = steps.indices(self.steps)
        extra = {name: int(name in self.cell.states) for name in self.tapes[0]}
        tapes = tuple({name: value[first : last + extra[name], rows] for name, value in tape.items()} for tape in self.tapes)
        mask = None if self.mask is None else self.mask[first:last, rows]
        return replace(self, x=self.x[first:last, rows], tapes=tapes, mask=mask)

    def copy(self) -> Unrolled:
        """The same, in memory of its own."""
        tapes = tuple({name: value.clone() for name, value in tape.items()} for tape in self.tapes)
        return replace(self, x=self.x.clone(), tapes=tapes, mask=None if self.mask is None else self.mask.clone())

    def then(self, later: Unrolled) -> Unrolled:
        """This pass and one that went on from its last states, as one."""
        tapes = tuple(
            {name: torch.cat((value, b[name][1:] if name in self.cell.states else b[name])) for name, value in a.items()}
            for a, b in zip(self.tapes, later.tapes, strict=True)
        )
        masks = [torch.ones(part.x.shape[:2], dtype=torch.bool) if part.mask is None else part.mask for part in (self, later)]
        mask = torch.cat(masks) if self.mask is not None or later.mask is not None else None
        return replace(self, x=torch.cat((self.x, later.x)), tapes=tapes, mask=mask)


class Forward:
    """A forward pass that can be advanced step by step.

    x: (T, B, I).  state: the states before the first step; zeros by default.  mask: (T, B), False at padded steps.
    `begin` starts another pass of the same shape in the same room: what the last one left is overwritten.
    """

    def __init__(
        self,
        cell: AnyCell,
        layers: Sequence[Weights],
        x: Tensor,
        state: State | None = None,
        mask: Tensor | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        steps, batch, inputs = x.shape
        wide, hidden = layers[0].weight_hh.shape
        if inputs != layers[0].weight_ih.shape[1]:
            raise ValueError(f"x has {inputs} inputs a step, but weight_ih takes {layers[0].weight_ih.shape[1]}.")
        self._tapes = tuple(cell.tape(x.new_empty(steps, batch, wide), hidden) for _ in layers)
        self._views = [cell.views(tape) for tape in self._tapes]
        self._from_below = [
            (below["h"][1:].unbind(0), tape["a"].unbind(0)) for below, tape in zip(self._tapes, self._tapes[1:], strict=False)
        ]
        self.unrolled = Unrolled(cell, tuple(layers), x, self._tapes)
        self.begin(x, state, mask, hooks)

    def begin(self, x: Tensor, state: State | None = None, mask: Tensor | None = None, hooks: Hooks | None = None) -> None:
        """Back to before the first step, with new inputs and the weights as they are now."""
        cell, layers = self.unrolled.cell, self.unrolled.layers
        self.t = 0
        self._hooks = hooks or Hooks()
        self.unrolled = replace(self.unrolled, x=x, mask=mask if mask is not None and not mask.all() else None)
        for layer, tape in enumerate(self._tapes):
            layers[layer].refresh()
            for name in cell.states:
                tape[name][0] = state[layer][name] if state else 0
        self._biases = [cell.bias(w) for w in layers]
        # The lowest layer's input products do not wait for any step: one product for all of them.
        torch.addmm(self._biases[0], x.flatten(0, 1), layers[0].weight_ih.T, out=self._tapes[0]["a"].flatten(0, 1))

    @property
    def done(self) -> bool:
        return self.t == self.unrolled.steps

    def step(self) -> None:
        """Advance every layer by one step."""
        t, cell = self.t, self.unrolled.cell
        for layer, w in enumerate(self.unrolled.layers):
            if layer:
                below, a = self._from_below[layer - 1]
                torch.addmm(self._biases[layer], below[t], w.weight_ih.T, out=a[t])
            cell.step(w, *self._views[layer][t])
            if self._hooks.all:
                self._show(t, layer)
        self.t += 1
        if self.done and self.unrolled.mask is not None:
            self._forget(~self.unrolled.mask[..., None])

    def finish(self) -> Unrolled:
        """Walk what is left."""
        for _ in range(self.t, self.unrolled.steps):
            self.step()
        return self.unrolled

    def _forget(self, absent: Tensor) -> None:
        """A state that went on through padding means nothing, and may have overflowed on the way."""
        for tape in self.unrolled.tapes:
            for name, value in tape.items():
                (value[1:] if name in self.unrolled.cell.states else value).masked_fill_(absent, 0)

    def _show(self, t: int, layer: int) -> None:
        cell, tape = self.unrolled.cell, self.unrolled.tapes[layer]
        values = {name: tape[name][t + 1] for name in cell.states}
        if cell.gated:
            values |= dict(zip(cell.gates, tape["a"][t].chunk(len(cell.gates), -1), strict=True))
        self._hooks.show("forward", t, layer, 0, values)


@dataclass(frozen=True)
class Errors:
    """What a backward pass leaves, a tensor for each layer.

    dh: dL/dh_t at fixed c_t, (T, B, H).  dc: dL/dc_t, including the path through h_t, (T, B, H); empty without c.
    da: dL/da_t, (T, B, G, H).  da_across: the same as the hidden product sees it, which differs where a GRU's reset gate comes between.
    """

    dh: tuple[Tensor, ...]
    dc: tuple[Tensor, ...]
    da: tuple[Tensor, ...]
    da_across: tuple[Tensor, ...]


class Place(NamedTuple):
    """Where the windows stand at one moment of a backward pass, and what is there, a list entry for each layer.

    back: how many blocks before their own.  r: at which step of a block.  rows: of the windows that still stand in the sequence; before:
    the same at the step before.  slopes: of the steps at which they stand.
    """

    back: int
    r: int
    rows: list[Any]
    before: list[Any]
    slopes: list[Any]


class Backward:
    """A backward pass that can be advanced step by step.

    direct: (T, B, H), the error that each step's own loss sends into the top layer's h_t.  paths: what attention sends to earlier h_t.
    beyond: errors that enter the states of each layer after the last step, from what reads them there (a decoder, say); they belong to the
    last loss.  ValueError where they would enter in the midst of a window, or of padding.
    Each call of `step` moves every window of the truncation one step back (full BPTT has one window); `finish` returns the sums over
    windows.
    """

    turns = 2
    """Rooms in which the errors of overlapping windows travel; a step reads from one and writes to the next."""

    def __init__(
        self,
        unrolled: Unrolled,
        direct: Tensor,
        truncation: TBPTT | None = None,
        hooks: Hooks | None = None,
        paths: Paths | None = None,
        beyond: State | None = None,
    ) -> None:
        steps, batch, hidden = direct.shape
        if (steps, batch) != unrolled.x.shape[:2]:
            raise ValueError(f"direct has {steps} steps of {batch} sequences, but the forward pass has {tuple(unrolled.x.shape[:2])}.")
        self.windows = (truncation or TBPTT(steps, steps)).within(steps)
        self.count = -(-steps // self.windows.k1)
        self._steps, self._batch, self._hidden = steps, batch, hidden
        self._gates, self._has_c = len(unrolled.cell.gates), "c" in unrolled.cell.states
        self._disjoint = self.turns == 2 and not self.windows.overlap
        self._inside: list[Tensor | None] = [None] * len(unrolled.layers)
        self._make_room(unrolled, direct)
        self.begin(unrolled, direct, hooks, paths, beyond)

    def begin(
        self, unrolled: Unrolled, direct: Tensor, hooks: Hooks | None = None, paths: Paths | None = None, beyond: State | None = None
    ) -> None:
        """Back to before the last step, for a pass of the same shape; what the last one left is overwritten."""
        self.unrolled, self._hooks, self._paths = unrolled, hooks or Hooks(), paths
        self.position = self.windows.k2
        unrolled.slopes(self._slopes)
        for folded, slopes in zip(self._folded, self._slopes, strict=True):
            for k, in_steps in zip(folded, slopes, strict=True):
                self._fold(in_steps, out=k)
        self._direct = self._fold(direct)
        for error in (*self._dh, *self._dc):
            error.zero_()
        if self._disjoint:
            self._dh[-1].copy_(self._fold(paths.summed(self.windows)) if paths else self._direct)
        else:
            for layer, rows in enumerate(self._rooms[self._turn(self.position - 1)]):
                rows.dc.zero_()
                self._fill(layer, self.position - 1)
        if beyond:
            self._arrive(beyond)

    def _arrive(self, beyond: State) -> None:
        """Start the last window's rows with what comes from beyond the last step."""
        if self.unrolled.mask is not None or (self.count > 1 and self.windows.k1 > 1):
            raise ValueError("Errors from beyond the last step need sequences of one length, and full BPTT or a sliding window.")
        room = self._rooms[self.windows.k1 - 1 if self._disjoint else self._turn(self.position - 1)]
        for rows, errors in zip(room, beyond, strict=True):
            rows.dh[-self._batch :] += errors["h"]
            if self._has_c:
                rows.dc[-self._batch :] += errors["c"]

    @property
    def done(self) -> bool:
        return self.position == 0

    def step(self) -> None:
        """Move every window one step back, through all layers from the top."""
        self.position = position = self.position - 1
        back, r, rows, before, slopes = self._places[position] or self._place(position)
        cell, layers = self.unrolled.cell, self.unrolled.layers
        for layer in range(len(layers) - 1, -1, -1):
            k, errors = slopes[layer], rows[layer]
            cell.through(k, errors)
            cell.adjoint(k, errors)
            self._visit(layer, r, back, errors.dh, errors.dc)
            if self._hooks.all:
                self._show(layer, r, back, errors.dh, errors.dc, cell.inside(k, errors.dh, errors.da))
            if layer:
                rows[layer - 1].dh.addmm_(cell.inside(k, errors.dh, errors.da).flatten(-2), layers[layer].weight_ih)
            if position:
                if not self._disjoint:
                    self._fill(layer, position - 1)
                cell.carry(k, layers[layer], errors, before[layer])

    def finish(self) -> Errors:
        """Walk what is left, and add the windows up."""
        for _ in range(self.position):
            self.step()
        return self.sums()

    def sums(self) -> Errors:
        """The sums over windows of what was walked so far; after K steps of TBPTT(1, T), they are those of TBPTT(1, K).

        Good until the next `step`, which may overwrite what they point at.
        """
        cell = self.unrolled.cell
        if not self._disjoint:
            # The adjoint is linear and windows share its slopes: one for the sum over windows is the sum of theirs.
            for k, *errors in zip(self._folded, self._dh, self._dc, self._da, strict=True):
                cell.adjoint(k, cell.rows(*errors))
        inside = [cell.inside(*kept) for kept in zip(self._folded, self._dh, self._da, self._inside, strict=True)]
        self._inside = [None if value is da else value for value, da in zip(inside, self._da, strict=True)]
        unfolded = {id(value): self._unfold(value) for values in (inside, self._da) for value in values}
        return Errors(*self.arrived(), *(tuple(unfolded[id(value)] for value in values) for values in (inside, self._da)))

    def arrived(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """dL/dh_t and dL/dc_t of `sums` alone, (T, B, H) a layer; the second is empty without c."""
        dh, dc = (tuple(map(self._unfold, values)) for values in (self._dh, self._dc if self._has_c else []))
        return dh, dc

    def _make_room(self, unrolled: Unrolled, direct: Tensor) -> None:
        """Sums over windows, and the rows in which the windows' errors travel.

        Windows that do not overlap visit each step once, so their rows are the sums themselves, the top layer's starting as the direct
        part.  Overlapping windows travel in rooms that take turns.
        """
        cell, layers = unrolled.cell, unrolled.layers
        self._slopes = unrolled.slope_room()
        self._folded = [type(slopes)(*map(self._fold, slopes)) for slopes in self._slopes]
        self._of_step = [[type(k)(*step) for step in zip(*(slope.unbind(0) for slope in k), strict=True)] for k in self._folded]
        wide, hidden, gates = self.count * self._batch, self._hidden, self._gates
        with_c = wide if self._has_c else 0
        self._dh = [direct.new_empty(self.windows.k1, wide, hidden) for _ in layers]
        self._dc = [direct.new_empty(self.windows.k1, with_c, hidden) for _ in layers]
        self._da = [direct.new_empty(self.windows.k1, wide, gates, hidden) for _ in layers]
        self._places: list[Place | None] = [None] * self.windows.k2
        self._rooms: list[list[Any]]
        if self._disjoint:
            errors = list(zip(self._dh, self._dc, self._da, strict=True))
            self._rooms = [[cell.rows(dh[r], dc[r], da[r]) for dh, dc, da in errors] for r in range(self.windows.k1)]
        else:
            scratch = direct.new_empty(wide, gates, hidden)
            # Rows of zeros after the last window's: see `_errors`.
            spare = self.turns * self._batch
            self._travelling = [[direct.new_zeros(self.turns, size + spare, hidden) for size in (wide, with_c)] for _ in layers]
            self._rooms = [
                [cell.rows(dh[turn, :wide], dc[turn, :with_c], scratch) for dh, dc in self._travelling] for turn in range(self.turns)
            ]

    def _turn(self, position: int) -> int:
        """Whose turn it is at a position."""
        return (self.windows.k2 - 1 - position) % self.turns

    def _place(self, position: int) -> Place:
        """What a step at this position works on; cut once, and kept for the next pass."""
        block, r = divmod(position - self.windows.overlap, self.windows.k1)
        rooms = self._rooms
        here, there = (position, position - 1) if self._disjoint else (self._turn(position), self._turn(position - 1))
        rows, before = rooms[here], rooms[there]
        slopes = [of_step[r] for of_step in self._of_step]
        if block:
            # Windows that would stand before the first step are done: their rows are left out, and with them the last blocks' slopes.
            cell, gone, left = self.unrolled.cell, -block * self._batch, (self.count + block) * self._batch
            rows, before = ([cell.rows(*(error[gone:] for error in layer[:3])) for layer in room] for room in (rows, before))
            slopes = [type(k)(*(slope[:left] for slope in k)) for k in slopes]
        self._places[position] = place = Place(-block, r, rows, before, slopes)
        return place

    def _fill(self, layer: int, position: int) -> None:
        """Start a position's rows: the top layer's with the losses of the windows' own blocks, which are the only ones they follow.

        Attention brings these losses to every step that the windows visit.  All rooms are filled when the first has its turn, but for the
        last, which is still read from.
        """
        turn, own = self._turn(position), position - self.windows.overlap
        if 0 < turn < self.turns - 1:
            return
        travelling, rooms = self._travelling[layer][0], slice(turn, self.turns - 1 if turn == 0 else None)
        if layer < len(self._dh) - 1:
            travelling[rooms].zero_()
        elif self._paths is None or self.windows.k1 > 1:
            travelling[rooms].zero_()
            dh = self._rooms[turn][layer].dh
            if own >= 0:
                dh.copy_(self._direct[own])
            if self._paths:
                dh += self._paths.at(own, self.windows.k1)
        else:
            lags = range(-own - turn, min(self.turns - own - turn, self.windows.k2))
            if turn == 0:
                self._sent = self._paths.ahead(lags)
                if own == 0:
                    self._sent[0] = self._direct.view_as(self._sent[0])
            self._errors(travelling, lags)[rooms] = self._sent[rooms]

    def _errors(self, travelling: Tensor, lags: range) -> Tensor:
        """What has travelled so many lags back from windows that begin at every step, (lags, N, B, H): at each of the first N steps t, the
        error of step t + lag.

        N is the number of steps that have a loss at the first lag; where one has none at a longer lag, it is 0, of the rows after the last
        window's.  travelling: (turns, rows, H); each lag has a room of its own.
        """
        room, row, unit = travelling.stride(0), self._batch * travelling.stride(1), travelling.stride(1)
        shape = (len(lags), self._steps - lags.start, self._batch, self._hidden)
        return travelling.as_strided(shape, (room + row, row, unit, 1), lags.start * row)

    def _visit(self, layer: int, r: int, back: int, dh: Tensor, dc: Tensor) -> None:
        """The rows of windows that stand, `back` blocks before their own, at step r of a block are complete: add them to the sums."""
        if self._disjoint:
            return
        self._dh[layer][r, : len(dh)] += dh
        if self._has_c:
            self._dc[layer][r, : len(dc)] += dc

    def _show(self, layer: int, r: int, back: int, dh: Tensor, dc: Tensor, da: Tensor) -> None:
        named = {"dh": dh, "dc": dc} if self._has_c else {"dh": dh}
        named |= {f"da_{gate}": da[:, position] for position, gate in enumerate(self.unrolled.cell.gates)}
        for window in range(back, self.count):
            t = (window - back) * self.windows.k1 + r
            rows = slice((window - back) * self._batch, (window - back + 1) * self._batch)
            if t < self._steps:
                self._hooks.show("backward", t, layer, window, {name: value[rows] for name, value in named.items()})

    def _fold(self, value: Tensor, out: Tensor | None = None) -> Tensor:
        """(T, B, ...) -> (k1, W B, ...): step w k1 + r at [r, w B:]; the last block is filled up with zeros.

        A single window, and windows that begin at every step, lie so already and are not copied, whatever `out` is.
        """
        k1, count, rest = self.windows.k1, self.count, value.shape[2:]
        if count == 1:
            return value
        if k1 == 1:
            return value.reshape(1, count * self._batch, *rest)
        if out is None:
            out = value.new_zeros(k1, count * self._batch, *rest)
        blocks = out.view(k1, count, self._batch, *rest)
        for block, steps in enumerate(value.split(k1)):
            blocks[: len(steps), block] = steps
        return out

    def _unfold(self, value: Tensor) -> Tensor:
        """The inverse of `_fold`."""
        rest = value.shape[2:]
        value = value.view(self.windows.k1, self.count, self._batch, *rest)
        return value.transpose(0, 1).reshape(-1, self._batch, *rest)[: self._steps]


@torch.inference_mode()
def forward(
    cell: AnyCell, layers: Sequence[Weights], x: Tensor, state: State | None = None, mask: Tensor | None = None, hooks: Hooks | None = None
) -> Unrolled:
    """All steps of a stack of cells over x, (T, B, I); see `Forward`."""
    return Forward(cell, layers, x, state, mask, hooks).finish()


@torch.inference_mode()
def backward(
    unrolled: Unrolled,
    direct: Tensor,
    truncation: TBPTT | None = None,
    hooks: Hooks | None = None,
    paths: Paths | None = None,
    beyond: State | None = None,
) -> Errors:
    """All steps back, from direct (T, B, H), the error of each step's own loss at the top layer; full BPTT unless truncated."""
    return Backward(unrolled, direct, truncation, hooks, paths, beyond).finish()


@torch.inference_mode()
def gate_errors(unrolled: Unrolled, slopes: Sequence[Slopes], dh: Sequence[Tensor], dc: Sequence[Tensor]) -> Errors:
    """The Errors that belong to given dL/dh_t and complete dL/dc_t, (T, B, H) a layer; dc is empty without c.

    slopes: what `Unrolled.slopes` wrote.
    """
    cell, gates = unrolled.cell, len(unrolled.cell.gates)
    da = [error.new_empty(*error.shape[:-1], gates, error.shape[-1]) for error in dh]
    for k, *errors in zip(slopes, dh, dc or dh, da, strict=True):
        cell.adjoint(k, cell.rows(*errors))
    inside = tuple(cell.inside(*kept) for kept in zip(slopes, dh, da, strict=True))
    return Errors(tuple(dh), tuple(dc), inside, tuple(da))


@torch.inference_mode()
def direct_parts(unrolled: Unrolled, direct: Tensor, beyond: State | None = None) -> tuple[Tensor, ...]:
    """dL_t/dh_t of every layer, (T, B, H): what each step's own loss sends to its own states, through the layers above.

    beyond: as in `Backward`; it belongs to the last step.
    """
    late = [{name: _at_last(error, len(direct)) for name, error in errors.items()} for errors in beyond or ()]
    parts = [direct + late[-1]["h"] if late else direct]
    cell = unrolled.cell
    for layer in reversed(range(1, len(unrolled.layers))):
        k = cell.slope_room(unrolled.tapes[layer])
        cell.slopes(unrolled.tapes[layer], k)
        below = descend(cell, k, parts[0], unrolled.layers[layer], late[layer].get("c") if late else None)
        parts.insert(0, below + late[layer - 1]["h"] if late else below)
    return tuple(parts)


def _at_last(error: Tensor, steps: int) -> Tensor:
    """(B, H) -> (T, B, H), 0 but at the last step."""
    out = error.new_zeros(steps, *error.shape)
    out[-1] = error
    return out


def descend(cell: AnyCell, k: Slopes, dh: Tensor, w: Weights, dc: Tensor | None = None) -> Tensor:
    """dL/dh_t of a layer (..., H) -> what it sends to the layer below within the step.  dc: what else comes to its c."""
    dc = torch.zeros_like(dh) if dc is None else dc.clone()
    da = dh.new_empty(*dh.shape[:-1], len(cell.gates), dh.shape[-1])
    rows = cell.rows(dh, dc, da)
    cell.through(k, rows)
    cell.adjoint(k, rows)
    return cell.inside(k, dh, da).flatten(-2) @ w.weight_ih
