"""What processes cost, from /proc: CPU and memory.  And the core that they are kept to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu(pids: Iterable[int]) -> float:
    """Seconds of CPU that these processes have used so far; one that has ended counts as 0."""
    return sum(int(entry[11]) + int(entry[12]) for entry in map(_stat, pids) if entry) / TICKS


def memory(pids: Iterable[int]) -> float:
    """Their resident memory in MB."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * PAGE / 2**20


def family(pid: int) -> list[int]:
    """A process and all that it has started, directly or not."""
    parents = {int(entry.name): fields for entry in Path("/proc").glob("[0-9]*") if (fields := _stat(int(entry.name)))}
    found = [pid]
    for one in found:
        found += [child for child, fields in parents.items() if int(fields[1]) == one]
    return found


def cores() -> tuple[int, ...]:
    """Which cores there are for this process."""
    return tuple(sorted(os.sched_getaffinity(0)))


@contextlib.contextmanager
def kept_to(core: int | None) -> Iterator[None]:
    """What is started meanwhile runs on this core only, and so do its children; None: anywhere."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (state, parent, ...); empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
