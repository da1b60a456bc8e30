"""Studies for page scripts: plain functions that Streamlit's script threads call, in the style of `dashboard.live.fits`.

    ticket = studying.start("truncation", asked, checkpoint)
    seen = studying.progress(ticket)      # at every rerun, while seen.state is "fitting"
    found = studying.result(ticket)       # what is found so far, or None

A study works on a checkpoint in a fitting process, so that the run it came from goes on undisturbed.  The same inputs give the same
ticket, and what is known of it at once.  Everything here raises `LiveError`, one sentence for the user.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from core.studies import STUDIES, plain, unpack
from dashboard.live import fits, pipe
from dashboard.live.fits import FitProgress, progress
from dashboard.live.job import Job, Piece
from dashboard.live.workers import LiveError

__all__ = ["FitProgress", "LiveError", "leave", "progress", "result", "start"]


@dataclass(eq=False, kw_only=True)
class StudyJob(Job):
    """One study: a single piece of work that says what it finds on its way.   latest: the last of that, packed."""

    study: str
    asked: dict[str, Any]
    checkpoint: bytes
    observe: int
    more: int
    seconds: float
    done: int = 0
    total: int = 0
    latest: bytes = b""

    def begin(self) -> None:
        """One piece."""
        request = {"do": "study", "job": self.ticket, "study": self.study, "asked": self.asked, "observe": self.observe, "more": self.more}
        # The process ends it by itself before that.
        self.pieces.append(Piece(request=request, block=self.checkpoint, patience=2 * self.seconds + 30))
        self.checkpoint = b""  # the piece has it, and is forgotten when it is done

    def hear(self, message: pipe.Message, block: bytes) -> None:
        """How far it is."""
        self.done, self.total, self.words = message["done"], message["total"], message["words"]
        self.latest = block or self.latest

    def take(self, piece: Piece, answer: pipe.Message, block: bytes) -> None:
        """It is done."""
        if "refused" in answer:
            self.state, self.words = "refused", answer["refused"]
        elif "failed" in answer:
            self.fail(piece, answer["failed"])
        elif "studied" in answer:
            self.latest, self.state = block or self.latest, "done"

    def fail(self, piece: Piece, sentence: str) -> None:
        """It cannot be done; what was found stays."""
        self.state, self.words = "failed", sentence

    def progress(self) -> FitProgress:
        """How far it is."""
        return FitProgress(self.done, self.total, self.words, self.state)

    def found(self) -> tuple[str, bytes]:
        """Which study, and what it has found, packed."""
        return self.study, self.latest


def start(study: str, asked: Any, checkpoint: bytes, observe: int = 0, more: int = 0, asker: str = "") -> str:
    """Begin a study of a checkpoint's network, unless that is done or being done; the ticket by which to ask after it.

    asked: of the study's own kind.   observe: the sequence that is looked at.   more: iterations to train before.
    asker: who asks, to `leave` by.
    """
    options = plain(asked)
    said = json.dumps([study, options, observe, more])
    ticket = hashlib.sha256(said.encode() + checkpoint).hexdigest()
    queue = fits.queue()
    fits.ask(
        queue.submit(
            StudyJob(
                ticket=ticket,
                study=study,
                asked=options,
                checkpoint=checkpoint,
                observe=observe,
                more=more,
                seconds=queue.settings.study_seconds,
                long=STUDIES[study].long,
                askers={asker},
            )
        )
    )
    return ticket


def result(ticket: str) -> Any:
    """What is found so far: an instance of the study's `found`, or None."""
    study, latest = fits.ask(fits.queue().result(ticket))
    return unpack(STUDIES[study].found, latest) if latest else None


def leave(ticket: str, asker: str = "") -> None:
    """Who asked does not want to know any more; others who asked the same still do."""
    fits.ask(fits.queue().leave(ticket, asker))
