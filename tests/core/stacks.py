"""Random stacks of cells to compare: the engine's and torch's with the same weights, and something to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from core import bptt
from core.cells import CELLS
from core.model import SequenceModel
from core.truncation import TBPTT
from tests.core import oracle

RELATIVE, ABSOLUTE = 1e-10, 1e-12
"""float64 has 16 digits; the sums compared here lose two or three of them to the order of their terms.  The absolute tolerance counts in
the largest entry of the array: next to it, smaller entries have fewer true digits."""


def assert_close(actual: Any, expected: Any, relative: float = RELATIVE, absolute: float = ABSOLUTE) -> None:
    """Equal to rounding: `relative`, and `absolute` times the largest entry."""
    actual, expected = (value if isinstance(value, Tensor) else torch.tensor(value) for value in (actual, expected))
    largest = expected.detach().nan_to_num().abs().max().item() if expected.numel() else 0.0
    torch.testing.assert_close(actual, expected, rtol=relative, atol=absolute * largest, equal_nan=True)


def flat(gradient: Mapping[str, Tensor]) -> Tensor:
    """The gradients of all weights as one vector, (P,)."""
    return torch.cat([value.flatten() for value in gradient.values()])


@dataclass(frozen=True)
class Stack:
    """The same weights twice; inputs x (T, B, I); direct (T, B, H), what each loss sends into the top; real steps of each sequence."""

    kind: str
    module: nn.RNNBase
    model: SequenceModel
    x: Tensor
    direct: Tensor
    lengths: tuple[int, ...]

    @property
    def mask(self) -> Tensor:
        return torch.arange(len(self.x))[:, None] < torch.tensor(self.lengths)

    def forward(self, state: bptt.State | None = None) -> bptt.Unrolled:
        return bptt.forward(self.model.cell, self.model.layers, self.x, state, self.mask)

    def backward(self, k1: int | None = None, k2: int | None = None) -> bptt.Errors:
        return bptt.backward(self.forward(), self.direct, TBPTT(k1, k2) if k1 and k2 else None)

    def gradient(self, unrolled: bptt.Unrolled, errors: bptt.Errors) -> dict[str, Tensor]:
        """The gradient of each weight of the stack by torch's name."""
        factors = self.model.factors(unrolled, errors)
        return {f.name.removeprefix("rnn."): f.gradient(torch.empty(self.model.shapes[f.name], dtype=self.x.dtype)) for f in factors}


def make(
    kind: str,
    layers: int = 1,
    steps: int = 5,
    batch: int = 2,
    inputs: int = 3,
    hidden: int = 4,
    lengths: tuple[int, ...] = (),
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Stack:
    """A stack from a seed.  Weights are large enough that no error fades before the first step."""
    generator = torch.Generator().manual_seed(seed)
    module = oracle.MODULES[kind](inputs, hidden, layers, dtype=dtype)
    for weight in module.parameters():
        weight.data.uniform_(-0.9, 0.9, generator=generator)
    x = torch.randn(steps, batch, inputs, generator=generator, dtype=dtype)
    direct = torch.randn(steps, batch, hidden, generator=generator, dtype=dtype)
    stack = Stack(kind, module, SequenceModel.from_torch(module), x, direct, lengths or (steps,) * batch)
    return replace(stack, direct=direct * stack.mask[..., None])


@st.composite
def stacks(draw: st.DrawFn, layers: int = 3, steps: int = 7, kinds: tuple[str, ...] = tuple(CELLS)) -> Stack:
    """Random cells, shapes, paddings."""
    longest = draw(st.integers(1, steps), "T")
    others = draw(st.lists(st.integers(1, longest), max_size=2), "lengths")
    lengths = tuple(draw(st.permutations([longest, *others]), "order"))
    return make(
        draw(st.sampled_from(kinds), "cell"),
        draw(st.integers(1, layers), "layers"),
        longest,
        len(lengths),
        draw(st.integers(1, 3), "inputs"),
        draw(st.integers(1, 4), "hidden"),
        lengths,
        draw(st.integers(0, 2**16), "seed"),
    )


@st.composite
def truncations(draw: st.DrawFn, longest: int = 9) -> TBPTT:
    k1 = draw(st.integers(1, longest), "k1")
    return TBPTT(k1, draw(st.integers(k1, longest + 1), "k2"))
