"""What the dashboard's tests share: the real catalogue, and Traces of real networks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from core.catalogue import Catalogue
from core.experiment import Experiment
from core.trace import Trace
from core.training import Trainer


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
