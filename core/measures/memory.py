"""Memory: what a computation with tensors holds, counted as it goes."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Held(TorchDispatchMode):
    """While entered, counts the bytes of all tensors that operations make, from when they are made until they are let go.

    now: bytes held.   peak: the most that were held at one time.   Views and what is written in place or into `out` cost nothing; what was
    there before is not counted.  It can be left and entered again, and then goes on.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        for made in _tensors((found,)):
            storage = made.untyped_storage()
            # Most results are known, so that what they were made from is seldom looked through.
            if id(storage) not in self._seen and not any(given.untyped_storage() is storage for given in _tensors((args, kwargs))):
                self._hold(storage)
        return found

    def _hold(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()
        self._seen.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._let_go, key, size)

    def _let_go(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    """All tensors in these values, and in the sequences and mappings among them."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)
        elif isinstance(value, Mapping):
            yield from _tensors(value.values())
