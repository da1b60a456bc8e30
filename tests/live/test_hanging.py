"""A worker that lives and does nothing: it is noticed, told about, and replaced."""

from __future__ import annotations

import os
import signal
import time

import pytest

from core.experiment import Experiment
from dashboard.live import runs
from tests.live.watching import live_server, wait_for, watch

SMALL = Experiment(text="a b c\nb c a d", hidden=8, embedding=4)


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced_and_its_run_goes_on():
    bounds = {
        "workers": 1,
        "tick": 0.1,
        "checkpoint_every": 0.2,
        "ping_every": 0.3,
        "hang_told": 0.5,
        "hang_timeout": 3,
        "default_speed": 200,
    }
    with live_server(**bounds) as server:
        keys = runs.create(SMALL)
        (worker,) = runs.registry()._workers
        with watch(server, keys.control) as viewer:
            viewer.send(do="play")
            viewer.at(100)
            assert worker.pid
            os.kill(worker.pid, signal.SIGSTOP)
            assert "has not answered for" in viewer.message(type="error")["message"]
            viewer.message(type="status", state="restarting")
            again = viewer.frame(lambda frame: 0 in frame.tail[:, 0])
            assert again.header["iteration"] > 20, "from its checkpoint"
            viewer.at(again.header["iteration"] + 50)
        assert runs.registry()._workers != [worker]


@pytest.mark.slow
def test_a_worker_that_stands_still_for_a_moment_or_is_idle_is_left_alone():
    bounds = {"workers": 1, "tick": 0.1, "ping_every": 0.3, "hang_told": 0.3, "hang_timeout": 3, "default_speed": 200}
    with live_server(**bounds) as server:
        keys = runs.create(SMALL)
        (worker,) = runs.registry()._workers
        with watch(server, keys.control) as viewer:
            viewer.frame()
            time.sleep(5)
            assert worker.unanswered < 1
            os.kill(worker.pid, signal.SIGSTOP)
            wait_for(lambda: worker.unanswered > 0.8)
            os.kill(worker.pid, signal.SIGCONT)
            wait_for(lambda: worker.unanswered == 0)
            viewer.send(do="play")
            viewer.at(50)
        assert runs.registry()._workers == [worker]
