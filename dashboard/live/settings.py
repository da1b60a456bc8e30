"""Every bound of the live server, by name.  The environment overrides each: BPTT_MAX_RUNS=200 sets `max_runs`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

KINDS: Mapping[type, Callable[[str], Any]] = {
    int: int,
    float: float,
    tuple: lambda text: tuple(part.strip() for part in text.split(",") if part.strip()),
}
"""How a field's type is read from the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times are in seconds, sizes in bytes, rates in 1/s."""

    # Worker processes
    workers: int = 0
    """Processes that train; 0 = one for each core."""
    niceness: int = 2
    """How far trainers stand back behind the web process when cores are scarce."""
    start_timeout: float = 90.0
    """How long a worker may take to import torch and to warm up."""
    request_timeout: float = 20.0
    """How long a page waits for a trainer's answer."""
    ping_every: float = 2.0
    """Time after which a worker that says nothing is asked whether it is still there."""
    hang_told: float = 6.0
    """An unanswered question this old is told to those who watch, and new runs go elsewhere; one long iteration may take as long."""
    hang_timeout: float = 30.0
    """A worker that has not answered for this time is ended by force and replaced."""
    checkpoint_every: float = 5.0
    """Time between two checkpoints of a run that advances; shorter while there is room for many more."""
    checkpoint_bytes: int = 4 * 2**20
    """Larger checkpoints are not kept: such a run starts again from its first iteration when its worker dies."""
    checkpoints: int = 12
    """Checkpoints of one run that are kept, spread over its iterations: any of them can be trained on from again."""
    checkpoints_bytes: int = 8 * 2**20
    """What all of them may have together."""
    deaths: int = 3
    """A run whose worker has died this often without progress in between comes back paused."""

    # Runs and their lifetimes
    max_runs: int = 64
    max_runs_of_one: int = 8
    """Runs of one visitor: one browser with many tabs cannot take all places.  The oldest that nobody watches makes room first."""
    max_work: float = 5e10
    """Multiplications that one iteration with its picture may take (a few seconds): it cannot be interrupted, and others wait for it."""
    max_held: float = 1e9
    """Bytes that one run may hold: its states, and what is computed of them, roughly."""
    max_viewers: int = 100
    """Viewers of one run."""
    pause_after: float = 3.0
    """A run that nobody watches pauses after this time, and goes on when somebody returns."""
    discard_after: float = 900.0
    """A run that nobody watches is discarded after this time: the grace for a reload or a lost connection."""
    tick: float = 0.5
    """Time between two rounds of housekeeping."""

    # Baselines
    fitters: int = 0
    """Processes that fit baselines and measure networks, at most; 0 = one for each core.  They are started when they are needed."""
    fitters_kept: int = 1
    """Of these processes, those that start with the server and stay: a page of the laboratory should not wait for an import."""
    fit_niceness: int = 10
    """How far they stand back behind the trainers; further, and nothing would be studied while a room of people trains."""
    fit_idle: float = 300.0
    """A fitting process that has had nothing to do for this time ends, unless it is kept."""
    fit_seconds: float = 20.0
    """How long one form of one baseline may take."""
    measure_seconds: float = 60.0
    """How long one network of the error against K may take."""
    study_seconds: float = 120.0
    """How long one study of a network may take."""
    fit_patience: float = 60.0
    """Fits that nobody has asked after for this time are given up."""
    max_fits: int = 32
    """Questions about series, such as all baselines of one, that are worked on at a time."""
    kept_fits: int = 64
    """Of these questions, those whose answers are remembered."""

    # Frames
    max_fps: float = 60.0
    default_fps: float = 30.0
    default_speed: float = 30.0
    """Iterations per second of a new run: at 30 frames a second, every iteration is seen."""
    max_speed: float = 10_000.0
    """Iterations per second that can be asked for; beyond it there is `unlimited`."""
    in_flight: int = 2
    """Frames of one run on their way from its trainer that no viewer has been sent yet."""
    unconfirmed: int = 12
    """Frames on their way to a browser that counts what it receives (it does so every fourth frame)."""
    forecast_every: float = 0.3
    """Time between two forecasts of a series by a network that trains."""
    examine_every: float = 1.0
    """Time between two examinations of a network that trains on a drawn task, at least."""
    points_every: float = 1.0
    """Time after which loss points travel without a frame."""
    history_points: int = 4096
    """The last points of a run, all kept; as many older ones are kept thinned out."""
    recording_frames: int = 300
    recording_bytes: int = 4 * 2**20
    """Frames of one run that can be scrubbed back."""

    # Sockets
    message_bytes: int = 4096
    message_rate: float = 60.0
    """Messages that a browser may send."""
    allowed_origins: tuple[str, ...] = ()
    """Origins besides the server's own that may open a live socket: "https://example.org,https://example.com"."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings of this process; a value that is not of its field's type, or below 0, raises ValueError."""
        given: dict[str, Any] = {}
        for field in fields(cls):
            name = f"BPTT_{field.name.upper()}"
            if name not in environment:
                continue
            text, kind = environment[name], type(field.default)
            try:
                value: Any = KINDS[kind](text)
            except ValueError:
                value = math.nan
            if not isinstance(value, tuple) and not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a {'whole ' if kind is int else ''}number of at least 0, not {text!r}.")
            given[field.name] = value
        return cls(**given)

    def to_environment(self) -> dict[str, str]:
        """The variables from which another process makes the same settings."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {f"BPTT_{name.upper()}": ",".join(value) if isinstance(value, tuple) else str(value) for name, value in values.items()}
