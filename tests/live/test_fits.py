"""Baselines that pages ask for: fitted in processes of their own, remembered, cancelled, given up."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import queue
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.baselines import BASELINES
from core.baselines.comparison import compare
from core.experiment import Experiment
from core.forecast import origins
from core.series import make_series, split
from dashboard.live import fits, pipe
from dashboard.live.fits import LiveError, Options
from dashboard.live.fitting.fitter import Fitter
from dashboard.live.settings import Settings
from tests.benchmarks.live_server import COMMAND, Bench
from tests.live.watching import live_server, wait_for
from tests.serving import serve

AIRLINE = make_series(Experiment(task="series", series="airline"))
PARTS = split(len(AIRLINE.values), 0.15, 0.15)
QUICK = ("naive", "seasonal_naive", "drift")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with live_server(
        workers=1, fitters=1, fitters_kept=0, fit_idle=2, fit_patience=4, tick=0.1, max_fits=2, kept_fits=3, fit_seconds=10
    ) as address:
        yield address


def begin(values: np.ndarray = AIRLINE.values, period: int = 12, **more) -> str:
    return fits.start(values, period, PARTS, 6, **more)


def done(ticket: str) -> dict[str, fits.Result]:
    wait_for(lambda: fits.progress(ticket).state != "fitting", 60)
    assert fits.progress(ticket).state == "done"
    return fits.result(ticket)


def slow_series(seed: int) -> np.ndarray:
    """Series whose grid takes much longer than a test: a season of 24 in 1,800 points."""
    draw = np.random.default_rng(seed)
    steps = np.arange(1800)
    return (30 + 5 * np.sin(2 * np.pi * steps / 24) + np.cumsum(draw.normal(size=1800)) * 0.3 + draw.normal(size=1800))[:, None]


def begin_slow(seed: int) -> str:
    return fits.start(slow_series(seed), 24, split(1800, 0.1, 0.1), 6, which=("arima",))


def processes() -> list[int]:
    return fits.queue().processes


class TestResults:
    def test_they_are_those_of_the_engine(self, server: str):
        """Bit for bit: the same code with the same numbers, on the other side of a pipe."""
        values = np.column_stack([AIRLINE.values[:, 0], AIRLINE.values[::-1, 0]])
        which = (*QUICK, "ets", "arima")
        options = Options(ets="AAA", arima="(0,1,1)(0,1,1)")
        results = done(begin(values, which=which, options=options))
        alone = compare(values, 12, origins(PARTS, 6), 6, which=which, options=options)
        assert tuple(results) == which
        for name, found in results.items():
            wanted = alone[name]
            assert found.words == wanted.words
            assert [fitted.to_dict() for fitted in found.fitted] == [fitted.to_dict() for fitted in wanted.fitted]
            assert found.forecast
            assert wanted.forecast
            for part in ("values", "lower", "upper"):
                np.testing.assert_array_equal(getattr(found.forecast, part), getattr(wanted.forecast, part))
            assert found.forecast.values.shape == (len(values) - PARTS.train.stop, 2)
            assert found.forecast.origins == origins(PARTS, 6)

    def test_progress_counts_every_form_of_a_grid(self, server: str):
        ticket = begin(which=("arima", "naive"), options=Options(logarithm=True))
        seen = wait_for(lambda: (now := fits.progress(ticket)).state == "done" and now, 60)
        assert seen.done == seen.total == 25
        found = fits.result(ticket)["arima"]
        assert len(found.tried) == 24
        criteria = [outcome.fitted.criteria["aicc"] for outcome in found.tried if outcome.fitted]
        assert found.fitted[0].criteria["aicc"] == min(criteria)

    def test_what_fails_says_so_and_the_others_stay(self, server: str):
        values = AIRLINE.values - 200  # negative at first: no logarithm
        results = done(begin(values, which=("naive", "ets", "arima"), options=Options(logarithm=True)))
        assert results["naive"].forecast is not None
        for name in ("ets", "arima"):
            assert results[name].forecast is None
            assert results[name].words == "The logarithm needs values above 0; choose another scaling."

    def test_nonsense_is_refused_in_one_sentence(self, server: str):
        with pytest.raises(LiveError, match="'prophet' is not a baseline; there are naive, seasonal_naive"):
            begin(which=("prophet",))
        with pytest.raises(LiveError, match="Write an ARIMA order as"):
            begin(options=Options(arima="0,1,1"))
        with pytest.raises(LiveError, match="no longer remembered"):
            fits.progress("no such ticket")


class TestLife:
    def test_the_same_inputs_are_fitted_once(self, server: str):
        first = begin(which=QUICK)
        results = done(first)
        again = begin(AIRLINE.values.copy(), which=QUICK)
        assert again == first
        assert fits.progress(again).state == "done", "at once"
        assert all(fits.result(again)[name] is results[name] for name in QUICK)
        others = begin(AIRLINE.values + 1, which=QUICK), fits.start(AIRLINE.values, 12, PARTS, 7, which=QUICK)
        assert first not in others
        for other in others:
            done(other)

    def test_only_the_latest_are_remembered(self, server: str):
        first = begin(which=QUICK)
        done(first)
        for shift in range(1, 6):
            done(begin(AIRLINE.values + shift / 7, which=QUICK))
        with pytest.raises(LiveError, match="no longer remembered"):
            fits.progress(first)

    def test_cancel_ends_a_grid_at_once_and_start_begins_again(self, server: str):
        ticket = begin_slow(0)
        wait_for(lambda: fits.progress(ticket).done >= 1)
        (pid,) = processes()
        fits.cancel(ticket)
        assert fits.progress(ticket).state == "cancelled"
        done(begin(AIRLINE.values * 2, which=QUICK))  # soon, though the grid had 20 forms to go
        assert processes() == [pid], "the same process goes on"
        assert fits.progress(ticket).done < 24
        assert begin_slow(0) == ticket
        assert fits.progress(ticket).state == "fitting"
        wait_for(lambda: fits.progress(ticket).done >= 1)
        fits.cancel(ticket)

    def test_a_short_job_does_not_wait_for_a_long_one(self, server: str):
        slow = begin_slow(1)
        wait_for(lambda: fits.progress(slow).done >= 1)
        results = done(begin(AIRLINE.values * 3, which=QUICK))
        assert len(results) == 3
        assert fits.progress(slow).state == "fitting"
        fits.cancel(slow)

    def test_what_nobody_asks_for_is_given_up(self, server: str):
        ticket = begin_slow(2)
        job = fits.queue()._jobs[ticket]
        wait_for(lambda: job.state == "cancelled", 10)
        assert job.words == "It was given up: nobody asked for it any more."

    def test_too_many_at_a_time_are_refused(self, server: str):
        slow = [begin_slow(seed) for seed in (3, 4)]
        with pytest.raises(LiveError, match="2 questions are being worked on; try again in a moment"):
            begin_slow(5)
        for ticket in slow:
            fits.cancel(ticket)

    def test_a_process_that_dies_is_replaced_and_nothing_is_lost(self, server: str):
        ticket = begin(AIRLINE.values * 4, which=("arima",))
        wait_for(processes)
        wait_for(lambda: fits.progress(ticket).done >= 1)
        os.kill(processes()[0], signal.SIGKILL)
        found = done(ticket)["arima"]
        assert len(found.tried) == 24
        assert found.forecast is not None

    def test_idle_processes_end(self, server: str):
        done(begin(AIRLINE.values * 5, which=("naive",)))
        assert processes()
        wait_for(lambda: not processes(), 10)
        assert done(begin(AIRLINE.values * 6, which=("naive",))), "and are started again when needed"

    def test_they_stand_back(self, server: str):
        done(begin(AIRLINE.values * 7, which=("naive",)))
        assert os.getpriority(os.PRIO_PROCESS, processes()[0]) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + Settings().fit_niceness)


def test_a_fit_that_takes_too_long_is_ended():
    answers: list[dict] = []
    fitter = Fitter(queue.SimpleQueue(), lambda block: answers.append(pipe.read(io.BytesIO(block))[0]), Settings(fit_seconds=0))
    attempt = {"baseline": "arima", "column": 0, "form": "(1,1,1)(1,1,1)"}
    train = AIRLINE.values[:100]
    order = {"do": "fit", "job": "", "request": 1, "attempt": attempt, "period": 12, "options": {}, "shape": train.shape}
    fitter._take(order, train.tobytes())
    outcome = answers[0]["outcome"]
    assert outcome["fitted"] is None
    assert outcome["words"] == "It was not fitted within 0 seconds; choose a smaller order or a shorter series."


def test_without_a_server_nothing_is_begun(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fits, "_server", fits._Server())
    with pytest.raises(LiveError, match="is not running"):
        begin(which=tuple(BASELINES)[:1])


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_no_fitting_process_outlives_its_server(tmp_path: Path, end: signal.Signals):
    """In the middle of a grid.  A server that ends in order first answers what it has been asked, so that is short."""

    def keep_busy() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            bench.ask("fits", {"seconds": 5})

    def fitting() -> bool:
        return any("dashboard.live.fitting" in command for command in apart.processes().values())

    with serve(tmp_path / "log.txt", COMMAND, environment={"BPTT_WORKERS": "1", "BPTT_FITTERS": "1"}) as apart:
        bench = Bench(apart, seconds=1)
        threading.Thread(target=keep_busy, daemon=True).start()
        wait_for(fitting)
        os.kill(apart.process.pid, end)
        wait_for(lambda: apart.process.poll() is not None and not apart.processes(), 15)
