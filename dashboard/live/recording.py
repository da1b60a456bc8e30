"""The last pictures of a run, compressed, to be scrubbed back."""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import replace

from dashboard.live.frames import Picture


class Recording:
    """At most so many pictures, and so many bytes of them as they are kept; the oldest go first."""

    def __init__(self, pictures: int, size: int) -> None:
        self._pictures: deque[Picture] = deque(maxlen=pictures)
        self._size, self._bytes = size, 0

    def __len__(self) -> int:
        return len(self._pictures)

    @property
    def first(self) -> int:
        """The iteration of the oldest picture; 0 when there is none."""
        return self._pictures[0].iteration if self._pictures else 0

    def add(self, picture: Picture) -> None:
        """Keep this picture; one of the same iteration is replaced by it (another look at the same numbers)."""
        picture = replace(picture, body=zlib.compress(picture.body, 1))
        if self._pictures and self._pictures[-1].iteration == picture.iteration:
            self._bytes -= len(self._pictures.pop().body)
        if len(self._pictures) == self._pictures.maxlen:
            self._bytes -= len(self._pictures.popleft().body)
        self._pictures.append(picture)
        self._bytes += len(picture.body)
        while self._bytes > self._size and len(self._pictures) > 1:
            self._bytes -= len(self._pictures.popleft().body)

    def back(self, count: int) -> Picture | None:
        """The picture so many before the last one, the oldest if that is too far; None when there is none."""
        if not self._pictures:
            return None
        kept = self._pictures[max(0, len(self._pictures) - 1 - count)]
        return replace(kept, body=zlib.decompress(kept.body))

    def axes(self) -> set[int]:
        """The axes that the pictures refer to."""
        return {picture.axis for picture in self._pictures}

    def clear(self) -> None:
        """Forget everything."""
        self._pictures.clear()
        self._bytes = 0
