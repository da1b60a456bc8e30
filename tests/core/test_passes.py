"""A pass through a whole model, embedding to loss, is PyTorch's; room kept from one pass to the next changes no number."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import passes
from core.cells import CELLS
from core.experiment import Experiment
from core.hooks import Hooks
from core.model import SequenceModel
from core.tasks import TASKS
from core.truncation import TBPTT
from tests.core.oracle import Model
from tests.core.stacks import assert_close

every_cell = pytest.mark.parametrize("kind", CELLS)


def model_and_task(experiment: Experiment):
    task = TASKS["sentences"](experiment)
    return SequenceModel.of_experiment(experiment, task), task


def numbers(seen: passes.Pass) -> list[torch.Tensor]:
    """Everything that a pass knows, copied."""
    errors = seen.errors
    states = [tape[name] for tape in seen.unrolled.tapes for name in seen.model.cell.states]
    found = (*states, seen.outputs, seen.losses, seen.direct, *errors.dh, *errors.dc, *errors.da_across, *errors.da)
    return [value.clone() for value in (*found, *seen.gradient().values())]


@every_cell
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_loss_and_gradient_are_those_of_torch(kind, layers):
    experiment = Experiment(cell=kind, layers=layers, hidden=6, embedding=5, seed=1)
    model, task = model_and_task(experiment)
    seen = passes.run(model, task, task.batch(), TBPTT(99, 99))
    loss, gradient = Model(kind, model.weights).gradient(task.batch())
    assert seen.loss == pytest.approx(loss, rel=1e-13)
    ours = seen.gradient()
    assert list(ours) == list(model.weights)
    assert set(ours) == set(gradient)
    for name, value in ours.items():
        assert_close(value, gradient[name])


@every_cell
def test_float32_agrees_to_its_seven_digits(small, kind):
    model, task = model_and_task(small.replace(cell=kind, dtype="float32"))
    seen = passes.run(model, task, task.batch(), TBPTT(99, 99))
    loss, gradient = Model(kind, model.weights).gradient(task.batch())
    assert seen.loss == pytest.approx(loss, rel=1e-5)
    for name, value in seen.gradient().items():
        assert value.dtype == torch.float32
        assert_close(value, gradient[name], relative=1e-4, absolute=1e-5)


shapes = st.tuples(
    st.sampled_from([None, (0,), (1, 2), (2, 1), (0, 1, 2), (0, 2)]),
    st.sampled_from([TBPTT(6, 6), TBPTT(2, 2), TBPTT(1, 3), TBPTT(2, 5)]),
    st.booleans(),
)


@every_cell
@given(data=st.lists(shapes, min_size=2, max_size=6), noise=st.integers(0, 2**16))
def test_kept_room_changes_no_number(kind, data, noise):
    """Passes of the same and of other shapes one after the other, weights, batches, padding and states changing: each as if alone."""
    model, task = model_and_task(Experiment(text="a b c a d\nb a\nc a b", hidden=3, embedding=2, layers=2, cell=kind))
    engine = passes.Engine(model, task)
    generator = torch.Generator().manual_seed(noise)
    for rows, windows, with_state in data:
        model.flat += 0.1 * torch.randn(model.flat.shape, generator=generator, dtype=torch.float64)
        batch = task.batch(rows)
        state = None
        if with_state:
            shape = (batch.inputs.shape[1], 3)
            state = [{name: torch.randn(shape, generator=generator, dtype=torch.float64) for name in model.cell.states} for _ in range(2)]
        kept = numbers(engine.run(batch, windows, state))
        alone = numbers(passes.run(model, task, batch, windows, state))
        assert all(torch.equal(one, other) for one, other in zip(kept, alone, strict=True))


@every_cell
def test_a_pass_that_was_broken_off_leaves_nothing_behind(small, kind):
    """A hook that raises, forwards or backwards, in the middle of a pass."""
    model, task = model_and_task(small.replace(cell=kind))
    engine = passes.Engine(model, task)
    windows = TBPTT(2, 5)
    expected = numbers(engine.run(task.batch(), windows))

    def fail_at(phase: str):
        def hook(step) -> None:
            if (step.phase, step.t) == (phase, 2):
                raise RuntimeError(phase)

        return Hooks(hook)

    for phase in ("forward", "backward"):
        for rows in (None, (0, 1)):
            with pytest.raises(RuntimeError, match=phase):
                engine.run(task.batch(rows), windows, hooks=fail_at(phase))
            assert all(torch.equal(a, b) for a, b in zip(numbers(engine.run(task.batch(), windows)), expected, strict=True))


def test_two_passes_of_their_own_share_nothing(small):
    model, task = model_and_task(small)
    first = passes.run(model, task, task.batch(), TBPTT(1, 3))
    before = numbers(first)
    model.flat.mul_(2)
    passes.run(model, task, task.batch(), TBPTT(1, 3))
    model.flat.div_(2)
    assert all(torch.equal(a, b) for a, b in zip(numbers(first), before, strict=True))
