"""Influence balancing: a network in which truncated BPTT has the wrong sign; Tallec & Ollivier 2017, "Unbiasing truncated backpropagation
through time", section 5.1.

A linear network of n units and one parameter theta, which is fed with + to the first p units and with - to the others (b is +1 or -1):

    x_t = A x_{t-1} + theta b          A = 1/2 on the diagonal and 1/2 just above          loss l_t = (x_t[0] - 1)^2 / 2

Unit 0 hears of theta through its own feed at once, through that of unit j after j steps at the earliest: first the units with +, then the
others.  Held at a theta, x_t[0] comes to rest at e_0 (1 - A)^-1 b theta = 2 (p - (n - p)) theta; of its slope, truncation to K steps keeps

    sum over k < K of e_0 A^k b

Letters: n units, K steps.  Nothing here imports torch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.trace import Array

UNITS = 23
POSITIVE = 10
EXPLODED = 1e6
"""A loss beyond which a run counts as diverged, and stops; it begins at 1/2."""
EPSILON = 1e-7
"""As in `core.estimators.uoro`."""


@dataclass(frozen=True)
class Balancing:
    """The network.  units: n.   positive: p, the units that are fed with +.   ValueError for what is no such network."""

    units: int = UNITS
    positive: int = POSITIVE

    def __post_init__(self) -> None:
        if not 2 <= self.units <= 100:
            raise ValueError(f"The network must have from 2 to 100 units, not {self.units}.")
        if not 1 <= self.positive <= self.units:
            raise ValueError(f"From 1 to {self.units} of the units are fed with +, not {self.positive}.")
        if 2 * self.positive == self.units:
            raise ValueError("Where half of the units are fed with +, theta has no influence in the end: choose fewer or more of them.")

    @property
    def across(self) -> Array:
        """A, (n, n)."""
        return 0.5 * (np.eye(self.units) + np.eye(self.units, k=1))

    @property
    def feed(self) -> Array:
        """b, (n,)."""
        return np.where(np.arange(self.units) < self.positive, 1.0, -1.0)

    def exact(self) -> float:
        """d x[0] / d theta where the network comes to rest: e_0 (1 - A)^-1 b."""
        return float(np.linalg.solve(np.eye(self.units) - self.across, self.feed)[0])

    def truncated(self, longest: int) -> Array:
        """The same truncated to K = 1 ... longest steps, (longest,): an error at unit 0, walked back K - 1 steps."""
        error, across, feed = np.eye(self.units)[0], self.across, self.feed
        shares = np.empty(longest)
        for k in range(longest):
            shares[k] = error @ feed
            error = error @ across
        return shares.cumsum()

    def shortest(self) -> int:
        """The smallest K from which on truncation keeps the sign, for every longer K too; 1 where it never has the other."""
        # Every error halves its lead at least each few steps: ten times the network's depth is beyond all changes of sign.
        wrong = np.flatnonzero(np.sign(self.truncated(10 * self.units)) != np.sign(self.exact()))
        return int(wrong[-1]) + 2 if len(wrong) else 1


class Rule(ABC):
    """An estimate of d x_t[0] / d theta that goes along with the network, one step at a time."""

    @abstractmethod
    def step(self) -> float:
        """After the network's next step."""


class Truncated(Rule):
    """A sliding window of K steps; before K steps have passed, all there are."""

    def __init__(self, network: Balancing, k: int) -> None:
        self._kept, self._t = network.truncated(k), -1

    def step(self) -> float:
        self._t += 1
        return float(self._kept[min(self._t, len(self._kept) - 1)])


class Forwards(Rule):
    """RTRL: g_t = A g_{t-1} + b, g_t = dx_t/d theta.  With cut > 0 it is ARTBP, whose errors are here multiplied on their way forwards:
    g_t = b, with probability `cut`, or A g_{t-1} / (1 - cut) + b.
    """

    def __init__(self, network: Balancing, cut: float, generator: np.random.Generator) -> None:
        self._across, self._feed, self._cut, self._generator = network.across, network.feed, cut, generator
        self._g = np.zeros(network.units)

    def step(self) -> float:
        if self._cut and self._generator.random() < self._cut:
            self._g = self._feed
        else:
            self._g = self._across @ self._g / (1 - self._cut) + self._feed
        return float(self._g[0])


class RankOne(Rule):
    """UORO: a vector v and, there being one parameter, a number u, with E[v u] = dx_t/d theta; see `core.estimators.uoro`."""

    def __init__(self, network: Balancing, generator: np.random.Generator) -> None:
        self._across, self._feed, self._generator = network.across, network.feed, generator
        self._v, self._u = np.zeros(network.units), 0.0

    def step(self) -> float:
        nu = self._generator.integers(2, size=len(self._v)) * 2.0 - 1
        pushed, of_nu = self._across @ self._v, float(nu @ self._feed)
        rho_0 = math.sqrt((abs(self._u) + EPSILON) / (math.sqrt(pushed @ pushed) + EPSILON))
        rho_1 = math.sqrt((abs(of_nu) + EPSILON) / (math.sqrt(len(nu)) + EPSILON))
        self._v, self._u = rho_0 * pushed + rho_1 * nu, self._u / rho_0 + of_nu / rho_1
        return float(self._v[0] * self._u)


class Learner:
    """Gradient descent, one update after each step of the network, which starts at rest with theta = 0 and goes on meanwhile.

    theta_t+1 = theta_t - rate (x_t[0] - 1) g_t, with g_t what the rule says of d x_t[0] / d theta.
    t: steps done.   diverged: whether the loss has passed `EXPLODED`; then it steps no more.
    """

    def __init__(self, network: Balancing, rule: Rule, rate: float) -> None:
        self._across, self._feed, self._rule, self._rate = network.across, network.feed, rule, rate
        self._x, self.theta = np.zeros(network.units), 0.0
        self.t, self.diverged = 0, False

    def step(self) -> float:
        """One step and update; the loss before the update."""
        self._x = self._across @ self._x + self.theta * self._feed
        error = float(self._x[0]) - 1
        loss = error * error / 2
        self.t += 1
        if loss > EXPLODED:
            self.diverged = True
        else:
            self.theta -= self._rate * error * self._rule.step()
        return loss

    def run(self, steps: int) -> Iterator[float]:
        """The losses of so many steps, fewer where it diverges."""
        for _ in range(steps):
            if self.diverged:
                return
            yield self.step()
