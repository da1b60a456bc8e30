"""Rollout: what a network says of the times after the training part, by the protocol of `core.forecast`.

n origins make one batch: each warms up on the last T true values before its origin, and then goes on for h steps.  A network that answers
every step carries its states on.  One that answers the last step only has learned to answer after T steps and no others, so that it reads
the last T values anew for each.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.experiment import Experiment
from core.forecast import Forecast, origins
from core.model import SequenceModel
from core.onward import Onward
from core.tasks import Windows

NAME = "Network"

NUMBERS = 2**23
"""The most numbers that the warm-up of one group of origins may leave on its tape: memory stays bounded however long the series is."""


@torch.inference_mode()
def forecast(model: SequenceModel, task: Windows, experiment: Experiment) -> Forecast:
    """The forecast of a network as it is now, in the series' own units; not finite where the network has exploded.

    experiment.rollout: "free" reads the network's own predictions after the origin; "forced" reads the true values, so that each value
    is a forecast of one step.  Weights, states and random numbers of a training that goes on are left alone.
    """
    first, end = task.parts.train.stop, task.parts.test.stop
    begins = origins(task.parts, experiment.horizon)
    wide = 8 * model.hidden * (len(model.layers) + (model.attention is not None))
    group = max(1, NUMBERS // ((experiment.window + experiment.horizon) * wide))
    steps = torch.cat(
        [_group(model, task, experiment, torch.tensor(begins[at : at + group])) for at in range(0, len(begins), group)], dim=1
    )
    # (h, n, D): the steps of one origin follow each other, and those of the last may go beyond the end.
    scaled = steps.transpose(0, 1).flatten(0, 1)[: end - first]
    return Forecast(NAME, np.ascontiguousarray(task.unscaled(scaled)), None, None, begins)


def _group(model: SequenceModel, task: Windows, experiment: Experiment, begins: Tensor) -> Tensor:
    """Scaled predictions of some origins, (h, n, D)."""
    # No window is longer than the training part, so that there are enough values before the first origin.
    read = task.scaled[torch.arange(-experiment.window, 0)[:, None] + begins]
    onward = Onward(model)
    predicted: list[Tensor] = []
    for step in range(experiment.horizon):
        predicted.append(onward.read(read))
        true = task.scaled[(begins + step).clamp(max=len(task.scaled) - 1)]
        new = (predicted[-1] if experiment.rollout == "free" else true)[None]
        if experiment.answer == "last":
            read, onward = torch.cat((read[1:], new)), Onward(model)
        else:
            read = new
    return torch.stack(predicted)
