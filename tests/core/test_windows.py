"""The series task: windows of the training part, and every law of the engine with numbers in place of tokens.

The oracle is PyTorch: its recurrent module and a linear layer under autograd, with the mean squared error.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core import limits, passes
from core.cells import CELLS
from core.experiment import Experiment, InvalidExperiment
from core.model import SequenceModel
from core.observe import observe
from core.series import SCALINGS, write_values
from core.series.series import Series
from core.shares import shares
from core.streaming import stream
from core.tasks import Windows
from core.training import Trainer
from core.truncation import TBPTT
from tests.core import oracle
from tests.core.stacks import assert_close, flat, truncations

every_cell = pytest.mark.parametrize("kind", CELLS)
every_answer = pytest.mark.parametrize("answer", ["every", "last"])
every_window = pytest.mark.parametrize("windows", [TBPTT(99, 99), TBPTT(2, 2), TBPTT(1, 3), TBPTT(2, 5)], ids=str)


def numbers(points: int, columns: int, seed: int = 0) -> Series:
    values = np.random.default_rng(seed).normal(3, 1, (points, columns)).cumsum(0)
    return Series("a", values, tuple(str(t + 1) for t in range(points)), tuple(f"c{at}" for at in range(columns)))


def small(length: int = 40, columns: int = 2, drawn: int = 0, **fields) -> Experiment:
    """Everything is small and nothing is equal by accident."""
    values = write_values(numbers(length, columns, drawn))
    return Experiment(**{"task": "series", "series": "own", "values": values, "window": 6, "hidden": 5, "layers": 2, "seed": 3} | fields)


def made(experiment: Experiment) -> tuple[SequenceModel, Windows]:
    task = Windows(experiment)
    return SequenceModel.of_experiment(experiment, task), task


class Model(nn.Module):
    """The network as anybody would write it in PyTorch, with the engine's weights."""

    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        outputs, hidden = model.weights["readout.weight"].shape
        self.rnn = model.to_torch()
        self.readout = nn.Linear(hidden, outputs, dtype=model.flat.dtype)
        self.load_state_dict({name: weight.clone() for name, weight in model.weights.items()})

    def gradient(self, inputs: torch.Tensor, targets: torch.Tensor, steps: slice) -> tuple[float, dict[str, torch.Tensor]]:
        """The mean over steps and sequences of |y - o|^2, and its gradients."""
        self.zero_grad()
        outputs = self.readout(self.rnn(inputs)[0])[steps]
        loss = (outputs - targets[steps]).square().sum(-1).mean()
        loss.backward()
        return loss.item(), {name: weight.grad.clone() for name, weight in self.named_parameters()}


@pytest.mark.parametrize(
    ("fields", "starts"),
    [
        # 40 points: 6 go to the test and 6 to the validation; the last target of the last window is point 27 (from 0).
        ({}, tuple(range(0, 22, 3))),
        ({"stride": 6}, (3, 9, 15, 21)),
        ({"stride": 5, "window": 7}, (0, 5, 10, 15, 20)),
        ({"window": 27}, (0,)),
        ({"answer": "last"}, tuple(range(22))),
        ({"validation": 0.0}, tuple(range(0, 28, 3))),
        ({"points": 2000, "series": "sine", "window": 2}, tuple(range(4, 1398, 7))),
        ({"points": 2000, "series": "sine", "window": 2, "answer": "last"}, tuple(range(4, 1398, 7))),
    ],
    ids=lambda value: str(value)[:60],
)
def test_windows_stay_in_the_training_part(fields, starts):
    task = Windows(small(**fields))
    assert task.starts == starts
    assert task.sequences <= limits.SENTENCES
    last = task.starts[-1] + max(task.lengths)
    assert last == task.parts.train.stop - 1


def test_what_a_window_reads_and_predicts():
    task = Windows(small(scaling="none"))
    values, batch = task.series.values, task.batch()
    assert batch.mask.all()
    assert batch.real == batch.mask.numel() == 6 * 8
    for column, start in enumerate(task.starts):
        np.testing.assert_array_equal(batch.inputs[:, column], values[start : start + 6])
        np.testing.assert_array_equal(batch.targets[:, column], values[start + 1 : start + 7])
        axis = task.axis(column)
        assert axis.inputs == task.series.times[start : start + 6]
        assert axis.targets == task.series.times[start + 1 : start + 7]
        assert task.texts[column] == f"{axis.inputs[0]} … {axis.inputs[-1]}"
    some = task.batch([4, 1])
    assert torch.equal(some.inputs, batch.inputs[:, [4, 1]])
    assert torch.equal(some.targets, batch.targets[:, [4, 1]])


