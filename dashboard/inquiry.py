"""Inquiry: what a page of the laboratory knows of one study of its run's network."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any
from uuid import uuid4

from dashboard.live import studying
from dashboard.live.studying import FitProgress, LiveError

AT_ONCE = 0.6
"""Seconds that a page waits for a quick study before it shows how far it is."""
LOOK_EVERY = 0.01


@dataclass
class Inquiry:
    """One study.

    asked: of what network, and with which options; anything else is another question.   progress: None before it is asked.
    found: what is found so far, None where there is nothing; `stale` while it still answers the question before.
    problem: why there is nothing, or nothing more.   asker: who asks: another page may ask the same.
    """

    asked: Any = None
    ticket: str = ""
    progress: FitProgress | None = None
    found: Any = None
    stale: bool = False
    problem: str = ""
    asker: str = field(default_factory=lambda: uuid4().hex)
    lock: RLock = field(default_factory=RLock, compare=False, repr=False)
    """Held while it is asked: Streamlit starts the next run of a script before the last has ended, and that one, finding it asked, would
    draw a page that waits for nothing."""

    @property
    def shown(self) -> Any:
        """What is found, None where there is nothing: an answer to an earlier question gives way to why this one has none."""
        refused = self.stale and self.progress is not None and self.progress.state == "refused"
        return None if refused else self.found

    @property
    def going_on(self) -> bool:
        """Whether more is to come."""
        return self.progress is not None and self.progress.state == "fitting"


def follow(held: Inquiry, asked: Any, begin: Callable[[str], str], *, hurried: bool = False) -> None:
    """Ask, unless this was asked before.   begin: (asker) -> the ticket of the study, which it starts.   hurried: see `again`."""
    with held.lock:
        if held.asked != asked:
            held.asked, held.stale = asked, held.found is not None
            again(held, begin, hurried=hurried)
        look(held)


def again(held: Inquiry, begin: Callable[[str], str], *, hurried: bool = False) -> None:
    """Ask, also when it was cancelled.  A quick answer is waited for; what was asked before is given up.

    hurried: where there is no answer yet, the beginning of one is enough.
    """
    if held.going_on:
        cancel(held)
    held.problem, held.ticket, held.progress = "", "", None
    beginning = hurried and held.found is None
    try:
        held.ticket = begin(held.asker)
        until = time.monotonic() + AT_ONCE
        while studying.progress(held.ticket).state == "fitting" and time.monotonic() < until:
            if beginning and studying.result(held.ticket) is not None:
                break
            time.sleep(LOOK_EVERY)
    except LiveError as error:
        held.problem = str(error)
        return
    look(held)


def look(held: Inquiry) -> None:
    """Take over what is found."""
    if not held.ticket or (held.progress is not None and not held.going_on):
        return
    try:
        held.progress = studying.progress(held.ticket)
        found = studying.result(held.ticket)
    except LiveError as error:
        held.problem, held.progress = str(error), None
        return
    if found is not None:
        held.found, held.stale = found, False
    if held.progress.state in ("failed", "refused"):
        held.problem = held.progress.words


def cancel(held: Inquiry) -> None:
    """Give up what is not done; what is found stays."""
    look(held)
    try:
        studying.leave(held.ticket, held.asker)
    except LiveError as error:
        held.problem = str(error)
    if held.progress is not None and held.going_on:
        held.progress = replace(held.progress, state="cancelled")
