"""A Trace shows what was computed: every number of it against autograd."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core import limits, passes
from core.cells import CELLS
from core.model import SequenceModel
from core.observe import _relative, observe
from core.oracle import Twin
from core.own_module import trace_of
from core.tasks import TASKS
from core.trace import REST, Trace
from core.training import Trainer
from core.truncation import TBPTT
from tests.core import oracle
from tests.core.stacks import assert_close

FULL = TBPTT(99, 99)
every_cell = pytest.mark.parametrize("kind", CELLS)
every_window = pytest.mark.parametrize("windows", [TBPTT(99, 99), TBPTT(2, 2), TBPTT(1, 3), TBPTT(2, 5)], ids=str)


def look(experiment, windows: TBPTT = FULL, rows: slice = slice(0, 3), **more) -> tuple[Trace, passes.Pass]:
    task = TASKS["sentences"](experiment)
    model = SequenceModel.of_experiment(experiment, task)
    seen = passes.run(model, task, task.batch(), windows)
    axes = [task.axis(index) for index in range(*rows.indices(task.sequences))]
    return observe(seen, seen.gradient(), axes, rows, task, iteration=4, **more), seen


@every_cell
@every_window
def test_what_is_shown_is_what_autograd_finds(small, kind, windows):
    trace, seen = look(small.replace(cell=kind), windows)
    model, batch = seen.model, seen.batch
    module = model.to_torch()
    with torch.no_grad():
        x = model.embed(batch)
    run = oracle.unroll(kind, module, x)
    real = batch.mask.numpy()

    def check(name: str, expected: torch.Tensor, where: np.ndarray) -> None:
        array = trace[name] if name != "dh" else trace.pick("dh", part="total")
        step = array.ndim - 3
        shown = np.moveaxis(array, (step, step + 1), (0, 1))[where]
        assert_close(shown, np.moveaxis(expected.detach().numpy(), (step, step + 1), (0, 1))[where])

    check("h", torch.stack([torch.stack(layer) for layer in run.h]), real)
    expected = oracle.truncated(kind, module, x, seen.direct.clone(), windows.k1, windows.k2)
    check("dh", expected.dh, real)
    if kind == "lstm":
        check("c", torch.stack([torch.stack(layer) for layer in run.c]), real)
        check("dc", expected.dc, real)
    assert ("c" in trace) == ("dc" in trace) == ("lag_c" in trace) == (kind == "lstm")

    logits = run.top @ model.weights["readout.weight"].T + model.weights["readout.bias"]
    probabilities = torch.softmax(logits, -1).detach()
    assert_close(trace["probability"][real], probabilities[batch.mask])
    true = probabilities.gather(-1, batch.targets[..., None])[..., 0]
    assert_close(trace["loss"][real], -true[batch.mask].log() / batch.real)
    assert np.nansum(trace["loss"]) == pytest.approx(seen.loss, rel=1e-12)


@every_cell
@every_window
def test_the_lag_matrix_and_reach_are_shown(small, kind, windows):
    trace, seen = look(small.replace(cell=kind), windows)
    with torch.no_grad():
        x = seen.model.embed(seen.batch)
    h, c = oracle.lag_vectors(kind, seen.model.to_torch(), x, seen.direct.clone())
    there = ~np.isnan(trace["lag_h"])
    s, t = np.indices((6, 6))
    for sequence, length in enumerate(seen.batch.lengths.tolist()):
        assert (there[0, :, :, sequence] == ((t <= s) & (s < length))).all()
    assert_close(trace["lag_h"][there], h.norm(dim=-1).numpy()[there])
    if kind == "lstm":
        assert_close(trace["lag_c"][there], c.norm(dim=-1).numpy()[there])
    assert (trace["reach"] == windows.reach(6)).all()


@every_cell
@every_window
def test_parts_make_the_whole(small, kind, windows):
    trace, _ = look(small.replace(cell=kind), windows)
    total, direct, recurrent = (trace.pick("dh", part=part) for part in ("total", "direct", "recurrent"))
    there = ~np.isnan(total)
    assert_close(direct[there] + recurrent[there], total[there])
    full, _ = look(small.replace(cell=kind), TBPTT(99, 99))
    assert_close(trace.pick("dh", part="untruncated")[there], full.pick("dh", part="total")[there])
    diagonal = np.linalg.norm(direct, axis=-1)
    for t in range(6):
        shown = trace["lag_h"][:, t, t]
        assert_close(np.nan_to_num(diagonal[:, t]), np.nan_to_num(shown))


@every_cell
def test_gates_and_their_gradients_are_shown_in_torchs_order(small, kind):
    """dL/da is the gradient of each gate's pre-activation: that of the input bias is their sum over steps and sequences."""
    trace, seen = look(small.replace(cell=kind))
    cell = seen.model.cell
    assert trace.labels["gate"] == cell.gates
    assert ("gate" in trace) == cell.gated
    _, gradient = Twin(seen.model).gradient(seen.batch)
    for layer in (0, 1):
        summed = np.nansum(trace["da"][layer], axis=(1, 2))
        assert_close(summed.ravel(), gradient[f"rnn.bias_ih_l{layer}"])
    for gate in cell.gates if cell.gated else ():
        low, high = cell.bounds[gate]
        values = trace.pick("gate", gate=gate)
        assert low < np.nanmin(values) < np.nanmax(values) < high


