"""Studies: questions put to a network as it is trained so far, each answered in a process of its own."""

from __future__ import annotations

from typing import Any

from core.studies import (
    cliff,
    cliff_descent,
    clipping,
    cost,
    estimators,
    growth,
    half_lives,
    influence,
    phase,
    proof,
    replay,
    truncation,
    vanishing,
    ways,
)
from core.studies.study import Progress, Refused, Study, pack, plain, unpack

__all__ = ["STUDIES", "Progress", "Refused", "Study", "pack", "plain", "unpack"]

STUDIES: dict[str, Study[Any, Any]] = {
    "cliff": Study(cliff.Asked, cliff.Found, cliff.study, long=True),
    "cliff_descent": Study(cliff_descent.Asked, cliff_descent.Found, cliff_descent.study),
    "clipping": Study(clipping.Asked, clipping.Found, clipping.study),
    "cost": Study(cost.Asked, cost.Found, cost.study),
    "estimators": Study(estimators.Asked, estimators.Found, estimators.study),
    "growth": Study(growth.Asked, growth.Found, growth.study, long=True),
    "half_lives": Study(half_lives.Asked, half_lives.Found, half_lives.study),
    "influence": Study(influence.Asked, influence.Found, influence.study),
    "phase": Study(phase.Asked, phase.Found, phase.study),
    "proof": Study(proof.Asked, proof.Found, proof.study),
    "replay": Study(replay.Asked, replay.Found, replay.study),
    "truncation": Study(truncation.Asked, truncation.Found, truncation.study),
    "vanishing": Study(vanishing.Asked, vanishing.Found, vanishing.study),
    "ways": Study(ways.Asked, ways.Found, ways.study, long=True),
}