def test_an_answer_after_the_last_step_counts_one_step_a_window():
    batch = Windows(small(answer="last")).batch()
    assert batch.real == batch.inputs.shape[1]
    assert batch.with_loss[-1].all()
    assert not batch.with_loss[:-1].any()
    assert [batch.section(first, first + 2).real for first in (0, 2, 4)] == [0, 0, batch.real]


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        (
            {"window": 28},
            {
                "window": "The training part has 28 points: a window may have at most 27 steps, not 28; "
                "windows of 14 leave room for several."
            },
        ),
        (
            {"series": "sine", "points": 2000, "stride": 2},
            {"stride": "A stride of 2 makes more than 200 windows: choose at least 7, or 0."},
        ),
        ({"values": "1 2"}, {"values": "2 points are too few: a series has 20 to 2,000."}),
        ({"series": "trend", "noise": 1.0, "scaling": "log"}, None),
        ({"series": "airline", "season": 80}, {"season": "A season must fit twice into the 144 points: choose 0 to 72."}),
        ({"values": "1\n" * 20, "validation": 0.4}, None),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_makes_no_task_gets_one_sentence(fields, problems):
    with pytest.raises(InvalidExperiment) as refused:
        Trainer(small(**fields))
    assert len(refused.value.problems) == 1
    if problems:
        assert refused.value.problems == problems


def test_blocks_without_a_loss_are_refused():
    words = "With an answer after the last step only, earlier blocks have no loss: update after each pass."
    with pytest.raises(InvalidExperiment) as refused:
        small(answer="last", truncation="chunk", update_every="block")
    assert refused.value.problems == {"update_every": words}
    trainer = Trainer(small(answer="last", truncation="chunk"))
    with pytest.raises(InvalidExperiment, match=words):
        trainer.change(update_every="block")
    for fields in ({"truncation": "full"}, {"answer": "every"}, {"task": "sentences"}):
        small(**{"answer": "last", "truncation": "chunk", "update_every": "block"} | fields)


def test_there_is_no_embedding():
    model, _ = made(small())
    assert next(iter(model.weights)) == "rnn.weight_ih_l0"
    assert model.weights["rnn.weight_ih_l0"].shape == (20, 2)
    assert model.weights["readout.weight"].shape == (2, 5)
    assert Trainer(small(embedding=3)).run(3).loss == Trainer(small(embedding=9)).run(3).loss


@every_answer
def test_the_adjoint_of_the_loss_is_autograds(answer):
    _, task = made(small(answer=answer))
    batch = task.batch()
    outputs = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    losses, d_outputs = task.loss(outputs, batch)
    leaf = outputs.clone().requires_grad_()
    counted = batch.with_loss
    mean = (leaf - batch.targets)[counted].square().sum(-1).mean()
    mean.backward()
    assert losses.sum().item() == pytest.approx(mean.item(), rel=1e-14)
    assert_close(d_outputs, leaf.grad)
    assert not losses[~counted].any()
    assert not d_outputs[~counted].any()
    assert_close(losses[counted], (outputs - batch.targets)[counted].square().sum(-1) / counted.sum())


def test_steps_without_a_loss_send_nothing_whatever_stands_there():
    _, task = made(small(answer="last"))
    batch = task.batch()
    outputs = torch.full(batch.targets.shape, float("inf"), dtype=torch.float64)
    outputs[-1] = 1
    losses, d_outputs = task.loss(outputs, batch)
    assert losses.isfinite().all()
    assert d_outputs.isfinite().all()
    assert outputs[0].isinf().all(), "outputs are left as they were"


@every_cell
@every_answer
@pytest.mark.parametrize("layers", [1, 3])
def test_loss_and_gradient_are_those_of_torch(kind, answer, layers):
    model, task = made(small(cell=kind, answer=answer, layers=layers))
    batch = task.batch()
    seen = passes.run(model, task, batch, TBPTT(99, 99))
    loss, gradient = Model(model).gradient(batch.inputs, batch.targets, slice(-1, None) if answer == "last" else slice(None))
    assert seen.loss == pytest.approx(loss, rel=1e-13)
    assert list(seen.gradient()) == list(model.weights)
    for name, ours in seen.gradient().items():
        assert_close(ours, gradient[name])


