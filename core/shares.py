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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from core.vector_norms import norms, plain


class Factors:
    """One weight's gradient as errors and inputs.

    name: the weight's.  errors: (T, B, O), or what makes them when they are first asked for.  inputs: (T, B, I), None for a bias (of any
    shape with O entries), or (T, B) indices for an embedding, whose rows are picked.
    """

    def __init__(self, name: str, errors: Tensor | Callable[[], Tensor], inputs: Tensor | None) -> None:
        self.name, self.inputs, self._errors = name, inputs, errors

    @cached_property
    def errors(self) -> Tensor:
        return self._errors if isinstance(self._errors, Tensor) else self._errors()

    def gradient(self, out: Tensor) -> Tensor:
        """Write the sum over all steps into `out`: (O, I), (O,) for a bias, (V, O) for an embedding."""
        flat = self.errors.flatten(0, 1)
        if self.inputs is None:
            torch.sum(flat, 0, out=out.view(-1))
            return out
        if not self.inputs.is_floating_point():
            return out.zero_().index_add_(0, self.inputs.flatten(), flat)
        return torch.mm(flat.T, self.inputs.flatten(0, 1), out=out)

    def share(self, t: int, like: Tensor) -> Tensor:
        """The full share of step t, shaped as the weight `like`.  t counts from 0."""
        one = Factors(self.name, self.errors[t : t + 1], None if self.inputs is None else self.inputs[t : t + 1])
        return one.gradient(torch.empty_like(like))

    def squares(self, gram: Tensor) -> Tensor:
        """|share_t|^2, (T,), given the errors' Gram matrices (T, B, B)."""
        if self.inputs is None:
            return gram.sum((1, 2))
        if self.inputs.is_floating_point():
            return torch.bmm(self.inputs, self.inputs.mT).mul_(gram).sum((1, 2))
        return (gram * (self.inputs[:, :, None] == self.inputs[:, None, :])).sum((1, 2))

    def products(self, g: Tensor) -> Tensor:
        """<share_t, g>, (T,), for g in the shape of the weight."""
        steps, flat = len(self.errors), self.errors.flatten(0, 1)
        if self.inputs is None:
            return (flat @ g.flatten()).view(steps, -1).sum(1)
        if self.inputs.is_floating_point():
            return (flat @ g).mul_(self.inputs.flatten(0, 1)).view(steps, -1).sum(1)
        return g[self.inputs.flatten()].mul_(flat).view(steps, -1).sum(1)


class ByToken:
    """Errors of a product over embedded tokens, added up by token: what is the same wherever a token stands is multiplied once.

    errors: (T, B, O).  tokens: (T, B).  table: the embedding, (V, I).
    """

    def __init__(self, errors: Tensor, tokens: Tensor, table: Tensor) -> None:
        self.errors, self.tokens, self.table = errors, tokens, table

    @cached_property
    def sums(self) -> Tensor:
        """(V, O)."""
        empty = self.errors.new_zeros(len(self.table), self.errors.shape[-1])
        return empty.index_add_(0, self.tokens.flatten(), self.errors.flatten(0, 1))


class InputFactors(Factors):
    """Of the weight that multiplies embedded tokens; x: the same embedded, (T, B, I)."""

    def __init__(self, name: str, by_token: ByToken, x: Tensor) -> None:
        super().__init__(name, by_token.errors, x)
        self._by_token = by_token

    def gradient(self, out: Tensor) -> Tensor:
        return torch.mm(self._by_token.sums.T, self._by_token.table, out=out)


class EmbeddingFactors(Factors):
    """Of the embedding itself; weight: what multiplies its rows, (O, I)."""

    def __init__(self, name: str, by_token: ByToken, weight: Tensor) -> None:
        super().__init__(name, lambda: by_token.errors @ weight, by_token.tokens)
        self._by_token, self._weight = by_token, weight

    def gradient(self, out: Tensor) -> Tensor:
        return torch.mm(self._by_token.sums, self._weight, out=out)


@dataclass(frozen=True)
class Shares:
    """Norms and projections of every weight's shares: (weights, T) each, in the order of `names`; gradient_norms (weights,).

    Where some weights also have shares of earlier steps, T counts these too, and the other weights' are NaN there.
    """

    names: tuple[str, ...]
    norms: Tensor
    projections: Tensor
    gradient_norms: Tensor


@torch.inference_mode()
def shares(factors: Sequence[Factors], gradients: Sequence[Tensor]) -> Shares:
    """The shares of each weight, given its gradient before clipping; the projections on a gradient that vanishes are 0."""
    found = _by_squares(factors, gradients)
    trusted = all(plain(some, some.dtype) for some in (found.norms, found.gradient_norms))
    return found if trusted else _scaled(factors, gradients)


def _by_squares(factors: Sequence[Factors], gradients: Sequence[Tensor]) -> Shares:
    grams: dict[int, Tensor] = {}
    squares, products = [], []
    for factor, g in zip(factors, gradients, strict=True):
        # Weights that receive the same error (W_ih, W_hh and their biases) share its Gram matrix.
        key = id(factor.errors)
        if key not in grams:
            grams[key] = torch.bmm(factor.errors, factor.errors.mT)
        squares.append(factor.squares(grams[key]))
        products.append(factor.products(g))
    whole = torch.stack([torch.linalg.vector_norm(g) for g in gradients])
    return Shares(
        tuple(factor.name for factor in factors),
        _together(squares).clamp_min_(0).sqrt_(),
        _together(products).div_(torch.where(whole > 0, whole, 1).unsqueeze(1)),
        whole,
    )


def _scaled(factors: Sequence[Factors], gradients: Sequence[Tensor]) -> Shares:
    """The same for errors whose squares their type does not hold: each step's are divided by their largest entry beforehand."""
    whole = torch.stack([norms(g.flatten()).to(g.dtype) for g in gradients])
    directions = [g / norm if norm > 0 else g for g, norm in zip(gradients, whole, strict=True)]
    errors = {id(factor.errors): factor.errors for factor in factors}
    units = {key: _unit(one) for key, one in errors.items()}
    scaled = {key: one / units[key] for key, one in errors.items()}
    found = _by_squares([Factors(factor.name, scaled[id(factor.errors)], factor.inputs) for factor in factors], directions)
    by_step = _together([units[id(factor.errors)].flatten() for factor in factors])
    return Shares(found.names, found.norms * by_step, found.projections * by_step, whole)


def _unit(errors: Tensor) -> Tensor:
    """The largest entry of each step, (T, 1, 1); 1 where there is none to divide by."""
    largest = errors.abs().amax((1, 2), keepdim=True)
    return torch.where((largest > 0) & largest.isfinite(), largest, 1.0)


def _together(rows: Sequence[Tensor]) -> Tensor:
    """(weights, T), rows that begin later filled up with NaN in front."""
    longest = max(len(row) for row in rows)
    return torch.stack([row if len(row) == longest else nn.functional.pad(row, (longest - len(row), 0), value=torch.nan) for row in rows])
