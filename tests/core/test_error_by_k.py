"""Error against K: which K are measured, and that a measured network is one that a Trainer would have made."""

from __future__ import annotations

import math

import pytest

from core import scoreboard
from core.error_by_k import ks, measure, seeds
from core.experiment import Experiment, InvalidExperiment
from core.limits import SEED
from core.training import Trainer

SMALL = Experiment(task="series", hidden=4, window=14, horizon=3, scaling="log")
"""Airline passengers, with a season of 12."""
SINE = SMALL.replace(series="sine", scaling="standard", points=60)


def by_hand(experiment: Experiment, iterations: int) -> scoreboard.Board:
    trainer = Trainer(experiment)
    trainer.run(iterations)
    task = trainer.task
    return scoreboard.score(task.series.values, task.parts, task.series.period, trainer.forecast())


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"window": 24}, (1, 2, 3, 4, 6, 8, 12, 16, 24)),
        ({"window": 14}, (1, 2, 3, 4, 6, 8, 12, 14)),
        ({"window": 40, "season": 7}, (1, 2, 3, 4, 6, 7, 8, 12, 16, 24, 32, 40)),
        ({"window": 5, "season": 30}, (1, 2, 3, 4, 5)),
        ({"window": 2}, (1, 2)),
        ({"window": 10, "series": "nile"}, (1, 2, 3, 4, 6, 8, 10)),
    ],
    ids=str,
)
def test_powers_of_two_those_between_the_season_and_the_window(fields, wanted):
    assert ks(Experiment(task="series", **fields)) == wanted


@pytest.mark.parametrize("k", [1, 3, 12])
def test_it_is_what_a_trainer_with_that_window_forecasts(k):
    assert measure(SMALL, k, 5, 6).board == by_hand(SMALL.replace(truncation="window", k=k, seed=5), 6)


@pytest.mark.parametrize("fields", [{}, {"truncation": "chunk", "k": 2, "update_every": "block"}, {"batch": 2}], ids=str)
def test_a_window_that_holds_everything_is_full(fields):
    """Also when the experiment itself is cut: only K differs between the networks that are compared."""
    wanted = by_hand(SMALL.replace(**fields).replace(truncation="full", update_every="pass"), 6)
    assert measure(SMALL.replace(**fields), 14, 0, 6).board == wanted


def test_the_same_numbers_again_and_others_for_another_seed_or_k():
    first = measure(SMALL, 2, 0, 5)
    assert measure(SMALL, 2, 0, 5) == first
    assert measure(SMALL, 2, 1, 5).board != first.board
    assert measure(SMALL, 3, 0, 5).board != first.board


def test_every_seed_learns_the_same_series(monkeypatch):
    """The seed also makes the noise of a made series: another seed must not change what is learned."""
    seen = []
    whole = scoreboard.score
    monkeypatch.setattr(scoreboard, "score", lambda values, *more: seen.append(values) or whole(values, *more))
    boards = [measure(SINE, 2, seed, 2).board for seed in (0, 1)]
    assert (seen[0] == seen[1]).all()
    assert boards[0] != boards[1]


@pytest.mark.filterwarnings("error")
def test_a_network_that_explodes_has_no_score_and_says_so():
    wild = SMALL.replace(cell="rnn_relu", gain=10.0, clip="off", optimiser="sgd", learning_rate=10.0, window=40)
    found = measure(wild, 40, 0, 50)
    assert found.words.startswith("exploded at iteration ")
    assert set(found.board) == {"validation", "test"}
    assert all(math.isnan(value) for scores in found.board.values() for value in scores.values())


def test_it_can_be_watched_and_ended():
    seen = []

    def watch(iteration: int) -> None:
        seen.append(iteration)
        if iteration == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(SMALL, 2, 0, 9, watch)
    assert seen == [1, 2, 3, 4]


def test_seeds_begin_with_the_experiments_own_and_stay_within_the_bound():
    assert seeds(SMALL.replace(seed=7), 3) == (7, 8, 9)
    assert seeds(SMALL.replace(seed=SEED), 3) == (SEED, 0, 1)


def test_nonsense_is_refused():
    with pytest.raises(InvalidExperiment, match="Only a series has an error against K"):
        ks(Experiment())
    with pytest.raises(InvalidExperiment, match="Only a series has an error against K"):
        measure(Experiment(), 2, 0, 1)
    for k, iterations in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="must be at least 1"):
            measure(SMALL, k, 0, iterations)
