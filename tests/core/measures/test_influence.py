"""Influence balancing against autograd and in closed form; phenomenon 6."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from core.measures.influence import Balancing, Forwards, Learner, RankOne, Truncated

NETWORK = Balancing()


def by_autograd(network: Balancing, steps: int, k: int) -> float:
    """d x_T[0] / d theta, with the state detached K steps before the end."""
    across, feed = (torch.tensor(value) for value in (network.across, network.feed))
    theta = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    x = torch.zeros(network.units, dtype=torch.float64)
    for t in range(steps):
        if t == steps - k:
            x = x.detach()
        x = across @ x + theta * feed
    return torch.autograd.grad(x[0], theta)[0].item()


def test_6_truncation_has_the_wrong_sign():
    kept = NETWORK.truncated(500)
    for k in (1, 2, 5, 10):
        assert kept[k - 1] == pytest.approx(k, rel=1e-14)
    assert kept[19] == pytest.approx(16.5, abs=0.05)
    assert kept[39] == pytest.approx(0.57, abs=0.005)
    assert NETWORK.exact() == pytest.approx(-6, rel=1e-12)
    assert kept[-1] == pytest.approx(-6, rel=1e-12)
    assert NETWORK.shortest() == 41
    assert kept[39] > 0 > kept[40]


@pytest.mark.parametrize("k", [1, 3, 10, 20, 40, 45, 100])
@pytest.mark.parametrize("network", [NETWORK, Balancing(5, 2)], ids=str)
def test_truncated_influence_equals_autograd(network, k):
    assert network.truncated(k)[-1] == pytest.approx(by_autograd(network, 120, k), rel=1e-12)


@pytest.mark.parametrize(("units", "positive"), [(2, 2), (7, 7), (23, 10), (40, 25)])
def test_exact_influence_in_closed_form(units, positive):
    assert Balancing(units, positive).exact() == pytest.approx(2 * (2 * positive - units), abs=1e-9)


def test_no_sign_is_wrong_where_all_are_fed_alike():
    assert Balancing(7, 7).shortest() == 1


@pytest.mark.parametrize("steps", [1, 5, 60])
def test_rtrl_equals_autograd(steps):
    rule = Forwards(NETWORK, 0, np.random.default_rng(0))
    found = [rule.step() for _ in range(steps)][-1]
    assert found == pytest.approx(by_autograd(NETWORK, steps, steps), rel=1e-12)


class Dealt:
    """A generator whose draws are dealt out beforehand."""

    def __init__(self, draws) -> None:
        self._draws = iter(draws)

    def random(self) -> float:
        return next(self._draws)

    def integers(self, high: int, size: int) -> np.ndarray:
        return np.array([next(self._draws) for _ in range(size)])


def test_artbp_is_right_on_average_over_all_cuts():
    cut, steps, mean = 0.3, 6, 0.0
    for draws in itertools.product((0.0, 0.9), repeat=steps):
        rule = Forwards(NETWORK, cut, Dealt(draws))
        likely = math.prod(cut if draw < cut else 1 - cut for draw in draws)
        mean += likely * [rule.step() for _ in range(steps)][-1]
    assert mean == pytest.approx(by_autograd(NETWORK, steps, steps), rel=1e-12)


def test_uoro_is_right_on_average_over_all_signs():
    network, steps = Balancing(3, 1), 4
    ends = []
    for draws in itertools.product((0, 1), repeat=3 * steps):
        rule = RankOne(network, Dealt(draws))
        ends.append([rule.step() for _ in range(steps)][-1])
    assert np.mean(ends) == pytest.approx(by_autograd(network, steps, steps), abs=1e-10)


def trained(rule, rate: float, steps: int) -> Learner:
    learner = Learner(NETWORK, rule, rate)
    for _ in learner.run(steps):
        pass
    return learner


@pytest.mark.parametrize("k", [1, 5, 10, 20, 30])
def test_6_training_with_a_short_truncation_diverges(k):
    assert trained(Truncated(NETWORK, k), 1e-4, 20_000).diverged


@pytest.mark.parametrize("rule", [Truncated(NETWORK, 50), Forwards(NETWORK, 0, np.random.default_rng(0))], ids=["K=50", "RTRL"])
def test_6_training_with_the_right_sign_converges(rule):
    learner = trained(rule, 1e-4, 10_000)
    assert not learner.diverged
    assert learner.theta == pytest.approx(-1 / 6, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_6_training_with_unbiased_estimates_converges(seed):
    """At a rate small enough for their noise."""
    for rule in (RankOne(NETWORK, np.random.default_rng(seed)), Forwards(NETWORK, 0.03, np.random.default_rng(seed))):
        learner = trained(rule, 1e-5, 40_000)
        assert not learner.diverged
        assert learner.theta == pytest.approx(-1 / 6, rel=1e-3)


@pytest.mark.parametrize(("units", "positive"), [(1, 1), (101, 3), (5, 0), (5, 6), (8, 4)])
def test_sizes_are_bounded(units, positive):
    with pytest.raises(ValueError, match=r"must have from 2 to 100|From 1 to|no influence in the end"):
        Balancing(units, positive)