@every_cell
@every_answer
@every_window
def test_truncation_is_autograd_with_detached_states(kind, answer, windows):
    model, task = made(small(cell=kind, answer=answer))
    batch = task.batch()
    seen = passes.run(model, task, batch, windows)
    expected = oracle.truncated(kind, model.to_torch(), batch.inputs, seen.direct.clone(), windows.k1, windows.k2)
    gradient = seen.gradient()
    for name, value in expected.weights.items():
        assert_close(gradient[f"rnn.{name}"], value)
    assert_close(torch.stack(seen.errors.dh), expected.dh)
    if kind == "lstm":
        assert_close(torch.stack(seen.errors.dc), expected.dc)


@every_cell
@every_answer
@every_window
def test_the_books_balance(kind, answer, windows):
    model, task = made(small(cell=kind, answer=answer))
    seen = passes.run(model, task, task.batch(), windows)
    rows = slice(2, 4)
    trace = observe(seen, seen.gradient(), [task.axis(2), task.axis(3)], rows, task, iteration=1)
    assert set(trace.books) == {"lag matrix", "shares", "direct"}
    assert max(trace.books.values()) < 1e-12
    assert_close(trace["share_projection"].sum(1), trace["gradient_norm"])
    h, _ = oracle.lag_vectors(kind, model.to_torch(), seen.batch.inputs, seen.direct.clone())
    there = ~np.isnan(trace["lag_h"])
    s, t = np.indices((6, 6))
    counts = t <= s if answer == "every" else (t <= s) & (s == 5)
    assert (there == counts[None, :, :, None]).all()
    assert_close(trace["lag_h"][there], h.norm(dim=-1).numpy()[..., rows][there])
    assert (~np.isnan(trace["loss"]) == seen.batch.with_loss.numpy()[:, rows]).all()
    # Each step's share of every weight, as outer products, adds up to the gradient.
    gradient = seen.gradient()
    for factor in seen.factors:
        one = [factor.share(step, gradient[factor.name]) for step in range(6)]
        assert_close(torch.stack(one).sum(0), gradient[factor.name])
    found = shares(seen.factors, list(gradient.values()))
    assert_close(found.norms[0], torch.stack([seen.factors[0].share(step, gradient["rnn.weight_ih_l0"]).norm() for step in range(6)]))


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_trace_shows_outputs_and_targets_in_their_own_units(scaling):
    experiment = Experiment(task="series", scaling=scaling, hidden=5)
    trainer = Trainer(experiment, observe=2)
    trace = trainer.step(trace=True).trace
    task = trainer.task
    assert "probability" not in trace
    assert trace.labels["column"] == task.series.columns == ("thousand passengers",)
    assert trace.dims["output"] == ("step", "sequence", "column")
    first = task.starts[2]
    np.testing.assert_allclose(trace["target"][:, 0], task.series.values[first + 1 : first + 25], rtol=1e-13)
    model, _ = made(experiment)
    batch = task.batch([2])
    outputs = passes.run(model, task, batch, TBPTT(99, 99)).outputs
    np.testing.assert_allclose(trace["output"], task.scaler.undo(outputs.numpy()), rtol=1e-12)


@every_cell
@every_answer
@pytest.mark.parametrize(("windows", "size"), [(TBPTT(2, 2), 2), (TBPTT(1, 3), 1), (TBPTT(2, 5), 4)], ids=str)
def test_segments_add_up_to_the_whole(kind, answer, windows, size):
    model, task = made(small(cell=kind, answer=answer))
    batch = task.batch()
    whole = passes.run(model, task, batch, windows)
    segments = list(stream(model, task, [batch.section(first, first + size) for first in range(0, 6, size)], windows))
    assert sum(segment.tokens for segment in segments) == batch.real
    assert sum(segment.loss for segment in segments) == pytest.approx(whole.loss * batch.real, rel=1e-12)
    assert_close(torch.stack([segment.gradient for segment in segments]).sum(0) / batch.real, flat(whole.gradient()))


@every_cell
def test_walking_is_running(kind):
    model, task = made(small(cell=kind))
    *_, walked = passes.walk(model, task, task.batch(), TBPTT(2, 3))
    ran = passes.run(model, task, task.batch(), TBPTT(2, 3))
    assert walked.loss == ran.loss
    assert torch.equal(flat(walked.gradient()), flat(ran.gradient()))


