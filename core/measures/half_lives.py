"""Half-lives at the start: cells and levers at equal settings, measured on the last loss of a long run.

"An LSTM does not vanish" is not so at torch's default weights: its forget gate stands near 1/2, and the error of c halves in a step and a
half (Jozefowicz, Zaremba & Sutskever 2015 on the forget bias; Saxe, McClelland & Ganguli 2014 and Le, Jaitly & Hinton 2015 on the
recurrent weights).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from core.experiment import Experiment
from core.measures.decay import Decay, fit_decay
from core.measures.each_loss import each_loss
from core.measures.long_run import long_run
from core.measures.recurrence import check_drawn
from core.model import SequenceModel
from core.tasks import Task

LINE_UP: tuple[Mapping[str, str | float], ...] = (
    {"cell": "rnn_tanh"},
    {"cell": "rnn_relu"},
    {"cell": "gru"},
    {"cell": "lstm"},
    {"cell": "lstm", "forget_bias": 1.0},
    {"cell": "lstm", "forget_bias": 3.0},
    {"cell": "rnn_tanh", "initialisation": "orthogonal"},
    {"cell": "rnn_relu", "initialisation": "orthogonal"},
)
"""What is compared: each a change to the experiment whose cell stands at its plain start, `PLAIN`."""

PLAIN: Mapping[str, str | float] = {"initialisation": "uniform", "gain": 1.0, "forget_bias": 0.0}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which lags are fitted, both ends included, on a run of so many steps."""

    steps: int = 60
    first: int = 5
    last: int = 40


def at_start(experiment: Experiment, task: Task, stretch: Stretch, noise: bool) -> Decay:
    """The decay in the untrained model of an experiment, without attention; see `of_model`."""
    check_drawn(experiment)
    return of_model(
        SequenceModel.of_experiment(experiment.replace(attention="none"), task), task, stretch, experiment.seed if noise else None
    )


def of_model(model: SequenceModel, task: Task, stretch: Stretch, noise: int | None = None) -> Decay:
    """The decay of the last loss's error at the top layer, through the recurrence alone; of c where there is c.

    noise: the seed of random numbers, x ~ N(0, 1), that are read instead of the task's own inputs; None reads these.
    """
    x, dtype = None, model.flat.dtype
    if noise is not None:
        inputs = model.layers[0].weight_ih.shape[1]
        x = torch.randn(stretch.steps, 1, inputs, generator=torch.Generator().manual_seed(noise), dtype=dtype)
    norms = each_loss(model, task, long_run(task, stretch.steps), x).last_by_lag()
    return fit_decay(norms, stretch.first, stretch.last, floor=float(torch.finfo(dtype).tiny))
