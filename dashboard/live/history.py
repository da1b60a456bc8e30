"""The loss points of a run: the last ones all kept, older ones thinned out."""

from __future__ import annotations

import numpy as np

from dashboard.live.frames import FORGET, POINT

ROW = 8 * len(POINT)
MARK = np.array(FORGET, "<f8").tobytes()

Position = tuple[int, int]
"""How far a viewer has come: the epoch, and the points of that epoch that it has seen."""

NOWHERE: Position = (-1, 0)


class History:
    """The last `keep` points and more, and at most `keep` older ones, as rows of bytes.  Each restart begins a new epoch."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._epoch = 0
        self._old, self._recent = bytearray(), bytearray()
        self._total, self._aged, self._stride = 0, 0, 1
        self._tails: dict[Position, bytes] = {}

    @property
    def position(self) -> Position:
        """The position of a viewer that has seen everything."""
        return self._epoch, self._total

    def __len__(self) -> int:
        return (len(self._old) + len(self._recent)) // ROW

    def extend(self, rows: bytes) -> None:
        """Add points; a row of iteration 0 forgets all that came before it."""
        if not rows:
            return
        self._tails.clear()
        marks = np.flatnonzero(_points(rows)[:, 0] == 0)
        if marks.size:
            self.forget()
            rows = rows[(int(marks[-1]) + 1) * ROW :]
        self._recent += rows
        self._total += len(rows) // ROW
        if len(self._recent) > 2 * self._keep * ROW:
            self._age()

    def _age(self) -> None:
        """Move the older half of the recent points to the old ones: every `_stride`-th of all that were ever moved."""
        aged = _points(bytes(self._recent[: self._keep * ROW]))
        del self._recent[: self._keep * ROW]
        self._old += aged[-self._aged % self._stride :: self._stride].tobytes()
        self._aged += len(aged)
        while len(self._old) > self._keep * ROW:
            self._old = bytearray(_points(bytes(self._old))[::2].tobytes())
            self._stride *= 2

    def forget(self) -> None:
        """Begin again: the run restarted."""
        self._epoch += 1
        self._total, self._aged, self._stride = 0, 0, 1
        self._old, self._recent = bytearray(), bytearray()
        self._tails.clear()

    def points(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """All that is kept, oldest first: (points, 6)."""
        return _points(bytes(self._old + self._recent))

    def rewind(self, iteration: int) -> None:
        """Forget what came after this iteration: the run goes on from there."""
        rows = self.points()
        self.forget()
        self.extend(rows[rows[:, 0] <= iteration].tobytes())

    def since(self, position: Position) -> bytes:
        """What a viewer at this position has not seen; begins with a row of iteration 0 when it has to forget what it has seen."""
        tail = self._tails.get(position)
        if tail is None:
            epoch, seen = position
            missed = (self._total - seen) * ROW
            if epoch != self._epoch:
                tail = MARK + self._old + self._recent
            elif missed > len(self._recent):
                # Too far behind for every point: better all that is kept than a gap.
                tail = MARK + self._old + self._recent
            else:
                tail = bytes(self._recent[len(self._recent) - missed :])
            tail = self._tails[position] = bytes(tail)
        return tail


def _points(rows: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.frombuffer(rows, "<f8").reshape(-1, len(POINT))
