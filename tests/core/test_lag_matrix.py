"""Law 2: the lag matrix is T calls of autograd, and its kept cells add up to dL/dh and dL/dc."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given

from core import bptt
from core.cells import CELLS
from core.lag_matrix import lag_matrix, lag_row, lag_vectors
from core.truncation import TBPTT
from core.vector_norms import norms
from tests.core import oracle
from tests.core.stacks import Stack, assert_close, make, stacks, truncations

pytestmark = pytest.mark.usefixtures("lags")

every_cell = pytest.mark.parametrize("kind", CELLS)
every_depth = pytest.mark.parametrize("layers", [1, 2, 3])


def check_rows(stack: Stack) -> None:
    """Norms of every layer's rows against autograd; NaN exactly where the loss comes before the state."""
    steps = len(stack.x)
    matrix = lag_matrix(stack.forward(), stack.direct)
    h, c = oracle.lag_vectors(stack.kind, stack.module, stack.x, stack.direct)
    above = torch.ones(steps, steps, dtype=torch.bool).triu(1)
    assert bool(matrix.c) == (stack.kind == "lstm")
    pairs = [(torch.stack(matrix.h), h)] + ([(torch.stack(matrix.c), c)] if matrix.c else [])
    for ours, theirs in pairs:
        assert ours[:, above].isnan().all()
        assert_close(ours[:, ~above], theirs.norm(dim=-1)[:, ~above])
        assert not theirs[:, above].any(), "the oracle finds no path there either"


@every_cell
@every_depth
def test_rows_are_calls_of_autograd(kind, layers):
    check_rows(make(kind, layers, steps=6, batch=3, lengths=(6, 2, 4)))


@given(stacks())
def test_rows_of_any_stack_are_calls_of_autograd(stack):
    check_rows(stack)


@pytest.mark.slow
@every_cell
def test_rows_of_a_longer_sequence(kind):
    check_rows(make(kind, 2, steps=40, batch=2, hidden=8, lengths=(40, 33)))


@given(stacks(), truncations())
def test_kept_cells_add_up(stack, windows):
    """As vectors, summed over s: they are what the truncated pass finds, and what autograd finds with detached states."""
    steps = len(stack.x)
    unrolled = stack.forward()
    kept = lag_matrix(unrolled, stack.direct, windows.reach(steps))
    errors = bptt.backward(unrolled, stack.direct, windows)
    detached = oracle.truncated(stack.kind, stack.module, stack.x, stack.direct, windows.k1, windows.k2)
    assert_close(torch.stack(kept.kept_h), torch.stack(errors.dh))
    assert_close(torch.stack(kept.kept_h), detached.dh)
    if stack.kind == "lstm":
        assert_close(torch.stack(kept.kept_c), torch.stack(errors.dc))
        assert_close(torch.stack(kept.kept_c), detached.dc)
    else:
        assert not kept.kept_c


@every_cell
def test_the_matrix_is_unmasked(kind):
    """What a truncation cuts keeps its true value: that is the bias."""
    stack = make(kind, 2)
    unrolled = stack.forward()
    plain, with_reach = (lag_matrix(unrolled, stack.direct, reach) for reach in (None, TBPTT(1, 2).reach(5)))
    assert torch.equal(plain.h[0].nan_to_num(-1), with_reach.h[0].nan_to_num(-1))
    assert plain.kept_h == ()
    assert plain.h[0][4, 0].min() > 0


@every_cell
@every_depth
def test_a_row_and_all_vectors_agree(kind, layers):
    stack = make(kind, layers, steps=4)
    unrolled = stack.forward()
    expected_h, expected_c = oracle.lag_vectors(kind, stack.module, stack.x, stack.direct)
    vectors = torch.stack(lag_vectors(unrolled, stack.direct))
    for s in range(4):
        row = lag_row(unrolled, stack.direct, s)
        assert_close(torch.stack(row.dh), expected_h[:, s, : s + 1])
        if kind == "lstm":
            assert_close(torch.stack(row.dc), expected_c[:, s, : s + 1])
        assert torch.equal(vectors[:, s, : s + 1], torch.stack(row.dh))
        assert vectors[:, s, s + 1 :].isnan().all()


def test_vectors_beyond_the_bound_are_refused_with_the_bound(monkeypatch):
    stack = make("gru", steps=4, batch=2, hidden=4)
    monkeypatch.setattr("core.lag_matrix.VECTORS", 4 * 4 * 2 * 4)
    assert len(lag_vectors(stack.forward(), stack.direct)) == 1
    monkeypatch.setattr("core.lag_matrix.VECTORS", 4 * 4 * 2 * 4 - 1)
    with pytest.raises(ValueError, match="128 numbers as vectors; at most 127 are held"):
        lag_vectors(stack.forward(), stack.direct)


