"""The chart of the truncation cliff: a line for each K, chance marked, and words that say where each stands."""

from __future__ import annotations

import numpy as np
import pytest

from core.studies.cliff import Found
from dashboard.charts.lab import cliff
from dashboard.charts.picture import Look


def found(value: list[list[list[float]]], score: str = "accuracy", chance: float = 0.25) -> Found:
    """Curves of K = 2 and K = 9, which cuts nothing, at three looks."""
    curves = np.array(value)
    return Found((2, 9), tuple(range(curves.shape[1])), np.array([1, 5, 10]), 9, 2 * curves, curves, score, 1.39, chance)


TWO_SEEDS = [[[0.2, 0.3, 0.4], [0.2, 0.3, 0.5]], [[0.2, 0.9, 1.0], [0.2, 0.8, 1.0]]]


def test_lines_are_means_in_bands_of_all_seeds():
    figure = cliff.draw(found(TWO_SEEDS), "accuracy", Look()).figure
    lines = {trace.name: trace for trace in figure.data if trace.name}
    assert list(lines) == ["K = 2", "K = 9 (cuts nothing)"]
    assert lines["K = 2"].y == pytest.approx([0.2, 0.3, 0.45])
    assert len(figure.data) == 2 * 3
    assert [shape.y0 for shape in figure.layout.shapes] == [0.25]


def test_words_say_where_each_k_stands():
    words = cliff.draw(found(TWO_SEEDS), "accuracy", Look()).words
    assert words == "After 10 iterations, accuracy on new sequences: 0.45 (0.4 to 0.5) at K = 2, 1 at K = 9. Chance: 0.25."
    half = cliff.draw(found([[[0.2, 0.3, np.nan]], [[0.2, np.nan, np.nan]]]), "loss", Look()).words
    assert half == "After 5 iterations, loss: 0.6 at K = 2, 0.4 at K = 9. Chance: 1.39."


def test_without_chance_there_is_no_line_and_before_the_first_look_no_number():
    nothing = found([[[np.nan] * 3]] * 2, chance=np.nan)
    picture = cliff.draw(nothing, "accuracy", Look(dark=True))
    assert not picture.figure.layout.shapes
    assert picture.words == "The networks begin."
