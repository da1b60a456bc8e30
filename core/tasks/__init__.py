"""Tasks: what the network has to learn.  A Task owns the sequences, what stands in them, the targets and the loss."""

from __future__ import annotations

from core.tasks.adding import Adding
from core.tasks.batch import Batch
from core.tasks.copying import Copy, Echo
from core.tasks.drawn import Drawn
from core.tasks.influence import Influence
from core.tasks.reber import EmbeddedReber, Reber
from core.tasks.sentences import Sentences
from core.tasks.task import Task
from core.tasks.temporal_order import TemporalOrder
from core.tasks.windows import Windows

__all__ = ["TASKS", "Batch", "Drawn", "Sentences", "Task", "Windows"]

TASKS: dict[str, type[Task]] = {
    "sentences": Sentences,
    "series": Windows,
    "copy": Copy,
    "echo": Echo,
    "adding": Adding,
    "order": TemporalOrder,
    "influence": Influence,
    "reber": Reber,
    "embedded_reber": EmbeddedReber,
}