@every_cell
@every_depth
def test_direct_and_recurrent_parts_make_the_whole(kind, layers):
    """Direct: the diagonal; recurrent: the sum over s > t; by autograd."""
    stack = make(kind, layers, batch=3, lengths=(5, 2, 4))
    unrolled = stack.forward()
    direct = torch.stack(bptt.direct_parts(unrolled, stack.direct))
    vectors, _ = oracle.lag_vectors(kind, stack.module, stack.x, stack.direct)
    assert_close(direct, vectors.diagonal(dim1=1, dim2=2).movedim(-1, 1))
    recurrent = torch.stack(stack.backward().dh) - direct
    later = torch.ones(5, 5, dtype=torch.float64).tril(-1)
    assert_close(recurrent, torch.einsum("lstbh,st->ltbh", vectors, later))


def test_a_batch_row_is_the_sequence_alone():
    stack = make("lstm", 2, batch=3)
    whole = lag_matrix(stack.forward(), stack.direct)
    part = lag_matrix(stack.forward().section(rows=slice(1, 2)), stack.direct[:, 1:2])
    for ours, theirs in zip((*whole.h, *whole.c), (*part.h, *part.c), strict=True):
        assert_close(ours[..., 1:2], theirs)


def test_the_last_steps_alone_have_the_same_cells():
    """A section of a pass keeps the states before it in value, so that its lag matrix is a corner of the whole."""
    stack = make("lstm", 2, steps=7)
    whole = lag_matrix(stack.forward(), stack.direct)
    part = lag_matrix(stack.forward().section(slice(3, None)), stack.direct[3:])
    for ours, theirs in zip((*whole.h, *whole.c), (*part.h, *part.c), strict=True):
        assert_close(ours[3:, 3:], theirs)


@every_cell
def test_float32_rows_agree_to_its_seven_digits(kind):
    stack = make(kind, 2, dtype=torch.float32)
    matrix = lag_matrix(stack.forward(), stack.direct)
    h, _ = oracle.lag_vectors(kind, stack.module, stack.x, stack.direct)
    lower = np.tril_indices(5)
    assert matrix.h[0].dtype == torch.float32
    assert_close(torch.stack(matrix.h)[:, *lower], h.norm(dim=-1)[:, *lower], relative=1e-4, absolute=1e-5)


def test_errors_that_float32_holds_are_not_said_to_have_vanished():
    """Their squares are beneath its smallest number; the norms are not."""
    stack = make("rnn_tanh", 1, steps=40, batch=2, hidden=4, dtype=torch.float32)
    for weight in stack.model.weights.values():
        weight.mul_(0.08)
    unrolled = stack.forward()
    norms = lag_matrix(unrolled, stack.direct).h[0]
    row = lag_row(unrolled, stack.direct, 39).dh[0]
    there = (row.abs() > 1e-37).any(-1)
    small = there & (row.norm(dim=-1) == 0)
    assert small.any(), "the case is there"
    assert (norms[39][there] > 0).all()
    assert_close(norms[39][there], row.double().norm(dim=-1)[there].float(), 1e-5, 0)


def test_what_fades_in_one_sequence_is_seen_beside_another_that_does_not():
    """The second is shorter, saturates, and its errors leave the range of float64's squares."""
    stack = make("rnn_tanh", steps=30, batch=2, lengths=(30, 24))
    stack.x[:, 0] *= 0.1
    stack.x[:, 1] = 14
    unrolled = stack.forward()
    (found,) = lag_matrix(unrolled, stack.direct).h
    (vectors,) = lag_vectors(unrolled, stack.direct)
    expected = norms(vectors)
    assert 0 < expected[23, 0, 1] < 1e-162
    below = torch.ones(30, 30, dtype=torch.bool).tril()
    assert_close(found[below], expected[below])
    assert found[23, 0, 1].item() == pytest.approx(expected[23, 0, 1].item(), rel=1e-9, abs=0)


@pytest.mark.parametrize("kind", ["rnn_tanh", "lstm"])
def test_errors_whose_squares_float64_does_not_hold_are_not_said_to_have_vanished(kind):
    stack = make(kind, 1, steps=60, batch=2, hidden=4)
    for weight in stack.model.weights.values():
        weight.mul_(1e-6)
    unrolled = stack.forward()
    direct = stack.direct * 1e-140
    row = lag_row(unrolled, direct, 59).dh[0]
    there = (row.abs() > 1e-300).any(-1)
    assert (there & (row.norm(dim=-1) == 0)).any(), "the case is there"
    expected = torch.tensor([math.hypot(*vector.tolist()) for vector in row[there]], dtype=torch.float64)
    assert_close(lag_matrix(unrolled, direct).h[0][59][there], expected, 1e-9, 0)


def test_what_exploded_beyond_a_window_does_not_reach_what_it_keeps():
    """A cut cell that is not finite leaves the sum of those that are kept alone."""
    stack = make("rnn_relu", 1, steps=24, batch=1, hidden=4)
    stack.model.weights["rnn.weight_hh_l0"].fill_(1e30)
    stack.model.weights["rnn.weight_ih_l0"].abs_()
    unrolled = stack.forward()
    reach = TBPTT(1, 2).reach(24)
    found = lag_matrix(unrolled, stack.direct, reach)
    assert not found.h[0][23].isfinite().all(), "the case is there"
    truncated = bptt.backward(unrolled, stack.direct, TBPTT(1, 2)).dh[0]
    assert_close(found.kept_h[0], truncated, 1e-9, 0)
