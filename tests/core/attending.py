"""The oracle of attention: the same in plain PyTorch, differentiated by autograd, with earlier states detached.

Nothing here uses the engine's own attention.  Letters as in `core.attention`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from tests.core import oracle

Weights = Mapping[str, Tensor]


def attend(weights: Weights, heads: int, asking: Tensor, states: Tensor, keys: Tensor | None = None) -> Tensor:
    """What the last states read: asking (T, B, H) of states (S, B, H).  keys: the same states as they are attended to, if another leaf."""
    hidden, past = states.shape[-1], len(states) - len(asking)
    states = states if keys is None else keys
    in_weight, in_bias = weights["attention.in_proj_weight"].split(hidden), weights["attention.in_proj_bias"].split(hidden)
    q, k, v = (
        functional.linear(part, w, b).unflatten(-1, (heads, -1)).permute(1, 2, 0, 3)
        for part, w, b in zip((asking, states, states), in_weight, in_bias, strict=True)
    )
    allowed = torch.ones(len(asking), len(states), dtype=torch.bool).tril(past)
    if "attention.score" in weights:
        tanh = torch.tanh(q.unsqueeze(3) + k.unsqueeze(2))
        scores = (tanh * weights["attention.score"][:, None, None]).sum(-1)
        context = torch.softmax(scores.masked_fill(~allowed, -torch.inf), -1) @ v
    else:
        context = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
    out = functional.linear(
        context.permute(2, 0, 1, 3).flatten(-2), weights["attention.out_proj.weight"], weights["attention.out_proj.bias"]
    )
    return asking + out


def leaves(weights: Weights) -> dict[str, Tensor]:
    """Attention's weights as leaves of autograd."""
    return {name: value.clone().requires_grad_() for name, value in weights.items() if name.startswith("attention.")}


def truncated(
    kind: str, module: torch.nn.RNNBase, weights: Weights, heads: int, x: Tensor, d_read: Tensor, k1: int, k2: int
) -> oracle.Truncated:
    """Window by window, as in `oracle.truncated`; the losses are sum of d_read_s . r_s, and r_s attends to states from before the window
    as constants."""
    steps, layers = len(x), module.num_layers
    with torch.no_grad():
        whole = oracle.unroll(kind, module, x)
    own = leaves(weights)
    names, parameters = zip(*module.named_parameters(), strict=True)
    names, parameters = (*names, *own), (*parameters, *own.values())
    sums = [torch.zeros_like(weight) for weight in parameters]
    dh = torch.zeros(layers, *d_read.shape, dtype=x.dtype)
    dc = torch.zeros_like(dh)
    for block in range(0, steps, k1):
        first, last = max(0, block - (k2 - k1)), min(block + k1, steps)
        before = [(whole.h[layer][first - 1], whole.c[layer][first - 1]) for layer in range(layers)] if first else None
        run = oracle.unroll(kind, module, x[first:last], before)
        read = attend(own, heads, run.top, torch.cat((whole.top[:first], run.top)))
        found = oracle.gradients((read[block - first :] * d_read[block:last]).sum(), [*parameters, *run.probes])
        sums = [total + one for total, one in zip(sums, found, strict=False)]
        of_probes = torch.stack(found[len(parameters) :]).view(2, layers, last - first, *d_read.shape[1:])
        dh[:, first:last] += of_probes[0]
        dc[:, first:last] += of_probes[1]
    return oracle.Truncated(dict(zip(names, sums, strict=True)), dh, dc)


def lag_vectors(
    kind: str, module: torch.nn.RNNBase, weights: Weights, heads: int, x: Tensor, d_read: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """dL_s/dh_t, dL_s/dc_t and the part of dL_s/dh_t that comes along attention alone, (L, T, T, B, H): rows s, columns t.

    For that part, the top layer's states are leaves; a lower layer's h_t reaches them through step t alone, whose other inputs are fixed.
    The diagonal of the part is the whole.
    """
    steps, layers = len(x), module.num_layers
    run = oracle.unroll(kind, module, x)
    read = attend(weights, heads, run.top, run.top)
    rows = [oracle.gradients((read[s] * d_read[s]).sum(), run.probes) for s in range(steps)]
    both = torch.stack([torch.stack(row).view(2, layers, *d_read.shape) for row in rows], 2)

    keys = run.top.detach().requires_grad_()
    alone = torch.zeros_like(both[0])
    read = attend(weights, heads, run.top.detach(), run.top.detach(), keys)
    for s in range(steps):
        (alone[-1, s],) = oracle.gradients((read[s] * d_read[s]).sum(), [keys])
        alone[-1, s, s] = both[0, -1, s, s]
    parameters, nothing = oracle.parameters(module), torch.zeros_like(run.h[0][0])
    for layer in range(layers - 1, 0, -1):
        for t in range(steps):
            h = run.h[layer - 1][t].detach().requires_grad_()
            h_before, c_before = (states[layer][t - 1].detach() if t else nothing for states in (run.h, run.c))
            up, _ = oracle.step(kind, parameters[layer], h, h_before, c_before, nothing, nothing)
            for s in range(t, steps):
                (alone[layer - 1, s, t],) = oracle.gradients((up * alone[layer, s, t]).sum(), [h])
    return both[0], both[1], alone.detach()
