"""Shares: what each step contributed to the gradient of each weight.

The gradient of a recurrent weight is a sum over steps of outer products summed over the batch,

    g = sum_t share_t,    share_t = sum_b d_tb x_tb^T

with d_tb the error at the weight's output and x_tb what entered it (1 for a bias).  Norms do not add up, signed projections
<share_t, g> / |g| do: their sum is |g|.  Neither needs the T outer products:

    |share_t|^2   = sum_bb' (d_tb . d_tb') (x_tb . x_tb')        from two Gram matrices
    <share_t, g>  = sum_b (g^T d_tb) . x_tb                      from one product over all steps

Letters: T steps, B sequences, O outputs and I inputs of a weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Factors:
    """One weight's gradient as errors and inputs.

    name: the weight's.  errors: (T, B, O).  inputs: (T, B, I), None for a bias, or (T, B) indices for an embedding, whose rows are picked.
    """

    name: str
    errors: Tensor
    inputs: Tensor | None

    def gradient(self, out: Tensor) -> Tensor:
        """Write the sum over all steps into `out`: (O, I), (O,) for a bias, (V, O) for an embedding."""
        flat = self.errors.flatten(0, 1)
        if self.inputs is None:
            return torch.sum(flat, 0, out=out)
        if not self.inputs.is_floating_point():
            return out.zero_().index_add_(0, self.inputs.flatten(), flat)
        return torch.mm(flat.T, self.inputs.flatten(0, 1), out=out)

    def share(self, t: int, like: Tensor) -> Tensor:
        """The full share of step t, shaped as the weight `like`.  t counts from 0."""
        one = Factors(self.name, self.errors[t : t + 1], None if self.inputs is None else self.inputs[t : t + 1])
        return one.gradient(torch.empty_like(like))

    @cached_property
    def _input_gram(self) -> Tensor | None:
        if self.inputs is None:
            return None
        if not self.inputs.is_floating_point():
            return self.inputs[:, :, None] == self.inputs[:, None, :]
        return self.inputs @ self.inputs.mT

    def norms(self, gram: Tensor) -> Tensor:
        """|share_t|, (T,), given the errors' Gram matrices (T, B, B)."""
        both = gram if self._input_gram is None else gram * self._input_gram
        return both.sum((-2, -1)).clamp_min_(0).sqrt_()

    def projections(self, g: Tensor) -> Tensor:
        """<share_t, g> / |g|, (T,); zeros where g vanishes."""
        if self.inputs is None:
            products = self.errors.sum(1) @ g
        elif not self.inputs.is_floating_point():
            products = (g[self.inputs] * self.errors).sum((1, 2))
        else:
            products = ((self.errors @ g) * self.inputs).sum((1, 2))
        norm = torch.linalg.vector_norm(g)
        return products.div_(norm) if norm > 0 else torch.zeros_like(products)


@dataclass(frozen=True)
class Shares:
    """Norms and projections of every weight's shares: (weights, T) each, in the order of `names`; gradient_norms (weights,)."""

    names: tuple[str, ...]
    norms: Tensor
    projections: Tensor
    gradient_norms: Tensor


@torch.inference_mode()
def shares(factors: Sequence[Factors], gradients: Sequence[Tensor]) -> Shares:
    """The shares of each weight, given its gradient before clipping."""
    grams: dict[int, Tensor] = {}
    norms = []
    for factor in factors:
        # Weights that receive the same error (W_ih, W_hh and their biases) share its Gram matrix.
        key = id(factor.errors)
        if key not in grams:
            grams[key] = factor.errors @ factor.errors.mT
        norms.append(factor.norms(grams[key]))
    return Shares(
        tuple(factor.name for factor in factors),
        torch.stack(norms),
        torch.stack([factor.projections(g) for factor, g in zip(factors, gradients, strict=True)]),
        torch.stack([torch.linalg.vector_norm(g) for g in gradients]),
    )
