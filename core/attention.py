"""Attention over the past states of the top layer, and the ways that it opens for errors.

Forward, for each head of d = H / heads numbers (j counts the states that are there, up to step s):

    q_s, k_j, v_j = blocks(W_in h + b_in)
    w_sj = softmax over j <= s of score(q_s, k_j)
    r_s = h_s + W_out [sum_j w_sj v_j, one head beside the other] + b_out

and the readout reads r.  Weights bear the names and shapes of `torch.nn.MultiheadAttention`, prefixed "attention.".

Backward, with g_s = dL_s/dr_s and e_s = W_out^T g_s:

    dL_s/dv_j = w_sj e_s                  z_sj = dL_s/dscore_sj = w_sj (e_s . v_j - sum_i w_si e_s . v_i)
    dL_s/dk_j = z_sj dscore/dk_j          dL_s/dq_s = sum_j z_sj dscore/dq_s

so that the loss of step s sends W_k^T dL_s/dk_j + W_v^T dL_s/dv_j straight into h_j, whatever lies between.  Letters: T steps, S = P + T
states that are attended to (P of them from before the pass, read as constants), B sequences, H hidden units, n heads of d numbers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from core.shares import Factors
from core.truncation import TBPTT

PAIRS = 2**21
"""The most numbers that a score may hold for pairs of steps at one time; more queries than that are taken one group after the other."""
LAGS = 8
"""So many distances between two steps are looked at together, at least: one call for eight small tensors costs what one of them did."""
TOGETHER = 2**15
"""And more of them up to so many numbers, which stay in a processor's cache."""


