"""Orders of ARIMA models: how they are written, how often to difference, and the grid that AICc chooses from."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np

from core.forecast import Array

LARGEST = 5
"""The largest p, q, P or Q."""
KPSS = 0.463
"""The 5 % point of the test for a constant level (Kwiatkowski, Phillips, Schmidt & Shin 1992, table 1)."""
ROUNDING = 1e-12
"""What is smaller, against the largest value, is no pattern but rounding."""
STRENGTH = 0.64
"""Of a season that is differenced; see `seasonal_strength`."""

WRITTEN = re.compile(r"(?:ARIMA)?\((\d+),(\d+),(\d+)\)(?:\((\d+),(\d+),(\d+)\))?(\+c)?")


@dataclass(frozen=True, slots=True, order=True)
class Order:
    """(p,d,q)(P,D,Q), "+c" with a constant: the mean where nothing is differenced, the slope where one difference is taken."""

    p: int
    d: int
    q: int
    P: int = 0
    D: int = 0
    Q: int = 0
    constant: bool = False

    @classmethod
    def parse(cls, text: str) -> Order:
        """The order that is written so; ValueError with one sentence where none is."""
        found = WRITTEN.fullmatch(re.sub(r"\s", "", text))
        if not found:
            raise ValueError(
                "Write an ARIMA order as (p,d,q) or (p,d,q)(P,D,Q), without the season's length, and +c for a constant: "
                '"(0,1,1)(0,1,1)" or "(2,0,0)+c".'
            )
        p, d, q, P, D, Q = (int(number or 0) for number in found.groups()[:6])
        order = cls(p, d, q, P, D, Q, bool(found[7]))
        if max(order.p, order.q, order.P, order.Q) > LARGEST or order.d > 2 or order.D > 1:
            raise ValueError(f"An ARIMA order has p, q, P and Q of at most {LARGEST}, d of at most 2, and D of at most 1.")
        if order.constant and order.d + order.D > 1:
            raise ValueError("A constant beside two differences would be a trend that bends: leave +c out.")
        return order

    @property
    def seasonal(self) -> bool:
        """Whether it has a seasonal part."""
        return bool(self.P or self.D or self.Q)

    @property
    def parameters(self) -> int:
        """How many numbers are estimated, the variance among them."""
        return self.p + self.q + self.P + self.Q + self.constant + 1

    def __str__(self) -> str:
        seasonal = f"({self.P},{self.D},{self.Q})" if self.seasonal else ""
        return f"({self.p},{self.d},{self.q}){seasonal}{'+c' if self.constant else ''}"

    def name(self, season: int) -> str:
        """ARIMA(0,1,1)(0,1,1)12, with the season where there is a seasonal part."""
        plain = str(self).removesuffix("+c")
        return f"ARIMA{plain}{season if self.seasonal else ''}{' with a constant' if self.constant else ''}"


def differenced(values: Array, order: Order, season: int) -> Array:
    """The series after the order's differences, seasonal ones first; order.d + order.D * season points shorter."""
    for _ in range(order.D):
        values = values[season:] - values[:-season]
    return np.diff(values, order.d)


def kpss(values: Array) -> float:
    """The statistic of Kwiatkowski et al. (1992) for a constant level, with Bartlett weights over 3 sqrt(n) / 13 lags.

    0 for a constant series.
    """
    if not np.ptp(values) > 0:
        return 0.0
    n = len(values)
    errors = values - values.mean()
    lags = int(3 * np.sqrt(n) / 13)
    spread = float(errors @ errors) / n
    for lag in range(1, lags + 1):
        spread += 2 * (1 - lag / (lags + 1)) * float(errors[lag:] @ errors[:-lag]) / n
    sums = np.cumsum(errors)
    return float(sums @ sums) / (n * n * spread) if spread > 0 else 0.0


def seasonal_strength(values: Array, season: int) -> float:
    """max(0, 1 - Var(R) / Var(S + R)) of a classical additive decomposition: 0 no season, 1 nothing but season and trend.

    The measure of Wang, Smith & Hyndman (2006), Characteristic-based clustering for time series data.
    """
    weights = np.ones(season) / season if season % 2 else np.concatenate([[0.5], np.ones(season - 1), [0.5]]) / season
    trend = np.convolve(values, weights, "valid")
    half = (len(weights) - 1) // 2
    rest = values[half : half + len(trend)] - trend
    places = (half + np.arange(len(rest))) % season
    pattern = np.array([rest[places == place].mean() for place in range(season)])
    whole = float(rest.var())
    if whole <= (ROUNDING * np.abs(values).max()) ** 2:
        return 0.0
    return max(0.0, 1 - float((rest - pattern[places]).var()) / whole)


def differences(values: Array, season: int) -> tuple[int, int]:
    """(d, D): a seasonal difference where the season is strong, then plain ones until the level is constant (at most 2 in all)."""
    D = int(season > 1 and seasonal_strength(values, season) > STRENGTH)
    rest, d = (values[season:] - values[:-season] if D else values), 0
    while d + D < 2 and len(rest) > 10 and kpss(rest) > KPSS:
        rest, d = np.diff(rest), d + 1
    return d, D


def grid(d: int, D: int, season: int) -> tuple[Order, ...]:
    """About 20 small orders with these differences, those with few parameters first."""
    if season > 1:
        small = [(p, q) for p, q in itertools.product(range(3), repeat=2) if p + q <= 2]
        orders = [Order(p, d, q, P, D, Q, d + D < 2) for (p, q), P, Q in itertools.product(small, (0, 1), (0, 1))]
    elif d == 1:
        orders = [Order(p, 1, q, constant=constant) for p, q, constant in itertools.product(range(3), range(3), (False, True))]
    else:
        orders = [Order(p, d, q, constant=d == 0) for p, q in itertools.product(range(5), range(4))]
    return tuple(sorted(orders, key=lambda order: (order.parameters, order)))
