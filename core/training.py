"""Trainer: runs an Experiment, one iteration at a time, and says what it saw."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from core import bptt, limits, passes, rollout, trying
from core.attention import Past
from core.catalogue import Catalogue
from core.checkpoint import LONGEST_RUN, Clocks, InvalidCheckpoint, Saved, copy_tensor, read_checkpoint, whole, write_checkpoint
from core.clipping import CLIPS, ClipReport
from core.examination import examine
from core.examined import Examined
from core.experiment import SPECS, Experiment, InvalidExperiment, can_change_live
from core.forecast import Forecast
from core.hooks import Hook, Hooks
from core.lag_matrix import LagSweep
from core.models import MODELS
from core.observe import observe
from core.optimisers import OPTIMISERS
from core.passes import Pass
from core.tasks import TASKS, Task, Windows
from core.trace import Trace
from core.trial import Generated, Trial
from core.truncation import TBPTT, TRUNCATIONS


@dataclass(frozen=True, slots=True)
class Stopped:
    """Where the numbers left the finite: the iteration, the step (from 1; None when no single step is to blame) and what it was."""

    iteration: int
    step: int | None
    what: str

    @property
    def words(self) -> str:
        where = f"iteration {self.iteration}" + (f", step {self.step}" if self.step else "")
        return f"exploded at {where}: the {self.what} is not finite"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known after an iteration.  iteration: 1 for the first update; a look without an update bears the number of updates so far.

    loss: L before the update.  clip: of the gradient.  stopped: set when the update was not made because numbers were not finite.
    """

    iteration: int
    loss: float
    clip: ClipReport
    stopped: Stopped | None = None
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """What the next iteration works on: which sequences (None = all) and which of their steps."""

    rows: tuple[int, ...] | None
    first: int = 0
    last: int | None = None


Watch = Callable[[Pass, Block], None]
"""Looks at an iteration before its update."""