def lags_together(vectors: Tensor) -> int:
    """How many lags of vectors (T, B, H) are looked at together, at most: as many as fit into `TOGETHER` numbers, but at least `LAGS`."""
    return max(LAGS, min(len(vectors), TOGETHER // max(1, vectors.numel())))


class Scoring(ABC):
    """How well a key answers a query.  q (..., T, d), k (..., S, d); `score` (n, 1, d) is the scoring's own weight, empty without one."""

    weighted: ClassVar[bool]
    """Whether there is such a weight."""
    cost: ClassVar[int]
    """So many multiplications take the time that a pass spends on each unit of each pair of steps; measured."""

    @abstractmethod
    def scores(self, q: Tensor, k: Tensor, score: Tensor) -> Tensor:
        """(..., T, S)."""

    @abstractmethod
    def back(self, q: Tensor, k: Tensor, z: Tensor, score: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Errors z (..., T, S) of the scores -> those of q, of k, and of each query's use of the weight, (..., T, d) or empty."""

    @abstractmethod
    def by_key(self, q: Tensor, k: Tensor, score: Tensor) -> Tensor:
        """dscore/dk of pairs of a query and a key, (..., d) each."""


class Dot(Scoring):
    """q . k / sqrt(d); Vaswani et al. 2017, "Attention is all you need", equation 1."""

    weighted = False
    cost = 25

    def scores(self, q: Tensor, k: Tensor, score: Tensor) -> Tensor:
        return q @ (k / math.sqrt(q.shape[-1])).mT

    def back(self, q: Tensor, k: Tensor, z: Tensor, score: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        root = math.sqrt(q.shape[-1])
        return z @ (k / root), z.mT @ (q / root), score

    def by_key(self, q: Tensor, k: Tensor, score: Tensor) -> Tensor:
        return q / math.sqrt(q.shape[-1])


class Additive(Scoring):
    """u . tanh(q + k); Bahdanau, Cho & Bengio 2015, "Neural machine translation by jointly learning to align and translate", A.1.2."""

    weighted = True
    cost = 250

    def scores(self, q: Tensor, k: Tensor, score: Tensor) -> Tensor:
        out = q.new_empty(*q.shape[:-1], k.shape[-2])
        for some in self._groups(q, k):
            # (..., t, S, d) for a group of t queries.
            both = (q[..., some, None, :] + k[..., None, :, :]).tanh_()
            out[..., some, :] = (both @ score.unsqueeze(-1)).squeeze(-1)
        return out

    def back(self, q: Tensor, k: Tensor, z: Tensor, score: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        dq, dk, d_score = torch.empty_like(q), torch.zeros_like(k), torch.empty_like(q)
        for some in self._groups(q, k):
            both, errors = (q[..., some, None, :] + k[..., None, :, :]).tanh_(), z[..., some, :]
            d_score[..., some, :] = torch.einsum("...ts,...tsd->...td", errors, both)
            # The slope of tanh is 1 - tanh^2.
            both.square_().neg_().add_(1)
            dq[..., some, :] = torch.einsum("...ts,...tsd->...td", errors, both)
            dk += torch.einsum("...ts,...tsd->...sd", errors, both)
        return dq.mul_(score), dk.mul_(score), d_score

    def by_key(self, q: Tensor, k: Tensor, score: Tensor) -> Tensor:
        return (q + k).tanh_().square_().neg_().add_(1).mul_(score)

    @staticmethod
    def _groups(q: Tensor, k: Tensor) -> Iterator[slice]:
        size = max(1, PAIRS // max(1, math.prod(q.shape[:-2]) * math.prod(k.shape[-2:])))
        return (slice(first, first + size) for first in range(0, q.shape[-2], size))


@dataclass(frozen=True, slots=True)
class Attention:
    """One kind of attention; without a scoring there is none."""

    label: str
    help: str
    options: tuple[str, ...]
    scoring: Scoring | None


ATTENTIONS: dict[str, Attention] = {
    "none": Attention("None", "The output of a step reads its own state alone.", (), None),
    "additive": Attention(
        "Additive", "Each output reads a mix of all states so far, too, scored by a small network.", ("heads",), Additive()
    ),
    "dot": Attention("Dot product", "Each output reads a mix of all states so far, too, scored by how alike they are.", ("heads",), Dot()),
}


def attention_shapes(scoring: Scoring, hidden: int, heads: int) -> dict[str, tuple[int, ...]]:
    """The names and shapes of `torch.nn.MultiheadAttention`, prefixed; a weighted scoring's u is one row a head."""
    shapes: dict[str, tuple[int, ...]] = {
        "attention.in_proj_weight": (3 * hidden, hidden),
        "attention.in_proj_bias": (3 * hidden,),
        "attention.out_proj.weight": (hidden, hidden),
        "attention.out_proj.bias": (hidden,),
    }
    if scoring.weighted:
        shapes["attention.score"] = (heads, hidden // heads)
    return shapes


class Past(NamedTuple):
    """States from before a pass, to which its steps attend: h (P, B, H), and mask (P, B), True where real, or None when all are."""

    h: Tensor
    mask: Tensor | None = None

    def then(self, h: Tensor, mask: Tensor | None = None) -> Past:
        """These states and later ones."""
        return Past(torch.cat((self.h, h)), _joined(self, h, mask))


def _joined(past: Past, h: Tensor, mask: Tensor | None) -> Tensor | None:
    if past.mask is None and mask is None:
        return None
    parts = ((past.h, past.mask), (h, mask))
    return torch.cat([torch.ones(states.shape[:2], dtype=torch.bool) if real is None else real for states, real in parts])


class Attending:
    """The weights of a model's attention, as its forward pass uses them."""

    def __init__(self, scoring: Scoring, heads: int, weights: Mapping[str, Tensor]) -> None:
        self.scoring, self.heads = scoring, heads
        self.in_weight, self.in_bias = weights["attention.in_proj_weight"], weights["attention.in_proj_bias"]
        self.out_weight, self.out_bias = weights["attention.out_proj.weight"], weights["attention.out_proj.bias"]
        self.score = weights["attention.score"].unsqueeze(1) if scoring.weighted else self.in_bias.new_empty(0)

    def __call__(self, h: Tensor, mask: Tensor | None = None, past: Past | None = None) -> Attended:
        """h: (T, B, H), states of the top layer, which also ask.  mask: (T, B), False at padded steps.  past: what else is attended to."""
        return self.attend(h, past.then(h, mask) if past else Past(h, mask))

    def attend(self, onto: Tensor, joined: Past) -> Attended:
        """The last T of these states ask all of them, and what they get is added to `onto`, (T, B, H)."""
        before = len(joined.h) - len(onto)
        q, k, v = (self.split(part) for part in nn.functional.linear(joined.h, self.in_weight, self.in_bias).chunk(3, -1))
        q = q[..., before:, :]
        scores = self.scoring.scores(q, k, self.score)
        scores.masked_fill_(torch.ones(scores.shape[-2:], dtype=torch.bool).triu_(before + 1), -torch.inf)
        padded = None if joined.mask is None else ~joined.mask.T[:, None, None, :]
        if padded is not None:
            scores.masked_fill_(padded, -torch.inf)
        weights = scores.softmax(-1)
        if padded is not None:
            weights.masked_fill_(padded, 0)  # where there is nothing but padding, softmax has nothing to share out
        context = self.join(weights @ v)
        read = nn.functional.linear(context, self.out_weight, self.out_bias).add_(onto)
        return Attended(self, joined.h, q, k, v, weights, context, read)

    def split(self, value: Tensor) -> Tensor:
        """(S, B, H) -> (B, n, S, d)."""
        by_head: Tensor = value.unflatten(-1, (self.heads, -1))
        return by_head.permute(1, 2, 0, 3).contiguous()

    def join(self, value: Tensor) -> Tensor:
        """The inverse of `split`."""
        return value.permute(2, 0, 1, 3).flatten(-2)


@dataclass(frozen=True)
class Attended:
    """What attention left on its way forward.

    h: (S, B, H), the states that are attended to.  q: (B, n, T, d).  k, v: (B, n, S, d).  weights: (B, n, T, S), rows add up to 1.
    context, read: (T, B, H), the mix of values and what the readout reads.
    """

    by: Attending
    h: Tensor
    q: Tensor
    k: Tensor
    v: Tensor
    weights: Tensor
    context: Tensor
    read: Tensor

    @property
    def past(self) -> int:
        """P, how many states came before the pass."""
        return len(self.h) - len(self.read)

    def back(self, d_read: Tensor) -> Paths:
        """From g_s = dL_s/dr_s, (T, B, H), of each step's own loss."""
        by = self.by
        e = by.split(d_read @ by.out_weight)
        z = (e @ self.v.mT).mul_(self.weights)
        z -= self.weights * z.sum(-1, keepdim=True)
        return Paths(self, d_read, e, z)

    def section(self, steps: slice = slice(None), rows: slice = slice(None)) -> Attended:
        """The same, seen through some of its steps and sequences; the states before them are in the past."""
        first, last, _ = steps.indices(len(self.read))
        seen, keys = slice(first, last), slice(self.past + last)
        return replace(
            self,
            h=self.h[keys, rows],
            q=self.q[rows, :, seen],
            k=self.k[rows, :, keys],
            v=self.v[rows, :, keys],
            weights=self.weights[rows, :, seen, keys],
            context=self.context[seen, rows],
            read=self.read[seen, rows],
        )


@dataclass(frozen=True)
class Paths:
    """The errors that attention lets through.

    d_read: (T, B, H), g_s = dL_s/dr_s.  e: (B, n, T, d).  z: (B, n, T, S).

    What reaches h_t along attention alone, before any recurrence, is A[s, t] = W_k^T dL_s/dk_t + W_v^T dL_s/dv_t for s > t; at s = t come
    g_t and W_q^T dL_t/dq_t, too, which is the direct part.
    """

    attended: Attended
    d_read: Tensor
    e: Tensor
    z: Tensor

    @cached_property
    def _of_scores(self) -> tuple[Tensor, Tensor, Tensor]:
        seen = self.attended
        return seen.by.scoring.back(seen.q, seen.k, self.z, seen.by.score)

    @cached_property
    def d_projected(self) -> Tensor:
        """Of what W_in makes, (S, B, 3 H): of the queries (0 in the past), keys and values of every state, whatever a truncation cuts."""
        dq, dk, _ = self._of_scores
        by, dv = self.attended.by, self.attended.weights.mT @ self.e
        asked = nn.functional.pad(dq, (0, 0, self.attended.past, 0))
        return torch.cat([by.join(part) for part in (asked, dk, dv)], -1)

    @cached_property
    def d_score(self) -> Tensor:
        """Of each step's use of a weighted scoring's u, (T, B, H)."""
        return self.attended.by.join(self._of_scores[2])

    @cached_property
    def _asking(self) -> Tensor:
        """What comes through the query, (T, B, H)."""
        by = self.attended.by
        return by.join(self._of_scores[0]) @ by.in_weight[: self.d_read.shape[-1]]

    @cached_property
    def direct(self) -> Tensor:
        """dL_t/dh_t at the top layer, (T, B, H): everything that a step's own loss sends into its own state."""
        every = slice(0, len(self.d_read), 1)
        return self.d_read + self._into_states(self._pairs(every)[0], every, self._asking)

    def summed(self, windows: TBPTT) -> Tensor:
        """What reaches each h_t at the top layer before any recurrence, (T, B, H), over the losses that a truncation lets reach it."""
        seen, hidden, steps = self.attended, self.d_read.shape[-1], len(self.d_read)
        every = slice(0, steps, 1)
        if windows.k1 >= steps:
            return self.d_read + self._into_states(self.d_projected[seen.past :, :, hidden:], every, self._asking)
        reach = torch.as_tensor(windows.reach(steps))
        z, weights = (value[..., seen.past :] * reach for value in (self.z, seen.weights))
        _, dk, _ = seen.by.scoring.back(seen.q, seen.k[..., seen.past :, :], z, seen.by.score)
        dv = weights.mT @ self.e
        return self.d_read + self._into_states(torch.cat((seen.by.join(dk), seen.by.join(dv)), -1), every, self._asking)

    def at(self, first: int, k1: int) -> Tensor:
        """Sums of A[s, t] for each window of a truncation, (W B, H): over the later steps s of the block that the window is for.

        The windows stand at step `first` of their blocks of k1 steps; a negative one is so many steps before.  0 where that is no step.
        """
        steps, batch, hidden = self.d_read.shape
        count = -(-steps // k1)

        def standing(last: int) -> slice:
            """The windows that stand at a step from 0 to `last`."""
            low = max(0, -(first // k1))
            return slice(low, max(low, min(count, (last - first) // k1 + 1)))

        def where(windows: slice) -> slice:
            """The steps at which they stand."""
            return slice(first + windows.start * k1, first + windows.stop * k1, k1)

        out, sums = self.d_read.new_zeros(count, batch, hidden), self.d_read.new_zeros(count, batch, 2 * hidden)
        for ahead in range(max(1, -first), k1 - first):
            # The loss of step s = t + ahead, in the windows for which both s and t are steps.
            windows = standing(steps - 1 - ahead)
            sums[windows] += self._pairs(where(windows), range(ahead, ahead + 1))[0]
        windows = standing(steps - 1)
        out[windows] = self._into_states(sums[windows], where(windows))
        return out.flatten(0, 1)

    def ahead(self, lags: range) -> Tensor:
        """A[t + lag, t] for at most `lags_together` lags, (lags, T - first lag, B, H): what the loss that much later sends to each step t.

        0 where that is no step.  At lag 0 it is what comes through the key and the value alone.
        """
        steps = slice(0, len(self.d_read) - lags.start, 1)
        return self._into_states(self._pairs(steps, lags), steps)

    def section(self, steps: slice = slice(None), rows: slice = slice(None)) -> Paths:
        """The same, seen through some of its steps and sequences."""
        first, last, _ = steps.indices(len(self.d_read))
        part, seen = self.attended.section(steps, rows), slice(first, last)
        z = self.z[rows, :, seen, : self.attended.past + last]
        return replace(self, attended=part, d_read=self.d_read[seen, rows], e=self.e[rows, :, seen], z=z)

    def alone(self, s: int) -> Paths:
        """Of the loss of step s alone (from 0), over the steps up to s."""
        d_read = torch.zeros_like(self.d_read[: s + 1])
        d_read[s] = self.d_read[s]
        return self.attended.section(slice(s + 1)).back(d_read)

    @cached_property
    def _padded(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """q, e, z and weights with steps of zeros after the last: losses that are not there send nothing."""
        after = (0, 0, 0, lags_together(self.d_read))
        q, e, z, weights = (nn.functional.pad(value, after) for value in (self.attended.q, self.e, self.z, self.attended.weights))
        return q, e, z, weights

    def _pairs(self, t: slice, ahead: range = range(1)) -> Tensor:
        """dL_s/dk_t and dL_s/dv_t for each of the N steps t and s = t + so many ahead, (ahead, N, B, 2 H).

        Only where several lie ahead may one of them lie behind the last step.
        """
        seen = self.attended
        q, e, z, weights = self._padded if len(ahead) > 1 else (seen.q, self.e, self.z, seen.weights)
        first, steps, column = t.start + ahead.start, range(t.start, t.stop, t.step), slice(t.start + seen.past, t.stop + seen.past, t.step)

        def asked(value: Tensor) -> Tensor:
            """(B, n, T, d) -> (B, n, ahead, N, d)."""
            batch, head, row, unit = value.stride()
            shape = (*value.shape[:2], len(ahead), len(steps), value.shape[-1])
            return value.as_strided(shape, (batch, head, row, t.step * row, unit), value.storage_offset() + first * row)

        def met(value: Tensor) -> Tensor:
            """(B, n, T, S) -> (B, n, ahead, N, 1)."""
            batch, head, row, key = value.stride()
            shape, down = (*value.shape[:2], len(ahead), len(steps), 1), t.step * (row + key)
            return value.as_strided(shape, (batch, head, row, down, 1), value.storage_offset() + first * row + column.start * key)

        by_key = seen.by.scoring.by_key(asked(q), seen.k[:, :, column].unsqueeze(2), seen.by.score.unsqueeze(1))
        keys_and_values = ((met(z), by_key), (met(weights), asked(e)))
        joined = [(weight * value).permute(2, 3, 0, 1, 4).flatten(-2) for weight, value in keys_and_values]
        return torch.cat(joined, -1)

    def _into_states(self, d_pairs: Tensor, t: slice, more: Tensor | None = None) -> Tensor:
        """(..., N, B, 2 H), errors of keys and values -> of the states of the N steps t that they were made from, (..., N, B, H).

        more: errors of what was projected that come on top.
        """
        into: Tensor = d_pairs @ self.attended.by.in_weight[d_pairs.shape[-1] // 2 :]
        return into if more is None else into + more

    def factors(self) -> Iterator[Factors]:
        """The gradients of attention's weights; errors of what works on attended states begin at the first of these."""
        yield Factors("attention.in_proj_weight", self.d_projected, self.attended.h)
        yield Factors("attention.in_proj_bias", self.d_projected, None)
        yield Factors("attention.out_proj.weight", self.d_read, self.attended.context)
        yield Factors("attention.out_proj.bias", self.d_read, None)
        if self.attended.by.scoring.weighted:
            yield Factors("attention.score", self.d_score, None)
