"""What the engine benchmarks compare: one model and batch in this engine, in torch's fused modules and in a loop over torch's cells."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core import passes
from core.clipping import CLIPS
from core.experiment import Experiment
from core.model import SequenceModel
from core.optimisers import OPTIMISERS
from core.shares import Shares, shares
from core.tasks import Sentences
from core.truncation import TRUNCATIONS

CELLS = {"rnn_tanh": (nn.RNN, nn.RNNCell), "lstm": (nn.LSTM, nn.LSTMCell), "gru": (nn.GRU, nn.GRUCell)}


@dataclass(frozen=True)
class Size:
    """T steps, B sequences, H hidden units (and inputs), V vocabulary."""

    steps: int
    batch: int
    hidden: int
    vocabulary: int

    def experiment(self, cell: str, dtype: str, **more: object) -> Experiment:
        """Random sentences of exactly this size."""
        words = [f"w{word}" for word in range(self.vocabulary - 4)]
        draw = random.Random(0)
        lines = [" ".join(draw.choice(words) for _ in range(self.steps - 1)) for _ in range(self.batch)]
        return Experiment(
            text="\n".join(lines), cell=cell, hidden=self.hidden, embedding=self.hidden, dtype=dtype, clip="norm", threshold=1.0, **more
        )

    def __str__(self) -> str:
        return f"({self.steps}, {self.batch}, {self.hidden}, {self.vocabulary})"


SIZES = (Size(16, 3, 32, 32), Size(32, 8, 64, 64), Size(64, 16, 128, 128), Size(256, 8, 64, 64))


class Ours:
    """One training iteration of this engine with everything captured."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.task = Sentences(experiment)
        self.model = SequenceModel.of_experiment(experiment, self.task)
        self.gradient = torch.zeros_like(self.model.flat)
        self.by_weight = self.model.views(self.gradient)
        self.model.flat.grad = self.gradient
        self.optimiser = OPTIMISERS[experiment.optimiser].build(self.model.flat, experiment)
        self.batch = self.task.batch()
        self.truncation = TRUNCATIONS[experiment.truncation].of(experiment, len(self.batch.inputs))
        self.engine = passes.Engine(self.model, self.task)

    def look(self) -> passes.Pass:
        return self.engine.run(self.batch, self.truncation)

    def iteration(self) -> Shares:
        """States, gates, dL/dh, dL/da, norms and projections of every weight's shares, clip, update."""
        seen = self.look()
        captured = shares(seen.factors, list(seen.gradient(self.by_weight).values()))
        CLIPS["norm"].apply(self.gradient, self.experiment.threshold)
        self.optimiser.step()
        return captured

    def plain_iteration(self) -> None:
        seen = self.look()
        seen.gradient(self.by_weight)
        CLIPS["norm"].apply(self.gradient, self.experiment.threshold)
        self.optimiser.step()


class Bare(nn.Module):
    """The same model on torch's fused module: an ordinary training iteration that captures nothing."""

    def __init__(self, ours: Ours) -> None:
        super().__init__()
        experiment, weights = ours.experiment, ours.model.weights
        self.batch = ours.batch
        self.embedding = nn.Embedding.from_pretrained(weights["embedding.weight"].clone(), freeze=False)
        self.rnn = ours.model.to_torch()
        self.readout = nn.Linear(experiment.hidden, ours.task.outputs, dtype=ours.model.flat.dtype)
        with torch.no_grad():
            self.readout.weight.copy_(weights["readout.weight"])
            self.readout.bias.copy_(weights["readout.bias"])
        self.threshold = experiment.threshold
        self.optimiser = torch.optim.Adam(self.parameters(), lr=experiment.learning_rate, fused=True)

    def losses(self, h: Tensor) -> Tensor:
        """L_s of each step, (T,)."""
        logits, targets = self.readout(h), self.batch.targets
        each = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
        return (each * self.batch.mask).sum(1) / self.batch.real

    def iteration(self) -> None:
        h, _ = self.rnn(self.embedding(self.batch.inputs))
        logits = self.readout(h)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), self.batch.targets.flatten(), ignore_index=0)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), self.threshold)
        self.optimiser.step()


class Loop(Bare):
    """The same model as a Python loop over torch's cell, with `retain_grad` on every h_t: the usual way to see dL/dh_t."""

    def __init__(self, ours: Ours) -> None:
        super().__init__(ours)
        experiment = ours.experiment
        self.cell = CELLS[experiment.cell][1](experiment.embedding, experiment.hidden, dtype=ours.model.flat.dtype)
        self.cell.load_state_dict({name.removesuffix("_l0"): value for name, value in self.rnn.state_dict().items()})
        del self.rnn
        self.optimiser = torch.optim.Adam(self.parameters(), lr=experiment.learning_rate, fused=True)
        self.with_c = experiment.cell == "lstm"

    def unroll(self, retain: bool) -> list[Tensor]:
        x = self.embedding(self.batch.inputs)
        zeros = x.new_zeros(x.shape[1], self.cell.hidden_size)
        h, c, states = zeros, zeros, []
        for x_t in x:
            if self.with_c:
                h, c = self.cell(x_t, (h, c))
            else:
                h = self.cell(x_t, h)
            if retain:
                h.retain_grad()
            states.append(h)
        return states

    def iteration(self) -> list[Tensor | None]:
        states = self.unroll(retain=True)
        loss = self.losses(torch.stack(states)).sum()
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), self.threshold)
        self.optimiser.step()
        return [h.grad for h in states]

    def lag(self) -> list[tuple[Tensor | None, ...]]:
        """T calls of `autograd.grad`, one for each loss, on one graph."""
        states = self.unroll(retain=False)
        losses = self.losses(torch.stack(states))
        last = len(losses) - 1
        return [torch.autograd.grad(loss, states, retain_graph=s < last, allow_unused=True) for s, loss in enumerate(losses)]


def side_by_side(*calls: Callable[[], object], seconds: float = 0.5, rounds: int = 9) -> list[float]:
    """The median CPU seconds of one call of each, taken in turns so that all see the same machine."""
    repeats = []
    for call in calls:
        call()
        begun = time.process_time()
        call()
        repeats.append(max(1, int(seconds / rounds / max(time.process_time() - begun, 1e-6))))
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, count, times in zip(calls, repeats, taken, strict=True):
            begun = time.process_time()
            for _ in range(count):
                call()
            times.append((time.process_time() - begun) / count)
    return [statistics.median(times) for times in taken]
