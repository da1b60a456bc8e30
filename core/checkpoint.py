"""Checkpoints: a run in a file.  safetensors only: a file from somebody else can hold numbers and words, never code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from core import limits
from core.experiment import Experiment, InvalidExperiment
from core.file_words import in_order, metadata

Saved = dict[str, dict[str, Tensor]]
"""Group -> name -> tensor."""

Clocks = Mapping[str, Any]

LONGEST_RUN = 2**53
"""The most iterations that a checkpoint may state: whole numbers are exact up to here, in JSON and in float64."""

FORMAT = "1"
"""Grows when a checkpoint is laid out differently."""

GROUPS = ("weights", "given", "optimiser", "carried", "past", "random")


class InvalidCheckpoint(ValueError):
    """The bytes are not a checkpoint; the message says why in one sentence."""


def write_checkpoint(experiment: Experiment, clocks: Clocks, state: Saved) -> bytes:
    """The bytes of a checkpoint, the same ones for the same run; settings and clocks travel in the file's metadata."""
    tensors = {f"{group}/{name}": value.contiguous() for group, members in state.items() for name, value in members.items()}
    words = {"format": FORMAT, "experiment": json.dumps(experiment.to_dict()), "clocks": json.dumps(dict(clocks))}
    return in_order(save(tensors, metadata=words))


def read_checkpoint(block: bytes) -> tuple[Experiment, Clocks, Saved]:
    """The inverse of `write_checkpoint`; `InvalidCheckpoint` for anything else, and beyond `limits.CHECKPOINT_BYTES`."""
    if len(block) > limits.CHECKPOINT_BYTES:
        raise InvalidCheckpoint(
            f"A checkpoint may have {limits.CHECKPOINT_BYTES // 2**20} MB at most; this file has {len(block) / 2**20:.0f}."
        )
    try:
        tensors = load(block)
        about = metadata(block)
        if about["format"] != FORMAT:
            raise ValueError(f"format {about['format']}")
        experiment = Experiment.from_dict(json.loads(about["experiment"]))
        clocks = json.loads(about["clocks"])
    except InvalidExperiment as error:
        raise InvalidCheckpoint(f"The checkpoint's experiment is out of bounds. {error}") from error
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InvalidCheckpoint(
            f"This file is not a checkpoint of this program (safetensors with an experiment inside, format {FORMAT})."
        ) from error
    state: Saved = {group: {} for group in GROUPS}
    for name, value in tensors.items():
        group, _, rest = name.partition("/")
        if group in state:
            state[group][rest] = value
    return experiment, clocks, state


def copy_tensor(tensors: Mapping[str, Tensor], name: str, into: Tensor) -> None:
    """Copy one tensor; ValueError when it is missing or of another shape or type."""
    if name not in tensors or (tensors[name].shape, tensors[name].dtype) != (into.shape, into.dtype):
        raise ValueError(f"no {name} of shape {tuple(into.shape)}")
    into.copy_(tensors[name])


def whole(value: Any, most: int) -> int:
    """A whole number from 0 to `most`, or ValueError."""
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{value!r} is not a whole number from 0 to {most}")
    return value
