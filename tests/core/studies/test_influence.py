"""The study of influence balancing: phenomenon 6, trained with each way to the gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.studies import STUDIES, Refused, pack, unpack
from core.studies.influence import Asked, Found, study


def found(**asked) -> Found:
    last = list(study(None, Asked(**asked)))[-1]
    assert last.done == last.total
    return unpack(STUDIES["influence"].found, pack(last.found))


def test_6_short_truncations_diverge_and_the_others_converge():
    seen = found(ks=(50, 10, 30))
    assert [(run.name, run.k) for run in seen.runs] == [("k", 10), ("k", 30), ("k", 50), ("rtrl", 0), ("uoro", 0), ("artbp", 0)]
    diverged = {(run.name, run.k) for run in seen.runs if run.diverged}
    assert diverged == {("k", 10), ("k", 30)}
    for run in seen.runs:
        if not run.diverged:
            assert run.theta == pytest.approx(seen.best, rel=1e-3)
            assert run.loss[-1] < 1e-6
        else:
            assert run.loss[-1] > 1e4
            assert run.steps[-1] == run.diverged
    assert (seen.exact, seen.best) == (pytest.approx(-6), pytest.approx(-1 / 6))
    assert seen.kept[9] == pytest.approx(10)
    assert seen.shortest == 41


def test_what_it_notes_is_the_mean_loss():
    """The first stretch, against the network written out."""
    seen = found(ks=(1,), steps=400, rate=1e-3)
    across, feed = 0.5 * (np.eye(23) + np.eye(23, k=1)), np.array([1.0] * 10 + [-1.0] * 13)
    x, theta, losses = np.zeros(23), 0.0, []
    for _ in range(2):
        x = across @ x + theta * feed
        losses.append((x[0] - 1) ** 2 / 2)
        theta -= 1e-3 * (x[0] - 1)
    run = seen.runs[0]
    assert run.steps[0] == 2
    assert run.loss[0] == pytest.approx(np.mean(losses), rel=1e-12)
    assert len(seen.to_frame()) == sum(len(one.steps) for one in seen.runs)
    assert len(seen.signs()) == len(seen.kept)


def test_another_seed_draws_something_else():
    by_seed = [{run.name: run.theta for run in found(steps=500, seed=seed).runs} for seed in (0, 1)]
    assert by_seed[0]["rtrl"] == by_seed[1]["rtrl"]
    assert by_seed[0]["uoro"] != by_seed[1]["uoro"]
    assert by_seed[0]["artbp"] != by_seed[1]["artbp"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"ks": ()}, "1 to 6 whole numbers from 1 to 200, not nothing"),
        ({"ks": (0,)}, "1 to 6 whole numbers from 1 to 200, not 0"),
        ({"rate": 0.0}, "Learning rate must be a number from 0.0000001 to 0.01"),
        ({"rate": math.nan}, "Learning rate"),
        ({"steps": 99}, "Steps must be a whole number from 100 to 200,000"),
        ({"cut": 1.0}, "Cut probability"),
        ({"units": 1}, "2 to 100 units"),
        ({"positive": 24}, "From 1 to 23"),
        ({"seed": -1}, "Seed"),
    ],
)
def test_what_cannot_be_asked(asked, said):
    with pytest.raises(Refused, match=said):
        Asked(**asked)
