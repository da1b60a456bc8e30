"""Moments: a forward pass step by step that keeps nothing of earlier steps but the state, with the local derivatives of each step.

The state s_t of the whole stack is (B, L, S, H): S = 1 for h alone, 2 for h and c.  A cell works on each unit alone once its products are
made, so that all its derivatives come from S rows of ones through `Cell.through`, `adjoint`, `inside` and `carry`:

    across (B, S, G, H)   ds/da as the hidden product sees it: of a unit's state by its own pre-activations
    inside (B, S, G, H)   the same as the input product sees it
    own (B, S, S, H)      ds_t/ds_{t-1} of a unit past its weights (what a gate lets through)

With D_t = ds_t/ds_{t-1} and I_t = ds_t/dw at fixed s_{t-1}, `push` gives D_t v and `pull` gives u D_t and u I_t; none of them forms a
matrix.  I_t is factorised: by each `Side`, an error times what entered, (x_t, 1), (h_{t-1}, 1), or the token.

Letters: T steps, B sequences, L layers, S states, G gates, H hidden units, R rows, N = L S H, V tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from core import bptt
from core.cells import AnyCell, Slopes, Weights
from core.estimators.estimator import Gradient
from core.estimators.reading import Reading
from core.model import SequenceModel, torch_names
from core.tasks import Batch


class Local(NamedTuple):
    """The local derivatives of one layer at one step: see above."""

    across: Tensor
    inside: Tensor
    own: Tensor


class Side(NamedTuple):
    """A weight and its bias, (O, I) and (O,), as one matrix (O, I + 1); or the embedding, transposed, (I, V), which has no bias.

    layer: the lowest one whose states it moves.
    """

    layer: int
    weight: str
    bias: str | None
    shape: tuple[int, int]


class Pulled(NamedTuple):
    """An error at s_t, (R, B, L, S, H), sent through one step.

    at: the same with what it sends down the stack within the step.   before: at s_{t-1}.   errors: at the output of each `Side`, (R, B, O).
    """

    at: Tensor
    before: Tensor
    errors: list[Tensor]


@dataclass(frozen=True)
class Moment:
    """One step.

    entered: what each side multiplies, (B, I + 1), or the token as one of V, (B, V).   direct: what the losses send straight into h_t of
    the top layer, (B, H); see `core.estimators.reading`.
    """

    layers: Sequence[Weights]
    local: list[Local]
    embedded: bool
    entered: list[Tensor]
    direct: Tensor

    def error(self) -> Tensor:
        """The same at the whole state, (1, B, L, S, H): 0 but at the top layer's h."""
        batch, states, _, hidden = self.local[0].across.shape
        u = self.direct.new_zeros(1, batch, len(self.layers), states, hidden)
        u[0, :, -1, 0] = self.direct
        return u

    def push(self, v: Tensor) -> Tensor:
        """D_t v for v (B, L, S, H)."""
        out = torch.empty_like(v)
        for layer, (w, local) in enumerate(zip(self.layers, self.local, strict=True)):
            before = v[:, layer]
            gates = local.across.shape[-2:]
            out[:, layer] = (local.own * before.unsqueeze(1)).sum(2)
            out[:, layer] += (local.across * (before[:, 0] @ w.weight_hh.T).unflatten(-1, gates).unsqueeze(1)).sum(2)
            if layer:
                out[:, layer] += (local.inside * (out[:, layer - 1, 0] @ w.weight_ih.T).unflatten(-1, gates).unsqueeze(1)).sum(2)
        return out

    def pull(self, u: Tensor) -> Pulled:
        """u D_t and u I_t for rows u (R, B, L, S, H)."""
        at, before = u.clone(), torch.empty_like(u)
        errors: list[Tensor] = []
        for layer in reversed(range(len(self.layers))):
            w, local = self.layers[layer], self.local[layer]
            here = at[:, :, layer].unsqueeze(-2)
            da, da_across = ((here * slope).sum(2).flatten(-2) for slope in (local.inside, local.across))
            before[:, :, layer] = (here * local.own).sum(2)
            before[:, :, layer, 0] += da_across @ w.weight_hh
            errors = [da, da_across, *errors]
            if layer:
                at[:, :, layer - 1, 0] += da @ w.weight_ih
        if self.embedded:
            errors.append(errors[0] @ self.layers[0].weight_ih)
        return Pulled(at, before, errors)


