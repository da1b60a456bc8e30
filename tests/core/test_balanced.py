"""The network of influence balancing, trained on its task by the engine that trains all others."""

from __future__ import annotations

import pytest
import torch

from core import passes
from core.experiment import InvalidExperiment
from core.measures.influence import Balancing
from core.models import MODELS
from core.oracle import Twin
from core.proof import Subject
from core.studies import STUDIES, Refused
from core.tasks import TASKS
from core.training import Trainer
from core.truncation import TBPTT
from tests.core.drawn import small
from tests.core.stacks import assert_close

KNOWN = Balancing()
STEPS = 100


def trainer(**fields: object) -> Trainer:
    return Trainer(small("influence", model="balanced", **fields))


def at(theta: float, **fields: object) -> Trainer:
    """One whose weight stands at theta."""
    made = trainer(**fields)
    made.model.flat.fill_(theta)
    return made


def test_one_weight_is_learned():
    model = trainer().model
    assert model.shapes == {"theta": (1, 1)}
    assert model.flat.tolist() == [0]
    assert (model.hidden, len(model.layers)) == (KNOWN.units, 1)


@pytest.mark.parametrize("theta", [0.0, 0.4, -0.1])
def test_loss_and_gradient_are_those_of_autograd(theta):
    made = at(theta)
    batch = made.task.batch()
    seen = passes.run(made.model, made.task, batch, TBPTT(STEPS, STEPS))
    loss, gradient = Twin(made.model).gradient(batch)
    assert seen.loss == pytest.approx(loss, rel=1e-12, abs=1e-24)
    assert_close(seen.gradient()["theta"], gradient["theta"])


def test_it_comes_to_rest_where_it_is_known_to():
    made = at(1.0)
    seen = passes.run(made.model, made.task, made.task.batch(), TBPTT(STEPS, STEPS))
    assert seen.outputs[-1].item() == pytest.approx(KNOWN.exact(), rel=1e-7)


@pytest.mark.parametrize("k", [1, 5, 20, 40, 41, 60, 100])
def test_6_a_window_keeps_what_is_known_to_remain_of_the_gradient(k):
    """dL/d theta = 2 (o - 1) g_K, with g_K of `Balancing.truncated`."""
    made = at(0.3)
    seen = passes.run(made.model, made.task, made.task.batch(), TBPTT(1, k))
    expected = 2 * (seen.outputs[-1].item() - 1) * KNOWN.truncated(k)[-1]
    assert seen.gradient()["theta"].item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("fields", "learns"),
    [({}, True), *(({"truncation": "window", "k": k}, k > 40) for k in (4, 20, 30, 40, 41, 50)), ({"truncation": "chunk", "k": 50}, True)],
    ids=str,
)
@pytest.mark.parametrize("optimiser", [{}, {"optimiser": "sgd", "learning_rate": 0.001, "clip": "off"}], ids=["adam", "sgd"])
def test_6_training_diverges_with_windows_of_up_to_40_steps_and_learns_with_longer_ones(fields, learns, optimiser):
    made = trainer(**fields, **optimiser)
    # With K = 41 the sign is right, but a fortieth of the gradient is left: the loss falls slowly.  All others are settled by then.
    last = made.run(200).loss
    assert last < 1 if learns else last > 1
    if learns and fields.get("k", 50) >= 50:
        assert last < 1e-3
        assert made.model.flat.item() == pytest.approx(1 / KNOWN.exact(), rel=0.01)


def test_near_shares_push_one_way_and_far_ones_the_other():
    shares = trainer().peek().trace.of(0)["share_projection"][0]
    assert shares.sum() == pytest.approx(12, rel=1e-6), "the projections add up to the norm"
    assert (shares[-10:] < 0).all(), "the units fed with + answer first"
    assert (shares[:-25] >= 0).all()
    assert shares[-40:].sum() < 0 < shares[-41:].sum(), "K = 41 is the first whose sum has the right sign"


def test_the_books_balance_and_the_proof_passes():
    made = at(0.2, truncation="window", k=20)
    assert max(made.step(trace=True).trace.of(0).books.values()) < 1e-12
    *_, last = STUDIES["proof"].run(made, STUDIES["proof"].asked())
    assert last.found.passed
    assert Subject.of(made).gradient.shape == (1,)


def test_a_checkpoint_goes_on_with_the_same_numbers():
    made = trainer()
    made.run(5)
    assert [Trainer.restore(made.checkpoint()).step().loss] == [made.step().loss]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_weights_are_of_the_chosen_precision(dtype):
    model = trainer(dtype=dtype).model
    assert {model.flat.dtype, *(weight.dtype for weight in model.layers[0])} == {getattr(torch, dtype)}


@pytest.mark.parametrize("task", [task for task in TASKS if task != "influence"])
def test_it_learns_no_other_task(task):
    experiment = small(task)
    with pytest.raises(InvalidExperiment, match="influence balancing alone") as refused:
        MODELS["balanced"].make(experiment, TASKS[task](experiment))
    assert set(refused.value.problems) == {"model"}


@pytest.mark.parametrize("name", STUDIES)
def test_each_study_has_an_answer_or_says_why_not(name):
    made = trainer(truncation="window", k=20)
    study = STUDIES[name]
    if name in ("half_lives", "phase", "estimators", "ways"):
        with pytest.raises((InvalidExperiment, Refused), match="choose the recurrent model"):
            next(study.run(made, study.asked()))
    else:
        *_, last = study.run(made, study.asked())
        assert last.found is not None
