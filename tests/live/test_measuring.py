"""The error against K, as pages ask for it: measured in the fitting processes, remembered, cancelled."""

from __future__ import annotations

import io
import math
import queue
from collections.abc import Iterator

import pytest

from core.error_by_k import ks, measure
from core.experiment import Experiment
from dashboard.live import fits, measuring, pipe
from dashboard.live.fitting.fitter import Fitter
from dashboard.live.measuring import LiveError, Measured
from dashboard.live.settings import Settings
from tests.live.watching import live_server, wait_for

SMALL = Experiment(task="series", hidden=4, window=6, horizon=3)
SLOW = SMALL.replace(hidden=64, window=60)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with live_server(workers=1, fitters=1, fit_patience=4, tick=0.1, max_fits=8) as address:
        yield address


def done(ticket: str) -> tuple[Measured, ...]:
    wait_for(lambda: measuring.progress(ticket).state != "fitting", 60)
    assert measuring.progress(ticket).state == "done"
    return measuring.result(ticket)


def test_networks_are_those_of_the_engine(server: str):
    """Bit for bit: the same code with the same numbers, on the other side of a pipe."""
    ticket = measuring.start(SMALL.replace(seed=5), 4, 2)
    found = done(ticket)
    assert ks(SMALL) == (1, 2, 3, 4, 6)
    assert found == tuple(measure(SMALL.replace(seed=5), k, seed, 4) for k in ks(SMALL) for seed in (5, 6))
    assert measuring.progress(ticket).done == measuring.progress(ticket).total == 10


def test_the_same_question_is_answered_once_however_the_run_is_cut(server: str):
    first = measuring.start(SMALL, 3, 1)
    found = done(first)
    for truncation in ({"truncation": "window", "k": 2}, {"truncation": "chunk", "k": 3, "update_every": "block"}):
        again = measuring.start(SMALL.replace(**truncation), 3, 1)
        assert again == first
        assert measuring.progress(again).state == "done", "at once"
        assert all(one is other for one, other in zip(measuring.result(again), found, strict=True))
    others = [measuring.start(SMALL, 2, 1), measuring.start(SMALL, 3, 2), measuring.start(SMALL.replace(cell="gru"), 3, 1)]
    assert len({first, *others}) == 4


def test_cancel_ends_a_training_at_once_and_start_begins_again(server: str):
    ticket = measuring.start(SLOW, 2000, 1)
    wait_for(lambda: fits.queue().processes)
    measuring.cancel(ticket)
    assert measuring.progress(ticket).state == "cancelled"
    assert len(done(measuring.start(SMALL, 5, 1))) == 5, "soon, though the other had hours to go"
    assert measuring.start(SLOW, 2000, 1) == ticket
    assert measuring.progress(ticket).state == "fitting"
    measuring.cancel(ticket)


def test_a_network_that_explodes_says_so_and_the_others_stay(server: str):
    wild = SMALL.replace(cell="rnn_relu", gain=10.0, clip="off", optimiser="sgd", learning_rate=10.0, window=40)
    found = done(measuring.start(wild, 20, 1))
    exploded = [one for one in found if one.words]
    assert exploded
    assert all("exploded at iteration" in one.words and math.isnan(one.board["test"]["mase"]) for one in exploded)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((SMALL, 0, 1), "Iterations must be a whole number from 1 to 2,000, not 0."),
        ((SMALL, 2001, 1), "Iterations must be a whole number from 1 to 2,000, not 2001."),
        ((SMALL, 5, 11), "Seeds must be a whole number from 1 to 10, not 11."),
        ((Experiment(), 5, 1), "Only a series has an error against K: choose the task series."),
    ],
)
def test_nonsense_is_refused_in_one_sentence(server: str, given: tuple, sentence: str):
    with pytest.raises(LiveError) as refused:
        measuring.start(*given)
    assert str(refused.value) == sentence


def test_what_is_typed_is_a_whole_number_or_a_sentence():
    assert measuring.measured_iterations(" 300 ") == 300
    with pytest.raises(LiveError, match="Iterations must be a whole number from 1 to 2,000, not many"):
        measuring.measured_iterations("many")
    with pytest.raises(LiveError, match="Seeds must be a whole number from 1 to 10, not nothing"):
        measuring.measured_seeds("")


def test_a_network_that_takes_too_long_is_ended():
    answers: list[dict] = []
    fitter = Fitter(queue.SimpleQueue(), lambda block: answers.append(pipe.read(io.BytesIO(block))[0]), Settings(measure_seconds=-1))
    order = {"do": "measure", "job": "", "request": 1, "experiment": SMALL.to_dict(), "iterations": 5, "k": 2, "seed": 0, "shape": [0]}
    fitter._take(order, b"")
    assert answers[0]["failed"] == "It was not trained within -1 seconds; choose fewer iterations or a smaller network."
