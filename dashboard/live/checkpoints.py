"""The checkpoints of a run that are kept: the latest, to bring the run back, and earlier ones, to train again from there."""

from __future__ import annotations


class Checkpoints:
    """Checkpoints by iteration, spread over the run: where there is no room for all, the one goes whose neighbours are nearest.

    keep: how many.   each: bytes that one may have; a run with larger ones has none.   together: bytes that all of them may have.
    """

    def __init__(self, keep: int, each: int, together: int) -> None:
        self._keep, self._each, self._together = keep, each, max(each, together)
        self._blocks: dict[int, bytes] = {}
        self.fits = True
        """Whether the last one was small enough."""

    @property
    def iterations(self) -> tuple[int, ...]:
        """When they were made, earliest first."""
        return tuple(self._blocks)

    @property
    def iteration(self) -> int:
        """Of the latest; 0 where there is none."""
        return max(self._blocks, default=0)

    @property
    def full(self) -> float:
        """How much of the room for them is taken, 0 to 1: all of it where another one like the latest would not fit."""
        taken = sum(map(len, self._blocks.values()))
        return 1.0 if taken + len(self.latest) > self._together else max(len(self._blocks) / self._keep, taken / self._together)

    @property
    def latest(self) -> bytes:
        """The latest; nothing where there is none."""
        return self._blocks.get(self.iteration, b"")

    def at(self, iteration: int) -> bytes | None:
        """The one of this iteration, if it is kept."""
        return self._blocks.get(iteration)

    def add(self, iteration: int, block: bytes) -> None:
        """A newer one; what lies ahead of it is of a training that has been given up."""
        self.fits = len(block) <= self._each
        self._blocks = {kept: earlier for kept, earlier in self._blocks.items() if kept < iteration} if self.fits else {}
        if self.fits:
            self._blocks[iteration] = block
        while len(self._blocks) > self._keep or sum(map(len, self._blocks.values())) > self._together:
            del self._blocks[self._least_missed()]

    def _least_missed(self) -> int:
        """The one without which the others are spread best; never the latest."""
        _, *inner, _ = made = self.iterations
        around = {one: after - before for before, one, after in zip(made, inner, made[2:], strict=False)}
        return min(around, key=around.__getitem__, default=made[0])
