"""The charts of the estimators page: every one draws what was really found, partial or whole, and says no more than that."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.experiment import Experiment
from core.studies import estimators, influence
from core.studies.estimators import Found
from core.training import Trainer
from dashboard.charts.lab import estimates, estimator_cost, sample_mean
from dashboard.charts.lab import influence as influence_charts
from dashboard.charts.picture import Look, Picture


@pytest.fixture(scope="module")
def pieces() -> list[Found]:
    trainer = Trainer(Experiment(text="a b c a d\nb a", hidden=5, embedding=3, cell="gru"))
    found = [progress.found for progress in estimators.study(trainer, estimators.Asked(samples=6))]
    return [one for one in found if one is not None]


@pytest.fixture(scope="module")
def whole(pieces: list[Found]) -> Found:
    return pieces[-1]


@pytest.fixture(scope="module")
def balancing() -> influence.Found:
    return list(influence.study(None, influence.Asked(ks=(20, 50), steps=20_000)))[-1].found


def check(picture: Picture, there: bool = True) -> None:
    assert picture.words.endswith(".")
    assert "{" not in picture.words
    drawn = picture.figure.to_json()
    assert bool(json.loads(drawn)["data"]) == there
    assert "NaN" not in drawn


def check_words(picture: Picture) -> str:
    check(picture)
    return picture.words


@pytest.mark.parametrize("dark", [False, True])
def test_every_chart_draws_whatever_is_found_so_far(pieces: list[Found], dark: bool):
    look = Look(dark=dark)
    for found in (replace(pieces[0], rows=()), pieces[0], pieces[-1]):
        for weight in ("all", found.weights[0]):
            for measure in estimates.MEASURES:
                check(estimates.draw(found, weight, measure, look))
            check(sample_mean.draw(found, weight, look), any(row.random for row in found.rows))
        check(estimator_cost.draw(found, look))


def test_rtrl_is_shown_beside_bptt_to_the_last_digit(whole: Found):
    words = estimates.draw(whole, "all", "error", Look()).words
    exact, forwards = whole.row("bptt"), whole.row("rtrl")
    assert f"|g| is {float(exact.norm[-1])!r} by BPTT and {float(forwards.norm[-1])!r} by RTRL" in words
    assert f"a relative difference of {forwards.error[-1]:.3g}." in words
    assert forwards.error[-1] < 1e-12


def test_only_what_is_biased_is_called_so(whole: Found):
    words = estimates.draw(whole, "all", "error", Look()).words
    biased = words.split("Biased, and more samples would not help: ")[1].split(" UORO:")[0]
    assert {name.rsplit(" ", 2)[0] for name in biased.rstrip(".").split(", ")} == {"Window 4", "Chunk 4", "SnAp-1"}


@pytest.mark.parametrize("name", ["window", "chunk"])
def test_a_truncation_that_cuts_nothing_is_not_called_biased(whole: Found, name: str):
    assert f"{name.capitalize()} {whole.steps - 1} " in estimates.words(replace(whole, k=whole.steps - 1), "all", Look())
    for k in (whole.steps, whole.steps + 1):
        words = estimates.words(replace(whole, k=k), "all", Look())
        assert name.capitalize() not in words
        assert "Biased, and more samples would not help: SnAp-1" in words


def test_what_is_drawn_is_what_was_found(whole: Found):
    single, mean, chance = estimates.draw(whole, "all", "error", Look()).figure.data
    rows = [row for row in whole.rows if row.name != "bptt"]
    assert list(mean.x) == ["Window 4", "Chunk 4", "RTRL", "SnAp-1", "UORO", "ARTBP 0.1"]
    assert list(mean.y) == pytest.approx([max(row.error[-1], estimates.FLOOR) for row in rows])
    assert list(single.y) == pytest.approx([max(row.single_error[-1], estimates.FLOOR) for row in rows])
    assert [value is not None for value in chance.y] == [row.random for row in rows]
    uoro = sample_mean.draw(whole, "all", Look()).figure.data[0]
    assert list(uoro.y) == pytest.approx(whole.row("uoro").curve[:, -1])


@pytest.mark.parametrize(("spread", "said"), [(0.05, "a single sample is within 10 %"), (0.14, "about 2 samples bring its mean")])
def test_samples_are_counted_as_people_do(whole: Found, spread: float, said: str):
    rows = tuple(replace(row, spread=row.spread * 0 + spread) for row in whole.rows)
    assert said in sample_mean.draw(replace(whole, rows=rows), "all", Look()).words


def test_the_numbers_of_the_cost_are_those_that_are_drawn(whole: Found):
    time, memory = estimator_cost.draw(whole, Look()).figure.data
    costs = whole.costs()
    assert [value * 1e-3 for value in time.x] == pytest.approx(costs["cpu_seconds"].tolist())
    assert [value * 2**10 for value in memory.x] == pytest.approx(costs["bytes_held"].tolist())


@pytest.mark.parametrize(
    ("held", "said", "unsaid"),
    [
        ({"window": 2.0}, "Window holds 2 times what BPTT holds", "sums of their own"),
        ({"chunk": 1.1, "artbp": 1.2}, "is held by Chunk, ARTBP: beside one chunk", "all its windows"),
        ({}, "RTRL takes", "than by BPTT on"),
    ],
)
def test_a_truncation_that_holds_more_than_what_it_cuts_is_explained(whole: Found, held: dict[str, float], said: str, unsaid: str):
    exact = whole.row("bptt")
    least = {"window": 1.0, "chunk": 1.0, "artbp": 1.0} | held
    rows = tuple(replace(row, held=int(exact.held * least[row.name])) if row.name in least else row for row in whole.rows)
    words = check_words(estimator_cost.draw(replace(whole, rows=rows), Look()))
    assert said in words
    assert unsaid not in words


@pytest.mark.parametrize("dark", [False, True])
def test_influence_balancing_is_drawn_with_its_signs(balancing: influence.Found, dark: bool):
    sign, training = (draw(balancing, Look(dark=dark)) for draw in (influence_charts.draw_sign, influence_charts.draw_training))
    check(sign)
    check(training)
    wrong, right = sign.figure.data
    assert list(wrong.x) == list(range(1, 41))
    assert min(right.x) == 41
    assert sign.words.startswith(
        "Exactly, the derivative is -6. Truncated, it is furthest off at K = 19, where it is +16.5, and up to K = 40"
    )
    assert training.words.startswith("Diverged: K = 20. Loss at the end: K = 50 ")


def test_no_wrong_sign_is_claimed_where_there_is_none():
    found = list(influence.study(None, influence.Asked(steps=100, units=7, positive=7)))[-1].found
    assert influence_charts.draw_sign(found, Look()).words == "Exactly, the derivative is 14, and every truncation has its sign."
    assert not any(letter.isdigit() for letter in Look().say("charts.influence_training.help").replace("SnAp-1", "")), (
        "the network's size may be chosen"
    )
