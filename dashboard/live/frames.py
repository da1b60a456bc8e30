"""The binary frame: one picture of a run, small enough to be sent sixty times a second.

Little endian::

    0   4s   magic "BPTT"
    4   u16  version
    6   u16  flags (bit 0: a replayed frame)
    8   u32  bytes of the header (JSON, padded with spaces so that the maps start at a multiple of 8)
    12  u32  bytes of the maps (padded to a multiple of 8)
    16  u32  rows of the tail
    20  u32  0
    24       header, maps, tail

The header names each map with its shape, type, offset and scale.  Maps of values are codes of 16 bits::

    0           absent: there is no such value
    1           cut by the truncation (of a logarithmic scale only)
    2           below the floor, 0 included (the same)
    3           not finite: there is a value, and it is infinite or not a number
    4..65535    from the scale's low to its high; of a log10 scale, these are exponents of ten

The tail holds the loss points since the viewer's last frame, `POINT` in each row, so that dropped frames lose none.  A row of iteration 0
says "forget what you have".  Header and maps are the same for everybody; flags and tail are put around them for each viewer.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dashboard.live.ranges import Scale

Array = np.ndarray[Any, Any]

MAGIC, VERSION = b"BPTT", 2
HEAD = struct.Struct("<4sHHIIII")
REPLAYED = 1

POINT = ("iteration", "loss", "norm_before", "norm_after", "factor", "share_clipped")
FORGET = (0.0, *[math.nan] * (len(POINT) - 1))

ABSENT, CUT, BELOW, NOT_FINITE = 0, 1, 2, 3
FIRST, LAST = 4, 65535
"""The codes of a scale's low and high end."""


@dataclass(frozen=True, slots=True)
class Map:
    """One array of a frame; `about` is what the header says of it beside name, shape, type and offset."""

    name: str
    values: Array
    scale: Scale | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Picture:
    """What all viewers of a frame share: the header and the maps, in bytes.  `serial` counts a run's pictures."""

    serial: int
    axis: int
    iteration: int
    header_bytes: int
    body: bytes

    def frame(self, tail: bytes, *, replayed: bool = False) -> bytes:
        """The whole frame for a viewer whose points since the last one are `tail` (rows of 6 float64)."""
        maps = len(self.body) - self.header_bytes
        rows = len(tail) // (8 * len(POINT))
        return HEAD.pack(MAGIC, VERSION, REPLAYED if replayed else 0, self.header_bytes, maps, rows, 0) + self.body + tail


@dataclass(frozen=True)
class Frame:
    """A decoded frame: values where they are known, NaN elsewhere; `codes` as they were sent; `tail` (rows, 6)."""

    replayed: bool
    header: Mapping[str, Any]
    codes: Mapping[str, Array]
    values: Mapping[str, Array]
    tail: Array


def linear_codes(values: Array, scale: Scale, there: Array | bool = False) -> Array:
    """Codes of a linear scale; what lies outside takes the code of the nearer end.

    there: where a value exists, so that NaN is one that is not finite; elsewhere it is absent.
    """
    return _codes(values, scale, there)


def log_codes(magnitudes: Array, kept: Array, scale: Scale, there: Array | bool = False) -> Array:
    """Codes of a logarithmic scale; `kept` is False where the truncation cuts.   there: as for `linear_codes`."""
    with np.errstate(divide="ignore"):
        exponents = np.log10(magnitudes)
    vanished = exponents < scale.low
    codes = _codes(np.where(vanished, scale.low, exponents), scale, there)
    codes[vanished] = BELOW
    codes[~kept & (codes != ABSENT)] = CUT
    return codes


def _codes(values: Array, scale: Scale, there: Array | bool) -> Array:
    # In place, for this is done some hundred times a second; the minimum and maximum of NaN and a number are the number.
    steps = np.fmin(np.fmax(values, scale.low), scale.high)
    steps -= scale.low
    steps *= (LAST - FIRST) / (scale.high - scale.low)
    np.rint(steps, out=steps)
    steps += FIRST
    codes = steps.astype("<u2")
    finite = np.isfinite(values)
    if not finite.all():
        codes[~finite] = NOT_FINITE
        codes[np.isnan(values) & ~np.asarray(there)] = ABSENT
    return codes


def decoded(codes: Array, scale: Scale) -> Array:
    """The values that codes stand for, to half a step of the scale; NaN where a code is no value."""
    values = scale.low + (codes.astype(float) - FIRST) / (LAST - FIRST) * (scale.high - scale.low)
    values[codes < FIRST] = np.nan
    return 10.0**values if scale.kind == "log10" else values


def body(header: Mapping[str, Any], maps: Sequence[Map]) -> tuple[int, bytes]:
    """Header and maps in bytes, and how many of them are the header's."""
    blocks, arrays, offset = [], [], 0
    for entry in maps:
        block = np.ascontiguousarray(entry.values).tobytes()
        about = {"name": entry.name, "shape": entry.values.shape, "dtype": entry.values.dtype.str[1:], "offset": offset, **entry.about}
        arrays.append(about | {"scale": entry.scale.to_dict()} if entry.scale else about)
        blocks.append(block + bytes(-len(block) % 8))
        offset += len(blocks[-1])
    text = _json({**header, "arrays": arrays})
    text += b" " * (-(HEAD.size + len(text)) % 8)
    return len(text), text + b"".join(blocks)


def _json(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:  # some number is not finite: rare, so only then is every value looked at
        return json.dumps(plain(value), separators=(",", ":"), allow_nan=False).encode()


def plain(value: Any) -> Any:
    """The value as JSON allows it: numbers that are not finite become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


def decode(block: bytes) -> Frame:
    """Read a frame; ValueError when it is none, or of another version."""
    if len(block) < HEAD.size or block[:4] != MAGIC:
        raise ValueError("These bytes are no frame.")
    _, version, flags, header_bytes, map_bytes, rows, _ = HEAD.unpack_from(block)
    if version != VERSION:
        raise ValueError(f"This frame has version {version}; version {VERSION} is understood.")
    start = HEAD.size + header_bytes
    tail_at = start + map_bytes
    if len(block) != tail_at + 8 * len(POINT) * rows:
        raise ValueError("This frame is not whole.")
    header = json.loads(block[HEAD.size : start])
    codes, values = {}, {}
    for about in header["arrays"]:
        name, shape = about["name"], tuple(about["shape"])
        array = np.frombuffer(block, "<" + about["dtype"], math.prod(shape), start + about["offset"]).reshape(shape)
        codes[name] = array
        values[name] = decoded(array, Scale(**about["scale"])) if "scale" in about else array
    tail = np.frombuffer(block, "<f8", rows * len(POINT), tail_at).reshape(rows, len(POINT))
    return Frame(bool(flags & REPLAYED), header, codes, values, tail)