def sides(model: SequenceModel) -> list[Side]:
    """Every weight that moves states, in the order of `Moment.entered` and `Pulled.errors`."""
    found = []
    for layer in range(len(model.layers)):
        ih, hh, bias_ih, bias_hh = (f"rnn.{name}" for name in torch_names(layer))
        for weight, bias in ((ih, bias_ih), (hh, bias_hh)):
            wide, inputs = model.shapes[weight]
            found.append(Side(layer, weight, bias, (wide, inputs + 1)))
    if "embedding.weight" in model.weights:
        tokens, inputs = model.shapes["embedding.weight"]
        found.append(Side(0, "embedding.weight", None, (inputs, tokens)))
    return found


def moments(model: SequenceModel, batch: Batch, reading: Reading) -> Iterator[Moment]:
    """Each step of the batch, from states of zeros; a Moment is good until the next."""
    room = bptt.Forward(model.cell, model.layers, model.embed(batch.section(0, 1)))
    state: bptt.State | None = None
    for t in range(len(batch.inputs)):
        part = batch.section(t, t + 1)
        room.begin(model.embed(part), state, part.mask)
        unrolled = room.finish()
        state = unrolled.last()
        entered = []
        for layer, tape in enumerate(unrolled.tapes):
            entered += [_with_one(unrolled.inputs(layer)[0]), _with_one(tape["h"][0])]
        embedded = "embedding.weight" in model.weights
        if embedded:
            entered.append(nn.functional.one_hot(part.inputs[0], len(model.weights["embedding.weight"])).to(model.flat.dtype))
        slopes = unrolled.slope_room()
        unrolled.slopes(slopes)
        local = [local_derivatives(model.cell, k, w) for k, w in zip(slopes, model.layers, strict=True)]
        yield Moment(model.layers, local, embedded, entered, reading.errors(unrolled.h, t)[0])


class Sums:
    """The gradient as it adds up: one matrix for each side, (O, I + 1)."""

    def __init__(self, model: SequenceModel) -> None:
        self._model, self._sides = model, sides(model)
        self.of_sides = [model.flat.new_zeros(side.shape) for side in self._sides]

    def gradient(self, reading: Reading) -> Gradient:
        """Every weight's, by name, in the model's order."""
        found = dict(reading.gradient)
        for side, total in zip(self._sides, self.of_sides, strict=True):
            if side.bias:
                found[side.weight], found[side.bias] = total[:, :-1].contiguous(), total[:, -1].contiguous()
            else:
                found[side.weight] = total.T.contiguous()
        return {name: found[name] for name in self._model.shapes}


def local_derivatives(cell: AnyCell, k: Slopes, w: Weights) -> Local:
    """Of one layer at one step, from its slopes, (1, B, ...) each."""
    states, gates = len(cell.states), len(cell.gates)
    batch, hidden = k[0].shape[1], k[0].shape[-1]
    ones, nothing = w.weight_hh.new_ones(batch, hidden), w.weight_hh.new_zeros(batch, hidden)
    # A row of ones for h, and for c where there is one: (S B, H).
    dh, dc = torch.cat((ones, nothing)[:states]), torch.cat((nothing, ones))[: batch * states if states > 1 else 0]
    da = ones.new_empty(len(dh), gates, hidden)
    rows, before = cell.rows(dh, dc, da), cell.rows(torch.zeros_like(dh), torch.empty_like(dc), torch.empty_like(da))
    slopes = _named(k, [slope[0].repeat(states, *[1] * (slope.ndim - 2)) for slope in k])
    cell.through(slopes, rows)
    cell.adjoint(slopes, rows)
    inside = cell.inside(slopes, dh, da)
    cell.carry(slopes, w._replace(weight_hh=torch.zeros_like(w.weight_hh)), rows, before)
    own = torch.stack([before[place].view(states, batch, hidden) for place in range(states)], 2)
    across, inside = (value.view(states, batch, gates, hidden).transpose(0, 1) for value in (da, inside))
    return Local(across, inside, own.transpose(0, 1))


def _named(k: Slopes, values: list[Tensor]) -> Slopes:
    """The same kind of slopes with other values."""
    return type(k)(*values)


def _with_one(value: Tensor) -> Tensor:
    """(B, I) -> (B, I + 1): the last is what a bias multiplies."""
    return nn.functional.pad(value, (0, 1), value=1)
