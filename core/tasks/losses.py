"""Losses: what a step's output costs, with the adjoint beside it.  N: the steps of the batch that have a loss; O outputs."""

from __future__ import annotations

import torch
from torch import Tensor

from core.tasks.batch import Batch


def cross_entropy(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Cross-entropy, divided by N.

        L_s,b         = -log softmax(o_s,b)[y_s,b] / N          L = sum of L_s,b over the steps that have a loss
        dL/do_s,b     = (softmax(o_s,b) - onehot(y_s,b)) / N

    outputs: (T, B, O) logits.  Returns L_s,b, (T, B), and dL/do, (T, B, O); both exactly 0 at other steps, whatever stands there.
    """
    # A part of a sequence may hold no step that has a loss.
    share = 1 / max(batch.real, 1)
    targets = batch.targets.unsqueeze(-1)
    log_p = torch.log_softmax(outputs, -1)
    losses = log_p.gather(-1, targets).squeeze(-1).mul_(-share)
    d_outputs = log_p.exp_()
    d_outputs.scatter_add_(-1, targets, d_outputs.new_tensor(-1).expand(targets.shape)).mul_(share)
    if batch.without_loss is not None:
        losses.masked_fill_(batch.without_loss, 0)
        d_outputs.masked_fill_(batch.without_loss.unsqueeze(-1), 0)
    return losses, d_outputs


def squared_error(outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Squared error, divided by N.

        L_s,b     = |y_s,b - o_s,b|^2 / N          L = sum of L_s,b over the steps that have a loss
        dL/do_s,b = 2 (o_s,b - y_s,b) / N

    outputs: (T, B, O).  Returns L_s,b, (T, B), and dL/do, (T, B, O); both exactly 0 at other steps, whatever stands there.
    """
    share = 1 / max(batch.real, 1)
    d_outputs = outputs - batch.targets
    if batch.without_loss is not None:
        d_outputs.masked_fill_(batch.without_loss.unsqueeze(-1), 0)
    losses = d_outputs.square().sum(-1).mul_(share)
    return losses, d_outputs.mul_(2 * share)
