"""Messages between the web process and its workers: a JSON object and a block of bytes, each with its length in front."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

LENGTHS = struct.Struct("<II")

Message = dict[str, Any]


def pack(message: Mapping[str, Any], block: bytes = b"") -> bytes:
    """One message: u32 length of the JSON, u32 length of the block, JSON, block."""
    text = json.dumps(message, separators=(",", ":")).encode()
    return LENGTHS.pack(len(text), len(block)) + text + block


def read(stream: BinaryIO) -> tuple[Message, bytes] | None:
    """The next message of a blocking stream; None at its end."""
    head = stream.read(LENGTHS.size)
    if len(head) < LENGTHS.size:
        return None
    text, block = LENGTHS.unpack(head)
    body = stream.read(text + block)
    return (json.loads(body[:text]), body[text:]) if len(body) == text + block else None


async def receive(stream: asyncio.StreamReader) -> tuple[Message, bytes] | None:
    """The next message of an asyncio stream; None at its end."""
    try:
        text, block = LENGTHS.unpack(await stream.readexactly(LENGTHS.size))
        body = await stream.readexactly(text + block)
    except asyncio.IncompleteReadError:
        return None
    return json.loads(body[:text]), body[text:]
