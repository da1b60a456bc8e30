"""Trace and look -> the maps of a frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.limits import LAG_STEPS
from core.trace import Trace
from dashboard.live.frames import Map, linear_codes, log_codes
from dashboard.live.look import Look
from dashboard.live.ranges import Decades, Scale, Symmetric

Array = np.ndarray[Any, Any]
Bounds = Mapping[str, tuple[float, float] | None]

SHARES = Scale("log10", -3.0, 0.0)
"""Of attention's weights, which add up to 1: logarithmic, for among many steps each has but a small share."""
LIKELIEST = 5
"""Next tokens that a frame carries for each step."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What each step should answer, and whether it is asked to.   targets (steps, ...): of tokens, their ids.   answered (steps,): bool."""

    targets: Array
    answered: Array


@dataclass
class Painter:
    """Makes the maps of one run, and remembers its colour ranges.

    bounds: name of a gate or of "h" -> the range that it cannot leave (such a map has a fixed scale), or None.
    computed: of how many last steps there is a lag matrix.
    """

    bounds: Bounds
    computed: int = LAG_STEPS
    _ranges: dict[tuple[str, ...], Symmetric] = field(default_factory=dict)
    _lag: dict[int, Decades] = field(default_factory=dict)

    def maps(self, trace: Trace, aim: Aim, look: Look, show: Collection[str], now: float) -> list[Map]:
        """The maps of the panels in `show`.

        trace: of one sentence, whose steps have this aim.
        now: seconds, for the ranges.
        """
        fixed = look.range == "fixed"
        # After an explosion, a value that should be there may be no number: that is not the same as none.
        visited = trace["reach"].diagonal()
        maps = []
        if "h" in show:
            maps.append(self._bounded("h", trace.pick("h", layer=look.layer), "h", visited, now, fixed=fixed))
        if "gate" in show and "gate" in trace:
            values = trace.pick("gate", layer=look.layer, gate=look.gate)
            maps.append(self._bounded("gate", values, look.gate, visited, now, fixed=fixed, gate=look.gate))
        if "dh" in show:
            parts = trace.pick("dh", layer=look.layer)
            scale = self._ranges.setdefault(("dh", str(look.layer)), Symmetric()).follow(parts, now, fixed=fixed)
            values = trace.pick("dh", layer=look.layer, part=look.part)
            maps.append(Map("dh", linear_codes(values.T, scale, visited), scale, {"part": look.part}))
        if "lag" in show and "lag_h" in trace:
            magnitudes = trace.pick("lag_h", layer=look.layer)
            # One scale for all ways of the error, so that switching between them compares.
            scale = self._lag.setdefault(look.layer, Decades()).follow(magnitudes, now, fixed=fixed)
            path = look.path if f"lag_{look.path}" in trace else "total"
            if path != "total":
                magnitudes = trace.pick(f"lag_{path}", layer=look.layer)
            there = self._ways(path, aim.answered & visited, visited)
            maps.append(Map("lag", log_codes(magnitudes, trace["reach"], scale, there), scale, {"path": path}))
        if "attention" in show and "attention" in trace:
            there = np.tri(len(visited), dtype=bool) & visited[:, None]
            weights = trace["attention"].mean(0) if look.head < 0 else trace.pick("attention", head=look.head)
            maps.append(Map("attention", log_codes(weights, there, SHARES, there), SHARES, {"head": look.head}))
        if "share" in show and f"share_{look.view}" in trace:
            shares = trace.pick(f"share_{look.view}", weight=look.weight)
            about = {"weight": look.weight, "view": look.view, "total": float(trace.pick("gradient_norm", weight=look.weight))}
            maps.append(Map("share", shares.astype("<f8"), about=about))
        maps.append(Map("loss_steps", trace["loss"].astype("<f8"), about={"layer": look.layer}))
        if "next" in show and "probability" in trace:
            maps += _next_tokens(trace["probability"], aim)
        if "next" in show and "output" in trace:
            maps += [Map(name, trace[name].astype("<f8")) for name in ("output", "target")]
        return maps

    def _bounded(self, name: str, values: Array, bound: str, there: Array, now: float, *, fixed: bool, **about: str) -> Map:
        """A map of states or gate values (steps, units): its scale is the cell's own bound where there is one.   there: of each step."""
        bounds = self.bounds.get(bound)
        scale = Scale("linear", *bounds) if bounds else self._ranges.setdefault((name, bound), Symmetric()).follow(values, now, fixed=fixed)
        return Map(name, linear_codes(values.T, scale, there), scale, about)

    def _ways(self, path: str, losses: Array, visited: Array) -> Array:
        """Where the lag matrix has a value: for each of these losses, at the steps from its own back (through recurrence, from the one
        before), as far as it is computed: for the last steps that were visited."""
        there = np.tri(len(losses), k=-1 if path == "recurrence" else 0, dtype=bool) & losses[:, None]
        there[:, : max(0, int(np.flatnonzero(visited)[-1]) + 1 - self.computed)] = False
        return there


def _next_tokens(probability: Array, aim: Aim) -> list[Map]:
    """The likeliest next tokens of each step, best first, and the probability of the true one; probability is (steps, tokens)."""
    truth = np.where(aim.answered, probability[np.arange(len(aim.targets)), aim.targets], np.nan)
    count = min(LIKELIEST, probability.shape[1])
    best = np.argpartition(probability, -count, axis=1)[:, -count:]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(probability, best, 1), axis=1, kind="stable"), 1)
    return [
        Map("next_token", best.astype("<u2")),
        Map("next_probability", np.take_along_axis(probability, best, 1).astype("<f4")),
        Map("true_probability", truth.astype("<f4")),
    ]
