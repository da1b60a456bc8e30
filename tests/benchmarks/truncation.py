"""The error of the truncated gradient for every K up to T = 64, against autograd: `python -m tests.benchmarks.truncation`.

Both sides give the gradient of every sliding window and of every chunk length, from the same weights and batch, on one thread.  Autograd
makes one run for each K: chunks as a loop over torch's cell that detaches after every K steps; sliding windows as a loop of K steps over
all T windows side by side, the fastest way that autograd has.  Some Ks, evenly spread, are timed for autograd, and stand for all.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from core import passes
from core.measures.truncated import truncation_bias
from core.model import SequenceModel
from core.tasks import Sentences
from core.truncation import TBPTT
from tests.benchmarks.sides import CELLS, Size

SIZES = (Size(64, 1, 32, 32), Size(64, 8, 64, 64))
SAMPLED = 8
"""Ks of each scheme that autograd is timed with."""


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The median CPU time."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


class Autograd:
    """The same gradients by autograd over torch's cell."""

    def __init__(self, cell: str, model: SequenceModel, x: Tensor, direct: Tensor) -> None:
        inputs, hidden = x.shape[-1], model.hidden
        self.cell: nn.RNNCellBase = CELLS[cell][1](inputs, hidden, dtype=x.dtype)
        for name, weight in self.cell.named_parameters():
            weight.data.copy_(model.weights[f"rnn.{name}_l0"])
        self.x, self.direct, self.states = x.clone(), direct.clone(), 2 if cell == "lstm" else 1

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """One step of the cell."""
        found = self.cell(x, state if self.states == 2 else state[0])
        return found if self.states == 2 else (found,)

    def zeros(self, rows: int) -> tuple[Tensor, ...]:
        """The states before the first step."""
        return tuple(self.x.new_zeros(rows, self.cell.hidden_size) for _ in range(self.states))

    def chunk(self, k: int) -> list[Tensor]:
        """Detached after every K steps."""
        state, loss = self.zeros(self.x.shape[1]), self.x.new_zeros(())
        for t, x in enumerate(self.x):
            if t % k == 0:
                state = tuple(value.detach() for value in state)
            state = self.step(x, state)
            loss = loss + (state[0] * self.direct[t]).sum()
        return list(torch.autograd.grad(loss, list(self.cell.parameters())))

    def window(self, k: int) -> list[Tensor]:
        """K steps of all windows side by side, each from the state before its first step."""
        steps, batch, inputs = self.x.shape
        with torch.no_grad():
            states = [self.zeros(batch)]
            for x in self.x:
                states.append(self.step(x, states[-1]))
        begins = [max(0, s - k + 1) for s in range(steps)]
        state = tuple(torch.cat([states[begin][part] for begin in begins]) for part in range(self.states))
        for j in range(k):
            # A window near the beginning is shorter: it waits until the others have come as far.
            going = torch.tensor([j >= k - 1 - s for s in range(steps)]).repeat_interleave(batch)[:, None]
            x = torch.cat([self.x[min(steps - 1, max(0, s - k + 1 + j))] for s in range(steps)]).view(steps * batch, inputs)
            after = self.step(x, state)
            state = tuple(torch.where(going, new, old) for new, old in zip(after, state, strict=True))
        loss = (state[0].view(steps, batch, -1) * self.direct).sum()
        return list(torch.autograd.grad(loss, list(self.cell.parameters())))


def row(cell: str, dtype: str, size: Size) -> str:
    """One cell of the table: the ratio, and both times."""
    experiment = size.experiment(cell, dtype)
    task = Sentences(experiment)
    model, batch = SequenceModel.of_experiment(experiment, task), task.batch()
    full = passes.run(model, task, batch, TBPTT(size.steps, size.steps))
    other = Autograd(cell, model, full.unrolled.x, full.direct)
    _agree(full, other, batch.inputs.shape[0])
    ours = seconds(lambda: truncation_bias(model, task, batch), 3)
    ks = [round(1 + place * (size.steps - 1) / (SAMPLED - 1)) for place in range(SAMPLED)]
    theirs = sum(size.steps * statistics.mean(seconds(partial(way, k), 1) for k in ks) for way in (other.window, other.chunk))
    return f"{theirs / ours:.0f}  ({theirs:.3g} / {ours:.3g} s)"


def _agree(full: passes.Pass, other: Autograd, steps: int) -> None:
    """The two sides find the same gradients, or the times mean nothing."""
    for truncation, way in ((TBPTT(1, 5), other.window), (TBPTT(5, 5), other.chunk)):
        errors = passes.bptt.backward(full.unrolled, full.direct, truncation)
        ours = full.model.factors(full.unrolled, errors)
        for factor, theirs in zip(ours, way(5), strict=True):
            found = factor.gradient(torch.empty_like(theirs))
            scale = float(theirs.abs().max())
            if float((found - theirs).abs().max()) > 1e-4 * scale:
                raise AssertionError(f"{factor.name} differs under {truncation} of {steps} steps.")


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| every K: autograd / one computation | " + " | ".join(map(str, SIZES)) + " |")
    print("|---|" + "---|" * len(SIZES))
    for dtype in ("float64", "float32"):
        for cell in CELLS:
            print(f"| {cell} {dtype} | " + " | ".join(row(cell, dtype, size) for size in SIZES) + " |", flush=True)


if __name__ == "__main__":
    main()
