"""Job: what fitting processes do for one question of a page, cut into pieces that they share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.live import pipe


@dataclass(frozen=True, slots=True)
class FitProgress:
    """How far a job is.

    done, total: pieces of work, such as forms tried.   words: the last one, or why it ended.   state: fitting, done, cancelled, failed, or
    refused, when it would be so again.
    """

    done: int
    total: int
    words: str
    state: str


@dataclass(eq=False, kw_only=True)
class Piece:
    """A request to a fitting process.  patience: seconds that it may take; None = those of the process.   tries: how often it was begun."""

    request: Mapping[str, Any]
    block: bytes = b""
    patience: float | None = None
    tries: int = 0


@dataclass(eq=False, kw_only=True)
class Job(ABC):
    """One question; its ticket is what was asked, so that who asks the same gets the same job."""

    ticket: str
    askers: set[str] = field(default_factory=set)
    """Who waits for it, where those who ask say who they are: it goes on while one of them does."""
    state: str = "fitting"
    words: str = ""
    spent: float = 0.0
    """Seconds that processes have worked for it."""
    since: float = field(default_factory=time.monotonic)
    """When it was first asked for."""
    asked_at: float = field(default_factory=time.monotonic)
    """When it was last asked after."""
    long: bool = False
    """Whether a piece of it may take a minute: then it does not take the last process."""
    pieces: deque[Any] = field(default_factory=deque)
    """What nobody works on yet; each is a Piece."""

    @abstractmethod
    def begin(self) -> None:
        """Cut it into pieces."""

    def hear(self, message: pipe.Message, block: bytes) -> None:  # noqa: B027  (most say nothing)
        """What a process says on its way."""

    @abstractmethod
    def take(self, piece: Any, answer: pipe.Message, block: bytes) -> None:
        """A piece is done."""

    @abstractmethod
    def fail(self, piece: Any, sentence: str) -> None:
        """A piece cannot be done; the others stay."""

    @abstractmethod
    def progress(self) -> FitProgress:
        """How far it is."""

    @abstractmethod
    def found(self) -> Any:
        """What is done so far."""

    def cancel(self, sentence: str) -> None:
        """Give it up; what is done stays."""
        if self.state == "fitting":
            self.state, self.words = "cancelled", sentence
            self.pieces.clear()
