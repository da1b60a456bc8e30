"""The bytes that a computation holds, against what is known of it."""

from __future__ import annotations

import pytest
import torch

from core.estimators import ESTIMATORS, Knobs
from core.experiment import Experiment
from core.measures.memory import Held
from core.training import Trainer


def test_held_counts_what_is_made_until_it_is_let_go():
    there = torch.zeros(1000, dtype=torch.float64)
    held = Held()
    with held:
        one = there + 1
        view = one[10:].view(99, 10)
        assert held.now == 8000
        one.mul_(2)
        torch.add(there, 1, out=one)
        assert held.now == 8000
        two = one.float()
        assert held.now == 12_000
        del one
        assert held.now == 12_000  # the view still needs it
        del view
        assert held.now == 4000
    del two
    assert (held.now, held.peak) == (0, 12_000)


def test_held_counts_nothing_while_it_is_left():
    held = Held()
    with held:
        one = torch.ones(10)
    two = torch.ones(1000)
    with held:
        three = torch.ones(5)
    assert held.peak == held.now == 60
    del one, two, three


def test_held_counts_what_inference_mode_makes():
    held = Held()
    with held, torch.inference_mode():
        parts = torch.zeros(3, 100).unbind(0)
        assert held.now == 1200
        del parts
    assert held.now == 0


def peak(name: str, steps: int) -> int:
    trainer = Trainer(Experiment(text="ab" * (steps // 2), tokens="character", hidden=8, cell="gru"))
    held = Held()
    with held:
        ESTIMATORS[name].estimate(trainer.model, trainer.task, trainer.task.batch(), torch.Generator(), Knobs(k=5))
    return held.peak


@pytest.mark.parametrize("name", ["rtrl", "snap1", "uoro", "chunk"])
def test_what_goes_forwards_holds_no_past(name):
    """Four times the steps, the same bytes."""
    assert peak(name, 80) == peak(name, 20)


@pytest.mark.parametrize("name", ["bptt", "window"])
def test_what_goes_back_over_everything_holds_everything(name):
    assert peak(name, 80) > 2 * peak(name, 20)


def test_rtrl_holds_two_influences():
    """N P numbers of 8 bytes, N = 8 states, P weights but the readout's; twice, and not much else."""
    trainer = Trainer(Experiment(text="ab", tokens="character", hidden=8, cell="gru"))
    weights = sum(value.numel() for name, value in trainer.model.weights.items() if "readout" not in name)
    assert 2 * 8 * 8 * weights < peak("rtrl", 20) < 3 * 8 * 8 * weights
