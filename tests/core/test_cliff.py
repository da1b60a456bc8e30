"""The truncation cliff: networks that differ in K alone, and fact 5 of the phenomena (temporal order cannot be learned with a short K)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.experiment import Experiment
from core.studies import STUDIES, pack, unpack
from core.studies.cliff import Asked, Found, spread, study
from core.studies.study import Refused
from core.training import Trainer
from tests.core.drawn import small


def found(trainer: Trainer, asked: Asked) -> Found:
    """What is found in the end; on the way, what has been found stays, and the work done grows."""
    before, done = None, 0
    for progress in study(trainer, asked):
        assert done <= progress.done <= progress.total == asked.iterations * asked.seeds * len(asked.ks)
        done, now = progress.done, progress.found
        if before is not None and now is not None:
            kept = np.isfinite(before.loss)
            np.testing.assert_array_equal(now.loss[kept], before.loss[kept])
        before = now or before
    assert done == progress.total
    assert before is not None
    return before


def test_each_curve_is_that_of_a_run_of_its_own():
    experiment = small("order", truncation="chunk", k=2)
    trainer = Trainer(experiment)
    trainer.run(7)
    curves = found(trainer, Asked((1, 4, 10), 7, 2))
    assert curves.seeds == (3, 4)
    assert curves.iterations.tolist() == list(range(1, 8))
    for place, k in enumerate(curves.ks):
        for at, seed in enumerate(curves.seeds):
            alone = Trainer(experiment.replace(seed=seed, truncation="window", k=k))
            losses, values = zip(*((alone.step().loss, alone.examine().value) for _ in range(7)), strict=True)
            assert curves.loss[place, at].tolist() == list(losses)
            assert curves.value[place, at].tolist() == list(values)
    assert trainer.iteration == 7, "the run itself is not touched"


def test_curves_grow_side_by_side():
    trainer = Trainer(small("sentences"))
    for progress in study(trainer, Asked((1, 3), 40, 2)):
        if progress.found is not None:
            reached = np.isfinite(progress.found.loss).sum(-1)
            assert (reached.max(0) - reached.min(0)).max() <= 5, "those of one seed"
    assert reached.min() == 40


def test_chance_is_the_tasks_and_a_task_without_examination_has_a_loss_alone():
    drawn = found(Trainer(small("adding")), Asked((2,), 2))
    assert drawn.quantities() == ("squared error", "loss")
    assert drawn.chance("squared error") == drawn.chance("loss") == pytest.approx(1 / 6)
    for task in ("sentences", "series"):
        plain = found(Trainer(small(task)), Asked((2, 3), 2))
        assert plain.quantities() == ("loss",)
        assert math.isnan(plain.chance("loss"))
        assert np.isfinite(plain.loss).all()


def test_an_explosion_ends_a_curve():
    experiment = small("adding", cell="rnn_relu", clip="off", optimiser="sgd", learning_rate=10.0, gain=10.0, dtype="float32")
    curves = found(Trainer(experiment), Asked((7,), 30))
    there = np.isfinite(curves.loss[0, 0])
    assert there[0]
    assert not there[-1]
    assert curves.last("loss", 0)[0] == curves.loss[0, 0, there][-1]


def test_numbers_travel_and_come_as_a_table():
    curves = found(Trainer(small("order")), Asked((2, 10), 3, 2))
    came = unpack(STUDIES["cliff"].found, pack(curves))
    assert came.to_frame().equals(curves.to_frame())
    assert list(curves.to_frame().columns) == ["k", "seed", "iteration", "accuracy", "loss"]
    assert len(curves.to_frame()) == 2 * 2 * 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ks": ()}, "K must be 1 to 8 different whole numbers .* not nothing"),
        ({"ks": (4, 2)}, "the smallest first, not 4, 2"),
        ({"ks": (0, 2)}, "from 1 to 512, .* not 0, 2"),
        ({"iterations": 0}, "Iterations must be a whole number from 1 to 2,000, not 0."),
        ({"seeds": 11}, "Seeds must be a whole number from 1 to 10, not 11."),
    ],
    ids=str,
)
def test_what_cannot_be_asked_gets_one_sentence(fields, words):
    with pytest.raises(Refused, match=words):
        Asked(**fields)


def test_a_transformer_has_nothing_to_cut():
    with pytest.raises(Refused, match="no recurrence"):
        next(study(Trainer(small("order", model="transformer")), Asked()))


@pytest.mark.parametrize(("steps", "ks"), [(20, (2, 4, 6, 11, 20)), (2, (2,)), (1, (1,)), (512, (2, 8, 32, 128, 512))])
def test_k_are_spread_over_the_sequence(steps, ks):
    assert spread(steps) == ks


@pytest.mark.parametrize(
    ("steps", "lag", "ks"), [(20, 10, (2, 5, 10, 15, 20)), (30, 11, (2, 5, 11, 17, 30)), (20, 19, (4, 9, 19, 20)), (2, 1, (1, 2))]
)
def test_k_stand_on_both_sides_of_a_known_lag(steps, lag, ks):
    """K keeps lags up to K - 1, so that a K of the lag itself is the last that falls short."""
    assert spread(steps, lag) == ks


@pytest.mark.slow
def test_the_cliff_of_delayed_copy_shows_at_what_the_page_begins_with():
    """LSTM of 32, Adam 0.01, T = 20, delay 10, 600 updates: the K on both sides of the delay, and chance is 1/8.

    Measured for four seeds: K = 10, which reaches back 9 steps, 0.145 to 0.166; K = 15 0.326 to 0.351, and it goes on rising.  The bounds
    stand at a third of the gap from either, room for other seeds and machines.
    """
    experiment = Experiment(task="echo", seed=1)
    trainer = Trainer(experiment)
    below, above = spread(trainer.task.steps, trainer.task.lag)[2:4]
    assert below == trainer.task.lag < above
    curves = found(trainer, Asked((below, above), trainer.task.tells))
    assert curves.last("accuracy", 0)[0] < 0.22
    assert curves.last("accuracy", 1)[0] > 0.27


@pytest.mark.slow
def test_5_temporal_order_is_learned_where_k_reaches_its_lag_and_not_where_it_does_not():
    """T = 30, GRU of 50, Adam 3e-3, batches of 64, 400 updates: the second symbol stands 11 to 14 steps before the answer.

    Measured for four seeds, accuracy on new sequences: K = 4 0.26 to 0.53, K = 16 and full BPTT 1.00 each.  At T = 20 the cliff is less
    steep, because an untaught GRU remembers for a few steps: K = 4 0.30 to 0.91, K = 12 1.00.  The bounds leave room for other seeds.
    """
    accuracy = {}
    for k in (4, 16):
        experiment = Experiment(
            task="order",
            length=30,
            examples=20_000,
            cell="gru",
            hidden=50,
            learning_rate=3e-3,
            clip="off",
            truncation="window",
            k=k,
            dtype="float32",
            seed=1,
        )
        trainer = Trainer(experiment)
        trainer.run(400)
        accuracy[k] = trainer.examine().value
    assert accuracy[4] < 0.8
    assert accuracy[16] > 0.98


@pytest.mark.slow
def test_5_at_20_steps_the_cliff_stands_at_the_lag_of_the_second_symbol():
    """The published set-up: T = 20, GRU of 50, Adam 1e-3, batches of 64, 600 updates; there .58, .75 and 1.00 at K = 4, 8 and 12.

    In our task, whose places are scaled with T, the second symbol stands 7 to 9 steps before the answer, so that K = 8 already teaches: it
    reaches 1.00 as K = 12 does, and only K = 4 falls short.  Measured for three seeds: K = 4 0.80 to 0.91, K = 8 and K = 12 1.00 each.
    What K = 4 has beyond chance, 1/4, an untaught GRU happens to keep.
    """
    accuracy = {}
    for k in (4, 8, 12):
        settings = {"length": 20, "examples": 20_000, "cell": "gru", "hidden": 50, "learning_rate": 1e-3, "clip": "off", "dtype": "float32"}
        trainer = Trainer(Experiment(task="order", truncation="window", k=k, seed=2, **settings))
        assert trainer.task.lag == 7
        trainer.run(600)
        accuracy[k] = trainer.examine().value
    assert accuracy[4] < 0.95
    assert min(accuracy[8], accuracy[12]) > 0.99
