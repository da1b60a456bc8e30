"""Half-lives at the start: cells and levers at equal settings.

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
from core.measures.last_losses import check_recurrent, last_losses
from core.model import DTYPES, SequenceModel
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
    """The decay of the last loss's error in the untrained model, at the top layer; of c where there is c.

    noise: read random numbers, x ~ N(0, 1), drawn by the experiment's seed, instead of the task's own inputs.
    `InvalidExperiment` for attention and for a model without recurrence.
    """
    check_recurrent(experiment)
    model = SequenceModel.of_experiment(experiment, task)
    x = None
    if noise:
        generator = torch.Generator().manual_seed(experiment.seed)
        inputs = model.layers[0].weight_ih.shape[1]
        x = torch.randn(stretch.steps, 1, inputs, generator=generator, dtype=DTYPES[experiment.dtype])
    norms = last_losses(model, task, stretch.steps, x).by_lag()
    return fit_decay(norms, stretch.first, stretch.last, floor=float(torch.finfo(DTYPES[experiment.dtype]).tiny))
