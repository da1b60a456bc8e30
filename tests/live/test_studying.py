"""Studies, as pages ask for them: made in the fitting processes from a checkpoint, remembered, cancelled, refused."""

from __future__ import annotations

import io
import os
import queue
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from core.experiment import Experiment
from core.studies import STUDIES, cliff
from core.studies.truncation import Asked, Found
from core.training import Trainer
from dashboard.live import fits, pipe, studying
from dashboard.live.fitting.fitter import Fitter
from dashboard.live.settings import Settings
from tests.live.watching import live_server, wait_for

SMALL = Experiment(hidden=4, embedding=3, truncation="window", k=2)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with live_server(workers=1, fitters=1, fitters_kept=1, fit_patience=4, tick=0.1, max_fits=8) as address:
        yield address


@pytest.fixture(scope="module")
def checkpoint() -> bytes:
    trainer = Trainer(SMALL)
    trainer.run(3)
    return trainer.checkpoint()


def done(ticket: str) -> Found:
    wait_for(lambda: studying.progress(ticket).state != "fitting", 60)
    assert studying.progress(ticket).state == "done"
    return studying.result(ticket)


def here(checkpoint: bytes, observe: int = 0, more: int = 0) -> Found:
    """The same in this process."""
    trainer = Trainer.restore(checkpoint, observe=observe)
    for _ in range(more):
        trainer.step()
    *_, last = STUDIES["truncation"].run(trainer, Asked())
    return last.found


def same(one: Found, other: Found) -> None:
    assert (one.iteration, one.axis, one.bias.ks, one.k2) == (other.iteration, other.axis, other.bias.ks, other.k2)
    assert one.error == other.error
    np.testing.assert_array_equal(one.bias.error, other.bias.error)
    np.testing.assert_array_equal(one.lag, other.lag)


def test_a_study_is_that_of_the_engine(server: str, checkpoint: bytes):
    """Bit for bit: the same code with the same weights, on the other side of a pipe."""
    found = done(studying.start("truncation", Asked(), checkpoint, observe=1))
    same(found, here(checkpoint, observe=1))
    assert found.iteration == 3


def test_a_copy_is_trained_on_before_it_is_studied(server: str, checkpoint: bytes):
    found = done(studying.start("truncation", Asked(), checkpoint, more=20))
    same(found, here(checkpoint, more=20))
    assert found.iteration == 23


def test_the_same_question_is_answered_once(server: str, checkpoint: bytes):
    ticket = studying.start("truncation", Asked(), checkpoint)
    done(ticket)
    assert studying.start("truncation", Asked(), checkpoint) == ticket
    assert studying.progress(ticket).state == "done", "at once"
    others = [studying.start("truncation", Asked(), checkpoint, *more) for more in ((1, 0), (0, 1))]
    assert len({ticket, *others}) == 3


def test_cancel_ends_it_between_two_of_its_steps_and_start_begins_again(server: str, checkpoint: bytes):
    ticket = studying.start("truncation", Asked(), checkpoint, more=10**6)
    wait_for(lambda: "training" in studying.progress(ticket).words)
    assert studying.result(ticket) is None
    assert studying.start("truncation", Asked(), checkpoint, more=10**6, asker="somebody else") == ticket
    studying.leave(ticket)
    assert studying.progress(ticket).state == "fitting", "somebody else still waits"
    studying.leave(ticket, "somebody else")
    assert studying.progress(ticket).state == "cancelled"
    assert done(studying.start("truncation", Asked(), checkpoint, more=2)).iteration == 5, "soon"
    assert studying.start("truncation", Asked(), checkpoint, more=10**6) == ticket
    assert studying.progress(ticket).state == "fitting"
    studying.leave(ticket)


def test_what_cannot_be_studied_says_why(server: str):
    wild = Trainer(SMALL.replace(truncation="full", cell="rnn_relu", gain=10.0, clip="off", optimiser="sgd", learning_rate=10.0))
    ticket = studying.start("truncation", Asked(), wild.checkpoint(), more=50)
    wait_for(lambda: studying.progress(ticket).state == "refused", 60)
    assert studying.progress(ticket).words.startswith("It cannot be studied after 50 more iterations: exploded at iteration")
    ticket = studying.start("truncation", Asked(), b"no checkpoint")
    wait_for(lambda: studying.progress(ticket).state == "refused", 60)
    assert "checkpoint" in studying.progress(ticket).words


def test_one_process_is_there_from_the_beginning_and_comes_back(server: str, checkpoint: bytes):
    wait_for(lambda: len(fits.queue().processes) == 1, 60)
    (pid,) = fits.queue().processes
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: fits.queue().processes not in ([], [pid]), 60)
    assert done(studying.start("truncation", Asked(), checkpoint, more=1)).iteration == 4


@pytest.mark.slow
def test_long_studies_leave_a_process_to_the_others(checkpoint: bytes):
    with live_server(workers=1, fitters=2, fitters_kept=1, fit_patience=60, tick=0.1):
        long = [studying.start("cliff", cliff.Asked(ks=(1, k), iterations=2000, seeds=5), checkpoint) for k in (2, 3)]
        wait_for(lambda: studying.progress(long[0]).done > 0, 60)
        assert done(studying.start("truncation", Asked(), checkpoint)).iteration == 3
        assert [studying.progress(ticket).state for ticket in long] == ["fitting"] * 2
        assert studying.progress(long[1]).done == 0, "it waits for the other one"
        studying.leave(long[0])
        wait_for(lambda: studying.progress(long[1]).done > 0, 60)
        studying.leave(long[1])


def test_a_study_that_takes_too_long_is_ended(checkpoint: bytes):
    said: list[dict] = []
    fitter = Fitter(queue.SimpleQueue(), lambda block: said.append(pipe.read(io.BytesIO(block))[0]), Settings(study_seconds=-1))
    order = {"do": "study", "job": "", "request": 1, "study": "truncation", "asked": {}, "observe": 0, "more": 0}
    fitter._take(order, checkpoint)
    assert said[-1]["failed"] == "It was not done within -1 seconds; choose a smaller question or a smaller network."
