"""RTRL: real-time recurrent learning, exact and forwards; Williams & Zipser 1989, "A learning algorithm for continually running fully
recurrent neural networks".

The influence M_t = ds_t/dw goes along with the state, and no step is ever revisited:

    M_t = D_t M_{t-1} + I_t          dL/dw = sum_t dL_t/ds_t M_t

A layer's weights move no states below it, so that for each layer the rows of M begin with its own.  Letters as in
`core.estimators.moments`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.estimators.estimator import KEPT, PRODUCTS, Estimator, Knobs, Walk, numbers_per_state, recurrent_weights
from core.estimators.moments import Sums, moments, sides
from core.estimators.reading import Reading
from core.model import SequenceModel
from core.tasks import Batch, Task


class RTRL(Estimator):
    label = "RTRL"
    help = "Carries ds_t/dw forwards: exact, without looking back, in memory that grows with the weights and not with the steps."
    source = "Williams & Zipser 1989"
    unbiased = True

    def check(self, model: SequenceModel, batch: Batch) -> None:
        steps, sequences = batch.mask.shape
        states = numbers_per_state(model)
        kept = sequences * states * recurrent_weights(model)
        if kept > KEPT:
            raise ValueError(
                f"RTRL would carry {kept:,} numbers from step to step (sequences x states x weights); "
                f"at most {KEPT:,} are allowed: take fewer sequences or hidden units."
            )
        products = steps * states * kept
        if products > PRODUCTS:
            raise ValueError(
                f"RTRL would take {products:,} multiplications; at most {PRODUCTS:,} are allowed: "
                "take fewer or shorter sequences, or fewer hidden units."
            )

    def _walk(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs) -> Walk:
        sums, every, batch_size = Sums(model), sides(model), batch.mask.shape[1]
        reading = Reading(model, task, batch)
        per_layer = len(model.cell.states) * model.hidden
        total = per_layer * len(model.layers)
        first = [side.layer * per_layer for side in every]
        top = total - per_layer
        influence = [
            model.flat.new_zeros(batch_size, total - skipped, side.shape[0] * side.shape[1])
            for side, skipped in zip(every, first, strict=True)
        ]
        spare = [torch.empty_like(kept) for kept in influence]
        identity = torch.eye(total, dtype=model.flat.dtype).view(total, 1, len(model.layers), len(model.cell.states), model.hidden)
        for moment in moments(model, batch, reading):
            pulled = moment.pull(identity.expand(-1, batch_size, -1, -1, -1))
            across = pulled.before.flatten(2).transpose(0, 1)
            for place, side in enumerate(every):
                skipped, entered = first[place], moment.entered[place]
                new, old = spare[place], influence[place]
                torch.bmm(across[:, skipped:, skipped:], old, out=new)
                immediate = pulled.errors[place][skipped:].transpose(0, 1)
                new.unflatten(-1, side.shape).addcmul_(immediate.unsqueeze(-1), entered[:, None, None])
                rows = new[:, top - skipped : top - skipped + model.hidden]
                sums.of_sides[place] += _weighed(moment.direct, rows).view(side.shape)
            influence, spare = spare, influence
            yield None
        yield sums.gradient(reading)


def _weighed(direct: Tensor, rows: Tensor) -> Tensor:
    """Errors (B, H) times influences (B, H, P), summed over sequences: (P,)."""
    return torch.bmm(direct.unsqueeze(1), rows).sum((0, 1))
