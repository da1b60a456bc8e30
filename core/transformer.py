"""A transformer block: the model without recurrence.

One pre-norm layer (Vaswani et al. 2017; the norms first as in Xiong et al. 2020, "On layer normalization in the transformer
architecture"), causal, with learned positions.  With x_t what enters the block at step t, a projection of the token's embedding or of the
numbers read, plus position t:

    n_t = norm1(x_t)                              r_s = x_s + attention over n_1 ... n_s, as in `core.attention`
    y_s = r_s + W_2 relu(W_1 norm2(r_s) + b_1) + b_2

and the readout reads y.  It equals `torch.nn.TransformerEncoderLayer` with `norm_first` and relu, and its weights bear that layer's names
and shapes: those of attention prefixed "attention.", the others "block.".

What a recurrent network calls h_t is here x_t, the state of step t at the block's input: the lag matrix shows dL_s/dx_t, and truncation
lets the loss of step s reach x_t within its window only; earlier ones are read as constants.  Nothing but attention leads from one step
to another.  Letters as in `core.attention`; F units of the layer within.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from core import bptt
from core.attention import Attended, Attending, Dot, Past, Paths, attention_shapes
from core.cells import RNN, RNNSlopes, Rows, Tape, Weights
from core.experiment import Experiment
from core.model import DTYPES, SequenceModel, check_room
from core.shares import Factors
from core.tasks import Task

WIDER = 4
"""F / H."""
EPSILON = 1e-5
"""Keeps a norm finite, as in torch."""


class Through(RNN):
    """No recurrence: the state of a step is what enters it.  h = x"""

    label = "None"
    help = "The state of a step is what enters it."
    bounds: ClassVar[Mapping[str, tuple[float, float] | None]] = {"h": None, "a": None}
    recurrent = False

    def step(self, w: Weights, *views: Tensor) -> None:
        a, _, h = views
        h.copy_(a)

    def slopes(self, tape: Tape, out: RNNSlopes) -> None:
        out.of_a.fill_(1)

    def carry(self, k: RNNSlopes, w: Weights, rows: Rows, before: Rows) -> None:
        """Nothing goes to the step before."""


class Norm(NamedTuple):
    """A layer norm of (..., H): the normed values before the weights, and one over their standard deviation, (..., 1)."""

    plain: Tensor
    scale: Tensor
    weight: Tensor

    @classmethod
    def of(cls, x: Tensor, weight: Tensor) -> Norm:
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.square().mean(-1, keepdim=True) + EPSILON).rsqrt_()
        return cls(centred.mul_(scale), scale, weight)

    def back(self, d_normed: Tensor) -> Tensor:
        """dL/d of what comes out -> dL/dx."""
        d_plain = d_normed * self.weight
        along = (d_plain * self.plain).mean(-1, keepdim=True)
        return (d_plain - d_plain.mean(-1, keepdim=True) - self.plain * along) * self.scale

    def section(self, steps: slice, rows: slice = slice(None)) -> Norm:
        return Norm(self.plain[steps, rows], self.scale[steps, rows], self.weight)


class Block(Attending):
    """The weights of a transformer block, as its forward pass uses them."""

    def __init__(self, heads: int, weights: Mapping[str, Tensor]) -> None:
        super().__init__(Dot(), heads, weights)
        self.weights = {name.removeprefix("block."): value for name, value in weights.items() if name.startswith("block.")}

    def __call__(self, h: Tensor, mask: Tensor | None = None, past: Past | None = None) -> Blocked:
        """h: x, (T, B, H); otherwise as `Attending`."""
        w, joined = self.weights, past.then(h, mask) if past else Past(h, mask)
        norm1 = Norm.of(joined.h, w["norm1.weight"])
        mixed = self.attend(h, Past(norm1.plain * norm1.weight + w["norm1.bias"], joined.mask))
        norm2 = Norm.of(mixed.read, w["norm2.weight"])
        middle = norm2.plain * norm2.weight + w["norm2.bias"]
        active = nn.functional.linear(middle, w["linear1.weight"], w["linear1.bias"]).relu_()
        read = nn.functional.linear(active, w["linear2.weight"], w["linear2.bias"]).add_(mixed.read)
        return Blocked(**vars(mixed) | {"read": read}, block=self, norm1=norm1, norm2=norm2, middle=middle, active=active)


@dataclass(frozen=True)
class Blocked(Attended):
    """What a block left on its way forward: attention's part, with n_1 ... n_S as its h and y as what is read, and

    norm1 (S, B, H), norm2 (T, B, H).  middle: (T, B, H), norm2 of r.  active: (T, B, F).
    """

    block: Block
    norm1: Norm
    norm2: Norm
    middle: Tensor
    active: Tensor

    def back(self, d_read: Tensor) -> BlockPaths:
        """From dL_s/dy_s, (T, B, H), of each step's own loss."""
        w = self.block.weights
        d_active = (d_read @ w["linear2.weight"]).mul_(self.active > 0)
        d_middle = d_active @ w["linear1.weight"]
        ways = super().back(d_read + self.norm2.back(d_middle))
        return BlockPaths(**vars(ways), blocked=self, d_out=d_read, d_active=d_active, d_middle=d_middle)

    def section(self, steps: slice = slice(None), rows: slice = slice(None)) -> Blocked:
        part = super().section(steps, rows)
        first, last, _ = steps.indices(len(self.read))
        seen, keys = slice(first, last), slice(self.past + last)
        more = {"norm1": self.norm1.section(keys, rows), "norm2": self.norm2.section(seen, rows)}
        return replace(self, **vars(part) | more | {name: getattr(self, name)[seen, rows] for name in ("middle", "active")})


