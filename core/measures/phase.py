"""Phase diagram: lever x sequence length -> how much of the last loss's error reaches the first step.

For each value of a lever (the recurrent gain, or an LSTM's forget bias) one network of the experiment is made and walked along the same
long run.  The first column of its lag matrix holds the error of the loss after T steps for every T: the network that reads T inputs and
answers after the last is the same network stopped at T, so that one sweep is a whole row of the diagram.

The border between vanishing and exploding is where the norm neither falls nor grows with T (Pascanu, Mikolov & Bengio 2013, section 2.1;
Schoenholz et al. 2017 for the picture).
"""

from __future__ import annotations

import numpy as np

from core.experiment import Experiment
from core.measures.each_loss import each_loss
from core.measures.long_run import long_run
from core.measures.recurrence import check_drawn
from core.model import SequenceModel
from core.tasks import Task
from core.trace import Array


def first_errors(experiment: Experiment, task: Task, longest: int) -> Array:
    """log10 of |dL_T/d state_1| at the top layer of the untrained model for T = 1 ... longest, (longest,); the state is c where there is c.

    Without attention: the recurrence alone.  -inf where the error is 0 (it vanished below the smallest number), inf or NaN where it left
    the largest.   `InvalidExperiment` for a model whose recurrence is not drawn.
    """
    check_drawn(experiment)
    found = each_loss(SequenceModel.of_experiment(experiment.replace(attention="none"), task), task, long_run(task, longest))
    norms = found.matrices()[found.carrying][:, 0]
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(norms))
