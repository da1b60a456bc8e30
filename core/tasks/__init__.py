"""Tasks: what the network has to learn.  A Task owns the sequences, what stands in them, the targets and the loss."""

from __future__ import annotations

from core.tasks.sentences import Sentences
from core.tasks.task import Batch, Task
from core.tasks.windows import Windows

__all__ = ["TASKS", "Batch", "Sentences", "Task", "Windows"]

TASKS: dict[str, type[Task]] = {"sentences": Sentences, "series": Windows}
