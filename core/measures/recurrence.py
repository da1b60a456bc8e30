"""Whether an experiment's recurrence can be compared with others.  Nothing here imports torch."""

from __future__ import annotations

from core.experiment import Experiment, InvalidExperiment


def check_drawn(experiment: Experiment) -> None:
    """`InvalidExperiment` where there are no networks of other weights, or of other cells, to compare with."""
    if experiment.model == "transformer":
        raise InvalidExperiment(
            {"model": "A transformer has no recurrence, in which Jacobians would multiply: choose the recurrent model."}
        )
    if experiment.model != "recurrent":
        raise InvalidExperiment({"model": "This network's weights are given: choose the recurrent model to compare it with others."})
