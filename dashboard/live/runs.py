"""Runs for page scripts: plain functions that Streamlit's script threads call.

Everything here crosses over to the server's event loop, waits shortly, and raises `LiveError` (one sentence for the user) or
`core.experiment.InvalidExperiment` (a sentence for each field).  A refusal leaves the run as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from core import limits
from core.catalogue import Catalogue
from core.experiment import Experiment
from core.forecast import Forecast
from core.trace import Array, Trace
from core.trial import Generated, Trial
from dashboard.live.registry import UNKNOWN, Registry
from dashboard.live.run import Run
from dashboard.live.workers import LiveError

__all__ = [
    "FoundWeights",
    "Generated",
    "LiveError",
    "RunInfo",
    "RunKeys",
    "Trial",
    "catalogue",
    "change",
    "checkpoint",
    "checkpoints",
    "close",
    "command",
    "create",
    "describe",
    "find",
    "forecast",
    "generate",
    "history",
    "ready",
    "restore",
    "take_weights",
    "trace",
    "try_text",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunKeys:
    """Keys of a run: `control` commands it and must never stand in an address; `watch` only shows it."""

    control: str
    watch: str


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """What a file of weights gave to a run.

    stack: what stands before the names of its recurrent weights.  embedding, readout: the names of the matrices that were taken for them;
    None where they are newly drawn.
    """

    stack: str
    embedding: str | None
    readout: str | None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as it is now.

    control: whether the key that found it controls it.  watch: its key for watching.  started_from: the experiment of its iteration 0.
    speed: iterations per second, None = unlimited.   given: whether it began with weights that do not come from its seed.
    taken: how often it went on from a file: its weights may then be others at the same iteration.
    """

    control: bool
    watch: str
    experiment: Experiment
    started_from: Experiment
    state: str
    iteration: int
    words: str
    speed: float | None
    given: bool
    taken: int

    @property
    def changed_live(self) -> bool:
        """Whether settings changed while it went on: a new run with the current ones will not repeat this one."""
        return self.experiment != self.started_from


@dataclass
class _Server:
    """The server of this process, while it is open; `traces` holds the latest Trace of each run that pages asked for, while it exists."""

    registry: Registry | None = None
    loop: asyncio.AbstractEventLoop | None = None
    traces: WeakKeyDictionary[Run, tuple[int, Trace, dict[str, Any]]] = field(default_factory=WeakKeyDictionary)


_server = _Server()


def open_on(registry: Registry, loop: asyncio.AbstractEventLoop) -> None:
    """The lifespan has begun."""
    _server.registry, _server.loop = registry, loop
    _server.traces.clear()


def close_all() -> None:
    """The lifespan ends."""
    _server.registry = _server.loop = None
    _server.traces.clear()


def registry() -> Registry:
    """The registry of this process's server; LiveError when there is none."""
    if _server.registry is None:
        raise LiveError("The live server is not running: start the app with `streamlit run dashboard/app.py`.")
    return _server.registry


def _wait_for(work: Coroutine[Any, Any, T], timeout: float) -> T:
    """What the event loop makes of this coroutine."""
    if _server.loop is None:
        work.close()
        raise LiveError("The live server has been stopped.")
    future = asyncio.run_coroutine_threadsafe(work, _server.loop)
    try:
        return future.result(timeout)
    except TimeoutError:
        future.cancel()
        raise LiveError(f"The trainers did not answer within {timeout:g} seconds; try again.") from None


def _do(work: Coroutine[Any, Any, T]) -> T:
    # A little longer than the loop's own bound, whose message says more.
    return _wait_for(work, registry().settings.request_timeout + 1)


def ready() -> bool:
    """Whether a trainer has warmed up; before that, `catalogue`, `describe` and `create` wait for it."""
    return registry().catalogue is not None


def catalogue() -> Catalogue:
    """What can be chosen; waits for the first trainer when the server has just started."""
    server = registry()
    return server.catalogue or _wait_for(server.started(), server.settings.start_timeout)


def describe(experiment: Experiment) -> dict[str, Any]:
    """What the task says of itself: "sequences", "vocabulary", "steps" (of the longest), and "problems" (field -> sentence)."""
    catalogue()
    return _do(registry().describe(experiment))


def create(experiment: Experiment, visitor: str = "") -> RunKeys:
    """A new run, at iteration 0, with its first picture; it waits for a viewer, and for play.

    visitor: who asks for it; each visitor may have so many runs.
    """
    catalogue()
    run = _do(registry().create(experiment, visitor))
    return RunKeys(run.control, run.watch)


def find(key: str) -> RunInfo | None:
    """The run of this key, or None when there is none (any more)."""
    run = registry().find(key)
    return _info(run, key) if run else None


