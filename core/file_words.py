"""The words that a safetensors file carries beside its tensors: its metadata, in the JSON at its head."""

from __future__ import annotations

import json
from typing import Any

LENGTH = 8
"""Bytes that say how long the head is; the head itself is filled up with spaces to a multiple of as many."""


def length(block: bytes) -> int:
    """How many bytes the head says that it has."""
    return int.from_bytes(block[:LENGTH], "little")


def metadata(block: bytes) -> dict[str, Any]:
    """Name -> what is said; ValueError, KeyError, TypeError or RecursionError where there is nothing of the kind."""
    words = _head(block)["__metadata__"]
    if not isinstance(words, dict):
        raise ValueError("no metadata")
    return words


def in_order(block: bytes) -> bytes:
    """The same file, which has metadata, with its words in the order of their names.

    safetensors writes them in another order each time; what is equal should be so to the byte, as whoever compares or caches files expects.
    """
    head = _head(block)
    head["__metadata__"] = dict(sorted(head["__metadata__"].items()))
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % LENGTH)
    return len(text).to_bytes(LENGTH, "little") + text + block[LENGTH + length(block) :]


def _head(block: bytes) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(block[LENGTH : LENGTH + length(block)])
    return head