@dataclass(frozen=True)
class BlockPaths(Paths):
    """The errors that a block lets through, at its input; d_read is dL_s/dr_s.

    d_out: (T, B, H), dL_s/dy_s.  d_active: (T, B, F), of relu's input.  d_middle: (T, B, H), of what norm2 gives.
    """

    blocked: Blocked
    d_out: Tensor
    d_active: Tensor
    d_middle: Tensor

    def section(self, steps: slice = slice(None), rows: slice = slice(None)) -> Paths:
        first, last, _ = steps.indices(len(self.d_out))
        errors = {name: getattr(self, name)[first:last, rows] for name in ("d_out", "d_active", "d_middle")}
        return BlockPaths(**vars(super().section(steps, rows)) | errors | {"blocked": self.blocked.section(steps, rows)})

    def alone(self, s: int) -> Paths:
        d_out = torch.zeros_like(self.d_out[: s + 1])
        d_out[s] = self.d_out[s]
        return self.blocked.section(slice(s + 1)).back(d_out)

    def factors(self) -> Iterator[Factors]:
        yield from super().factors()
        norm1, norm2, blocked = self.blocked.norm1, self.blocked.norm2, self.blocked
        d_normed = self.d_projected @ blocked.by.in_weight
        yield Factors("block.norm1.weight", d_normed * norm1.plain, None)
        yield Factors("block.norm1.bias", d_normed, None)
        yield Factors("block.norm2.weight", self.d_middle * norm2.plain, None)
        yield Factors("block.norm2.bias", self.d_middle, None)
        yield Factors("block.linear1.weight", self.d_active, blocked.middle)
        yield Factors("block.linear1.bias", self.d_active, None)
        yield Factors("block.linear2.weight", self.d_out, blocked.active)
        yield Factors("block.linear2.bias", self.d_out, None)

    def _into_states(self, d_pairs: Tensor, t: slice, more: Tensor | None = None) -> Tensor:
        past = self.blocked.past
        states = slice(t.start + past, t.stop + past, t.step)
        return self.blocked.norm1.section(states).back(super()._into_states(d_pairs, t, more))


