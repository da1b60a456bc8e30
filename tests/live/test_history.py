"""Loss points: none lost for whoever keeps up, bounded for ever, forgotten at a restart."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.frames import FORGET, POINT
from dashboard.live.history import NOWHERE, ROW, History


def rows(first: int, last: int) -> bytes:
    """Points of the iterations first..last."""
    points = np.zeros((last - first + 1, len(POINT)))
    points[:, 0] = np.arange(first, last + 1)
    return points.tobytes()


def iterations(tail: bytes) -> list[int]:
    return np.frombuffer(tail, "<f8").reshape(-1, len(POINT))[:, 0].astype(int).tolist()


def test_a_new_viewer_forgets_and_gets_everything():
    history = History(100)
    history.extend(rows(1, 5))
    assert iterations(history.since(NOWHERE)) == [0, 1, 2, 3, 4, 5]


@given(st.lists(st.integers(0, 30), max_size=40))
def test_a_viewer_that_keeps_up_gets_every_point_once(portions):
    history, position, got, last = History(30), NOWHERE, [], 0
    for portion in portions:
        history.extend(rows(last + 1, last + portion))
        last += portion
        got += iterations(history.since(position))
        position = history.position
    assert [iteration for iteration in got if iteration] == list(range(1, last + 1))


def test_a_long_run_stays_bounded_and_keeps_its_last_points_and_its_shape():
    history = History(100)
    for first in range(1, 100_000, 7):
        history.extend(rows(first, first + 6))
    kept = iterations(history.since(NOWHERE))[1:]
    assert len(kept) <= 300
    assert kept[-100:] == list(range(kept[-1] - 99, kept[-1] + 1))
    assert kept == sorted(set(kept))
    old = np.diff(kept[:50])
    assert kept[0] == 1
    assert old.min() == old.max() <= 100_000 / 50


def test_who_is_too_far_behind_starts_anew_instead_of_leaving_a_gap():
    history = History(10)
    history.extend(rows(1, 3))
    behind = history.position
    history.extend(rows(4, 200))
    assert iterations(history.since(behind))[0] == 0


def test_a_restart_forgets():
    history = History(10)
    history.extend(rows(1, 3))
    position = history.position
    history.extend(rows(4, 5) + np.array(FORGET).tobytes() + rows(1, 2))
    assert iterations(history.since(position)) == [0, 1, 2]
    assert len(history) == 2


def test_rewinding_keeps_what_came_before():
    history = History(10)
    history.extend(rows(1, 9))
    position = history.position
    history.rewind(6)
    assert iterations(history.since(position)) == [0, 1, 2, 3, 4, 5, 6]
    assert history.points().shape == (6, len(POINT))


def test_nothing_new_is_no_bytes():
    history = History(10)
    history.extend(rows(1, 4))
    assert history.since(history.position) == b""
    assert len(history.since((history.position[0], 2))) == 2 * ROW
