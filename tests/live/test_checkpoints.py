"""Which checkpoints of a run are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.checkpoints import Checkpoints


def kept(iterations: list[int], keep: int = 4, size: int = 1) -> Checkpoints:
    """All of the same size, 10 bytes allowed each and 40 together."""
    made = Checkpoints(keep, 10, 40)
    for iteration in iterations:
        made.add(iteration, bytes([iteration % 256] * size))
    return made


def test_there_is_none_at_first():
    made = kept([])
    assert (made.iterations, made.iteration, made.latest, made.at(0), made.fits) == ((), 0, b"", None, True)


def test_room_is_taken_by_number_or_by_size():
    assert [kept(iterations).full for iterations in ([], [1], [1, 2], [*range(9)])] == [0.0, 0.25, 0.5, 1.0]
    assert kept([1, 2], keep=8, size=10).full == 0.5
    assert kept([1, 2, 3], keep=8, size=15).full == 0.0, "too large to be kept at all"
    assert kept([*range(9)], keep=8, size=9).full == 1.0, "four of nine bytes leave no room for a fifth"


def test_the_latest_is_kept_and_the_others_are_spread():
    made = kept([*range(0, 101, 5), 102])
    assert made.latest == bytes([102])
    assert made.iteration == made.iterations[-1] == 102
    assert len(made.iterations) == 4
    gaps = [b - a for a, b in zip(made.iterations, made.iterations[1:], strict=False)]
    assert max(gaps) <= 75
    assert made.at(made.iterations[1]) == bytes([made.iterations[1]])
    assert made.at(101) is None


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 8), st.integers(1, 10))
def test_bounds_hold_whatever_comes(steps: list[int], keep: int, size: int):
    made = kept([sum(steps[: count + 1]) for count in range(len(steps))], keep, size)
    assert made.iteration == sum(steps)
    assert list(made.iterations) == sorted(set(made.iterations))
    assert len(made.iterations) <= keep
    assert size * len(made.iterations) <= 40


def test_going_back_gives_up_what_came_later():
    made = kept([5, 10, 15])
    made.add(10, b"again")
    assert made.iterations == (5, 10)
    assert made.latest == b"again"


def test_too_large_ones_are_not_kept_nor_is_anything_before_them():
    made = kept([5, 10])
    made.add(15, bytes(11))
    assert (made.iterations, made.latest, made.fits) == ((), b"", False)
    made.add(20, bytes(10))
    assert (made.iterations, made.fits) == ((20,), True)
