"""A long run: the task's sequences one after another, through which a model walks without being set back to the start.

What holds in the long run (Lyapunov exponents, saturation) and what needs sequences longer than the task has (the phase diagram) is
measured along it.
"""

from __future__ import annotations

import torch

from core.tasks import Batch, Task


def long_run(task: Task, steps: int) -> Batch:
    """One sequence of so many steps, (steps, 1), each with a loss: the real steps of all sequences in turn, again and again."""
    every = task.batch()
    parts = [(column, int(length)) for column, length in enumerate(every.lengths)]

    def joined(values: torch.Tensor) -> torch.Tensor:
        once = torch.cat([values[:length, column] for column, length in parts])
        rounds = -(-steps // len(once))
        return once.repeat(rounds, *[1] * (once.ndim - 1))[:steps].unsqueeze(1)

    mask = torch.ones(steps, 1, dtype=torch.bool)
    return Batch(joined(every.inputs), joined(every.targets), mask, torch.tensor([steps]))