def _info(run: Run, key: str) -> RunInfo:
    return RunInfo(
        run.control == key,
        run.watch,
        run.experiment,
        run.started_from,
        run.state,
        run.iteration,
        run.words,
        run.speed,
        run.given,
        run.taken,
    )


def change(control: str, experiment: Experiment) -> RunInfo:
    """Go on with this experiment: with its weights where only live fields change, otherwise from iteration 0.  Keys and play state stay."""
    return _info(_do(registry().change(control, experiment)), control)


def command(control: str, do: str, value: Any = None) -> None:
    """play, pause, step, restart; speed (value: iterations per second, None = unlimited); seek (value: frames back, 0 = live)."""
    _do(registry().command(control, do, value))


def trace(key: str) -> tuple[Trace, dict[str, Any]]:
    """The Trace of the run's latest iteration (all quantities, the observed sentence), and its scalars.

    Scalars: iteration, loss, norm_before, norm_after, factor, share_clipped, stopped (words, or None).
    """
    run = registry().find(key)
    if run is None:
        raise LiveError(UNKNOWN)
    known = _server.traces.get(run)
    if known is None or known[0] != run.changes:
        changes, scalars, block = _do(registry().trace(key))
        known = _server.traces[run] = (changes, Trace.from_bytes(block), scalars)
    return known[1], known[2]


def forecast(key: str) -> Forecast:
    """What the network as it is now says of the times after the training part; InvalidExperiment for a task that forecasts nothing."""
    about, block = _do(registry().forecast(key))
    values = np.frombuffer(block).reshape(about["shape"])
    return Forecast(about["name"], values, None, None, tuple(about["origins"]))


def history(key: str) -> Array:
    """The run's loss points, oldest first and thinned out where they are old: (points, 6) with the columns `frames.POINT`."""
    return _do(registry().history(key))


def try_text(control: str, text: str) -> Trial:
    """Run a text through the frozen weights; InvalidExperiment({"text": ...}) where it cannot be."""
    if len(text) > limits.TEXT_CHARACTERS:
        raise LiveError(f"The text has {len(text):,} characters; at most {limits.TEXT_CHARACTERS:,} are allowed.")
    answer, block = _do(registry().ask(control, "try", text=text))
    return Trial(Trace.from_bytes(block), answer["loss"], tuple(answer["unknown"]), answer["beyond"])


def generate(control: str, tokens: int = 20, temperature: float = 1.0, seed: int = 0, prompt: str = "") -> Generated:
    """Let the model go on after the prompt; the same seed draws the same tokens."""
    arguments = {"tokens": tokens, "temperature": temperature, "seed": seed, "prompt": prompt}
    answer, _ = _do(registry().ask(control, "generate", arguments=arguments))
    return Generated(tuple(answer["tokens"]), tuple(answer["probabilities"]), answer["text"], answer["ended"], answer["unknown"])


def checkpoint(control: str, iteration: int | None = None) -> bytes:
    """Weights, optimiser state and experiment (safetensors), as they are or as they were after one of the iterations in `checkpoints`."""
    if iteration is None:
        return _do(registry().ask(control, "checkpoint"))[1]
    block = _do(registry().checkpoints(control)).at(iteration)
    if block is None:
        raise LiveError(f"The checkpoint of iteration {iteration:,} is not kept any more; choose another one.")
    return block


def checkpoints(control: str) -> tuple[int, ...]:
    """The iterations of which a checkpoint is kept, earliest first."""
    return _do(registry().checkpoints(control)).iterations


def restore(control: str, checkpoint: bytes) -> RunInfo:
    """Go on from a checkpoint, with its experiment; LiveError where the file is none."""
    if len(checkpoint) > limits.CHECKPOINT_BYTES:
        raise LiveError(f"The file has {len(checkpoint) / 2**20:.0f} MB; at most {limits.CHECKPOINT_BYTES // 2**20} are read.")
    return _info(_do(registry().restore(control, checkpoint)), control)


def take_weights(control: str, block: bytes, nonlinearity: str) -> tuple[RunInfo, FoundWeights]:
    """Begin again with the weights of a file (see `core.own_weights`); LiveError or InvalidExperiment where they cannot be run."""
    if len(block) > limits.CHECKPOINT_BYTES:
        raise LiveError(f"The file has {len(block) / 2**20:.0f} MB; at most {limits.CHECKPOINT_BYTES // 2**20} are read.")
    run, found = _do(registry().weights(control, block, nonlinearity))
    return _info(run, control), FoundWeights(**found)


def close(control: str) -> None:
    """Discard a run."""
    _do(registry().close(control))
