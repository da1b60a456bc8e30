"""What a trainer is told of its pictures: it makes no more while it believes that two are still on their way."""

from __future__ import annotations

from typing import Any

import pytest

from core.experiment import Experiment
from dashboard.live.frames import Picture
from dashboard.live.run import Run
from dashboard.live.settings import Settings


class Orders:
    """Stands for a worker's pipe: which moment a picture is sent in can only be chosen without the process behind it."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def send(self, order: dict[str, Any]) -> None:
        if order["do"] == "seen":
            self.seen.append(order["serial"])


def run(orders: Orders, in_flight: int = 2) -> Run:
    return Run(1, Experiment(), orders, Settings(in_flight=in_flight))  # type: ignore[arg-type]


def picture(serial: int) -> Picture:
    return Picture(serial, 1, serial, 0, b"")


@pytest.mark.parametrize("in_flight", [1, 2, 3, 4])
def test_a_trainer_that_waits_is_told_of_the_last_picture(in_flight: int):
    """Whichever of its pictures were sent before."""
    for sent_before in range(in_flight):
        orders = Orders()
        shown = run(orders, in_flight)
        for serial in [*range(1, sent_before + 1), in_flight]:
            shown.seen(picture(serial))
        assert orders.seen
        assert in_flight - orders.seen[-1] < in_flight, "there is room for another"


def test_two_are_told_of_at_once():
    orders = Orders()
    shown = run(orders)
    for serial in range(1, 9):
        shown.seen(picture(serial))
    assert orders.seen == [2, 4, 6, 8]


def test_a_picture_that_is_sent_as_a_look_back_begins_is_told_of():
    orders = Orders()
    shown = run(orders)
    shown.replayed = True
    for serial in (2, 1, 2):  # the latest, and older ones out of the recording
        shown.seen(picture(serial))
    assert orders.seen == [2]


def test_what_nobody_can_be_told_is_told_later():
    """A picture may be sent while a run has no worker."""
    orders = Orders()
    shown = run(orders)
    shown.worker = None
    shown.seen(picture(2))
    shown.worker = orders  # type: ignore[assignment]
    shown.seen(picture(3))
    assert orders.seen == [3]
