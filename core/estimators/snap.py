"""SnAp-1: RTRL that keeps the influence of a weight on the unit that it feeds alone; Menick et al. 2021, "Practical real time recurrent
learning with a sparse approximation".

Of M_t = D_t M_{t-1} + I_t, only those entries are kept that I_t can fill: in one layer, weight (o, i) moves the states of unit o within one
step, its h, and its c where o is not an output gate.  So D_t is needed in S x S numbers for each unit, and M_t
has S numbers for each weight.

A stack is taken layer by layer: each layer's states are a network of their own, and its error at step t is what the loss of step t sends
down to it within the step.  The embedding has no states, and gets the error of the step alone.  Letters as in `core.estimators.moments`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.cells import AnyCell, Weights
from core.estimators.estimator import KEPT, Estimator, Knobs, Walk, recurrent_weights
from core.estimators.moments import Sums, local_derivatives, moments, sides
from core.estimators.reading import Reading
from core.model import SequenceModel
from core.tasks import Batch, Task


class SnAp1(Estimator):
    label = "SnAp-1"
    help = "RTRL that forgets what a weight does to other units than its own: cheap, and biased."
    source = "Menick et al. 2021"

    def check(self, model: SequenceModel, batch: Batch) -> None:
        kept = batch.mask.shape[1] * len(model.cell.states) * recurrent_weights(model)
        if kept > KEPT:
            raise ValueError(
                f"SnAp-1 would carry {kept:,} numbers from step to step (sequences x states of a unit x weights); "
                f"at most {KEPT:,} are allowed: take fewer sequences or hidden units."
            )

    def _walk(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs) -> Walk:
        sums, every, reading = Sums(model), sides(model), Reading(model, task, batch)
        gates, states, hidden = len(model.cell.gates), len(model.cell.states), model.hidden
        of_layers = [(place, side) for place, side in enumerate(every) if side.bias]
        influence = [model.flat.new_zeros(batch.mask.shape[1], states, gates, hidden, side.shape[1]) for _, side in of_layers]
        fills = [_fills(model.cell, w).unsqueeze(-1) for w in model.layers]
        own_unit = torch.eye(hidden, dtype=torch.bool).repeat(gates, 1)
        by_own = [w.weight_hh[own_unit].view(gates, hidden) for w in model.layers]
        for moment in moments(model, batch, reading):
            pulled = moment.pull(moment.error())
            for place, side in of_layers:
                local, error = moment.local[side.layer], pulled.at[0, :, side.layer]
                immediate = local.across if place % 2 else local.inside
                kept = local.own.clone()
                kept[:, :, 0] += (local.across * by_own[side.layer]).sum(2)
                before = influence[place]
                # (B, S, S, H) of a unit's states, times (B, S, G, H, I + 1)
                after = immediate.unsqueeze(-1) * moment.entered[place][:, None, None, None]
                for state in range(states):
                    after.addcmul_(kept[:, :, state, None, :, None], before[:, state, None])
                influence[place] = after.mul_(fills[side.layer])
                sums.of_sides[place] += (error[:, :, None, :, None] * after).sum((0, 1)).view(side.shape)
            if len(every) > len(of_layers):
                sums.of_sides[-1].addmm_(pulled.errors[-1][0].T, moment.entered[-1])
            yield None
        yield sums.gradient(reading)


def _fills(cell: AnyCell, w: Weights) -> Tensor:
    """1 where one step leads from a pre-activation to a state of its unit, otherwise 0: (1, S, G, H)."""
    hidden = w.weight_hh.shape[1]
    slopes = cell.slope_room(cell.tape(w.weight_hh.new_empty(1, 1, len(w.weight_hh)), hidden))
    for k in slopes:
        k.fill_(1)
    return (local_derivatives(cell, slopes, w).across != 0).to(w.weight_hh.dtype)
