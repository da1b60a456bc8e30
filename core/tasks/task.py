"""A Task: what the network has to learn.  It owns the sequences, what stands in them, the targets and the loss.

T steps, B sequences, I inputs, O outputs.  Everything is time-major, (T, B, ...), padded at the end of the shorter sequences.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

from torch import Tensor

from core.experiment import Experiment, InvalidExperiment
from core.tasks.batch import Batch
from core.trace import Array, Axis


class Task(ABC):
    """Sequences to learn from, and the loss that says how well they were learned.

    label, help, options: for `TASKS` (see `core.catalogue.Member`).
    definition: how its sequences are drawn, what is asked for, and where that was published; "" where it is nobody's.
    inputs: how many numbers enter the model at each step; None where inputs are ids that it embeds.
    outputs: how many numbers the model's readout has at each step.
    sequences: how many sequences there are.   lengths: the steps of each.
    texts: of the sequences that can be looked at, the first of all, each as one line, to choose it by.
    vocabulary: the token of each id that is read, nothing where there are no ids.
    labels: the token that each output stands for, as a reader sees it; nothing where outputs are numbers.
    coordinates: the labels of the axes that `shown` adds to a Trace.
    suits: field -> the value that this task is usually chosen with, where it is about one model.
    chance: "loss", and perhaps a score -> what a network gets that lacks what the task asks for; nothing where that is not known.
    best: the same for a network that knows all that can be known; nothing where its loss is 0.
    guess: what a network at chance does, in words.
    lag: steps from an answer back to the nearest step that it asks about, in no sequence fewer; 0 where the rule does not say.
    tells: updates after which networks that are taught to remember stand apart from those that are not.
    usual: sequences of one update where the experiment leaves that to the task; None takes all of them.
    reads, writes: whether `read` takes texts, and whether a trained network can write them.   silent: ids that it never writes.
    """

    label: ClassVar[str]
    help: ClassVar[str]
    options: ClassVar[tuple[str, ...]]
    definition: ClassVar[str] = ""
    suits: ClassVar[Mapping[str, str]] = MappingProxyType({})
    chance: Mapping[str, float] = MappingProxyType({})
    best: Mapping[str, float] = MappingProxyType({})
    guess: ClassVar[str] = ""
    lag: int = 0
    tells: ClassVar[int] = 200
    usual: ClassVar[int | None] = None
    reads: ClassVar[bool] = False
    writes: ClassVar[bool] = False
    silent: ClassVar[tuple[int, ...]] = ()

    inputs: int | None
    outputs: int
    sequences: int
    lengths: tuple[int, ...]
    texts: tuple[str, ...]
    vocabulary: tuple[str, ...]
    labels: tuple[str, ...]
    coordinates: Mapping[str, tuple[str, ...]]

    @abstractmethod
    def __init__(self, experiment: Experiment) -> None:
        """Raise `InvalidExperiment` when the experiment's options do not make a task."""

    @cached_property
    def steps(self) -> int:
        """The steps of the longest sequence."""
        return max(self.lengths)

    def at_once(self, experiment: Experiment) -> int:
        """How many sequences one update reads."""
        return min(experiment.batch or self.usual or self.sequences, self.sequences)

    @abstractmethod
    def batch(self, indices: Sequence[int] | None = None) -> Batch:
        """All sequences, or the named ones in that order."""

    @abstractmethod
    def axis(self, index: int) -> Axis:
        """The labels of one sequence's steps."""

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of each step, (T, B), 0 where padded, whose sum is L; and dL/d outputs, in the shape of `outputs`."""

    @abstractmethod
    def shown(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Array]:
        """What a Trace shows of outputs (T, B, O) and their targets, by the quantity's name, with axes as in `core.trace.AXES`."""

    @abstractmethod
    def read(self, text: str) -> tuple[Batch, Axis, tuple[int, ...]]:
        """A text of the user's as a batch of one, its axis, and the steps (from 1) whose input is not in the vocabulary.

        InvalidExperiment where the task reads no text.
        """

    @abstractmethod
    def write(self, ids: Iterable[int]) -> str:
        """Ids as a text that a person would write."""

    def begin(self, prompt: str) -> Tensor:
        """What a text begins with that the network writes, ids (T, 1): the prompt, after what every text begins with.

        InvalidExperiment where the task writes none.
        """
        raise InvalidExperiment({"prompt": "A network that learns this task gives answers: it cannot write a text."})

    def goes_on(self, ids: Sequence[int]) -> bool:
        """Whether a text of these ids, what it began with included, has not ended."""
        return True

    def describe(self) -> dict[str, Any]:
        """What a form shows of the task, as plain values ready for JSON: its definition, with what chance earns and how; the labels of the
        steps of every sequence that can be looked at, the vocabulary, the steps of the longest sequence, `lag` and `tells`, and whether it
        reads and writes texts."""
        axes = [self.axis(index) for index in range(len(self.texts))]
        return {
            "definition": self.definition,
            "chance": dict(self.chance),
            "guess": self.guess,
            "sequences": [{"inputs": list(axis.inputs), "targets": list(axis.targets)} for axis in axes],
            "vocabulary": list(self.vocabulary),
            "steps": self.steps,
            "lag": self.lag,
            "tells": self.tells,
            "reads": self.reads,
            "writes": self.writes,
            "problems": {},
        }