@given(
    st.integers(20, 40),
    st.integers(1, 3),
    st.integers(2, 8),
    st.integers(0, 5),
    st.sampled_from(list(CELLS)),
    st.sampled_from(["every", "last"]),
    truncations(),
    st.integers(0, 2**16),
)
def test_any_series_obeys(length, columns, window, stride, kind, answer, windows, seed):
    experiment = small(length, columns, seed, window=window, stride=stride, cell=kind, answer=answer, hidden=3, seed=seed)
    model, task = made(experiment)
    seen = passes.run(model, task, task.batch(), windows)
    trace = observe(seen, seen.gradient(), [task.axis(0)], slice(1), task, iteration=1)
    assert max(trace.books.values()) < 1e-12
    whole = torch.zeros_like(model.flat)
    for index in range(task.sequences):
        alone = passes.run(model, task, task.batch([index]), windows)
        whole += flat(alone.gradient()) / task.sequences
    assert_close(flat(seen.gradient()), whole)


@pytest.mark.parametrize("fields", [{"batch": 3}, {"truncation": "chunk", "update_every": "block", "k": 2}, {"optimiser": "adam"}], ids=str)
def test_a_restored_run_goes_on_with_the_same_numbers(fields):
    trainer = Trainer(small(**fields))
    trainer.run(4)
    block = trainer.checkpoint()
    again = Trainer.restore(block)
    assert [trainer.step().loss for _ in range(5)] == [again.step().loss for _ in range(5)]
    assert torch.equal(trainer.model.flat, again.model.flat)


@every_answer
def test_float32_agrees_to_its_seven_digits(answer):
    model, task = made(small(dtype="float32", answer=answer))
    batch = task.batch()
    seen = passes.run(model, task, batch, TBPTT(99, 99))
    loss, gradient = Model(model).gradient(batch.inputs, batch.targets, slice(-1, None) if answer == "last" else slice(None))
    assert seen.loss == pytest.approx(loss, rel=1e-5)
    for name, value in seen.gradient().items():
        assert value.dtype == torch.float32
        assert_close(value, gradient[name], relative=1e-4, absolute=1e-5)


def test_it_learns():
    trainer = Trainer(Experiment(task="series", series="sawtooth", noise=0.0, season=8, points=120, window=16))
    first = trainer.step().loss
    assert trainer.run(300).loss < first / 100


def test_there_is_no_text():
    trainer = Trainer(small())
    for ask in (lambda: trainer.try_text("a b"), lambda: trainer.generate(5), lambda: trainer.task.write([1])):
        with pytest.raises(InvalidExperiment, match=r"^A network that learns a series "):
            ask()


def test_a_task_describes_itself_in_json():
    task = Windows(small())
    described = json.loads(json.dumps(task.describe()))
    assert described["steps"] == 6
    assert described["vocabulary"] == []
    assert [tuple(sequence["inputs"]) for sequence in described["sequences"]] == [task.axis(at).inputs for at in range(task.sequences)]
    about = described["series"]
    np.testing.assert_array_equal(about["values"], task.series.values)
    assert (about["train"], about["validation"], len(about["times"])) == (28, 34, 40)


@every_answer
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("fields", [{}, {"batch": 3}, {"truncation": "window"}], ids=str)
def test_later_parts_change_no_training_number(answer, scaling, fields):
    """Leakage: with other values in validation and test, windows, scaler, losses and weights are the same, bit for bit."""
    series = numbers(60, 2)
    values = 1 + np.abs(series.values)
    parts = Windows(small(60)).parts
    other = values.copy()
    other[parts.validation.start :] = 1e3 * np.random.default_rng(9).random((60 - parts.train.stop, 2)) + 0.1
    ran = []
    for these in (values, other):
        text = write_values(Series("a", these, series.times, series.columns))
        trainer = Trainer(small(values=text, answer=answer, scaling=scaling, **fields))
        losses = [trainer.step().loss for _ in range(20)]
        ran.append((trainer, losses))
    (one, losses), (two, again) = ran
    assert (one.task.series.values[parts.test] != two.task.series.values[parts.test]).all()
    assert losses == again
    assert torch.equal(one.task.batch().inputs, two.task.batch().inputs)
    assert torch.equal(one.task.batch().targets, two.task.batch().targets)
    assert (one.task.scaler.shift == two.task.scaler.shift).all()
    assert (one.task.scaler.size == two.task.scaler.size).all()
    assert torch.equal(one.model.flat, two.model.flat)
