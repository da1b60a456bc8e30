"""One gradient read in segments of K steps, as long sequences are: the memory that it holds, and a walk to time."""

from __future__ import annotations

from core.measures.bias import truncation_of
from core.measures.memory import Held
from core.model import SequenceModel
from core.streaming import stream
from core.tasks import Batch, Task


def walk(model: SequenceModel, task: Task, batch: Batch, scheme: str, k: int) -> None:
    """The truncated gradient of a batch, K steps at a time, of which only what a window needs is kept; see `core.streaming`.

    From K = T on every scheme cuts nothing, and all of the batch is one segment that is walked back once.
    """
    if k >= len(batch.inputs):
        scheme = "chunk"
    segments = (batch.section(first, first + k) for first in range(0, len(batch.inputs), k))
    for _ in stream(model, task, segments, truncation_of(scheme, k)):
        pass


def weigh(model: SequenceModel, task: Task, batch: Batch, scheme: str, k: int) -> int:
    """The most bytes of tensors that this holds at one time.  Counting takes time of its own: what is weighed is not timed."""
    with Held() as held:
        walk(model, task, batch, scheme, k)
    return int(held.peak)
