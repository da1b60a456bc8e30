"""A study: one question put to a network as it is trained so far, answered step by step.  Nothing here imports torch.

What is asked and what is found are frozen dataclasses of plain values and arrays; `pack` and `unpack` bring them from one process to
another without ever running code of the sender's.
"""

from __future__ import annotations

import io
import json
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

A = TypeVar("A")
F = TypeVar("F")


class Refused(ValueError):
    """What is asked cannot be studied; the message says in one sentence why, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Progress(Generic[F]):
    """How far a study is.   found: what is known so far, where there is anything; all of it in the last Progress."""

    done: int
    total: int
    words: str = ""
    found: F | None = None


@dataclass(frozen=True, slots=True)
class Study(Generic[A, F]):
    """One kind of study.

    asked: its options; raises `Refused` for what cannot be.   found: its result.
    run: (a Trainer of its own, options) -> its Progress; needs torch.   long: whether it trains networks, and may take a minute.
    """

    asked: type[A]
    found: type[F]
    run: Callable[[Any, A], Iterator[Progress[F]]]
    long: bool = False


def pack(value: Any) -> bytes:
    """A dataclass of bools, numbers, strings, arrays, None, and tuples and dicts (with string keys) of such, or of such dataclasses."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    tree = _plain(value, arrays)
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, tree=np.frombuffer(json.dumps(tree).encode(), np.uint8), **arrays)
    return out.getvalue()


def unpack(kind: type[F], block: bytes) -> F:
    """The inverse of `pack`."""
    with np.load(io.BytesIO(block), allow_pickle=False) as arrays:
        tree = json.loads(arrays["tree"].tobytes())
        found: F = _typed(tree, kind, arrays)
        return found


def plain(asked: Any) -> dict[str, Any]:
    """The fields of a dataclass of plain values, ready for JSON."""
    return {field.name: getattr(asked, field.name) for field in fields(asked)}


def _plain(value: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), arrays) for field in fields(value)}
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, Mapping):
        return {key: _plain(entry, arrays) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, arrays) for entry in value]
    return value.item() if isinstance(value, np.generic) else value


def _typed(tree: Any, kind: Any, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    """A part of the tree as what its annotation says."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if tree is None else _typed(tree, next(one for one in inner if one is not type(None)), arrays)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{field.name: _typed(tree[field.name], hints[field.name], arrays) for field in fields(kind)})
    if isinstance(tree, dict) and tree.keys() == {"array"} and origin not in (dict, Mapping):
        return arrays[tree["array"]]
    if isinstance(tree, dict):
        return {key: _typed(entry, inner[1] if len(inner) == 2 else Any, arrays) for key, entry in tree.items()}
    if isinstance(tree, list):
        kinds = inner[:1] * len(tree) if len(inner) == 2 and inner[1] is Ellipsis else inner or (Any,) * len(tree)
        return tuple(_typed(entry, one, arrays) for entry, one in zip(tree, kinds, strict=True))
    return tree
