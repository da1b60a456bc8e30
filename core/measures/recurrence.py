"""Whether the recurrence of an experiment can be measured by itself.  Nothing here imports torch."""

from __future__ import annotations

from core.experiment import Experiment, InvalidExperiment


def check_drawn(experiment: Experiment) -> None:
    """`InvalidExperiment` where there are no networks of other weights to compare with, or errors have other ways than the recurrence."""
    check_recurrent(experiment)
    if experiment.model != "recurrent":
        raise InvalidExperiment({"model": "This network's weights are given: choose the recurrent model to compare it with others."})


def check_recurrent(experiment: Experiment) -> None:
    """`InvalidExperiment` where errors do not travel through the recurrence alone."""
    if experiment.model == "transformer":
        raise InvalidExperiment({"model": "A transformer has no recurrence in which errors could vanish: choose the recurrent model."})
    if experiment.attention != "none":
        raise InvalidExperiment(
            {
                "attention": "Attention carries errors past the recurrence: choose none to measure the recurrence alone. "
                "How far errors come along both ways is measured under Truncation."
            }
        )
