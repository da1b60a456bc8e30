"""Cells: one step of a recurrent network, with its adjoint beside it.

Letters: B rows (sequences), H hidden units, G gates.  A row is a sequence, so that a step is `(B, H) @ (H, G H)`.
Parameters bear torch's names, shapes and gate order: weight_ih (G H, I), weight_hh (G H, H), bias_ih and bias_hh (G H).

A cell is used in three moves, so that what does not depend on the step before is done for all steps at once:

    step      one step forward, in place: `a` holds W_ih x_t + b_ih (+ b_hh) on entry and the gate values afterwards
    slopes    the local derivatives of every step, from what the forward steps left on the tape
    adjoint   one step backward: dL/dh_t and dL/dc_t become dL/da_t, then `carry` hands the error to step t-1

Loops over steps are short on arithmetic and long on calls, so what they need is cut into views once, before them: the tape by `views`, the
errors by `rows`.

Each class states its equations in two blocks, `Forward` and `Adjoint`; they are valid Python, and the tests execute them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

Tape = dict[str, Tensor]
"""What the forward steps of one layer leave: "a" (T, B, G H) gate values, "h" and perhaps "c" (T+1, B, H) with the initial state
first, and what else the adjoint needs, (T, B, H)."""

Slopes = tuple[Tensor, ...]
"""A cell's local derivatives, a named tuple of its own: each (T, B, ...), or one step's slice of it."""


class Rows(NamedTuple):
    """The errors of N rows at one step, cut into what `adjoint` and `carry` take.

    dh, dc: dL/dh_t and dL/dc_t, (N, H); dc is empty for a cell without c.
    da: dL/da_t as the *hidden* product sees it, (N, G, H).  flat_da: the same, (N, G H).  dh_of_gates: dh, once for all gates, (N, 1, H).
    """

    dh: Tensor
    dc: Tensor
    da: Tensor
    flat_da: Tensor
    dh_of_gates: Tensor


class LSTMRows(NamedTuple):
    """The same for an LSTM, where c sends errors to three gates and h to the fourth."""

    dh: Tensor
    dc: Tensor
    da: Tensor
    flat_da: Tensor
    dc_of_gates: Tensor
    da_ifg: Tensor
    da_o: Tensor


class RNNSlopes(NamedTuple):
    """Of h by the pre-activation."""

    of_a: Tensor


class LSTMSlopes(NamedTuple):
    """Of h by c and by a_o, of c by a_i, a_f, a_g together and by the c before."""

    h_by_c: Tensor
    c_by_ifg: Tensor
    h_by_o: Tensor
    c_by_c: Tensor


class GRUSlopes(NamedTuple):
    """Of h by h_r, h_z, h_n together, by the h before (the direct path alone), and by x_n."""

    h_by_gates: Tensor
    h_by_h: Tensor
    h_by_n: Tensor


K = TypeVar("K", bound=tuple[Tensor, ...])
R = TypeVar("R", bound=tuple[Tensor, ...])


def times_dsigmoid(error: Tensor, y: Tensor, out: Tensor) -> None:
    """Write error * y (1 - y), the derivative of the sigmoid whose value is y."""
    torch.ops.aten.sigmoid_backward.grad_input(error, y, grad_input=out)


def times_dtanh(error: Tensor, y: Tensor, out: Tensor) -> None:
    """Write error * (1 - y^2), the derivative of the tanh whose value is y."""
    torch.ops.aten.tanh_backward.grad_input(error, y, grad_input=out)


class Weights(NamedTuple):
    """The parameters of one layer, in torch's shapes; `across` is weight_hh transposed, made contiguous once a pass."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor
    across: Tensor

    @classmethod
    def of(cls, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> Weights:
        """One layer's parameters, seen and not copied."""
        return cls(weight_ih, weight_hh, bias_ih, bias_hh, weight_hh.T.contiguous())

    def refresh(self) -> None:
        """Take over what an update did to weight_hh."""
        self.across.copy_(self.weight_hh.T)


class Cell(ABC, Generic[K, R]):
    """One kind of recurrent unit, with slopes K and rows R of its own.  Stateless: parameters and tapes are handed in."""

    label: ClassVar[str]
    help: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    gates: ClassVar[tuple[str, ...]]
    bounds: ClassVar[Mapping[str, tuple[float, float] | None]]
    """Name of a gate or of "h" -> the range it cannot leave; None where there is none."""
    states: ClassVar[tuple[str, ...]] = ("h",)
    gated: ClassVar[bool] = True
    """Whether `a` ends up holding gate values worth a look (a plain RNN's would only be h again)."""
    recurrent: ClassVar[bool] = True
    """Whether anything goes from one step to the next."""
    twin: ClassVar[Callable[..., nn.RNNBase]]
    """The module of torch that computes the same."""

    def bias(self, w: Weights) -> Tensor:
        """The bias, (G H), that belongs into `a` before a step."""
        return w.bias_ih + w.bias_hh

    def tape(self, a: Tensor, hidden: int) -> Tape:
        """Room for a pass; a (T, B, G H) will hold W_ih x_t + bias when step t begins."""
        return {"a": a} | {name: a.new_empty(len(a) + 1, a.shape[1], hidden) for name in self.states}

    @abstractmethod
    def views(self, tape: Tape) -> list[tuple[Tensor, ...]]:
        """The tape cut into the arguments of `step`, once for all steps."""

    @abstractmethod
    def step(self, w: Weights, *views: Tensor) -> None:
        """One step forward, written into its views of the tape."""

    @abstractmethod
    def slope_room(self, tape: Tape) -> K:
        """Room for what `slopes` writes."""

    @abstractmethod
    def slopes(self, tape: Tape, out: K) -> None:
        """Write the local derivatives of all steps that `adjoint` and `carry` need."""

    @abstractmethod
    def rows(self, dh: Tensor, dc: Tensor, da: Tensor) -> R:
        """Cut errors, (..., H), (..., H) and (..., G, H), into what the methods below take."""

    def through(self, k: K, rows: R) -> None:
        """Complete dL/dc_t in place: to the part that came from c_{t+1}, add the path through h_t."""

    @abstractmethod
    def adjoint(self, k: K, rows: R) -> None:
        """Write dL/da_t, given dL/dh_t and the completed dL/dc_t.

        What is written is the gradient of the pre-activations as the *hidden* product sees them; `inside` gives it as the input
        product does.
        """

    @abstractmethod
    def carry(self, k: K, w: Weights, rows: R, before: R) -> None:
        """Add to dh, and write to dc, of the step before what step t hands to it."""

    def inside(self, k: K, dh: Tensor, da: Tensor, out: Tensor | None = None) -> Tensor:
        """dL/da_t (N, G, H) as the input product sees it: the same, unless the cell gates its hidden product (then in `out`, if given)."""
        return da


AnyCell = Cell[Any, Any]


class RNN(Cell[RNNSlopes, Rows]):
    """Plain (Elman) network; Rumelhart, Hinton & Williams 1986, as in `torch.nn.RNN`.  phi is tanh or relu.

    Forward::

        h = phi(W_ih @ x + b_ih + W_hh @ h_before + b_hh)

    Adjoint::

        da = dh * slope(h)
        dh_before = W_hh.T @ da
    """

    gates = ("a",)
    gated = False

    def views(self, tape: Tape) -> list[tuple[Tensor, ...]]:
        h = tape["h"].unbind(0)
        return list(zip(tape["a"].unbind(0), h[:-1], h[1:], strict=True))

    def slope_room(self, tape: Tape) -> RNNSlopes:
        return RNNSlopes(torch.empty_like(tape["h"][1:]))

    def rows(self, dh: Tensor, dc: Tensor, da: Tensor) -> Rows:
        return Rows(dh, dc, da, da.flatten(-2), dh.unsqueeze(-2))

    def adjoint(self, k: RNNSlopes, rows: Rows) -> None:
        torch.mul(rows.dh, k.of_a, out=rows.flat_da)

    def carry(self, k: RNNSlopes, w: Weights, rows: Rows, before: Rows) -> None:
        before.dh.addmm_(rows.flat_da, w.weight_hh)


class RNNTanh(RNN):
    __doc__ = RNN.__doc__
    label = "RNN (tanh)"
    help = "The plain recurrent network: one state, squashed by tanh. Its errors fade or explode fastest."
    bounds: ClassVar[Mapping[str, tuple[float, float] | None]] = {"h": (-1.0, 1.0), "a": None}
    twin = nn.RNN

    def step(self, w: Weights, *views: Tensor) -> None:
        a, h_before, h = views
        torch.tanh(a.addmm_(h_before, w.across), out=h)

    def slopes(self, tape: Tape, out: RNNSlopes) -> None:
        h = tape["h"][1:]
        torch.mul(h, h, out=out.of_a).neg_().add_(1)


class RNNReLU(RNN):
    __doc__ = RNN.__doc__
    label = "RNN (relu)"
    help = "The plain recurrent network with relu: units are off (no error passes) or on (it passes unshrunk)."
    bounds: ClassVar[Mapping[str, tuple[float, float] | None]] = {"h": None, "a": None}
    twin = partial(nn.RNN, nonlinearity="relu")

    def step(self, w: Weights, *views: Tensor) -> None:
        a, h_before, h = views
        torch.clamp_min(a.addmm_(h_before, w.across), 0, out=h)

    def slopes(self, tape: Tape, out: RNNSlopes) -> None:
        out.of_a.copy_(tape["h"][1:] > 0)


class LSTM(Cell[LSTMSlopes, LSTMRows]):
    """Long short-term memory; Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000, as in `torch.nn.LSTM`.

    Forward::

        a_i, a_f, a_g, a_o = blocks(W_ih @ x + b_ih + W_hh @ h_before + b_hh)
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), tanh(a_g), sigmoid(a_o)
        c = f * c_before + i * g
        h = o * tanh(c)

    Adjoint, with dc on entry the part of dL/dc that came from c_after::

        dc = dc + dh * o * (1 - tanh(c) ** 2)
        da_i = dc * g * i * (1 - i)
        da_f = dc * c_before * f * (1 - f)
        da_g = dc * i * (1 - g ** 2)
        da_o = dh * tanh(c) * o * (1 - o)
        dc_before = dc * f
        dh_before = W_hh.T @ join(da_i, da_f, da_g, da_o)
    """

    label = "LSTM"
    help = "Long short-term memory: a second state c, guarded by an input, a forget and an output gate."
    options = ("forget_bias",)
    gates = ("i", "f", "g", "o")
    bounds: ClassVar[Mapping[str, tuple[float, float] | None]] = {
        "h": (-1.0, 1.0),
        "i": (0.0, 1.0),
        "f": (0.0, 1.0),
        "g": (-1.0, 1.0),
        "o": (0.0, 1.0),
    }
    states = ("h", "c")
    twin = nn.LSTM

    def tape(self, a: Tensor, hidden: int) -> Tape:
        tape = super().tape(a, hidden)
        tape["tanh_c"] = torch.empty_like(tape["c"][1:])
        return tape

    def views(self, tape: Tape) -> list[tuple[Tensor, ...]]:
        a, h, c = tape["a"], tape["h"].unbind(0), tape["c"].unbind(0)
        size = a.shape[-1] // 4
        i, f, g, o = (block.unbind(0) for block in a.split(size, -1))
        i_and_f = a[..., : 2 * size].unbind(0)
        return list(zip(a.unbind(0), i_and_f, i, f, g, o, h[:-1], c[:-1], tape["tanh_c"].unbind(0), h[1:], c[1:], strict=True))

    def step(self, w: Weights, *views: Tensor) -> None:
        a, i_and_f, i, f, g, o, h_before, c_before, tanh_c, h, c = views
        a.addmm_(h_before, w.across)
        i_and_f.sigmoid_()
        g.tanh_()
        o.sigmoid_()
        torch.mul(f, c_before, out=c)
        c.addcmul_(i, g)
        torch.tanh(c, out=tanh_c)
        torch.mul(o, tanh_c, out=h)

    def slope_room(self, tape: Tape) -> LSTMSlopes:
        c = tape["c"][1:]
        return LSTMSlopes(torch.empty_like(c), c.new_empty(*c.shape[:-1], 3, c.shape[-1]), torch.empty_like(c), torch.empty_like(c))

    def slopes(self, tape: Tape, out: LSTMSlopes) -> None:
        i, f, g, o = tape["a"].chunk(4, -1)
        tanh_c, c_before = tape["tanh_c"], tape["c"][:-1]
        times_dtanh(o, tanh_c, out=out.h_by_c)
        times_dsigmoid(g, i, out=out.c_by_ifg[..., 0, :])
        times_dsigmoid(c_before, f, out=out.c_by_ifg[..., 1, :])
        times_dtanh(i, g, out=out.c_by_ifg[..., 2, :])
        times_dsigmoid(tanh_c, o, out=out.h_by_o)
        out.c_by_c.copy_(f)

    def rows(self, dh: Tensor, dc: Tensor, da: Tensor) -> LSTMRows:
        return LSTMRows(dh, dc, da, da.flatten(-2), dc.unsqueeze(-2), da[..., :3, :], da[..., 3, :])

    def through(self, k: LSTMSlopes, rows: LSTMRows) -> None:
        rows.dc.addcmul_(rows.dh, k.h_by_c)

    def adjoint(self, k: LSTMSlopes, rows: LSTMRows) -> None:
        torch.mul(rows.dc_of_gates, k.c_by_ifg, out=rows.da_ifg)
        torch.mul(rows.dh, k.h_by_o, out=rows.da_o)

    def carry(self, k: LSTMSlopes, w: Weights, rows: LSTMRows, before: LSTMRows) -> None:
        torch.mul(rows.dc, k.c_by_c, out=before.dc)
        before.dh.addmm_(rows.flat_da, w.weight_hh)


class GRU(Cell[GRUSlopes, Rows]):
    """Gated recurrent unit; Cho et al. 2014, in the variant of `torch.nn.GRU` (reset gate after the hidden product).

    Forward::

        x_r, x_z, x_n = blocks(W_ih @ x + b_ih)
        h_r, h_z, h_n = blocks(W_hh @ h_before + b_hh)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = tanh(x_n + r * h_n)
        h = (1 - z) * n + z * h_before

    Adjoint (da_n is the gradient of x_n; h_n, behind the reset gate, gets r times it)::

        da_n = dh * (1 - z) * (1 - n ** 2)
        da_r = da_n * h_n * r * (1 - r)
        da_z = dh * (h_before - n) * z * (1 - z)
        dh_before = dh * z + W_hh.T @ join(da_r, da_z, da_n * r)
    """

    label = "GRU"
    help = "Gated recurrent unit: one state; a reset gate hides it, an update gate z keeps it."
    gates = ("r", "z", "n")
    bounds: ClassVar[Mapping[str, tuple[float, float] | None]] = {"h": (-1.0, 1.0), "r": (0.0, 1.0), "z": (0.0, 1.0), "n": (-1.0, 1.0)}
    twin = nn.GRU

    def bias(self, w: Weights) -> Tensor:
        return w.bias_ih

    def tape(self, a: Tensor, hidden: int) -> Tape:
        tape = super().tape(a, hidden)
        tape["product"] = torch.empty_like(a)
        return tape

    def views(self, tape: Tape) -> list[tuple[Tensor, ...]]:
        a, product, h = tape["a"], tape["product"], tape["h"].unbind(0)
        size = a.shape[-1] // 3
        r, z, n = (block.unbind(0) for block in a.split(size, -1))
        r_and_z, of_r_and_z = a[..., : 2 * size].unbind(0), product[..., : 2 * size].unbind(0)
        h_n = product[..., 2 * size :].unbind(0)
        return list(zip(product.unbind(0), of_r_and_z, h_n, r_and_z, r, z, n, h[:-1], h[1:], strict=True))

    def step(self, w: Weights, *views: Tensor) -> None:
        product, of_r_and_z, h_n, r_and_z, r, z, n, h_before, h = views
        torch.addmm(w.bias_hh, h_before, w.across, out=product)
        r_and_z.add_(of_r_and_z).sigmoid_()
        n.addcmul_(r, h_n).tanh_()
        torch.lerp(n, h_before, z, out=h)

    def slope_room(self, tape: Tape) -> GRUSlopes:
        h = tape["h"][1:]
        return GRUSlopes(h.new_empty(*h.shape[:-1], 3, h.shape[-1]), torch.empty_like(h), torch.empty_like(h))

    def slopes(self, tape: Tape, out: GRUSlopes) -> None:
        r, z, n = tape["a"].chunk(3, -1)
        h_n, h_before = tape["product"].chunk(3, -1)[2], tape["h"][:-1]
        scratch = out.h_by_h
        times_dtanh(torch.neg(z, out=scratch).add_(1), n, out=out.h_by_n)
        times_dsigmoid(torch.mul(out.h_by_n, h_n, out=scratch), r, out=out.h_by_gates[..., 0, :])
        times_dsigmoid(torch.sub(h_before, n, out=scratch), z, out=out.h_by_gates[..., 1, :])
        torch.mul(out.h_by_n, r, out=out.h_by_gates[..., 2, :])
        out.h_by_h.copy_(z)

    def rows(self, dh: Tensor, dc: Tensor, da: Tensor) -> Rows:
        return Rows(dh, dc, da, da.flatten(-2), dh.unsqueeze(-2))

    def adjoint(self, k: GRUSlopes, rows: Rows) -> None:
        torch.mul(rows.dh_of_gates, k.h_by_gates, out=rows.da)

    def carry(self, k: GRUSlopes, w: Weights, rows: Rows, before: Rows) -> None:
        before.dh.addcmul_(rows.dh, k.h_by_h).addmm_(rows.flat_da, w.weight_hh)

    def inside(self, k: GRUSlopes, dh: Tensor, da: Tensor, out: Tensor | None = None) -> Tensor:
        out = da.clone() if out is None else out.copy_(da)
        torch.mul(dh, k.h_by_n, out=out[..., 2, :])
        return out


CELLS: dict[str, AnyCell] = {"rnn_tanh": RNNTanh(), "rnn_relu": RNNReLU(), "lstm": LSTM(), "gru": GRU()}
