"""The last pictures of a run, to be scrubbed back."""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import replace
from typing import NamedTuple

from dashboard.live.frames import Picture


class Kept(NamedTuple):
    """A picture, its body perhaps compressed."""

    picture: Picture
    packed: bool

    @property
    def size(self) -> int:
        return len(self.picture.body)

    def whole(self) -> Picture:
        """The picture as it was."""
        return replace(self.picture, body=zlib.decompress(self.picture.body)) if self.packed else self.picture


class Recording:
    """At most so many pictures, and so many bytes of them as they are kept; the oldest go first.

    Pictures that would not all find room are compressed.  The others are not: their codes of 16 bits are mostly noise, and a fifth of their
    bytes is not worth the time that each frame would wait for it.
    """

    def __init__(self, pictures: int, size: int) -> None:
        self._kept: deque[Kept] = deque()
        self._most, self._size, self._bytes = pictures, size, 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def first(self) -> int:
        """The iteration of the oldest picture; 0 when there is none."""
        return self._kept[0].picture.iteration if self._kept else 0

    def add(self, picture: Picture) -> None:
        """Keep this picture; one of the same iteration is replaced by it (another look at the same numbers)."""
        if self._kept and self._kept[-1].picture.iteration == picture.iteration:
            self._bytes -= self._kept.pop().size
        packed = len(picture.body) * self._most > self._size
        self._kept.append(Kept(replace(picture, body=zlib.compress(picture.body, 1)) if packed else picture, packed))
        self._bytes += self._kept[-1].size
        while len(self._kept) > self._most or (self._bytes > self._size and len(self._kept) > 1):
            self._bytes -= self._kept.popleft().size

    def back(self, count: int) -> Picture | None:
        """The picture so many before the last one, the oldest if that is too far; None when there is none."""
        return self._kept[max(0, len(self._kept) - 1 - count)].whole() if self._kept else None

    def axes(self) -> set[int]:
        """The axes that the pictures refer to."""
        return {kept.picture.axis for kept in self._kept}

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._bytes = 0
