"""What is looked at: which panels, and which sentence, layer, gate, part, weight, way of the error and head they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from core.trace import ATTENDED_PARTS, PARTS

PANELS = ("h", "dh", "lag", "attention", "gate", "share", "next", "forecast")
PATHS = ("total", "attention", "recurrence")
"""Ways of the error in the lag matrix: all, or one of the two that make it up where there is attention."""
VIEWS = ("projection", "norm")
RANGES = ("following", "fixed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the panels of a run show; all its viewers see the same.  `layer` -1 is the top one, `head` -1 the mean of all."""

    sentence: int = 0
    layer: int = -1
    gate: str = "f"
    part: str = "total"
    weight: str = "rnn.weight_hh_l0"
    view: str = "projection"
    range: str = "following"
    path: str = "total"
    head: int = -1

    def to_dict(self) -> dict[str, Any]:
        """All fields, plain values, ready for JSON."""
        return asdict(self)

    def changed(self, message: Mapping[str, Any], axis: Mapping[str, Any]) -> Look:
        """The look that a browser's message asks of a run with this axis message.

        A gate or a weight that the model does not have changes nothing; otherwise ValueError with one sentence where it cannot be.
        """
        asked = {field.name: message[field.name] for field in fields(Look) if field.name in message}
        sentences, layers = len(axis["sentences"]), axis["layers"]
        if "sentence" in asked:
            _whole("sentence", asked["sentence"], 0, sentences - 1)
        if "layer" in asked:
            _whole("layer", asked["layer"], -layers, layers - 1)
        if "head" in asked:
            _whole("head", asked["head"], -1, axis["heads"] - 1)
        for name, allowed in _choices(axis).items():
            if name in asked and asked[name] not in allowed:
                if name not in ("gate", "weight") or not isinstance(asked[name], str):
                    raise ValueError(f"{name} must be one of {', '.join(allowed)}.")
                del asked[name]  # a choice that was made for another model, and that this one does not have
        return replace(self, **asked)

    def fitted(self, axis: Mapping[str, Any]) -> Look:
        """This look where it fits a run with this axis message, defaults elsewhere: after the cell or the sentences changed."""
        layers = axis["layers"]
        fitting: dict[str, Any] = {
            "sentence": self.sentence if self.sentence < len(axis["sentences"]) else 0,
            "layer": self.layer if -layers <= self.layer < layers else -1,
            "head": self.head if self.head < axis["heads"] else -1,
        }
        for name, allowed in _choices(axis).items():
            if allowed and getattr(self, name) not in allowed:
                fitting[name] = allowed[0]
        return replace(self, **fitting)


def panels(value: Any) -> tuple[str, ...]:
    """The panels that a browser's message names; ValueError for others."""
    if not isinstance(value, list) or not all(name in PANELS for name in value):
        raise ValueError(f"show must be a list of some of {', '.join(PANELS)}.")
    return tuple(name for name in PANELS if name in value)


def _choices(axis: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    parts = ATTENDED_PARTS if axis["heads"] else PARTS
    return {"gate": axis["gates"], "part": parts, "weight": axis["weights"], "view": VIEWS, "range": RANGES, "path": PATHS}


def _whole(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}.")
