"""The network's forecast: by rolling origin, from what lies before each origin, and without touching the training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core import rollout
from core.cells import CELLS
from core.experiment import Experiment, InvalidExperiment
from core.forecast import origins
from core.onward import Onward
from core.scores import mae
from core.series import Series, make_series, write_values
from core.training import Trainer
from tests.core.stacks import assert_close

every_cell = pytest.mark.parametrize("kind", CELLS)
every_rollout = pytest.mark.parametrize("how", ["free", "forced"])
every_horizon = pytest.mark.parametrize("horizon", [1, 3, 5, 100])


def series(seed: int = 0) -> Series:
    values = 20 + np.random.default_rng(seed).normal(0, 1, (60, 2)).cumsum(0)
    return Series("a", values, tuple(str(t + 1) for t in range(60)), ("x", "y"))


def small(values: Series | None = None, **fields) -> Experiment:
    """60 points: the training part has 42 of them."""
    text = write_values(values or series())
    return Experiment(**{"task": "series", "series": "own", "values": text, "window": 8, "hidden": 5, "layers": 2} | fields)


def by_hand(trainer: Trainer, experiment: Experiment) -> np.ndarray:
    """PyTorch's own module, one origin after the other."""
    task, module = trainer.task, trainer.model.to_torch()
    weight, bias = (trainer.model.weights[f"readout.{name}"] for name in ("weight", "bias"))
    end = len(task.series.times)
    found = []
    with torch.no_grad():
        for origin in origins(task.parts, experiment.horizon):
            out, state = module(task.scaled[origin - experiment.window : origin, None])
            for step in range(origin, min(origin + experiment.horizon, end)):
                predicted = out[-1] @ weight.T + bias
                found.append(predicted[0])
                read = predicted if experiment.rollout == "free" else task.scaled[step][None]
                out, state = module(read[None], state)
    return task.scaler.undo(torch.stack(found).numpy())


@every_cell
@every_rollout
@every_horizon
def test_it_is_what_torch_predicts(kind, how, horizon):
    experiment = small(cell=kind, rollout=how, horizon=horizon, scaling="log")
    trainer = Trainer(experiment)
    trainer.run(3)
    forecast = trainer.forecast()
    assert forecast.values.shape == (18, 2)
    assert forecast.values.dtype == np.float64
    assert forecast.lower is None
    assert forecast.origins == tuple(range(42, 60, horizon))
    assert_close(forecast.values, by_hand(trainer, experiment))


@every_cell
@every_rollout
@pytest.mark.parametrize("model", ["recurrent", "transformer"])
def test_a_network_with_one_answer_reads_as_many_values_for_each_as_it_was_trained_on(kind, how, model):
    """Several steps are one step again and again, each with its own last values in the place of true ones."""
    experiment = small(cell=kind, rollout=how, horizon=4, answer="last", model=model)
    trainer = Trainer(experiment)
    trainer.run(3)
    found, task = trainer.forecast().values, trainer.task
    for origin in origins(task.parts, 4):
        read = task.scaled[origin - 8 : origin]
        for step in range(origin, min(origin + 4, 60)):
            predicted = Onward(trainer.model).read(read[:, None])
            assert_close(found[step - 42], task.scaler.undo(predicted.numpy())[0])
            read = torch.cat((read[1:], predicted if how == "free" else task.scaled[step][None]))


def test_of_one_step_free_and_forced_are_the_same():
    free, forced = (Trainer(small(rollout=how)).forecast() for how in ("free", "forced"))
    np.testing.assert_array_equal(free.values, forced.values)
    longer = [Trainer(small(rollout=how, horizon=4)).forecast().values for how in ("free", "forced")]
    assert (longer[0][::4] == longer[1][::4]).all()
    assert (longer[0][1::4] != longer[1][1::4]).all()


@every_rollout
@every_horizon
@pytest.mark.parametrize("answer", ["every", "last"])
def test_values_at_or_after_an_origin_change_no_forecast_from_it(how, horizon, answer):
    """Leakage: free forecasts know nothing from their origin on, forced ones nothing from the time on that they predict."""
    plain = series()
    trainer = Trainer(small(rollout=how, horizon=horizon, answer=answer))
    trainer.run(5)
    forecast = trainer.forecast()
    for changed in (42, 43, 47, 55, 59):
        values = plain.values.copy()
        values[changed:] += 7
        other = Trainer(small(Series("a", values, plain.times, plain.columns), rollout=how, horizon=horizon, answer=answer))
        other.run(5)
        again = other.forecast()
        # Free: up to the first origin that has read a changed value.
        unseen = next((origin for origin in forecast.origins if origin > changed), 60)
        known = unseen if how == "free" else changed + 1
        assert torch.equal(other.model.flat, trainer.model.flat)
        np.testing.assert_array_equal(again.values[: known - 42], forecast.values[: known - 42])
        assert (again.values[known - 42 :] != forecast.values[known - 42 :]).all()


@pytest.mark.parametrize("fields", [{}, {"batch": 2}, {"truncation": "chunk", "update_every": "block", "k": 4}], ids=str)
def test_training_is_not_disturbed(fields):
    """Losses, weights and traces are the same with and without forecasts, and no random number of torch's is drawn."""
    alone, watched = Trainer(small(**fields)), Trainer(small(**fields))
    before = torch.get_rng_state()
    losses = []
    for _ in range(12):
        watched.forecast()
        losses.append(watched.step().loss)
        watched.forecast()
    assert losses == [alone.step().loss for _ in range(12)]
    assert torch.equal(watched.model.flat, alone.model.flat)
    watched.forecast()
    one, other = alone.step(trace=True).trace, watched.step(trace=True).trace
    for name, value in one.values.items():
        np.testing.assert_array_equal(value, other[name])
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_groups_of_origins_change_nothing(monkeypatch):
    trainer = Trainer(small(horizon=2))
    whole = trainer.forecast().values
    monkeypatch.setattr(rollout, "NUMBERS", 1)
    assert_close(trainer.forecast().values, whole)


def test_how_to_go_on_can_change_while_a_run_goes_on():
    trainer = Trainer(small(horizon=4))
    free = trainer.forecast().values
    trainer.change(rollout="forced")
    assert (trainer.forecast().values != free).any()
    np.testing.assert_array_equal(trainer.forecast().values, Trainer(small(horizon=4, rollout="forced")).forecast().values)


def test_only_a_series_can_be_forecast():
    with pytest.raises(InvalidExperiment) as refused:
        Trainer(Experiment()).forecast()
    assert refused.value.problems == {"task": "Only a series can be forecast: choose the task series."}


@pytest.mark.filterwarnings("error")
def test_a_network_that_exploded_forecasts_without_a_word():
    trainer = Trainer(small(scaling="log"))
    trainer.model.flat.fill_(float("inf"))
    assert not np.isfinite(trainer.forecast().values).any()


def test_a_trained_network_beats_guessing_the_mean():
    """A sine without noise is learned: the error falls below a fifth of that of its mean."""
    trainer = Trainer(Experiment(task="series", series="sine", noise=0.0, horizon=5, window=30, hidden=16))
    task = trainer.task
    later = make_series(trainer.experiment).values[task.parts.train.stop :]
    mean = np.full_like(later, task.series.values[task.parts.train].mean())
    trainer.run(300)
    assert mae(later, trainer.forecast().values) < mae(later, mean) / 5
