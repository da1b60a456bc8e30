"""What all tests of the engine share: property tests without a clock, and small experiments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

from core import attention
from core.experiment import Experiment

# One example may compile or import something: a deadline would measure the machine.  Derandomised: a failure can be repeated by anybody.
settings.register_profile("laws", deadline=None, max_examples=25, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")

# Arrays are small here: threads would only wait for each other.
torch.set_num_threads(1)

TEXT = "a b c a d\nb a\nc a b"
"""Three sentences of different lengths: every batch of them is padded."""


@pytest.fixture(scope="module", params=["all at once", "a few at a time"])
def lags(request: pytest.FixtureRequest) -> Iterator[None]:
    """How many lags are looked at together: all of a short sequence, or, as of a long one, a few after the others."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "a few at a time":
            patch.setattr(attention, "TOGETHER", 0)
        yield


@pytest.fixture
def small() -> Experiment:
    """An experiment in which everything is small and nothing is equal by accident."""
    return Experiment(text=TEXT, hidden=5, embedding=3, layers=2, seed=3)
