"""Several runs in one process, taking turns.

One loop gives turns of one iteration to the runs that are due, first to the one that has used least time, and looks at the messages
between any two turns.  Orders (play, look, ...) take effect at once; requests (build a run, try a text, ...) take turns like iterations.
"""

from __future__ import annotations

import gc
import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from core.attention import ATTENTIONS, Dot
from core.catalogue import Catalogue
from core.cells import CELLS
from core.checkpoint import InvalidCheckpoint
from core.experiment import Experiment, InvalidExperiment
from core.model import DTYPES, check_room
from core.own_weights import InvalidWeights, read_weights
from core.tasks import TASKS, Task
from core.training import Trainer
from dashboard.live import pipe
from dashboard.live.bounds import held_problems, work, work_problems
from dashboard.live.settings import Settings
from dashboard.live.worker.live_trainer import LiveTrainer, scalars, traced

log = logging.getLogger(__name__)

Inbox = queue.SimpleQueue[tuple[pipe.Message, bytes]]
Answer = tuple[dict[str, Any], bytes]


class Turns:
    """Runs by number; `inbox` brings what the web process says, `send` takes what goes there."""

    def __init__(self, inbox: Inbox, send: Callable[[bytes], None], settings: Settings) -> None:
        self._inbox, self._send, self._settings = inbox, send, settings
        self._runs: dict[int, LiveTrainer] = {}
        self._requests: deque[tuple[pipe.Message, bytes]] = deque()
        self._request_at = 0.0
        self._clock = 0.0
        self._answers: dict[str, Callable[[pipe.Message, bytes], Answer]] = {
            "describe": self._describe,
            "create": self._create,
            "change": self._change,
            "trace": self._trace,
            "forecast": self._forecast,
            "try": self._try_text,
            "generate": self._generate,
            "checkpoint": self._checkpoint,
            "restore": self._restore,
            "weights": self._weights,
        }

    def warm_up(self) -> None:
        """Pay now what the first run would wait for: the first optimiser imports a compiler, the first trace many kernels."""
        trainer = Trainer(Experiment())
        trainer.step(trace=True)
        # What is imported stays to the end.  A full collection that looked at it again would hold up every run for a seventh of a second.
        gc.collect()
        gc.freeze()
        self._tell({"on": "ready", "catalogue": Catalogue.here().to_dict()})

    def serve(self) -> None:
        """Take turns for ever."""
        while True:
            self._take_messages()
            now = time.monotonic()
            run = self._next(now)
            if self._requests and (run is None or now >= self._request_at):
                self._answer(*self._requests.popleft())
            elif run is not None:
                self._turn(*run)

    def _take_messages(self) -> None:
        """Take what has come; wait for something if nothing else is to be done."""
        wait = 0.0 if self._requests else self._idle_time()
        try:
            message, block = self._inbox.get(timeout=wait) if wait is None or wait > 0 else self._inbox.get_nowait()
            while True:
                self._take(message, block)
                message, block = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _idle_time(self) -> float | None:
        """Seconds until some run is due; None when all are at rest."""
        times = [due for run in self._runs.values() if (due := run.due()) is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _take(self, message: pipe.Message, block: bytes) -> None:
        if message["do"] == "ping":
            self._tell({"on": "pong"})
        # What is said of one run keeps its order: an order may not overtake the request that builds its run.
        elif "request" in message or any(waiting.get("run") == message["run"] for waiting, _ in self._requests):
            self._requests.append((message, block))
        else:
            self._order(message)

    def _next(self, now: float) -> tuple[int, LiveTrainer] | None:
        """The run whose turn it is."""
        ready = [(number, run) for number, run in self._runs.items() if (due := run.due()) is not None and due <= now]
        if not ready:
            return None
        for _, run in ready:
            # Time at rest is no credit: nobody may catch up on it at the cost of the others.
            run.spent = max(run.spent, self._clock)
        number, run = min(ready, key=lambda entry: entry[1].spent)
        self._clock = run.spent
        return number, run

    def _turn(self, number: int, run: LiveTrainer) -> None:
        began = time.monotonic()
        self._guard(number, run.turn)
        run.spent += time.monotonic() - began

    def _guard(self, number: int, act: Callable[[], None]) -> None:
        """An error of one run stops that run, and no other."""
        try:
            act()
        except Exception:
            log.exception("run %d failed", number)
            self._runs[number].fail("an error inside the program; restart it, or change the experiment.")

    def _order(self, message: pipe.Message) -> None:
        """Orders that need no answer."""
        number = message["run"]
        run = self._runs.get(number)
        if run is None:
            return
        match message["do"]:
            case "seen":
                run.seen(message["serial"])
            case "look":
                self._guard(number, partial(run.look, message["look"], message["demand"]))
            case "speed":
                run.speed(message["value"])
            case "close":
                del self._runs[number]
            case "play" | "pause" | "step" | "restart" as order:
                self._guard(number, getattr(run, order))

    def _answer(self, message: pipe.Message, block: bytes) -> None:
        """Do one request, and answer it in any case."""
        if "request" not in message:
            self._order(message)
            return
        began = time.monotonic()
        try:
            answer, answered = self._answers[message["do"]](message, block)
        except InvalidExperiment as refusal:
            answer, answered = {"problems": refusal.problems}, b""
        except (InvalidCheckpoint, InvalidWeights) as refusal:
            answer, answered = {"error": str(refusal)}, b""
        except Exception:
            log.exception("request %s failed", message["do"])
            answer, answered = {"error": "This could not be done because of an error inside the program."}, b""
        self._tell({"reply": message["request"], **answer}, answered)
        ended = time.monotonic()
        # Requests get at most half of the time while runs are due.
        self._request_at = 2 * ended - began

    def _tell(self, message: Mapping[str, Any], block: bytes = b"") -> None:
        self._send(pipe.pack(message, block))

    def _run(self, message: pipe.Message) -> LiveTrainer:
        return self._runs[message["run"]]

    def _describe(self, message: pipe.Message, _: bytes) -> Answer:
        experiment = Experiment.from_dict(message["experiment"])
        task = TASKS[experiment.task](experiment)
        check_room(experiment, task)
        return {"task": task.describe(), "work": _needed(experiment, task), "held": _held(experiment, task)}, b""

    def _create(self, message: pipe.Message, block: bytes) -> Answer:
        """A new run, or one from its checkpoint."""
        trainer = Trainer.restore(block) if block else Trainer(Experiment.from_dict(message["experiment"]))
        number = message["run"]

        def emit(event: Mapping[str, Any], sent: bytes) -> None:
            self._tell({**event, "run": number}, sent)

        run = LiveTrainer(trainer, emit, self._settings, speed=message["speed"], axis=message["axis"], serial=message["serial"])
        self._runs[number] = run
        run.report()
        return {"iteration": trainer.iteration}, b""

    def _change(self, message: pipe.Message, _: bytes) -> Answer:
        run = self._run(message)
        run.change(Experiment.from_dict(message["experiment"]))
        return {"iteration": run.trainer.iteration}, b""

    def _restore(self, message: pipe.Message, block: bytes) -> Answer:
        return self._exchange(self._run(message), Trainer.restore(block)), b""

    def _weights(self, message: pipe.Message, block: bytes) -> Answer:
        """Begin again with what the run learns, and with weights from a file."""
        run = self._run(message)
        begun = read_weights(block, message["nonlinearity"]).begin(run.trainer.experiment)
        found = {"stack": begun.stack, "embedding": begun.embedding, "readout": begun.readout}
        return {"found": found, **self._exchange(run, begun.trainer)}, b""

    def _exchange(self, run: LiveTrainer, trainer: Trainer) -> dict[str, Any]:
        """Let a run go on with another trainer; InvalidExperiment where that is too much work, or takes too much memory."""
        of = trainer.experiment, trainer.task
        if problems := held_problems(_held(*of), self._settings.max_held) | work_problems(_needed(*of), self._settings.max_work):
            raise InvalidExperiment(problems)
        run.adopt(trainer)
        return {"iteration": run.trainer.iteration, "experiment": run.trainer.experiment.to_dict()}

    def _trace(self, message: pipe.Message, _: bytes) -> Answer:
        snapshot = self._run(message).current()
        return {"scalars": scalars(snapshot)}, traced(snapshot).to_bytes()

    def _forecast(self, message: pipe.Message, _: bytes) -> Answer:
        made = self._run(message).trainer.forecast()
        return {"name": made.name, "origins": made.origins, "shape": made.values.shape}, made.values.tobytes()

    def _try_text(self, message: pipe.Message, _: bytes) -> Answer:
        trial = self._run(message).trainer.try_text(message["text"])
        return {"unknown": trial.unknown, "loss": trial.loss, "beyond": trial.beyond}, trial.trace.to_bytes()

    def _generate(self, message: pipe.Message, _: bytes) -> Answer:
        made = self._run(message).trainer.generate(**message["arguments"])
        return asdict(made), b""

    def _checkpoint(self, message: pipe.Message, _: bytes) -> Answer:
        trainer = self._run(message).trainer
        return {"iteration": trainer.iteration}, trainer.checkpoint()


def _needed(experiment: Experiment, task: Task) -> float:
    """Multiplications of one pictured iteration of this experiment."""
    hidden = experiment.hidden
    entering = (task.inputs or experiment.embedding) + (experiment.layers - 1) * hidden + experiment.layers * hidden
    steps, rows = task.steps, task.at_once(experiment)
    if experiment.model == "transformer":
        # 12 H^2 weights of the block, each used forwards and twice backwards.
        return rows * steps * hidden * (36.0 * hidden + Dot.cost * steps)
    recurrence = work(steps, rows, len(CELLS[experiment.cell].gates) * hidden * entering)
    scoring = ATTENTIONS[experiment.attention].scoring
    if scoring is None:
        return recurrence
    # Attention has 4 H^2 weights of its own, and looks at every pair of steps.
    return recurrence + rows * steps * hidden * (12 * hidden + scoring.cost * steps)


COPIES = 5
"""How often a run holds what it computes at each step: forwards, backwards, and for the picture (measured: 4.7 to 4.9 times)."""


def _held(experiment: Experiment, task: Task) -> float:
    """Bytes that a run of this experiment holds, roughly."""
    places = task.steps * task.at_once(experiment) * DTYPES[experiment.dtype].itemsize
    transformer, cell = experiment.model == "transformer", CELLS[experiment.cell]
    attends = 4 * experiment.hidden + experiment.heads * task.steps if transformer or experiment.attention != "none" else 0
    computed = 12 * experiment.hidden if transformer else (len(cell.gates) + len(cell.states)) * experiment.hidden * experiment.layers
    return float(COPIES * places * (computed + attends))
