"""Advice on K from the decay of errors: what is known of a matrix that fades by a constant factor comes out again."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from core import passes
from core.experiment import Experiment
from core.lag_matrix import lag_matrix
from core.measures.advice import FEWEST, MANY, STRAIGHT, SURE, fading
from core.measures.decay import by_lag, fit_decay
from core.measures.truncated import truncation_bias
from core.studies import STUDIES
from core.training import Trainer
from core.truncation import TBPTT


def geometric(steps: int, beta: float, sequences: int = 2, own: float = 1.0) -> np.ndarray:
    """|dL_s/dh_t| = beta^(s - t), the diagonal `own` times that."""
    s, t = np.arange(steps)[:, None], np.arange(steps)[None, :]
    norms = np.where(t <= s, beta ** np.abs(s - t).astype(float), np.nan)
    norms[np.eye(steps, dtype=bool)] *= own
    return np.repeat(norms[..., None], sequences, 2)


def by_steps(steps: int) -> np.ndarray:
    """The lag of each cell, negative above the diagonal."""
    return np.subtract.outer(np.arange(steps), np.arange(steps))


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


def by_hand(phi: np.ndarray) -> int:
    """tau, lag by lag with the fit of one line."""
    fits = {tau: fit_decay(phi, tau) for tau in range(len(phi) - FEWEST + 1)}
    apart = {tau: fit.residual for tau, fit in fits.items() if fit.lags >= FEWEST}
    return next((tau for tau, residual in apart.items() if residual <= STRAIGHT), min(apart, key=apart.__getitem__))


@pytest.mark.parametrize("seed", range(8))
def test_tau_is_that_of_the_lines_one_by_one(seed: int):
    generator = np.random.default_rng(seed)
    norms = geometric(14, 0.7, 3) * np.exp(generator.normal(0, 0.15 * (seed % 3), (14, 14, 3)))
    norms[np.eye(14, dtype=bool)] *= 5
    norms[norms < 1e-2 * (seed % 2)] = 0.0
    found = fading(norms)
    assert found.tau == by_hand(found.phi)


@pytest.mark.parametrize("sequences", [MANY, 2])
def test_the_spread_of_beta_is_that_of_new_samples(sequences: int):
    """Sequences, or losses, whose factors differ by chance: `SURE` of fresh samples would lie within about as wide a span.

    The true spread is measured on 300 fresh samples; a bootstrap of 8 groups is known to be up to sqrt(7 / 8) too narrow, and its own
    chance is some 30 %, hence within a factor of two.
    """

    def sample(seed: int) -> np.ndarray:
        generator = np.random.default_rng(seed)
        of_group = generator.normal(0, 0.05, (1, 1, sequences) if sequences == MANY else (16, 1, sequences))
        return geometric(16, 0.8, sequences) ** (1 + of_group)

    found = fading(sample(1000))
    assert found.redrawn == ("sequences" if sequences == MANY else "losses")
    low, high = np.quantile([fading(sample(seed)).beta for seed in range(300)], ((1 - SURE) / 2, (1 + SURE) / 2))
    ours = found.beta_spread[1] - found.beta_spread[0]
    assert 0.5 < ours / (high - low) < 2
    assert found.beta_spread[0] < found.beta < found.beta_spread[1]
    assert found.tau_spread[0] <= found.tau <= found.tau_spread[1]


def test_what_is_certain_has_no_spread():
    found = fading(geometric(20, 0.8, own=30.0))
    assert found.tau_spread == (1, 1)
    assert found.beta_spread == pytest.approx((0.8, 0.8))
    nothing = fading(np.full((3, 3, 2), np.nan))
    assert all(math.isnan(value) for value in (*nothing.tau_spread, *nothing.beta_spread))


def test_an_own_error_that_stands_apart_does_not_bend_the_line():
    found = fading(geometric(20, 0.8, own=30.0))
    assert found.tau == 1
    assert found.beta == pytest.approx(0.8)


def test_errors_that_grow_have_no_k():
    found = fading(geometric(12, 1.1))
    assert found.beta == pytest.approx(1.1)
    assert math.isnan(found.tail(3))
    assert found.enough(0.5) is None


def test_errors_that_are_gone_leave_no_tail():
    """Also where what is left is too little for a line, or does not fade before it ends."""
    for reach in (1, 4):
        norms = geometric(10, 1.0)
        norms[by_steps(10) >= reach] = 0.0
        found = fading(norms)
        assert found.tail(reach) == found.tail(50) == 0
        assert found.tail(0) == 1
        assert found.enough(0.1) == reach


def test_errors_that_are_no_numbers_have_no_k():
    norms = geometric(10, 0.5)
    norms[7, 2] = math.inf
    assert math.isnan(fading(norms).tail(6))
    assert fading(norms).enough(0.1) is None


@pytest.mark.parametrize(
    "fields", [{}, {"forget_bias": 1.0}, {"forget_bias": 1.0, "gain": 0.05}, {"cell": "gru"}, {"cell": "rnn_tanh"}], ids=str
)
def test_the_k_that_is_advised_is_enough(fields: dict):
    """Of an LSTM, the error of h alone would ask for a K that leaves 18 to 73 % of the gradient out."""
    trainer = Trainer(Experiment(task="adding", length=40, examples=64, **{"cell": "lstm", **fields}))
    study = STUDIES["truncation"]
    *_, last = study.run(trainer, study.asked())
    found = last.found
    assert found.state == ("c" if trainer.experiment.cell == "lstm" else "h")
    assert found.bias.at("window", found.fading.enough(0.1))[0] < 0.15, "0.1 was asked, of norms that do not say how errors add up"


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


EVENLY = Experiment(cell="rnn_tanh", text="\n".join("abcdefghijkl" * 3 for _ in range(2)), tokens="character")


def test_9_the_bias_is_bounded_by_a_geometric_tail():
    """Aicher, Foti & Fox 2019: with phi_{k+1} <= beta phi_k from tau on, what K cuts is at most M phi_K / (1 - beta).

    phi_k: summed over all losses, 0 where there is no path.  M bounds what an error at h_t does to all weights of the recurrence:
    da = (1 - h^2) dh is no longer than dh, and reaches them times h_{t-1}, x_t, 1 (twice) and, in the embedding, W_ih.  A bound, so that
    there is no tolerance; and one that says something: it falls by beta a step to below the whole gradient.
    """
    trainer = Trainer(EVENLY)
    model, task, batch = trainer.model, trainer.task, trainer.task.batch()
    steps, weights = len(batch.inputs), model.weights
    full = passes.run(model, task, batch, TBPTT(steps, steps))
    norms = lag_matrix(full.unrolled, full.direct).h[-1].numpy()
    phi, tau = np.nansum(by_lag(norms), (0, 2)), fading(norms).tau
    beta = (phi[tau + 1 :] / phi[tau:-1]).max()
    assert beta < 1
    one = float(full.unrolled.h.square().sum(-1).max() + model.embed(batch).square().sum(-1).max())
    most = math.sqrt(one + 2 + float(torch.linalg.matrix_norm(weights["rnn.weight_ih_l0"], 2)) ** 2)
    bias = truncation_bias(model, task, batch)
    whole = math.sqrt(sum(float(full.gradient()[name].square().sum()) for name in bias.weights))
    bounds = [most * phi[k] / (1 - beta) / whole for k in range(tau, steps)]
    for k, bound in zip(range(tau, steps), bounds, strict=True):
        assert bias.at("window", k)[0] <= bound, k
    assert bounds[-1] < 1e-3
    assert all(after <= beta * before * (1 + 1e-12) for before, after in itertools.pairwise(bounds))


def test_the_estimate_comes_near_to_what_is_measured():
    """Fact 9.  A tanh network whose errors fade evenly: the estimated K and the measured one are at most two steps apart."""
    trainer = Trainer(EVENLY)
    *_, last = STUDIES["truncation"].run(trainer, STUDIES["truncation"].asked())
    bias = truncation_bias(trainer.model, trainer.task, trainer.task.batch())
    for delta in (0.9, 0.5, 0.1, 0.01):
        assert abs(last.found.fading.enough(delta) - bias.enough("window", delta)) <= 2
