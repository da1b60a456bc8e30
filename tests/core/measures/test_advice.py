"""Advice on K from the decay of errors: what is known of a matrix that fades by a constant factor comes out again."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.experiment import Experiment
from core.measures.advice import fading
from core.measures.truncated import truncation_bias
from core.studies import STUDIES
from core.training import Trainer


def geometric(steps: int, beta: float, sequences: int = 2, own: float = 1.0) -> np.ndarray:
    """|dL_s/dh_t| = beta^(s - t), the diagonal `own` times that."""
    s, t = np.arange(steps)[:, None], np.arange(steps)[None, :]
    norms = np.where(t <= s, beta ** np.abs(s - t).astype(float), np.nan)
    norms[np.eye(steps, dtype=bool)] *= own
    return np.repeat(norms[..., None], sequences, 2)


def test_a_constant_factor_is_found_with_its_tail():
    found = fading(geometric(20, 0.8))
    assert found.beta == pytest.approx(0.8)
    assert found.tau == 0
    assert (found.beta_low, found.beta_high) == pytest.approx((0.8, 0.8))
    assert found.fit.half_life == pytest.approx(math.log(0.5) / math.log(0.8))
    # The tail of a geometric series beyond K is beta^K of it, also where K is longer than what was seen.
    for k in (1, 5, 19, 30):
        assert found.tail(k) == pytest.approx(0.8**k)
    assert found.enough(0.1) == math.ceil(math.log(0.1) / math.log(0.8))


def test_an_own_error_that_stands_apart_does_not_bend_the_line():
    found = fading(geometric(20, 0.8, own=30.0))
    assert found.tau == 1
    assert found.beta == pytest.approx(0.8)


def test_errors_that_grow_have_no_k():
    found = fading(geometric(12, 1.1))
    assert found.beta == pytest.approx(1.1)
    assert math.isnan(found.tail(3))
    assert found.enough(0.5) is None


@pytest.mark.parametrize("norms", [np.full((1, 1, 1), np.nan), np.zeros((3, 3, 1)), geometric(2, 0.5)])
def test_too_little_says_nothing(norms: np.ndarray):
    found = fading(norms)
    assert not found.beta < 1 or found.fit.lags >= 2
    assert found.enough(0.1) is None or found.beta < 1


def test_rows_without_a_loss_and_lags_that_are_hardly_seen_are_left_out():
    norms = geometric(10, 0.7, sequences=1)
    norms[3] = np.nan
    found = fading(norms)
    assert len(found.phi) == 8, "lags 8 and 9 are seen twice and once"
    assert found.beta == pytest.approx(0.7)


def test_the_estimate_comes_near_to_what_is_measured():
    """A tanh network whose errors fade evenly: the estimated K and the measured one are at most two steps apart."""
    trainer = Trainer(Experiment(cell="rnn_tanh", text="\n".join("abcdefghijkl" * 3 for _ in range(2)), tokens="character"))
    *_, last = STUDIES["truncation"].run(trainer, STUDIES["truncation"].asked())
    bias = truncation_bias(trainer.model, trainer.task, trainer.task.batch())
    for delta in (0.5, 0.1, 0.01):
        assert abs(last.found.fading.enough(delta) - bias.enough("window", delta)) <= 2
