"""The recording: bounded in pictures and in bytes, scrubbed back from the latest."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from dashboard.live.frames import Picture
from dashboard.live.recording import Recording


def picture(iteration: int, size: int = 10) -> Picture:
    """A picture of bytes that cannot be compressed."""
    return Picture(iteration, 1, iteration, 0, Random(iteration).randbytes(size))


def test_it_keeps_the_last_pictures():
    recording = Recording(5, 10_000)
    for iteration in range(20):
        recording.add(picture(iteration))
    assert len(recording) == 5
    assert recording.first == 15
    assert [recording.back(count).iteration for count in (0, 1, 4, 99)] == [19, 18, 15, 15]


def test_it_keeps_so_many_bytes():
    recording = Recording(100, 1000)
    for iteration in range(100):
        recording.add(picture(iteration, 300))
    assert len(recording) == 3
    recording.add(picture(100, 5000))
    assert len(recording) == 1, "the latest is kept whatever its size"


def test_pictures_that_would_not_all_find_room_are_compressed_and_come_back_whole():
    recording, maps = Recording(100, 5000), Picture(1, 1, 1, 0, bytes(100_000))
    for iteration in range(5):
        recording.add(replace(maps, iteration=iteration))
    assert len(recording) == 5
    assert recording.back(2) == replace(maps, iteration=2)


def test_pictures_that_find_room_are_kept_as_they_are():
    recording, small = Recording(100, 5000), Picture(1, 1, 1, 0, bytes(50))
    recording.add(small)
    assert recording.back(0) is small


def test_another_look_at_the_same_iteration_replaces_the_picture():
    recording = Recording(5, 1000)
    recording.add(picture(1))
    recording.add(picture(1, 20))
    assert len(recording) == 1
    assert len(recording.back(0).body) == 20


def test_nothing_recorded():
    recording = Recording(5, 1000)
    assert recording.back(0) is None
    recording.add(picture(1))
    recording.clear()
    assert recording.back(3) is None
    assert (recording.first, len(recording), recording.axes()) == (0, 0, set())
