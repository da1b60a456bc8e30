"""The oracle: the same networks in plain PyTorch, differentiated by autograd.

Nothing here uses the engine.  `unroll` writes a stack of cells out with one zero-valued leaf added to every state, a *probe*: its gradient
is the gradient of that state, at fixed c_t for h_t, and through h_t for c_t.  Letters as in `core.bptt`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.tasks import Batch
from core.tokens import PAD

MODULES = {
    "rnn_tanh": lambda *sizes, **more: nn.RNN(*sizes, nonlinearity="tanh", **more),
    "rnn_relu": lambda *sizes, **more: nn.RNN(*sizes, nonlinearity="relu", **more),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


@dataclass(frozen=True)
class Unrolled:
    """A stack unrolled under autograd.  h, c: states, [layer][step] (B, H).  probe_h, probe_c: the leaves added to them."""

    h: list[list[Tensor]]
    c: list[list[Tensor]]
    probe_h: list[list[Tensor]]
    probe_c: list[list[Tensor]]

    @property
    def top(self) -> Tensor:
        return torch.stack(self.h[-1])

    @property
    def probes(self) -> list[Tensor]:
        return [probe for probes in (self.probe_h, self.probe_c) for layer in probes for probe in layer]


def step(kind: str, w: Sequence[Tensor], x: Tensor, h: Tensor, c: Tensor, probe_h: Tensor, probe_c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of one layer -> h, c."""
    weight_ih, weight_hh, bias_ih, bias_hh = w
    if kind == "lstm":
        a = functional.linear(x, weight_ih, bias_ih) + functional.linear(h, weight_hh, bias_hh)
        i, f, g, o = a.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh() + probe_c
        return o.sigmoid() * c.tanh() + probe_h, c
    cells = {"gru": torch.gru_cell, "rnn_tanh": torch.rnn_tanh_cell, "rnn_relu": torch.rnn_relu_cell}
    return cells[kind](x, h, *w) + probe_h, c


def parameters(module: nn.RNNBase) -> list[tuple[Tensor, ...]]:
    """weight_ih, weight_hh, bias_ih, bias_hh of each layer."""
    return [tuple(weights) for weights in module.all_weights]


def unroll(kind: str, module: nn.RNNBase, x: Tensor, start: Sequence[tuple[Tensor, Tensor]] | None = None) -> Unrolled:
    """All steps of a stack over x, (T, B, I), from `start`, (h, c) of each layer."""
    nothing = x.new_zeros(x.shape[1], module.hidden_size)
    run = Unrolled([], [], [], [])
    for w, before in zip(parameters(module), start or [(nothing, nothing)] * module.num_layers, strict=True):
        h, c = before
        below = run.h[-1] if run.h else x
        for values in (run.h, run.c, run.probe_h, run.probe_c):
            values.append([])
        for x_t in below:
            probe_h, probe_c = nothing.clone().requires_grad_(), nothing.clone().requires_grad_()
            h, c = step(kind, w, x_t, h, c, probe_h, probe_c)
            for values, value in ((run.h, h), (run.c, c), (run.probe_h, probe_h), (run.probe_c, probe_c)):
                values[-1].append(value)
    return run


def gradients(loss: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """d loss / d leaf, zero where there is no path."""
    found = torch.autograd.grad(loss, list(leaves), allow_unused=True, retain_graph=True)
    return [torch.zeros_like(leaf) if one is None else one for one, leaf in zip(found, leaves, strict=True)]


@dataclass(frozen=True)
class Truncated:
    """Gradients summed over windows: of each weight by torch's name; dh, dc (L, T, B, H)."""

    weights: Mapping[str, Tensor]
    dh: Tensor
    dc: Tensor


def truncated(kind: str, module: nn.RNNBase, x: Tensor, direct: Tensor, k1: int, k2: int) -> Truncated:
    """Autograd with detached states, window by window: each runs again from the values of the states before it, and the losses of its
    own block (sum of direct_t . h_t) send their gradients back through it."""
    steps, layers = len(x), module.num_layers
    with torch.no_grad():
        whole = unroll(kind, module, x)
    names, weights = zip(*module.named_parameters(), strict=True)
    sums = [torch.zeros_like(weight) for weight in weights]
    dh = torch.zeros(layers, *direct.shape, dtype=x.dtype)
    dc = torch.zeros_like(dh)
    for block in range(0, steps, k1):
        first, last = max(0, block - (k2 - k1)), min(block + k1, steps)
        before = [(whole.h[layer][first - 1], whole.c[layer][first - 1]) for layer in range(layers)] if first else None
        run = unroll(kind, module, x[first:last], before)
        loss = (run.top[block - first :] * direct[block:last]).sum()
        found = gradients(loss, [*weights, *run.probes])
        sums = [total + one for total, one in zip(sums, found, strict=False)]
        of_probes = torch.stack(found[len(weights) :]).view(2, layers, last - first, *direct.shape[1:])
        dh[:, first:last] += of_probes[0]
        dc[:, first:last] += of_probes[1]
    return Truncated(dict(zip(names, sums, strict=True)), dh, dc)


def lag_vectors(kind: str, module: nn.RNNBase, x: Tensor, direct: Tensor) -> tuple[Tensor, Tensor]:
    """dL_s/dh_t and dL_s/dc_t, (L, T, T, B, H), by T calls of autograd: rows s, columns t."""
    run = unroll(kind, module, x)
    steps, layers = len(x), module.num_layers
    rows = [torch.stack(gradients((run.h[-1][s] * direct[s]).sum(), run.probes)).view(2, layers, *direct.shape) for s in range(steps)]
    both = torch.stack(rows, 2)
    return both[0], both[1]


class Model(nn.Module):
    """Embedding, stack and readout as anybody would write them in PyTorch, with the weight names of `core.model.SequenceModel`."""

    def __init__(self, kind: str, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        tokens, inputs = weights["embedding.weight"].shape
        outputs, hidden = weights["readout.weight"].shape
        dtype = weights["embedding.weight"].dtype
        layers = sum("rnn.weight_ih" in name for name in weights)
        self.embedding = nn.Embedding(tokens, inputs, dtype=dtype)
        self.rnn = MODULES[kind](inputs, hidden, layers, dtype=dtype)
        self.readout = nn.Linear(hidden, outputs, dtype=dtype)
        self.load_state_dict({name: weight.clone() for name, weight in weights.items()})

    def loss(self, batch: Batch, state: object = None) -> tuple[Tensor, object]:
        """Mean cross-entropy over the real steps, and the states after the last."""
        out, state = self.rnn(self.embedding(batch.inputs), state)
        return functional.cross_entropy(self.readout(out).flatten(0, 1), batch.targets.flatten(), ignore_index=PAD), state

    def gradient(self, batch: Batch) -> tuple[float, dict[str, Tensor]]:
        """L, and dL/dw of every weight by name."""
        self.zero_grad()
        loss, _ = self.loss(batch)
        loss.backward()
        return loss.item(), {name: weight.grad.clone() for name, weight in self.named_parameters()}
