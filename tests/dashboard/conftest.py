"""What the dashboard's tests share: the real catalogue, Traces of real networks, and a live server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from core.catalogue import Catalogue
from core.experiment import Experiment
from core.trace import Trace
from core.training import Trainer
from dashboard.live import runs
from dashboard.live.route import lifespan


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue.here()


@pytest.fixture(scope="session")
def observe() -> Callable[..., Trace]:
    """The Trace of the first sentence after some iterations of an Experiment with these fields."""

    @cache
    def observed(iterations: int = 3, **fields: object) -> Trace:
        trainer = Trainer(Experiment.from_dict({"hidden": 8, "embedding": 4, **fields}))
        for _ in range(iterations):
            trainer.step()
        trace = trainer.peek().trace
        assert trace is not None
        return trace.of(0)

    return observed


@pytest.fixture(scope="module")
def trainers() -> Iterator[None]:
    """The live server without its sockets: its event loop in a thread, its workers beside it."""
    loop, ending, begun = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def live() -> None:
        async with lifespan(None):
            begun.set()
            await ending.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    assert begun.wait(30)
    runs.catalogue()
    yield
    loop.call_soon_threadsafe(ending.set)
    thread.join(30)
    loop.close()
