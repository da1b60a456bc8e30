"""Backpropagation through time, made visible: the numeric core.

Nothing is imported until it is touched, so that a process without torch can use `core.experiment`, `core.catalogue`, `core.trace`,
`core.series`, `core.scores`, `core.forecast` and `core.recording`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Batch": "core.tasks",
    "Catalogue": "core.catalogue",
    "ClipReport": "core.clipping",
    "Experiment": "core.experiment",
    "Forecast": "core.forecast",
    "Hooks": "core.hooks",
    "InvalidCheckpoint": "core.checkpoint",
    "InvalidExperiment": "core.experiment",
    "InvalidRecording": "core.recording",
    "InvalidWeights": "core.own_weights",
    "Recorder": "core.recorder",
    "Recording": "core.recording",
    "SequenceModel": "core.model",
    "Series": "core.series",
    "Snapshot": "core.training",
    "Step": "core.hooks",
    "TBPTT": "core.truncation",
    "Trace": "core.trace",
    "Trainer": "core.training",
    "bptt": "core.bptt",
    "pass_of": "core.own_module",
    "stream": "core.streaming",
    "trace_of": "core.own_module",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    module = import_module(_HOMES[name])
    return module if _HOMES[name] == f"core.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    return __all__
