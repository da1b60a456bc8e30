"""What truncation does to the gradient of this network on its own task, and which K would do.  Importing this needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core import limits
from core.measures.advice import Fading, fading
from core.measures.bias import SCHEMES, Bias
from core.studies.rows import rows_of
from core.studies.study import Progress, Refused
from core.trace import Array, Axis

if TYPE_CHECKING:
    from core.training import Trainer


@dataclass(frozen=True, slots=True)
class Asked:
    """Nothing is asked but the network itself."""


@dataclass(frozen=True)
class Found:
    """What was found with the weights as they are.

    iteration: updates so far.   loss: of these sequences.   chance: the loss of a network without the memory that the task asks for; NaN
    where that is not known.   task_lag: the shortest lag over which the task asks for something; 0 where that is not known.
    sequences: how many were looked at.   axis: the labels of the observed sequence's steps.
    bias: the error of truncated gradients.   fading: of the error with the lag, top layer, all sequences.   state: "h", or "c" where there
    is a c, whose error it is.
    lag: |dL_s/dh_t| of the observed sequence, (T, T), top layer.
    held: the most bytes that one gradient of these sequences holds at a time when it is read in segments of K steps, (schemes, n) as in
    `bias`; empty before it is measured.
    k1, k2: the run's own truncation, TBPTT(k1, k2); its error and the angle to the full gradient in degrees.
    """

    iteration: int
    loss: float
    chance: float
    task_lag: int
    sequences: int
    axis: Axis
    bias: Bias
    fading: Fading
    state: str
    lag: Array
    k1: int
    k2: int
    error: float
    degrees: float
    held: Array

    def lag_frame(self) -> pd.DataFrame:
        """Tidy: the lag matrix, a row for each loss step s and step t between which there is a path; steps from 1."""
        s, t = np.nonzero(~np.isnan(self.lag))
        return pd.DataFrame({"s": s + 1, "t": t + 1, "norm": self.lag[s, t]})


def study(trainer: Trainer, _: Asked) -> Iterator[Progress[Found]]:
    """See `Found`."""
    from core import passes
    from core.lag_matrix import lag_matrix
    from core.measures.segments import weigh
    from core.measures.truncated import own_bias, truncation_bias
    from core.truncation import TBPTT

    model, task = trainer.model, trainer.task
    observed = min(trainer.observe, task.sequences - 1)
    rows = rows_of(trainer, swept=True)
    batch = task.batch(rows)
    steps = len(batch.inputs)
    if model.attention and steps > limits.ATTENDED_LAG_STEPS:
        raise Refused(
            f"With attention, truncation is studied on sequences of at most {limits.ATTENDED_LAG_STEPS} steps, not {steps}: "
            "choose shorter sequences, or attention none."
        )
    yield Progress(0, 3, "the lag matrix")
    full = passes.run(model, task, batch, TBPTT(steps, steps))
    matrix, nan = lag_matrix(full.unrolled, full.direct, paths=full.paths), float("nan")
    norms = {
        state: of_layers[-1].double().masked_fill(~batch.with_loss[:, None], nan).masked_fill(~batch.mask[None], nan).numpy()
        for state, of_layers in (("h", matrix.h), ("c", matrix.c))
        if of_layers
    }
    carrying = list(norms)[-1]
    yield Progress(1, 3, "every K")
    bias = truncation_bias(model, task, batch)
    yield Progress(2, 3, "the run's own truncation")
    own = trainer.truncation().within(steps)
    error, degrees = own_bias(full, task, own)
    axis = task.axis(observed)
    length = len(axis.inputs)
    seen = norms["h"][:length, :length, rows.index(observed)]
    nothing = np.empty((len(SCHEMES), 0), np.int64)
    found = Found(
        iteration=trainer.iteration,
        loss=full.loss,
        chance=float(task.chance.get("loss", np.nan)),
        task_lag=task.lag,
        sequences=len(rows),
        axis=axis,
        bias=bias,
        fading=fading(norms[carrying]),
        state=carrying,
        lag=seen,
        k1=own.k1,
        k2=own.k2,
        error=error,
        degrees=degrees,
        held=nothing,
    )
    total = 3 + len(bias.ks)
    yield Progress(3, total, "memory", found)
    held = np.zeros((len(SCHEMES), len(bias.ks)), np.int64)
    for column, k in enumerate(bias.ks):
        held[:, column] = [weigh(model, task, batch, scheme, k) for scheme in SCHEMES]
        yield Progress(3 + column, total, f"memory at K = {k}")
    yield Progress(total, total, "", replace(found, held=held))
