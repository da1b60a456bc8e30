"""What each page begins with: the Experiment of its bare address, which that address leaves out."""

from __future__ import annotations

from collections.abc import Mapping

from core.experiment import Experiment

FIRST = "explore"
"""The page at the root."""

STARTS: Mapping[str, Experiment] = {FIRST: Experiment(), "forecast": Experiment(task="series")}
"""Page (its path in the address) -> its Experiment."""
