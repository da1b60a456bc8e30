"""A run as the web process keeps it: who watches it, what they are shown, and what is needed to bring it back."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from core.experiment import Experiment
from dashboard.live import pipe, words
from dashboard.live.checkpoints import Checkpoints
from dashboard.live.frames import Picture
from dashboard.live.history import History, Position
from dashboard.live.look import Look
from dashboard.live.recording import Recording
from dashboard.live.settings import Settings
from dashboard.live.viewer import Viewer
from dashboard.live.workers import Worker

NO_WORKER = "This run is being brought back after its process ended; try again in a moment."
RECORDING_EVERY = 1.0
"""Seconds between two notes on how far back the recording of a training run goes."""


class Run:
    """One run.  Touched by the event loop only, but for its plain attributes, which other threads may read.

    control, watch: the keys that let a viewer command it, or only see it.
    """

    def __init__(self, number: int, experiment: Experiment, worker: Worker, settings: Settings, visitor: str = "") -> None:
        self.number, self.experiment, self.started_from = number, experiment, experiment
        self.control, self.watch = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.taken = 0
        """How often it went on from a file."""
        self.visitor = visitor
        """Whose run it is; "" when that is not known."""
        self.worker: Worker | None = worker
        self.state, self.words, self.speed, self.iteration = words.READY, "", settings.default_speed, 0
        self.viewers: set[Viewer] = set()
        self.fps = 0.0
        """Frames a second that its most demanding viewer wants."""
        self.history = History(settings.history_points)
        self.shown: Picture | None = None
        self.replayed = False
        self.look = Look()
        self.changes = 0
        """Counts what makes an earlier Trace out of date."""
        self.checkpoint_at, self.checkpoint_changes = 0.0, 0
        """When the last checkpoint was asked for, and what `changes` was then."""
        self.deaths, self.died_at_iteration, self.reached = 0, -1, 0
        self.resume = False
        """Whether it was playing when its last viewer left."""
        self.resume_after_death = False
        """Whether it was playing when its worker died."""
        self.left_at = time.monotonic()
        """When the last viewer left, or when it was last touched without any."""
        self._settings = settings
        self.checkpoints = self._no_checkpoints()
        self._axes: dict[int, Mapping[str, Any]] = {}
        self._recording = Recording(settings.recording_frames, settings.recording_bytes)
        self._recording_told = 0.0
        self._frames: dict[tuple[int, Position, Position], bytes] = {}
        self._demand: dict[str, Any] = {}
        self._serial = self._seen = 0

    # What its worker says

    def take(self, message: pipe.Message, block: bytes) -> None:
        """A message of the worker."""
        match message["on"]:
            case "frame":
                self._take_frame(message, block)
            case "points":
                self.history.extend(block)
                self.iteration = message["iteration"]
                self.changes += 1
            case "axis":
                self._take_axis(message["axis"])
            case "status":
                self.state, self.words, self.speed = message["state"], message["words"], message["speed"]
                self.iteration = message["iteration"]
                self.changes += 1
                self.tell_status()
                self.tell_recording()

    def _take_frame(self, message: pipe.Message, block: bytes) -> None:
        size = message["picture"]
        picture = Picture(message["serial"], message["axis"], message["iteration"], message["header"], block[:size])
        epoch = self.history.position[0]
        self.history.extend(block[size:])
        if epoch != self.history.position[0]:
            self._recording.clear()
        self._serial, self.iteration, self.words = message["serial"], message["iteration"], message["words"]
        self.changes += 1
        self._recording.add(picture)
        now = time.monotonic()
        if now - self._recording_told >= RECORDING_EVERY:
            self.tell_recording()
        if not self.replayed:
            self._show(picture)

    def _show(self, picture: Picture) -> None:
        self.shown = picture
        self._frames.clear()
        for viewer in self.viewers:
            viewer.notice()

    def _take_axis(self, axis: Mapping[str, Any]) -> None:
        needed = self._recording.axes() | ({self.shown.axis} if self.shown else set())
        self._axes = {number: kept for number, kept in self._axes.items() if number in needed} | {axis["id"]: axis}
        self.experiment = Experiment.from_dict(axis["experiment"])
        self.changes += 1
        self.look = self.look.fitted(axis)

    # What viewers get

    @property
    def axis(self) -> Mapping[str, Any]:
        """The latest axis message."""
        return next(reversed(self._axes.values()))

    @property
    def given(self) -> bool:
        """Whether it began with weights that do not come from its seed."""
        return bool(self._axes) and bool(self.axis.get("given"))

    def axis_of(self, picture: Picture) -> str:
        """The axis message of a picture."""
        return json.dumps(self._axes[picture.axis])

    def frame(self, picture: Picture, position: Position) -> bytes:
        """A picture with the points that a viewer at this position has not seen; made once for all who stand there."""
        key = (picture.serial, position, self.history.position)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = picture.frame(self.history.since(position), replayed=self.replayed)
        return frame

    def status(self) -> str:
        """The status message."""
        return json.dumps({"type": "status", "state": self.state, "words": self.words, "speed": self.speed})

    def tell_status(self) -> None:
        """Tell all viewers the state."""
        status = self.status()
        for viewer in self.viewers:
            viewer.tell("status", status)

    def tell_hang(self, seconds: float, longest: float) -> None:
        """Tell all viewers that the worker does not answer."""
        self._complain(f"the trainer has not answered for {seconds:.0f} s; after {longest:g} s it is replaced, and the run goes on")

    def _complain(self, sentence: str) -> None:
        for viewer in self.viewers:
            viewer.tell("error", json.dumps({"type": "error", "message": sentence}))

    def tell_recording(self) -> None:
        """Tell all viewers how far back they can scrub."""
        self._recording_told = time.monotonic()
        text = json.dumps({"type": "recording", "first": self._recording.first, "count": len(self._recording)})
        for viewer in self.viewers:
            viewer.tell("recording", text)

    # Who watches

    def join(self, viewer: Viewer) -> None:
        """A viewer has come; a run that paused because everybody had left goes on."""
        self.viewers.add(viewer)
        self.left_at = float("inf")
        viewer.tell("status", self.status())
        self.demand()
        self.tell_recording()
        if self.resume:
            self.resume = False
            self.order("play")

    def leave(self, viewer: Viewer) -> None:
        """A viewer has gone."""
        self.viewers.discard(viewer)
        if not self.viewers:
            self.left_at = time.monotonic()
        self.demand()

    def touch(self) -> None:
        """Somebody has asked for something: the time without viewers begins again."""
        if not self.viewers:
            self.left_at = time.monotonic()

    # What it is told to do

    def order(self, do: str, **more: Any) -> None:
        """An order to the worker."""
        if self.worker:
            self.worker.send({"do": do, "run": self.number, **more})

    def command(self, do: str, value: Any = None) -> None:
        """A command of a person who controls the run; ValueError with one sentence when it cannot be."""
        self.touch()
        self.resume = False
        if do == "seek":
            self._seek(value)
            return
        if do == "speed":
            largest = self._settings.max_speed
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= largest):
                raise ValueError(f"The speed must be a number of iterations per second above 0 and up to {largest:g}, or unlimited.")
            self.order("speed", value=value)
            return
        if do not in ("play", "pause", "step", "restart"):
            raise ValueError(f"There is no command {str(do)[:40]!r}.")
        if self.worker is None:
            if do not in ("play", "pause"):
                raise ValueError(NO_WORKER)
            self.resume_after_death = do == "play"
            return
        if do == "restart":
            self.began(self.experiment)
        self.live()
        self.changes += 1
        self.order(do)

    def _seek(self, back: Any) -> None:
        if not isinstance(back, int) or isinstance(back, bool) or back < 0:
            raise ValueError("back must be a whole number of frames from 0.")
        if back == 0:
            self.live()
        elif picture := self._recording.back(back):
            self.replayed = True
            self.demand()
            self._show(picture)

    def live(self) -> None:
        """Leave the recording, back to the latest picture."""
        if self.replayed:
            self.replayed = False
            self.demand()
            if picture := self._recording.back(0):
                self._show(picture)

    def looks(self, message: Mapping[str, Any]) -> None:
        """Show something else; ValueError with one sentence when it cannot be."""
        look = self.look.changed(message, self.axis)
        if look != self.look:
            self.look = look
            self.live()

    def demand(self) -> None:
        """Tell the worker what its viewers want to see, if that has changed."""
        show = sorted({panel for viewer in self.viewers for panel in viewer.show})
        self.fps = max((viewer.fps for viewer in self.viewers), default=0.0)
        demand = {"look": self.look.to_dict(), "demand": {"show": show, "fps": 0.0 if self.replayed else self.fps}}
        if demand != self._demand:
            self._demand = demand
            self.order("look", **demand)

    def _no_checkpoints(self) -> Checkpoints:
        settings = self._settings
        return Checkpoints(settings.checkpoints, settings.checkpoint_bytes, settings.checkpoints_bytes)

    def wants_checkpoint(self, now: float) -> bool:
        """Whether another checkpoint is due: of a run that advances now and then, of one that has come to rest at once."""
        if self.changes == self.checkpoint_changes or not self.checkpoints.fits:
            return False
        rested = self.state != words.TRAINING and self.iteration != self.checkpoints.iteration
        # A young run has places left: it can be gone back to soon after it began, too.
        share = max(self.checkpoints.full, 1 / self._settings.checkpoints)
        return rested or now - self.checkpoint_at >= self._settings.checkpoint_every * share

    @property
    def untouched(self) -> bool:
        """Whether nobody has ever played it: whatever is changed now, it begins so."""
        return self.state == words.READY and self.iteration == 0

    def began(self, experiment: Experiment) -> None:
        """It has begun anew with this experiment."""
        self.experiment = self.started_from = experiment
        self.checkpoints = self._no_checkpoints()

    def end(self) -> None:
        """No more."""
        self.order("close")
        self.worker = None
        self.state, self.words = words.GONE, "This run has ended; start a new one."
        self.tell_status()

    def seen(self, picture: Picture) -> None:
        """A viewer has been sent this picture."""
        # Where two may be on their way, two are told of at once: the trainer makes one while the other is sent, and is woken half as often.
        if self.worker and picture.serial - self._seen >= self._settings.in_flight // 2 + 1:
            self._seen = picture.serial
            self.order("seen", serial=picture.serial)

    # Losing its worker, and getting another

    def orphan(self) -> None:
        """Its worker has died."""
        self.worker, self.reached = None, self.iteration
        self.deaths = 1 if self.iteration > self.died_at_iteration else self.deaths + 1
        self.died_at_iteration = max(self.iteration, self.died_at_iteration)
        self.resume_after_death = self.resume_after_death or self.state == words.TRAINING
        self.state = words.RESTARTING
        self.words = "restarting · the process that trained this run has ended; another one is being started"
        self.tell_status()

    def rewind(self) -> None:
        """Forget what came after the checkpoint: from there it will go on."""
        self.iteration = self.checkpoints.iteration
        self.history.rewind(self.iteration)
        self._recording.clear()

    def counters(self) -> dict[str, int]:
        """How far its frames and axes have been numbered: another worker goes on from there."""
        return {"serial": self._serial, "axis": max(self._axes, default=0)}

    def settle(self, worker: Worker) -> None:
        """Another worker has it."""
        self.worker = worker
        self.touch()
        self._demand = {}
        self.demand()
        if self.iteration < self.reached:
            place = f"its last checkpoint, iteration {self.iteration:,}" if self.iteration else "iteration 0"
            self._complain(
                f"the process that trained this run ended at iteration {self.reached:,}; it goes on from {place}, to the same numbers"
            )
        if self.resume_after_death and self.deaths < self._settings.deaths:
            self.order("play")
        self.resume_after_death = False