class Trainer:
    """An iterator of Snapshots; each `step` is one iteration, with one update.

    observe: the sequence that a Trace shows; it is looked at with the same weights even when it is not in the batch.
    hooks: see every step of every pass that leads to an update.
    task: what is learned, where it is made already.
    Raises `InvalidExperiment` when the experiment names what does not exist, or its task cannot be made.
    """

    def __init__(self, experiment: Experiment, hooks: Sequence[Hook] = (), observe: int = 0, task: Task | None = None) -> None:
        Catalogue.here().check(experiment)
        self.experiment = experiment
        self.task = task or TASKS[experiment.task](experiment)
        self.hooks = Hooks(*hooks)
        self.observe = observe
        self._paused = threading.Event()
        self._given: Mapping[str, Tensor] = {}
        self._begin()

    def _begin(self) -> None:
        self.model = MODELS[self.experiment.model].make(self.experiment, self.task)
        for name, value in self._given.items():
            self.model.weights[name].copy_(value)
        self.gradient = torch.zeros_like(self.model.flat)
        self._by_weight = self.model.views(self.gradient)
        self.optimiser = OPTIMISERS[self.experiment.optimiser].build(self.model.flat, self.experiment)
        self.model.flat.grad = self.gradient
        self._engine = passes.Engine(self.model, self.task)
        self._sweep = LagSweep()
        self.iteration = 0
        self._shuffle = torch.Generator().manual_seed(self.experiment.seed)
        self._order: list[int] = []
        self._state: bptt.State | None = None
        self._past: Past | None = None
        self._block = self._next_batch()

    def __iter__(self) -> Iterator[Snapshot]:
        return self

    def __next__(self) -> Snapshot:
        return self.step()

    def step(self, trace: bool = False, watch: Watch | None = None, *, whole: bool = True) -> Snapshot:
        """One iteration: a pass over the batch, clipping, an update.  With `trace`, the Snapshot carries what was seen before the update.

        whole: whether that has `core.trace.REST`, too, which takes a quarter to two fifths of its time.
        watch: is called with the pass and the block that it is of, while `gradient` is not clipped yet; the next pass overwrites both.
        When the loss or the gradient is not finite, nothing is updated and the Snapshot says where it began.
        """
        seen, snapshot = self._look(self.iteration + 1, self.hooks, trace=trace, watch=watch, whole=whole)
        if not snapshot.stopped:
            self.optimiser.step()
            self.iteration = snapshot.iteration
            self._advance(seen)
        return snapshot

    def peek(self) -> Snapshot:
        """What the next iteration would see, with a Trace, and without an update."""
        _, snapshot = self._look(self.iteration, Hooks(), trace=True)
        return snapshot

    def _look(self, number: int, hooks: Hooks, *, trace: bool, watch: Watch | None = None, whole: bool = True) -> tuple[Pass, Snapshot]:
        """A pass over the current block, which leaves the clipped gradient ready for an update."""
        seen = self._run(self._block, hooks)
        seen.gradient(self._by_weight)
        if watch:
            watch(seen, self._block)
        shown = self._trace(seen, number, whole) if trace else None
        clip = CLIPS[self.experiment.clip].apply(self.gradient, self.experiment.threshold)
        stopped = self._not_finite(seen, number, clip.norm_before)
        if stopped:
            clip = ClipReport(clip.norm_before, clip.norm_before)
        return seen, Snapshot(number, seen.loss, clip, stopped, shown)

    def run(self, iterations: int) -> Snapshot:
        """So many iterations (at least 1), fewer when `pause` is called from elsewhere or numbers explode; the last Snapshot."""
        if iterations < 1:
            raise ValueError(f"iterations must be at least 1, not {iterations}.")
        self._paused.clear()
        snapshot = self.step()
        while not (snapshot.stopped or self._paused.is_set()) and (iterations := iterations - 1):
            snapshot = self.step()
        return snapshot

    def pause(self) -> None:
        """Let `run` return after the iteration it is in.  Safe to call from another thread."""
        self._paused.set()

    def begin_with(self, weights: Mapping[str, Tensor]) -> None:
        """Begin at iteration 0 with these weights, now and after every `reset`; those that are not among them are drawn from the seed.

        weights: by the model's names; KeyError for another name, ValueError for another shape.
        """
        for name, value in weights.items():
            if value.shape != self.model.weights[name].shape:
                raise ValueError(f"{name} is of shape {tuple(self.model.weights[name].shape)}, not {tuple(value.shape)}.")
        self._given = {name: value.detach().to(self.model.flat.dtype, copy=True) for name, value in weights.items()}
        self._begin()

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the weights that the run began with and that were not drawn from its seed."""
        return tuple(self._given)

    def reset(self) -> None:
        """Back to iteration 0 with the current settings: same seed and same given weights, same numbers."""
        self._begin()

    def change(self, **fields: Any) -> None:
        """Change settings while the run keeps its weights; `InvalidExperiment` for those that need a new run."""
        if unknown := [name for name in fields if name in SPECS and not can_change_live([name])]:
            raise InvalidExperiment(
                {name: f"{SPECS[name].label} cannot change while a run goes on; it needs a new run." for name in unknown}
            )
        changed = self.experiment.replace(**fields)
        Catalogue.here().check(changed)
        regrouped = any(SPECS[name].group == SPECS["truncation"].group for name in self.experiment.changes(changed))
        self.experiment = changed
        OPTIMISERS[changed.optimiser].adjust(self.optimiser, changed)
        if regrouped:
            self._state = self._past = None
            self._block = self._blocks(self._block.rows)[0]

    def truncation(self) -> TBPTT:
        """The windows over the longest sequence."""
        return self._windows(self.task.steps)

    def _windows(self, steps: int) -> TBPTT:
        return TRUNCATIONS[self.experiment.truncation].of(self.experiment, steps)

    def _run(self, block: Block, hooks: Hooks) -> Pass:
        batch = self.task.batch(block.rows).section(block.first, block.last)
        return self._engine.run(batch, self.truncation(), self._state, hooks, self._past)

    def _by_block(self) -> bool:
        return TRUNCATIONS[self.experiment.truncation].by_block(self.experiment)

    def _in_minibatches(self) -> bool:
        return self.task.at_once(self.experiment) < self.task.sequences

    def _blocks(self, rows: tuple[int, ...] | None) -> list[Block]:
        """What the iterations of one pass over some sequences work on, in order."""
        if not self._by_block():
            return [Block(rows)]
        k1, longest = self.truncation().k1, max(self.task.lengths[row] for row in rows or range(self.task.sequences))
        return [Block(rows, first, first + k1) for first in range(0, longest, k1)]

    def _next_batch(self) -> Block:
        """The next sequences: all, or so many in an order that the seed shuffles once for each round."""
        size = self.task.at_once(self.experiment)
        if not self._in_minibatches():
            return self._blocks(None)[0]
        if not self._order:
            self._order = torch.randperm(self.task.sequences, generator=self._shuffle).tolist()
        rows, self._order = tuple(self._order[:size]), self._order[size:]
        return self._blocks(rows)[0]

    def _advance(self, seen: Pass) -> None:
        """On to the next block of the same sequences, whose states are carried over in value, or to the next sequences."""
        later = [block for block in self._blocks(self._block.rows) if block.first > self._block.first]
        if later:
            self._state = [{name: value.clone() for name, value in states.items()} for states in seen.unrolled.last()]
            if self.model.attention:
                h, mask = seen.unrolled.h.clone(), seen.batch.mask
                self._past = self._past.then(h, mask) if self._past else Past(h, mask)
            self._block = later[0]
        else:
            self._state = self._past = None
            self._block = self._next_batch()

    def _trace(self, seen: Pass, iteration: int, whole: bool) -> Trace:
        """The Trace of the observed sequence, from the pass or, when it is not in the batch, from a pass of its own."""
        index = min(self.observe, self.task.sequences - 1)
        rows = self._block.rows or tuple(range(self.task.sequences))
        axes, task = [self.task.axis(index)], self.task
        if index in rows:
            row = slice(rows.index(index), rows.index(index) + 1)
            here = (seen, self._by_weight, axes, row, task)
            return observe(*here, iteration=iteration, first=self._block.first, sweep=self._sweep, whole=whole)
        alone = passes.run(self.model, self.task, self.task.batch([index]), self.truncation())
        return observe(alone, alone.gradient(), axes, slice(1), task, iteration=iteration, in_batch=False, whole=whole)

    def _not_finite(self, seen: Pass, iteration: int, norm: float) -> Stopped | None:
        """The first step forward, or the last on the way back, at which a number left the finite."""
        if math.isfinite(seen.loss) and math.isfinite(norm):
            return None
        first = self._block.first + 1
        states = torch.stack([tape["h"][1:] for tape in seen.unrolled.tapes]).sum((0, -1))
        for what, values in (("hidden state", states), ("loss", seen.losses)):
            bad = (~torch.isfinite(values) & seen.batch.mask).any(1)
            if bad.any():
                return Stopped(iteration, first + int(bad.int().argmax()), what)
        steps = (~torch.isfinite(torch.stack(seen.errors.dh).sum((0, 2, 3)))).nonzero()
        return Stopped(iteration, first + int(steps.max()) if len(steps) else None, "gradient")

    def checkpoint(self) -> bytes:
        """Weights, optimiser, clocks and settings as safetensors; a Trainer restored from it goes on with the same numbers."""
        state: Saved = {
            "weights": {name: value.clone() for name, value in self.model.weights.items()},
            "given": dict(self._given),
            "optimiser": _optimiser_state(self.optimiser),
            "carried": {f"{name}.{layer}": value for layer, states in enumerate(self._state or ()) for name, value in states.items()},
            "past": {"h": self._past.h} if self._past else {},
            "random": {"shuffle": self._shuffle.get_state(), "order": torch.tensor(self._order, dtype=torch.long)},
        }
        clocks = {"iteration": self.iteration, "rows": self._block.rows, "first": self._block.first, "last": self._block.last}
        return write_checkpoint(self.experiment, clocks, state)

    @classmethod
    def restore(cls, block: bytes, hooks: Sequence[Hook] = (), observe: int = 0) -> Trainer:
        """The Trainer that `checkpoint` wrote; `InvalidCheckpoint`, in one sentence, for anything else."""
        experiment, clocks, state = read_checkpoint(block)
        try:
            trainer = cls(experiment, hooks, observe)
            trainer._take(clocks, state)
        except InvalidExperiment as error:
            raise InvalidCheckpoint(f"The checkpoint's experiment cannot be made. {error}") from error
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            raise InvalidCheckpoint("The checkpoint does not fit the experiment that it carries.") from error
        return trainer

    def _take(self, clocks: Clocks, state: Saved) -> None:
        """Go on from a checkpoint; anything that this run could not have written raises one of several errors."""
        self._given = {name: torch.empty_like(self.model.weights[name]) for name in state["given"]}
        for name, weight in self._given.items():
            copy_tensor(state["given"], name, weight)
        for name, weight in self.model.weights.items():
            copy_tensor(state["weights"], name, weight)
        self.iteration = whole(clocks["iteration"], LONGEST_RUN)
        self._shuffle.set_state(state["random"]["shuffle"])
        self._order = self._rows(state["random"]["order"].tolist())
        rows, first, last = clocks["rows"], whole(clocks["first"], limits.STEPS), clocks["last"]
        self._block = Block(None if rows is None else tuple(self._rows(rows)), first, last)
        if (rows is None) == self._in_minibatches() or rows == [] or self._block not in self._blocks(self._block.rows):
            raise ValueError("no block of this run")
        if first:
            shape = (self.task.sequences if rows is None else len(rows), self.model.hidden)
            carried = [{name: self.model.flat.new_empty(shape) for name in self.model.cell.states} for _ in self.model.layers]
            for layer, states in enumerate(carried):
                for name, value in states.items():
                    copy_tensor(state["carried"], f"{name}.{layer}", value)
            self._state = carried
            if self.model.attention:
                h = self.model.flat.new_empty(first, *shape)
                copy_tensor(state["past"], "h", h)
                self._past = Past(h, self.task.batch(rows).mask[:first])
        if state["optimiser"]:
            self._restore_optimiser(state["optimiser"])

    def _restore_optimiser(self, saved: Mapping[str, Tensor]) -> None:
        """Give the optimiser a saved state.  torch checks no shapes there, so it must be just what a step on a copy leaves."""
        copy = self.model.flat.clone()
        copy.grad = torch.zeros_like(copy)
        stepped = OPTIMISERS[self.experiment.optimiser].build(copy, self.experiment)
        stepped.step()
        state = _optimiser_state(stepped)
        if state.keys() != saved.keys():
            raise ValueError("an optimiser of another kind")
        for name, value in state.items():
            copy_tensor(saved, name, value)
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": {0: state}})

    def _rows(self, rows: Any) -> list[int]:
        """Different sequences of the task, or ValueError."""
        found = [whole(row, self.task.sequences - 1) for row in rows]
        if len(set(found)) < len(found):
            raise ValueError("a sequence twice")
        return found

    def try_text(self, text: str) -> Trial:
        """Look at any text with the weights as they are; nothing is learned.  `InvalidExperiment` for a text beyond the bounds."""
        return trying.try_text(self.model, self.task, text, self._windows, self.iteration)

    def generate(self, tokens: int = 20, temperature: float = 1.0, seed: int = 0, prompt: str = "") -> Generated:
        """Let the model go on with a text; the same seed gives the same tokens."""
        return trying.generate(self.model, self.task, tokens, temperature, seed, prompt)

    def examine(self) -> Examined:
        """How the network as it is now does on sequences that it was never trained on; training is not disturbed.

        Of tasks that are drawn by a rule; `InvalidExperiment` for another task.
        """
        return examine(self.model, self.task, self.iteration)

    def forecast(self) -> Forecast:
        """What the network as it is now says of validation and test; training is not disturbed.

        Of a series only; `InvalidExperiment` for another task.
        """
        if not isinstance(self.task, Windows):
            raise InvalidExperiment({"task": "Only a series can be forecast: choose the task series."})
        return rollout.forecast(self.model, self.task, self.experiment)


def _optimiser_state(optimiser: Optimizer) -> dict[str, Tensor]:
    """What it remembers of the flat parameters, by name."""
    return {name: value for name, value in optimiser.state_dict()["state"].get(0, {}).items() if value is not None}