class Transformer(SequenceModel):
    """Weights of a transformer, in the place of a recurrent network: what enters the block is a stack of one layer that passes it on."""

    def __init__(self, experiment: Experiment, task: Task) -> None:
        hidden, positions = experiment.hidden, task.steps
        shapes: dict[str, tuple[int, ...]] = {}
        if task.inputs is None:
            shapes["embedding.weight"] = (len(task.vocabulary), experiment.embedding)
        shapes |= {"input.weight": (hidden, task.inputs or experiment.embedding), "input.bias": (hidden,)}
        shapes |= {"position.weight": (positions, hidden)} | attention_shapes(Dot(), hidden, experiment.heads)
        for norm in ("norm1", "norm2"):
            shapes |= {f"block.{norm}.weight": (hidden,), f"block.{norm}.bias": (hidden,)}
        for layer, (wide, narrow) in {"linear1": (WIDER * hidden, hidden), "linear2": (hidden, WIDER * hidden)}.items():
            shapes |= {f"block.{layer}.weight": (wide, narrow), f"block.{layer}.bias": (wide,)}
        shapes |= {"readout.weight": (task.outputs, hidden), "readout.bias": (task.outputs,)}
        super().__init__(Through(), 0, hidden, shapes, DTYPES[experiment.dtype])
        nothing = self.flat.new_zeros(hidden)
        self.layers = (Weights.of(torch.eye(hidden, dtype=self.flat.dtype), self.flat.new_zeros(hidden, hidden), nothing, nothing),)
        self.attention = Block(experiment.heads, self.weights)
        self.positions = positions
        self.initialise(experiment)

    @classmethod
    def of_experiment(cls, experiment: Experiment, task: Task) -> Transformer:
        check_room(experiment, task)
        return cls(experiment, task)

    def initialise(self, experiment: Experiment) -> None:
        """Uniform between -1/sqrt(I) and 1/sqrt(I) for I inputs of a weight; embeddings and positions normal, norms the identity."""
        generator = torch.Generator().manual_seed(experiment.seed)
        for name, weight in self.weights.items():
            if name in ("embedding.weight", "position.weight"):
                weight.normal_(generator=generator)
            elif "norm" in name:
                weight.fill_(name.endswith("weight"))
            else:
                bound = 1 / math.sqrt(self._entering(name))
                weight.uniform_(-bound, bound, generator=generator)

    def _entering(self, name: str) -> int:
        """I: how many numbers a weight, or what its bias belongs to, takes."""
        into = self.weights.get(name.removesuffix("bias") + "weight", self.weights[name])
        return into.shape[-1]

    def enter(self, inputs: Tensor, first: int = 0) -> Tensor:
        """x: tokens or numbers, from step `first` (from 0), and where they stand.  Beyond the longest sequence, its last position."""
        numbers = super().enter(inputs, first)
        x = nn.functional.linear(numbers, self.weights["input.weight"], self.weights["input.bias"])
        return x + self.weights["position.weight"][self._positions(first, len(inputs)), None]

    def _positions(self, first: int, steps: int) -> Tensor:
        return torch.arange(first, first + steps).clamp_(max=len(self.weights["position.weight"]) - 1)

    def factors(
        self,
        unrolled: bptt.Unrolled,
        errors: bptt.Errors,
        read: Tensor | None = None,
        d_outputs: Tensor | None = None,
        paths: Paths | None = None,
    ) -> list[Factors]:
        """As of a recurrent model; nothing without what was read."""
        if read is None or d_outputs is None or paths is None:
            return []
        entering = errors.dh[0]
        places = self._positions(paths.attended.past, len(read))[:, None].expand(read.shape[:2])
        found = {factor.name: factor for factor in self.reading_factors(unrolled.h, d_outputs, paths)}
        found["position.weight"] = Factors("position.weight", entering, places)
        found["input.weight"] = Factors("input.weight", entering, super().enter(read))
        found["input.bias"] = Factors("input.bias", entering, None)
        if "embedding.weight" in self.weights:
            found["embedding.weight"] = Factors("embedding.weight", entering @ self.weights["input.weight"], read)
        return [found[name] for name in self.shapes]
