"""A Trainer that is watched: played, paused and paced, and pictured when a frame is wanted."""

from __future__ import annotations

import array
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.experiment import Experiment, can_change_live
from core.limits import ATTENDED_LAG_STEPS, LAG_STEPS
from core.tasks import Drawn, Task
from core.trace import REST, Trace
from core.training import Snapshot, Stopped, Trainer
from core.truncation import TRUNCATIONS
from dashboard.live import words
from dashboard.live.frames import FORGET, body, plain
from dashboard.live.look import PANELS, Look
from dashboard.live.settings import Settings
from dashboard.live.worker.examiner import Examiner
from dashboard.live.worker.outlook import Outlook
from dashboard.live.worker.pictures import Aim, Painter

Emit = Callable[[Mapping[str, Any], bytes], None]
"""Takes a message for the web process, and its block of bytes."""

RATE_OVER = 0.5
"""Seconds over which the achieved rate is measured."""


@dataclass
class Demand:
    """Which panels somebody looks at, and how often."""

    show: Sequence[str] = PANELS
    fps: float = 0.0


class LiveTrainer:
    """One run.  It is given turns: `due` says when it wants the next one, `turn` does one iteration.

    A Trace is made only for iterations whose frame is about to be sent to somebody who looks; scalars are kept of every iteration.
    """

    def __init__(self, trainer: Trainer, emit: Emit, settings: Settings, *, speed: float | None, axis: int = 0, serial: int = 0) -> None:
        self._emit, self._settings = emit, settings
        self._speed = speed
        self._demand = Demand(fps=settings.default_fps)
        self._look = Look()
        self._axis, self._serial, self._seen = axis, serial, serial
        self.state = words.PAUSED if trainer.iteration else words.READY
        self._stopped = ""
        self._end: Stopped | None = None
        self._tries = 0
        """How often it came to that very end, with the same settings."""
        self.spent = 0.0
        """Seconds of turns: the worker lets the one who has spent least go first."""
        self._points = array.array("d")
        self._painter = Painter({})
        self._adopt(trainer)

    def _adopt(self, trainer: Trainer) -> None:
        """Begin with a trainer: a new experiment, or a checkpoint."""
        self.trainer = trainer
        self._points_sent = 0.0
        self._turn_at, self._frame_at = time.monotonic(), 0.0
        self._rate, self._counted, self._counting_since = 0.0, 0, 0.0
        bounds, computed = trainer.model.cell.bounds, ATTENDED_LAG_STEPS if trainer.model.attention else LAG_STEPS
        if self._look.range == "fixed":
            self._painter.bounds, self._painter.computed = bounds, computed
        else:
            self._painter = Painter(bounds, computed)
        self._outlook = Outlook(trainer, self._settings.forecast_every)
        self._examiner = Examiner(trainer, self._settings.examine_every)
        trainer.observe = self._look.sentence if self._look.sentence < len(trainer.task.texts) else 0
        first = trainer.peek()
        self._weights = traced(first).labels["weight"]
        self._begin()
        self._picture(first, ahead=True)

    def _begin(self) -> None:
        """Say what the frames to come refer to."""
        experiment, task = self.trainer.experiment, self.trainer.task
        self._axis += 1
        cell = self.trainer.model.cell
        tbptt = self.trainer.truncation()
        cut = TRUNCATIONS[experiment.truncation].cuts
        about: dict[str, Any] = {
            "type": "axis",
            "id": self._axis,
            "sentences": task.texts,
            "vocabulary": task.labels,
            "gates": cell.gates if cell.gated else (),
            "states": cell.states,
            "recurrent": cell.recurrent,
            "weights": self._weights,
            "layers": len(self.trainer.model.layers),
            "hidden": self.trainer.model.hidden,
            "heads": experiment.heads if self.trainer.model.attention else 0,
            "truncation": {"k1": tbptt.k1 if cut else None, "k2": tbptt.k2 if cut else None},
            "clip": {"mode": experiment.clip, "threshold": experiment.threshold},
            "experiment": experiment.to_dict(),
            "values": task.coordinates.get("column", ()),
            "series": task.describe().get("series"),
            "known": _known(task),
            "given": bool(self.trainer.given),
            "computed": self._painter.computed,
        }
        self._look = self._look.fitted(about)
        sentence = self.trainer.observe = self._look.sentence
        axis = task.axis(sentence)
        one = task.batch([sentence])
        self._aim = Aim(one.targets[:, 0].numpy(), one.with_loss[:, 0].numpy())
        seen = {"sentence": sentence, "inputs": axis.inputs, "targets": axis.targets, "first_loss": int(self._aim.answered.argmax())}
        self._emit({"on": "axis", "axis": about | seen}, b"")

    @property
    def at_rest(self) -> bool:
        """Whether it waits for somebody to press play."""
        return self.state != words.TRAINING

    def due(self) -> float | None:
        """When it wants its next turn, on the monotonic clock; None while at rest."""
        return None if self.at_rest else self._turn_at

    def turn(self) -> None:
        """One iteration, and its frame when one is wanted."""
        now = time.monotonic()
        # A run may be told to rest at any picture; where not every iteration has one, it can go on to the next before it does.
        every = self._speed is not None and self._speed <= self._demand.fps
        self._iterate(trace=self._frame_wanted(now), whole=every or "share" in self._demand.show)
        if self._speed is not None:
            # A turn that came late is made up for, but not a whole row of them.
            self._turn_at = max(self._turn_at + 1 / self._speed, now - 1 / self._speed)

    @property
    def _inspectable(self) -> bool:
        """Whether the snapshot on screen is the latest iteration's, and whole."""
        return self._snapshot.iteration == self.trainer.iteration and any(name in traced(self._snapshot) for name in REST)

    def _frame_wanted(self, now: float) -> bool:
        if not self._demand.fps or now < self._frame_at or self._serial - self._seen >= self._settings.in_flight:
            return False
        self._frame_at = max(self._frame_at + 1 / self._demand.fps, now)
        return True

    def _iterate(self, *, trace: bool, whole: bool = True) -> None:
        """whole: nothing is left out of the Trace, so that all of it can be looked into afterwards."""
        snapshot = self.trainer.step(trace=trace, whole=whole)
        now = time.monotonic()
        self._count(now)
        if snapshot.stopped:
            self._exploded(snapshot.stopped)
        else:
            clip = snapshot.clip
            self._points.extend((snapshot.iteration, snapshot.loss, clip.norm_before, clip.norm_after, clip.factor, clip.share_clipped))
        if snapshot.stopped:  # no update was made: the picture is that of the weights that are kept
            self._picture(self.trainer.peek(), ahead=True)
        elif snapshot.trace is not None:
            self._picture(snapshot)
        elif now - self._points_sent >= self._settings.points_every:
            self.flush()

    def _exploded(self, stopped: Stopped) -> None:
        self._tries = self._tries + 1 if stopped == self._end else 1
        self._end = stopped
        self._stopped = words.exploded(stopped.words, self.trainer.iteration, self._tries)
        self._enter(words.STOPPED)

    def _count(self, now: float) -> None:
        self._counted += 1
        if now - self._counting_since >= RATE_OVER:
            self._rate = self._counted / (now - self._counting_since) if self._counting_since else 0.0
            self._counted, self._counting_since = 0, now

    def flush(self) -> None:
        """Hand over the loss points that no frame has taken along."""
        self._points_sent = time.monotonic()
        self._emit({"on": "points", "iteration": self.trainer.iteration}, self._taken_points())

    def _taken_points(self) -> bytes:
        points = self._points.tobytes()
        self._points = array.array("d")
        return points

    def _picture(self, snapshot: Snapshot, *, ahead: bool = False) -> None:
        """ahead: the snapshot is what the next iteration would see, not what the last one saw."""
        self._snapshot, self._captured, self._ahead = snapshot, time.time(), ahead and snapshot.iteration > 0
        self._send_picture()

    def _send_picture(self) -> None:
        """Paint the latest snapshot as it is looked at now, and hand it over with the points since the last one."""
        snapshot, clip, trace = self._snapshot, self._snapshot.clip, traced(self._snapshot)
        now = self._points_sent = time.monotonic()
        header = {
            "axis": self._axis,
            "iteration": snapshot.iteration,
            "captured": self._captured,
            "state": self.state,
            "loss": snapshot.loss,
            "norm_before": clip.norm_before,
            "norm_after": clip.norm_after,
            "factor": clip.factor,
            "share_clipped": clip.share_clipped,
            "ahead": self._ahead,
            "rate": self._rate if self.state == words.TRAINING else 0.0,
            "in_batch": trace.in_batch,
            "books": {} if snapshot.stopped else trace.books,
            "words": self._words(),
            **self._examiner.found(now, at_rest=self.at_rest),
        }
        maps = self._painter.maps(trace.of(0), self._aim, self._look, self._demand.show, now)
        if "forecast" in self._demand.show:
            maps += self._outlook.maps(now, at_rest=self.at_rest)
        header_bytes, block = body(header, maps)
        self._serial += 1
        self._emit(
            {
                "on": "frame",
                "serial": self._serial,
                "axis": self._axis,
                "iteration": snapshot.iteration,
                "header": header_bytes,
                "picture": len(block),
                "words": header["words"],
            },
            block + self._taken_points(),
        )

    def _words(self) -> str:
        if self.state == words.STOPPED:
            return f"{words.STOPPED} · {self._stopped}"
        snapshot, clip = self._snapshot, self._snapshot.clip
        numbers = (snapshot.loss, clip.norm_before, clip.norm_after, clip.share_clipped)
        return words.status(self.state, snapshot.iteration, *numbers, ahead=self._ahead)

    def _enter(self, state: str) -> None:
        self.state = state
        self.report()

    def report(self) -> None:
        """Tell the state, the speed and the status line."""
        self._emit(
            {"on": "status", "state": self.state, "words": self._words(), "speed": self._speed, "iteration": self.trainer.iteration}, b""
        )

    def seen(self, serial: int) -> None:
        """A viewer has been sent this frame: there is room for another."""
        self._seen = max(self._seen, serial)

    def look(self, look: Mapping[str, Any], demand: Mapping[str, Any]) -> None:
        """Look at something else, or have more or fewer panels shown."""
        before, shown = self._look, self._demand.show
        self._look, self._demand = Look(**look), Demand(**demand)
        if self._look.sentence != before.sentence:
            self._begin()
            self._picture(self.trainer.peek(), ahead=True)
        elif self._look != before or not set(self._demand.show) <= set(shown):
            self._send_picture()

    def play(self) -> None:
        """Go on, also after it has stopped: the weights were kept, and the settings may have changed."""
        if self.at_rest:
            self._turn_at, self._counting_since = time.monotonic(), 0.0
            self._enter(words.TRAINING)

    def pause(self) -> None:
        """Rest after the current iteration, which is pictured."""
        if not self.at_rest:
            if not self._inspectable:
                self._iterate(trace=True)
            if not self.at_rest:
                self._enter(words.PAUSED)
                self._send_picture()

    def step(self) -> None:
        """One iteration, then rest."""
        self.state = words.PAUSED
        self._iterate(trace=True)
        self.report()

    def restart(self) -> None:
        """The same numbers again from iteration 0; a run that trains goes on training."""
        self.trainer.reset()
        self.adopt(self.trainer)

    def speed(self, value: float | None) -> None:
        """Iterations per second, or None for as many as can be had."""
        self._speed = value
        self._turn_at = time.monotonic()
        self.report()

    def change(self, experiment: Experiment) -> None:
        """Go on with this experiment: in place where the changed fields allow it, otherwise from iteration 0.

        InvalidExperiment leaves the run as it was.
        """
        changes = self.trainer.experiment.changes(experiment)
        if not changes:
            return
        self._end = None
        if can_change_live(changes):
            self.trainer.change(**changes)
            self._begin()
            self._picture(self.trainer.peek(), ahead=True)
        else:
            self.adopt(Trainer(experiment))

    def adopt(self, trainer: Trainer) -> None:
        """Replace the trainer, and what was seen of the one before; the run keeps training if it did."""
        if self.at_rest:
            self.state = words.PAUSED if trainer.iteration else words.READY
        self._points = array.array("d", FORGET)
        self._adopt(trainer)
        self.report()

    def current(self) -> Snapshot:
        """The latest snapshot with its Trace: the one on screen if it is the latest, otherwise one of the current weights."""
        return self._snapshot if self._inspectable else self.trainer.peek()

    def fail(self, sentence: str) -> None:
        """Stop because of an error that is not the experiment's."""
        self._stopped = sentence
        self._enter(words.STOPPED)


def _known(task: Task) -> dict[str, Any] | None:
    """What is known of a task before anything is learned; None of most.   score: of its examinations, where there are any."""
    if not task.chance:
        return None
    score = task.score if isinstance(task, Drawn) else None
    return {"score": score, "chance": dict(task.chance), "best": dict(task.best), "guess": task.guess}


def scalars(snapshot: Snapshot) -> dict[str, Any]:
    """The numbers of a snapshot, as JSON allows them."""
    clip = snapshot.clip
    return {
        "iteration": snapshot.iteration,
        "loss": plain(snapshot.loss),
        "norm_before": plain(clip.norm_before),
        "norm_after": plain(clip.norm_after),
        "factor": plain(clip.factor),
        "share_clipped": clip.share_clipped,
        "stopped": snapshot.stopped.words if snapshot.stopped else None,
    }


def traced(snapshot: Snapshot) -> Trace:
    """The Trace of a snapshot that has one."""
    if snapshot.trace is None:
        raise ValueError("This snapshot has no trace.")
    return snapshot.trace
