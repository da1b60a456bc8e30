"""The oracle of attention: the same in plain PyTorch, differentiated by autograd, with earlier states detached.

Nothing here uses the engine's own attention.  Letters as in `core.attention`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from core.oracle import attend
from tests.core import oracle

Weights = Mapping[str, Tensor]


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
