"""The error cliff: why a long gradient has to be clipped, on a network so small that its whole loss can be drawn.

Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", figure 6: one unit without input,

    x_t = w sigmoid(x_{t-1}) + b        x_0 = 1/2        L(w, b) = (sigmoid(x_50) - 0.7)^2

Where the unit has two stable states, a small change of (w, b) decides in which of them step 50 ends: the loss has a step there, and
gradient descent that comes near it is thrown far away.  The gradient is backpropagation through time: with e_t = dL/dx_t

    e_50 = 2 (sigmoid(x_50) - 0.7) sigmoid'(x_50)       e_{t-1} = w sigmoid'(x_{t-1}) e_t
    dL/dw = sum_t e_t sigmoid(x_{t-1})                  dL/db = sum_t e_t

No torch: everything is numpy, for one (w, b) or a whole grid of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.trace import Array

STEPS = 50
START = 0.5
TARGET = 0.7

CLIPPINGS = ("norm", "value")


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), which overflows nowhere when it is written so."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def _squashed(w: Array, b: Array) -> list[Array]:
    """sigmoid(x_0) ... sigmoid(x_50), each in the shape of w and b."""
    found = [sigmoid(np.broadcast_to(np.float64(START), np.broadcast_shapes(w.shape, b.shape)))]
    for _ in range(STEPS):
        found.append(sigmoid(w * found[-1] + b))
    return found


def loss(w: ArrayLike, b: ArrayLike) -> Array:
    """L(w, b) for numbers or arrays that broadcast."""
    return np.asarray((_squashed(np.asarray(w, float), np.asarray(b, float))[-1] - TARGET) ** 2)


def gradient(w: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """dL/dw and dL/db, in the broadcast shape of w and b."""
    w, b = np.asarray(w, float), np.asarray(b, float)
    y = _squashed(w, b)
    error = 2 * (y[-1] - TARGET) * y[-1] * (1 - y[-1])
    of_w, of_b = np.zeros_like(error), np.zeros_like(error)
    for t in range(STEPS, 0, -1):
        of_w += error * y[t - 1]
        of_b += error
        error = error * w * y[t - 1] * (1 - y[t - 1])
    return of_w, of_b


@dataclass(frozen=True)
class Surface:
    """The loss over a grid.   w: (n,).  b: (m,).  loss: (m, n), rows are b.  steepness: |gradient|, (m, n)."""

    w: Array
    b: Array
    loss: Array
    steepness: Array


def surface(w: tuple[float, float], b: tuple[float, float], points: int) -> Surface:
    """The loss on `points` times `points` places between two w and two b."""
    ws, bs = np.linspace(*w, points), np.linspace(*b, points)
    of_w, of_b = gradient(ws[None, :], bs[:, None])
    return Surface(ws, bs, loss(ws[None, :], bs[:, None]), np.hypot(of_w, of_b))


@dataclass(frozen=True)
class Descent:
    """Gradient descent from one place, which is entry 0.   w, b, loss, norm: (n + 1,); norm: |gradient| there, before clipping.

    clipped: (n,), whether the gradient of that update was changed.
    """

    w: Array
    b: Array
    loss: Array
    norm: Array
    clipped: Array

    @property
    def steepest(self) -> float:
        """The longest gradient that an update followed."""
        return float(self.norm[:-1].max(initial=0.0))

    @property
    def thrown(self) -> float:
        """The distance of the longest update."""
        return float(np.hypot(np.diff(self.w), np.diff(self.b)).max(initial=0.0))

    @property
    def thrown_at(self) -> int:
        """The update, from 1, that went furthest; 0 without any."""
        lengths = np.hypot(np.diff(self.w), np.diff(self.b))
        return int(lengths.argmax()) + 1 if len(lengths) else 0


def clip(of_w: float, of_b: float, clipping: str, threshold: float) -> tuple[float, float]:
    """The clipped gradient: scaled down to the threshold ("norm"), each entry cut to it ("value"), or as it is ("off")."""
    if clipping == "norm":
        norm = math.hypot(of_w, of_b)
        factor = threshold / norm if norm > threshold else 1.0
        return of_w * factor, of_b * factor
    if clipping == "value":
        return max(-threshold, min(of_w, threshold)), max(-threshold, min(of_b, threshold))
    return of_w, of_b


def descend(w: float, b: float, rate: float, steps: int, clipping: str = "off", threshold: float = 1.0) -> Descent:
    """So many updates from (w, b), each against the gradient, clipped or not; fewer where a number leaves the finite."""
    path, clipped = [(w, b)], []
    norms = []
    for _ in range(steps):
        of_w, of_b = (float(part) for part in gradient(w, b))
        norms.append(math.hypot(of_w, of_b))
        go_w, go_b = clip(of_w, of_b, clipping, threshold)
        w, b = w - rate * go_w, b - rate * go_b
        if not (math.isfinite(w) and math.isfinite(b)):
            norms.pop()
            break
        clipped.append((go_w, go_b) != (of_w, of_b))
        path.append((w, b))
    ws, bs = np.array(path).T
    norms.append(float(np.hypot(*gradient(ws[-1], bs[-1]))))
    return Descent(ws, bs, loss(ws, bs), np.array(norms), np.array(clipped, bool))
