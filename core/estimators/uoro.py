"""UORO: RTRL with an influence of rank one, right on average; Tallec & Ollivier 2018, "Unbiased online recurrent optimization".

In place of M_t = ds_t/dw a state vector v and a weight vector u are carried, with E[v u] = M_t.  For signs nu, 1 or -1 at random, one for
each number of the state (algorithm 1):

    v_t = rho_0 D_t v_{t-1} + rho_1 nu          rho_0 = sqrt(|u_{t-1}| / |D_t v_{t-1}|)
    u_t = u_{t-1} / rho_0 + nu I_t / rho_1      rho_1 = sqrt(|nu I_t| / |nu|)

Each sequence has a pair of its own.  Letters as in `core.estimators.moments`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from core.estimators.estimator import KEPT, Estimator, Knobs, Walk, recurrent_weights
from core.estimators.moments import Sums, moments
from core.estimators.reading import Reading
from core.model import SequenceModel
from core.tasks import Batch, Task

EPSILON = 1e-7
"""Added to both norms of a ratio, so that neither side vanishes; any ratio leaves the mean what it is."""


class UORO(Estimator):
    label = "UORO"
    help = "RTRL with an influence of rank one, drawn at random: cheap and right on average, and very noisy."
    source = "Tallec & Ollivier 2018"
    random = True
    unbiased = True

    def check(self, model: SequenceModel, batch: Batch) -> None:
        kept = batch.mask.shape[1] * recurrent_weights(model)
        if kept > KEPT:
            raise ValueError(
                f"UORO would carry {kept:,} numbers from step to step (sequences x weights); "
                f"at most {KEPT:,} are allowed: take fewer sequences or hidden units."
            )

    def _walk(self, model: SequenceModel, task: Task, batch: Batch, generator: torch.Generator, knobs: Knobs) -> Walk:
        yield from rank_one(model, task, batch, _signs(model, batch, generator))


def rank_one(model: SequenceModel, task: Task, batch: Batch, signs: Iterator[Tensor]) -> Walk:
    """One estimate, a step at a time.  signs: nu for each step, (B, L, S, H)."""
    sums, reading = Sums(model), Reading(model, task, batch)
    v, u = model.flat.new_zeros(_state_shape(model, batch)), [total.new_zeros(batch.mask.shape[1], *total.shape) for total in sums.of_sides]
    for moment, nu in zip(moments(model, batch, reading), signs, strict=False):
        pushed, errors = moment.push(v), [error[0] for error in moment.pull(nu.unsqueeze(0)).errors]
        immediate = zip(errors, moment.entered, strict=True)
        of_nu = sum(error.square().sum(-1) * entered.square().sum(-1) for error, entered in immediate)
        rho_0 = _ratio(torch.stack([_norm(value) for value in u]).square().sum(0).sqrt(), _norm(pushed))
        rho_1 = _ratio(torch.as_tensor(of_nu).sqrt(), _norm(nu))
        v = pushed * _over(rho_0, pushed) + nu * _over(rho_1, nu)
        loss = (moment.direct * v[:, -1, 0]).sum(-1)
        for kept, error, entered, total in zip(u, errors, moment.entered, sums.of_sides, strict=True):
            kept.div_(_over(rho_0, kept)).baddbmm_((error / rho_1.unsqueeze(-1)).unsqueeze(-1), entered.unsqueeze(1))
            total.add_(torch.tensordot(loss, kept, 1))
        yield None
    yield sums.gradient(reading)


def _signs(model: SequenceModel, batch: Batch, generator: torch.Generator) -> Iterator[Tensor]:
    shape = _state_shape(model, batch)
    while True:
        yield torch.randint(2, shape, generator=generator, dtype=model.flat.dtype).mul_(2).sub_(1)


def _state_shape(model: SequenceModel, batch: Batch) -> tuple[int, ...]:
    return batch.mask.shape[1], len(model.layers), len(model.cell.states), model.hidden


def _norm(value: Tensor) -> Tensor:
    """Of each sequence's part, (B, ...) -> (B,)."""
    norms: Tensor = torch.linalg.vector_norm(value.flatten(1), dim=1)
    return norms


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    return ((above + EPSILON) / (below + EPSILON)).sqrt()


def _over(rho: Tensor, value: Tensor) -> Tensor:
    """(B,), so that it broadcasts over (B, ...)."""
    return rho.view(-1, *[1] * (value.ndim - 1))
