"""Studies: questions put to a network as it is trained so far, each answered in a process of its own."""

from __future__ import annotations

from typing import Any

from core.studies import growth, half_lives, phase, truncation, vanishing
from core.studies.study import Progress, Refused, Study, pack, plain, unpack

__all__ = ["STUDIES", "Progress", "Refused", "Study", "pack", "plain", "unpack"]

STUDIES: dict[str, Study[Any, Any]] = {
    "growth": Study(growth.Asked, growth.Found, growth.study),
    "half_lives": Study(half_lives.Asked, half_lives.Found, half_lives.study),
    "phase": Study(phase.Asked, phase.Found, phase.study),
    "truncation": Study(truncation.Asked, truncation.Found, truncation.study),
    "vanishing": Study(vanishing.Asked, vanishing.Found, vanishing.study),
}
