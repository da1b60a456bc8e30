"""A worker process.  It ends with its standard input: no server, no worker."""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
from typing import BinaryIO

from dashboard.live import pipe
from dashboard.live.settings import Settings


def listen(stream: BinaryIO, inbox: queue.SimpleQueue[tuple[pipe.Message, bytes]]) -> None:
    """Pass on what the web process says; when it is gone, end at once, also in the middle of an import or a long iteration."""
    while (received := pipe.read(stream)) is not None:
        inbox.put(received)
    os._exit(0)


def main() -> None:
    """Serve the process that started this one."""
    # Ctrl-C reaches every process of the terminal; the server hears it, and ends its workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The pipe gets a descriptor of its own, so that nothing printed by a library can disturb it.
    out = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="worker %(process)d: %(message)s")
    settings = Settings.from_environment()
    os.nice(settings.niceness)
    inbox: queue.SimpleQueue[tuple[pipe.Message, bytes]] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(sys.stdin.buffer, inbox), daemon=True).start()

    # Read when torch is imported: two threads are slower than one at these sizes, and burn almost three times the CPU.
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    from dashboard.live.worker.turns import Turns

    with os.fdopen(out, "wb", buffering=0) as pipe_out:

        def send(block: bytes) -> None:
            rest = memoryview(block)
            try:
                while rest:
                    rest = rest[pipe_out.write(rest) or 0 :]
            except BrokenPipeError:
                os._exit(0)

        turns = Turns(inbox, send, settings)
        turns.warm_up()
        turns.serve()


if __name__ == "__main__":
    main()