@every_cell
@every_window
def test_the_books_balance(small, kind, windows):
    trace, _ = look(small.replace(cell=kind), windows)
    assert set(trace.books) == {"lag matrix", "shares", "direct"}
    assert max(trace.books.values()) < 1e-12
    assert_close(trace["share_projection"].sum(1), trace["gradient_norm"])


def test_books_that_do_not_balance_say_so(small):
    """The check itself: a gradient that is not the sum of the shares."""
    task = TASKS["sentences"](small)
    model = SequenceModel.of_experiment(small, task)
    seen = passes.run(model, task, task.batch(), TBPTT(99, 99))
    wrong = {name: 1.01 * value for name, value in seen.gradient().items()}
    trace = observe(seen, wrong, [task.axis(0)], slice(0, 1), task, iteration=1)
    assert trace.books["shares"] > 1e-3
    with torch.inference_mode():
        seen.errors.dh[0][2, 0, 0] += 0.01
    trace = observe(seen, wrong, [task.axis(0)], slice(0, 1), task, iteration=1)
    assert trace.books["lag matrix"] > 1e-3


@pytest.mark.parametrize("index", [0, 1, 2])
def test_one_sequence_is_a_column_of_all(small, index):
    every, _ = look(small, TBPTT(2, 3))
    one, _ = look(small, TBPTT(2, 3), rows=slice(index, index + 1))
    for name in one.values:
        expected = every.of(index)[name]
        assert_close(one.of(0)[name].astype(float), expected.astype(float))


@every_cell
def test_beyond_the_bound_the_lag_matrix_shows_the_last_steps(small, kind, monkeypatch):
    whole, _ = look(small.replace(cell=kind), TBPTT(2, 5))
    monkeypatch.setattr(limits, "LAG_STEPS", 4)
    late, _ = look(small.replace(cell=kind), TBPTT(2, 5))
    for name in ("lag_h", "lag_c"):
        if name in whole:
            assert late[name].shape == whole[name].shape
            assert_close(late[name][:, 2:, 2:], whole[name][:, 2:, 2:])
            assert np.isnan(late[name][:, :2]).all()
            assert np.isnan(late[name][:, :, :2]).all()
    assert max(late.books.values()) < 1e-12


def test_of_a_short_sequence_beside_a_long_one_the_whole_lag_matrix_is_shown(small, monkeypatch):
    text = "a b\n" + " ".join("abcdefgh")
    whole = Trainer(small.replace(text=text)).step(trace=True).trace
    monkeypatch.setattr(limits, "LAG_STEPS", 4)
    late = Trainer(small.replace(text=text)).step(trace=True).trace
    assert whole["lag_h"].shape == late["lag_h"].shape == (2, 9, 9, 1)
    assert np.count_nonzero(np.isfinite(late["lag_h"][0])) == 6
    assert_close(late["lag_h"], whole["lag_h"])
    assert max(late.books.values()) < 1e-12


def test_the_diagonal_is_checked_where_squares_cannot_be_trusted():
    module = torch.nn.LSTM(4, 8, 3)
    x = torch.randn(30, 2, 4, generator=torch.Generator().manual_seed(0))
    for size in (1e20, 1e-20, 1e-30):
        assert trace_of(module, x, lambda h, size=size: h.sum(-1) * size).books["direct"] < 1e-6
    wide = module.double()
    assert trace_of(wide, x.double(), lambda h: h.sum(-1) * 1e160).books["direct"] < 1e-12


def test_a_trace_keeps_its_numbers_while_training_goes_on(small):
    trainer = Trainer(small)
    trace = trainer.step(trace=True).trace
    before = {name: value.copy() for name, value in trace.values.items()}
    for _ in range(3):
        trainer.step(trace=True)
    for name, value in trace.values.items():
        assert np.array_equal(value, before[name], equal_nan=value.dtype != bool)


def test_float32_books_balance_to_its_digits(small):
    trace, _ = look(small.replace(dtype="float32"), TBPTT(1, 3))
    assert trace["dh"].dtype == np.float32
    assert max(trace.books.values()) < 1e-4


@pytest.mark.parametrize("place", [0, 1])
def test_a_book_that_is_not_a_number_is_no_balance(place):
    differences = [torch.zeros(2), torch.zeros(2)]
    differences[place][1] = torch.nan
    assert math.isnan(_relative(differences, [torch.ones(2)] * 2))


@every_cell
@pytest.mark.parametrize("attention", ["none", "dot"])
def test_a_trace_that_is_not_whole_is_otherwise_the_same(small, kind, attention):
    whole, part = (look(small.replace(cell=kind, attention=attention), whole=wanted)[0] for wanted in (True, False))
    assert set(whole.values) - set(part.values) == set(REST) & set(whole.values)
    assert set(whole.books) - set(part.books) == {"shares"}
    assert part.labels == whole.labels
    for name, value in part.values.items():
        np.testing.assert_array_equal(value, whole[name])
