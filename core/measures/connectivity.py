"""Connectivity: how much each input that was read moves what a network says at a later step.

    connectivity(s, t) = | d o_s[k] / d x_t |

after Madsen 2019, "Visualizing memorization in RNNs", Distill.  o_s: the outputs of step s (the logits, of sentences), k: the one that is
asked about, x_t: what entered the lowest layer at step t, embedded.  Unlike the lag matrix it knows no loss: two networks that predict
equally well can use very different context.

T steps, B sequences, O outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from core.lag_matrix import lag_row
from core.passes import Pass
from core.trace import Array


@dataclass(frozen=True)
class Connectivity:
    """outputs: k, (T, B).   values: (T, T, B), rows s, columns t; NaN where t is read after s, or a step is padding."""

    outputs: Array
    values: Array

    def share(self, lag: int) -> Array:
        """How much of each step's connectivity comes from inputs at least so many steps back, (T, B): 0 to 1."""
        back = np.subtract.outer(np.arange(len(self.values)), np.arange(len(self.values)))
        far = np.nansum(np.where((back >= lag)[..., None], self.values, 0), axis=1)
        whole = np.nansum(self.values, axis=1)
        found: Array = np.divide(far, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
        return found

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row for each sequence, output step s and input step t <= s, counted from 1."""
        s, t, b = np.nonzero(~np.isnan(self.values))
        return pd.DataFrame({"sequence": b + 1, "output_step": s + 1, "input_step": t + 1, "connectivity": self.values[s, t, b]})


@torch.inference_mode()
def connectivity(seen: Pass, outputs: Tensor | None = None) -> Connectivity:
    """Of every output step to every input step of a pass, with the weights as they are, untruncated.

    outputs: (T, B), which output of each step is asked about; by default the true next token's, or the first column of a series.
    ValueError for a pass without a readout, and for outputs that there are not.
    """
    model, batch, unrolled = seen.model, seen.batch, seen.unrolled
    if "readout.weight" not in model.weights:
        raise ValueError("Connectivity asks about an output, but this pass ends at its states: it has no readout.")
    count = seen.outputs.shape[-1]
    if outputs is None:
        outputs = torch.zeros_like(batch.mask, dtype=torch.long) if batch.targets.is_floating_point() else batch.targets
    if outputs.shape != batch.mask.shape or not ((outputs >= 0) & (outputs < count)).all():
        raise ValueError(f"outputs must be {tuple(batch.mask.shape)} numbers from 0 to {count - 1}.")
    d_read = model.readout_adjoint(torch.nn.functional.one_hot(outputs, count).to(seen.outputs.dtype) * batch.mask[..., None])
    paths = seen.paths.attended.back(d_read) if seen.paths else None
    direct = d_read if paths is None else paths.direct
    steps = len(direct)
    values = direct.new_full((steps, *batch.mask.shape), torch.nan)
    for s in range(steps):
        da = lag_row(unrolled, direct, s, paths).da[0]
        values[s, : s + 1] = (da.flatten(-2) @ model.layers[0].weight_ih).norm(dim=-1)
    values[:, ~batch.mask] = torch.nan
    values[~batch.mask[:, None].expand_as(values)] = torch.nan
    return Connectivity(outputs.numpy().copy(), values.numpy().copy())
