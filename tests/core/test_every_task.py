"""Laws that hold for every task of `TASKS`: oracle, books, truncation, padding, determinism, checkpoints."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from core import passes
from core.cells import CELLS
from core.experiment import InvalidExperiment
from core.tasks import TASKS
from core.training import Trainer
from core.truncation import TBPTT
from tests.core import oracle
from tests.core.drawn import DRAWN, SMALL, Model, small
from tests.core.stacks import assert_close, flat

every_task = pytest.mark.parametrize("task", TASKS)
every_cell = pytest.mark.parametrize("kind", CELLS)


def test_there_is_a_small_experiment_of_every_task():
    assert list(SMALL) == list(TASKS)


@every_task
@every_cell
def test_loss_and_gradient_are_those_of_torch(task, kind):
    trainer = Trainer(small(task, cell=kind))
    for rows in (None, [2 % trainer.task.sequences, 0]):
        batch = trainer.task.batch(rows)
        steps = len(batch.inputs)
        seen = passes.run(trainer.model, trainer.task, batch, TBPTT(steps, steps))
        loss, gradient = Model(kind, trainer.model).gradient(batch)
        assert seen.loss == pytest.approx(loss, rel=1e-12)
        for name, ours in seen.gradient().items():
            assert_close(ours, gradient[name])


@every_task
@pytest.mark.parametrize("windows", [TBPTT(2, 2), TBPTT(1, 3), TBPTT(2, 5)], ids=str)
def test_truncation_is_autograd_with_detached_states(task, windows):
    trainer = Trainer(small(task, cell="gru"))
    batch = trainer.task.batch()
    seen = passes.run(trainer.model, trainer.task, batch, windows)
    x = trainer.model.embed(batch)
    expected = oracle.truncated("gru", trainer.model.to_torch(), x.clone(), seen.direct.clone(), windows.k1, windows.k2)
    for name, value in expected.weights.items():
        assert_close(seen.gradient()[f"rnn.{name}"], value)


@every_task
def test_a_trace_is_a_table_with_every_number(task):
    trace = Trainer(small(task)).step(trace=True).trace
    for seen in (trace, trace.of(0)):
        frame = seen.to_frame()
        assert len(frame) == sum(value.size for value in seen.values.values())
        for name in {"output", "target"} & seen.values.keys():
            assert seen.to_frame(name)["column"].unique().tolist() == list(seen.labels["column"])
            assert frame.query(f"quantity == '{name}'")["value"].tolist() == pytest.approx(seen[name].ravel().tolist(), nan_ok=True)


@every_task
@pytest.mark.parametrize("fields", [{}, {"truncation": "window", "k": 3}, {"attention": "dot"}, {"model": "transformer"}], ids=str)
def test_the_books_balance(task, fields):
    trainer = Trainer(small(task, **fields), observe=1)
    trace = trainer.step(trace=True).trace.of(0)
    assert max(trace.books.values()) < 1e-12
    assert trace.recurs == ("model" not in fields)
    observed = min(1, trainer.task.sequences - 1)
    assert (~np.isnan(trace["loss"]) == trainer.task.batch([observed]).with_loss[:, 0].numpy()).all()


@every_task
def test_a_sequence_beside_longer_ones_is_seen_as_alone(task):
    trainer = Trainer(small(task))
    every = trainer.task.batch()
    whole = passes.run(trainer.model, trainer.task, every, TBPTT(1, 3))
    total = torch.zeros_like(flat(whole.gradient()))
    for index in range(trainer.task.sequences):
        batch = trainer.task.batch([index])
        alone = passes.run(trainer.model, trainer.task, batch, TBPTT(1, 3))
        steps = len(batch.inputs)
        assert_close(whole.losses[:steps, index] * every.real, alone.losses[:, 0] * batch.real)
        assert not whole.losses[steps:, index].any()
        total += flat(alone.gradient()) * batch.real
    assert_close(flat(whole.gradient()) * every.real, total)


@every_task
def test_the_same_seed_gives_the_same_numbers(task):
    first, second, other = (Trainer(small(task, seed=seed)) for seed in (3, 3, 4))
    losses = [[trainer.step().loss for _ in range(4)] for trainer in (first, second, other)]
    assert losses[0] == losses[1] != losses[2]
    first.reset()
    assert [first.step().loss for _ in range(4)] == losses[0]


@every_task
def test_a_restored_run_goes_on_with_the_same_numbers(task):
    trainer = Trainer(small(task))
    trainer.run(3)
    restored = Trainer.restore(trainer.checkpoint())
    assert [restored.step().loss for _ in range(4)] == [trainer.step().loss for _ in range(4)]


@every_task
def test_a_task_describes_what_can_be_looked_at(task):
    made = TASKS[task](small(task))
    described = json.loads(json.dumps(made.describe()))
    assert len(described["sequences"]) == len(made.texts) <= made.sequences
    assert described["steps"] == made.steps == max(made.lengths)
    for index, sequence in enumerate(described["sequences"]):
        assert len(sequence["inputs"]) == len(sequence["targets"]) == made.lengths[index]
    assert (described["reads"], described["writes"]) == (made.reads, made.writes)


@every_task
def test_what_a_task_cannot_read_or_write_it_refuses(task):
    trainer = Trainer(small(task))
    if not trainer.task.reads:
        with pytest.raises(InvalidExperiment) as refused:
            trainer.try_text("a")
        assert set(refused.value.problems) == {"text"}
    if not trainer.task.writes:
        with pytest.raises(InvalidExperiment) as refused:
            trainer.generate()
        assert set(refused.value.problems) == {"prompt"}
    else:
        assert trainer.generate(5, seed=1) == trainer.generate(5, seed=1)


@every_task
def test_only_drawn_tasks_are_examined(task):
    trainer = Trainer(small(task))
    if task in DRAWN:
        assert trainer.examine().sequences > 0
    else:
        with pytest.raises(InvalidExperiment, match="has no examination"):
            trainer.examine()


@every_task
def test_a_trace_names_what_is_answered(task):
    trainer = Trainer(small(task), observe=2)
    trace, observed = trainer.peek().trace.of(0), min(2, trainer.task.sequences - 1)
    assert trace.axes[0] == trainer.task.axis(observed)
    seen = passes.run(trainer.model, trainer.task, trainer.task.batch([observed]), TBPTT(99, 99))
    if trainer.task.labels:
        assert_close(trace["probability"], torch.softmax(seen.outputs[:, 0], -1))
        assert trace.labels["token"] == trainer.task.labels
        assert len(trainer.task.labels) == trainer.task.outputs
    else:
        assert trace["output"].shape == trace["target"].shape == (len(seen.outputs), trainer.task.outputs)


def test_symbols_that_are_read_and_answered_may_differ():
    model = Trainer(small("order")).model
    assert model.weights["embedding.weight"].shape == (8, 3)
    assert model.weights["readout.weight"].shape == (4, 5)
