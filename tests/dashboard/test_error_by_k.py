"""The chart of the error against K: what it draws, and that it says no more than was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from core.error_by_k import Measured
from core.experiment import Experiment
from dashboard.charts import Look
from dashboard.charts.error_by_k import Asked, draw, frame
from dashboard.views.measured import cut

KS = (1, 2, 4, 12, 24)
ASKED = Asked(KS, 15, "validation", "mase", season=12)


def measured(errors: Mapping[int, Sequence[float]]) -> list[Measured]:
    """Networks by K, with these errors on validation; without a number, one that exploded."""
    return [
        Measured(
            k,
            seed,
            {part: dict.fromkeys(("mse", "mae", "mase", "smape"), error) for part in ("validation", "test")},
            "" if math.isfinite(error) else "exploded at iteration 7: the loss is not finite",
        )
        for k, some in errors.items()
        for seed, error in enumerate(some)
    ]


def words(errors: Mapping[int, Sequence[float]], **more: object) -> str:
    asked = replace(ASKED, ks=tuple(errors), networks=sum(map(len, errors.values())), **more)
    return draw(measured(errors), asked, Look()).words


STEEP = {1: (2.0, 2.1, 2.05), 2: (1.6, 1.5, 1.55), 4: (0.8, 0.81, 0.84), 12: (0.63, 0.64, 0.66), 24: (0.63, 0.66, 0.65)}
FLAT = {1: (0.6, 0.9, 0.7), 2: (0.65, 0.95, 0.7), 4: (0.6, 0.92, 0.72), 12: (0.62, 0.9, 0.7), 24: (0.6, 0.9, 0.71)}


def test_a_short_k_that_costs_something_is_named():
    assert words(STEEP) == (
        "With K = 12, the season, the median MASE is 0.64. K = 1 costs 3.2 times as much. From K = 12 on nothing more is gained."
    )
    assert "K = 4 costs 1.27 times as much." in words(STEEP, cut=4), "that of the run, where it is cut"


def test_a_season_beyond_the_window_is_not_claimed():
    said = words(STEEP, season=30)
    assert said.startswith("With K = 24, the whole window, the median MASE is 0.65. The season of 30 steps is longer than the window")
    assert words(STEEP, season=1).startswith("With K = 24, the whole window, the median MASE is 0.65. K = 1 costs")


def test_nothing_is_claimed_where_the_seeds_differ_more():
    assert words(FLAT) == (
        "With K = 12, the season, the median MASE is 0.7. "
        "The seeds differ more (by 0.3 at a typical K) than the Ks (by 0.02): nothing can be said about K."
    )
    assert words({k: some[:1] for k, some in STEEP.items()}).endswith("more seeds are needed to tell K from chance.")


def test_a_short_k_can_be_better():
    turned = dict(zip(STEEP, reversed(STEEP.values()), strict=True))
    assert words(turned, season=24) == (
        "With K = 24, the season, the median MASE is 2.05. K = 2 does better: 0.312 times as much. From K = 1 on nothing more is gained."
    )
    assert "K = 12 does better: 0.756 times as much." in words(turned, season=24, cut=12)


def test_more_can_be_gained_up_to_the_window():
    still = {**STEEP, 24: (0.3, 0.31, 0.32)}
    assert words(still).endswith("K = 24 is still better than K = 12.")


def test_nothing_is_claimed_before_everything_is_measured():
    some = measured(STEEP)[:7]
    assert draw(some, replace(ASKED, ended=False), Look()).words == (
        "7 of 15 networks are done; what K makes of the error is said when all are."
    )
    assert draw(some, ASKED, Look()).words == "Only 7 of 15 networks were measured: too little to compare the Ks."


def test_networks_without_a_score_are_told_and_not_drawn():
    wild = {**STEEP, 2: (math.nan, 1.5, math.nan), 24: (math.nan,) * 3}
    said = words(wild)
    assert "5 of 15 networks have no MASE. With K = 2 and seed 0: exploded at iteration 7: the loss is not finite." in said
    picture = draw(measured(wild), ASKED, Look())
    assert "NaN" not in picture.figure.to_json()
    line, dots = picture.figure.data
    assert list(line.x) == [1, 4, 12], "half of the networks have none at K = 2"
    assert list(dots.x).count(2) == 1
    assert words(dict.fromkeys(KS, (math.nan,) * 3)).startswith("15 of 15 networks have no MASE.")


@pytest.mark.parametrize("dark", [False, True])
def test_every_k_is_a_tick_and_the_season_the_run_and_the_baseline_are_marked(dark: bool):
    asked = replace(ASKED, cut=4, baseline=("ETS <b>", 0.55))
    figure = json.loads(draw(measured(STEEP), asked, Look(dark=dark)).figure.to_json())
    axis = figure["layout"]["xaxis"]
    assert axis["type"] == "log"
    assert axis["tickvals"] == list(KS)
    assert axis["ticktext"] == [str(k) for k in KS]
    lines = [(shape["x0"], shape["y0"]) for shape in figure["layout"]["shapes"]]
    assert [x for x, y in lines if y == 0] == [12, 4]
    assert [y for x, y in lines if x == 0] == [0.55]
    labels = {note["text"]: note for note in figure["layout"]["annotations"]}
    assert set(labels) == {"season: 12", "this run: 4", "ETS &lt;b&gt;"}
    assert labels["season: 12"]["x"] == pytest.approx(math.log10(12))
    assert len(figure["data"][1]["x"]) == 15
    assert figure["data"][0]["y"] == [2.05, 1.55, 0.81, 0.64, 0.65]


def test_one_line_where_the_run_has_the_seasons_k_and_a_logarithmic_axis_for_wide_errors():
    figure = draw(measured({**STEEP, 1: (200.0, 210.0, 220.0)}), replace(ASKED, cut=12), Look()).figure
    assert [note.text for note in figure.layout.annotations] == ["season and this run: 12"]
    assert figure.layout.yaxis.type == "log"
    assert draw(measured(STEEP), ASKED, Look()).figure.layout.yaxis.type == "linear"


def test_the_numbers_are_a_table():
    table = frame([*measured({1: (0.5,), 2: (math.nan,)}), Measured(4, 0, {}, "It was not trained within 60 seconds.")])
    assert list(table.columns) == ["k", "seed", "part", "mse", "mae", "mase", "smape", "words"]
    assert list(table["k"]) == [1, 1, 2, 2, 4]
    assert list(table["part"]) == ["validation", "test", "validation", "test", ""]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, None),
        ({"truncation": "window", "k": 4}, 4),
        ({"truncation": "chunk", "k": 24}, None),
        ({"truncation": "custom", "k1": 2, "k2": 8}, 8),
    ],
    ids=str,
)
def test_the_runs_own_k(fields: dict, wanted: int | None):
    assert cut(Experiment(task="series", **fields)) == wanted
