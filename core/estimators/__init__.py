"""Estimators: other ways to the gradient that BPTT computes, behind one interface."""

from __future__ import annotations

from core.estimators.backwards import ARTBP, Chunk, Full, Window
from core.estimators.estimator import Estimator, Gradient, Knobs
from core.estimators.rtrl import RTRL
from core.estimators.snap import SnAp1
from core.estimators.uoro import UORO

__all__ = ["ESTIMATORS", "Estimator", "Gradient", "Knobs"]

ESTIMATORS: dict[str, Estimator] = {
    "bptt": Full(),
    "window": Window(),
    "chunk": Chunk(),
    "rtrl": RTRL(),
    "snap1": SnAp1(),
    "uoro": UORO(),
    "artbp": ARTBP(),
}
