"""Row 2 of the phenomena: at its default start an LSTM forgets as fast as any cell."""

from __future__ import annotations

import numpy as np
import pytest

from core.experiment import Experiment, InvalidExperiment
from core.measures.half_lives import LINE_UP, PLAIN, Stretch, at_start
from core.tasks import TASKS

SEEDS = 5


def half_lives(noise: bool = True, **changes) -> np.ndarray:
    """At H = 32, 16 inputs, lags 5 to 40, of five seeds."""
    experiments = [Experiment(hidden=32, embedding=16, seed=seed, **changes) for seed in range(SEEDS)]
    return np.array([at_start(e, TASKS[e.task](e), Stretch(), noise).half_life for e in experiments])


@pytest.mark.parametrize(
    ("changes", "published"),
    [({"cell": "rnn_tanh"}, 0.98), ({"cell": "gru"}, 1.47), ({"cell": "lstm"}, 1.45), ({"cell": "lstm", "forget_bias": 1.0}, 3.6)],
)
@pytest.mark.parametrize("noise", [True, False])
def test_2_half_lives_at_the_start(changes, published, noise):
    """The published figures are means of five other draws; between seeds half-lives differ by a tenth, so that a mean of five is met
    within 15 percent where noise is read, and within 20 where it is the same few sentences again and again."""
    assert half_lives(noise, **changes).mean() == pytest.approx(published, rel=0.15 if noise else 0.2)


def test_2_a_forget_bias_of_three_remembers():
    """About 71 steps; the slope is so near 0 that the seeds lie between 20 and 200, and only the size can be met."""
    found = half_lives(cell="lstm", forget_bias=3.0)
    assert 35 < np.median(found) < 140
    assert found.min() > 10


def test_orthogonal_weights_lengthen_the_life_of_a_tanh_network():
    assert half_lives(cell="rnn_tanh", initialisation="orthogonal").min() > 2 * half_lives(cell="rnn_tanh").max()


@pytest.mark.parametrize("task", ["sentences", "series"])
@pytest.mark.parametrize("changes", LINE_UP, ids=lambda changes: "-".join(str(value) for value in changes.values()))
def test_the_whole_line_up_can_be_measured(changes, task):
    experiment = Experiment(task=task, hidden=8, layers=2).replace(**PLAIN | changes)
    assert at_start(experiment, TASKS[task](experiment), Stretch(), noise=False).lags > 30


def test_the_seed_draws_the_noise():
    assert half_lives(cell="gru").tolist() == half_lives(cell="gru").tolist()
    assert len(set(half_lives(cell="gru"))) == SEEDS


def test_attention_changes_no_decay_of_the_recurrence():
    plain, attended = Experiment(), Experiment(attention="dot")
    task = TASKS["sentences"](plain)
    assert at_start(attended, task, Stretch(), noise=True) == at_start(plain, task, Stretch(), noise=True)


def test_a_model_without_recurrence_is_refused():
    experiment = Experiment(model="transformer")
    with pytest.raises(InvalidExperiment, match="no recurrence"):
        at_start(experiment, TASKS["sentences"](experiment), Stretch(), noise=True)
