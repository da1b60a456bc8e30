"""Models: what learns the task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.balanced import Balanced
from core.experiment import Experiment
from core.model import SequenceModel
from core.tasks import Task
from core.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of model."""

    label: str
    help: str
    options: tuple[str, ...]
    make: Callable[[Experiment, Task], SequenceModel]


MODELS: dict[str, Model] = {
    "recurrent": Model(
        "Recurrent",
        "A state that is carried from step to step.",
        ("cell", "layers", "hidden", "initialisation", "gain", "attention"),
        SequenceModel.of_experiment,
    ),
    "transformer": Model(
        "Transformer",
        "No recurrence: a block that attends to what was read so far, and learns positions.",
        ("hidden", "heads"),
        Transformer.of_experiment,
    ),
    "balanced": Model(
        "Balanced", "For influence balancing: 23 linear units whose weights are given, fed by one weight that is learned.", (), Balanced
    ),
}
