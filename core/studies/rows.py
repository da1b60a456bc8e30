"""Which sequences a study looks at: the observed one and as many others as there is room for.  Importing this needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import limits

if TYPE_CHECKING:
    from core.training import Trainer

SEQUENCES = 64
"""The most sequences that are looked at."""
NUMBERS = 2**22
"""Of the states of one pass, T B H L; a study holds some dozens of arrays of that size."""
SWEPT = 2**26
"""The same times T: every loss is walked back on its own."""


def rows_of(trainer: Trainer, most: int = SEQUENCES, *, swept: bool = False) -> list[int]:
    """At most so many sequences of the trainer's task, by number, the observed one among them.

    swept: whether every loss is kept apart, which costs T times as much.
    """
    model, task = trainer.model, trainer.task
    steps = max(task.lengths)
    states = steps * model.hidden * len(model.layers)
    room = min(most, NUMBERS // states)
    if swept:
        room = min(room, SWEPT // (steps * states))
    if model.attention:
        room = min(room, limits.ATTENTION_WEIGHTS // (limits.HEADS * steps**2))
    rows = [*range(max(1, min(task.sequences, room)))]
    observed = min(trainer.observe, task.sequences - 1)
    if observed not in rows:
        rows[-1] = observed
    return rows
