"""What every process that the web process starts has in common: its pipes, and that it ends with its standard input."""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from dashboard.live import pipe

Inbox = queue.SimpleQueue[tuple[pipe.Message, bytes]]
Send = Callable[[bytes], None]


def listen(stream: BinaryIO, inbox: Inbox) -> None:
    """Pass on what the web process says; when it is gone, end at once, also in the middle of an import or a long iteration."""
    while (received := pipe.read(stream)) is not None:
        inbox.put(received)
    os._exit(0)


@contextmanager
def pipes(name: str, niceness: int) -> Iterator[tuple[Inbox, Send]]:
    """The messages of the process that started this one, and a way to answer; this process stands back by `niceness`.

    To be entered before numpy or torch is imported: they read here that one thread is enough.  Two are slower at these sizes, and burn
    almost three times the CPU.
    """
    # Ctrl-C reaches every process of the terminal; the server hears it, and ends its workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The pipe gets a descriptor of its own, so that nothing printed by a library can disturb it.
    out = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=f"{name} %(process)d: %(message)s")
    os.nice(niceness)
    inbox: Inbox = queue.SimpleQueue()
    threading.Thread(target=listen, args=(sys.stdin.buffer, inbox), daemon=True).start()
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

    with os.fdopen(out, "wb", buffering=0) as pipe_out:

        def send(block: bytes) -> None:
            rest = memoryview(block)
            try:
                while rest:
                    rest = rest[pipe_out.write(rest) or 0 :]
            except BrokenPipeError:
                os._exit(0)

        yield inbox, send
