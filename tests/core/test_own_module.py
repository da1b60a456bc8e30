"""A module of one's own: its Trace is what autograd finds, in every layout, and what does not go together is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import core
from core.cells import CELLS
from core.own_module import pass_of, trace_of
from core.trace import Axis
from core.truncation import TBPTT
from tests.core import oracle
from tests.core.stacks import Stack, assert_close, make

every_cell = pytest.mark.parametrize("kind", CELLS)
LAYERS, STEPS, BATCH = 2, 5, 3


def batch_first(stack: Stack) -> nn.RNNBase:
    """The same module, which reads (B, T, I)."""
    module = oracle.MODULES[stack.kind](3, 4, LAYERS, batch_first=True, dtype=torch.float64)
    module.load_state_dict(stack.module.state_dict())
    return module


def states(stack: Stack) -> object:
    generator = torch.Generator().manual_seed(9)
    h, c = (torch.randn(LAYERS, BATCH, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    return (h, c) if stack.kind == "lstm" else h


@every_cell
@pytest.mark.parametrize("first", [False, True], ids=["time first", "batch first"])
def test_the_trace_of_a_module_is_what_autograd_finds(kind: str, first: bool):
    stack = make(kind, LAYERS, STEPS, BATCH)
    module = batch_first(stack) if first else stack.module
    state = states(stack)
    target = torch.randn(STEPS, BATCH, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def turned(value: torch.Tensor) -> torch.Tensor:
        return value.transpose(0, 1) if first else value

    def loss(outputs: torch.Tensor) -> torch.Tensor:
        return ((outputs - turned(target)) ** 2).mean(-1)

    trace = trace_of(module, turned(stack.x), loss, state=state)

    both = state if isinstance(state, tuple) else (state, torch.zeros_like(state))
    run = oracle.unroll(kind, stack.module, stack.x, list(zip(*both, strict=True)))
    losses = ((run.top - target) ** 2).mean(-1)
    names, weights = zip(*stack.module.named_parameters(), strict=True)
    found = oracle.gradients(losses.sum(), [*run.probes, *weights])
    of_probes = torch.stack(found[: len(run.probes)]).view(2, LAYERS, STEPS, BATCH, 4)
    assert_close(trace["h"], torch.stack([torch.stack(layer) for layer in run.h]).detach())
    assert_close(trace["loss"], losses.detach())
    assert_close(trace.pick("dh", part="total"), of_probes[0])
    norms = {f"rnn.{name}": gradient.norm() for name, gradient in zip(names, found[len(run.probes) :], strict=True)}
    assert trace.labels["weight"] == tuple(norms)
    assert_close(trace["gradient_norm"], torch.stack(list(norms.values())))
    assert_close(np.nansum(trace["share_projection"], axis=1), torch.stack(list(norms.values())))
    for s in range(STEPS):
        row = torch.stack(oracle.gradients(losses[s].sum(), run.probes)).view(2, LAYERS, STEPS, BATCH, 4)[0]
        assert_close(trace["lag_h"][:, s, : s + 1], row[:, : s + 1].norm(dim=-1))
    assert max(trace.books.values()) < 1e-12


@every_cell
def test_direct_errors_say_the_same_as_the_loss_that_sends_them(kind: str):
    stack = make(kind, LAYERS, STEPS, BATCH)
    by_loss = trace_of(stack.module, stack.x, lambda outputs: (outputs * stack.direct).sum(-1))
    by_error = trace_of(stack.module, stack.x, direct=stack.direct)
    assert "loss" in by_loss
    assert "loss" not in by_error
    for name in by_error.values.keys() - {"reach"}:
        assert_close(by_error[name], by_loss[name])
    assert np.array_equal(by_error["reach"], by_loss["reach"])


@every_cell
def test_errors_from_beyond_the_last_step_are_followed(kind: str):
    """A loss that also reads the last states of every layer, h and c."""
    stack = make(kind, LAYERS, STEPS, BATCH)
    late = states(stack)
    trace = trace_of(stack.module, stack.x, direct=stack.direct, beyond=late)
    run = oracle.unroll(kind, stack.module, stack.x)
    losses = [(run.top[s] * stack.direct[s]).sum() for s in range(STEPS)]
    of_h, of_c = late if isinstance(late, tuple) else (late, torch.zeros_like(late))
    losses[-1] = losses[-1] + sum((run.h[n][-1] * of_h[n]).sum() + (run.c[n][-1] * of_c[n]).sum() for n in range(LAYERS))
    found = oracle.gradients(sum(losses), [*run.probes, *stack.module.parameters()])
    of_probes = torch.stack(found[: len(run.probes)]).view(2, LAYERS, STEPS, BATCH, 4)
    assert_close(trace.pick("dh", part="total"), of_probes[0])
    if kind == "lstm":
        assert_close(trace["dc"], of_probes[1])
    assert_close(trace["gradient_norm"], torch.stack([gradient.norm() for gradient in found[len(run.probes) :]]))
    for s in range(STEPS):
        row = torch.stack(oracle.gradients(losses[s], run.probes)).view(2, LAYERS, STEPS, BATCH, 4)
        assert_close(trace["lag_h"][:, s, : s + 1], row[0][:, : s + 1].norm(dim=-1))
        assert_close(trace.pick("dh", part="direct")[:, s], row[0][:, s])
        if kind == "lstm":
            assert_close(trace["lag_c"][:, s, : s + 1], row[1][:, : s + 1].norm(dim=-1))
    assert max(trace.books.values()) < 1e-12
    with pytest.raises(ValueError, match="sequences of one length"):
        trace_of(stack.module, stack.x, direct=stack.direct, beyond=late, lengths=[5, 5, 4])
    with pytest.raises(ValueError, match="full BPTT or a sliding window"):
        trace_of(stack.module, stack.x, direct=stack.direct, beyond=late, truncation=TBPTT(2, 2))
    assert max(trace_of(stack.module, stack.x, direct=stack.direct, beyond=late, truncation=TBPTT(1, 3)).books.values()) < 1e-12


@every_cell
def test_padding_and_truncation_are_those_of_the_engine(kind: str):
    stack = make(kind, LAYERS, STEPS, BATCH, lengths=(5, 2, 4))
    seen = pass_of(stack.module, stack.x, direct=stack.direct, lengths=stack.lengths, truncation=TBPTT(2, 3))
    expected = stack.gradient(stack.forward(), stack.backward(2, 3))
    for name, gradient in expected.items():
        assert_close(seen.gradient()[f"rnn.{name}"], gradient)
    trace = trace_of(stack.module, stack.x, direct=stack.direct, lengths=stack.lengths, truncation=TBPTT(2, 3))
    assert [len(axis.inputs) for axis in trace.axes] == [5, 2, 4]
    assert np.isnan(trace["h"][:, 2:, 1]).all()


@every_cell
@pytest.mark.parametrize(("windows", "shown"), [(None, 3), (TBPTT(1, 3), 3), (TBPTT(2, 3), 3)], ids=str)
def test_the_last_steps_alone_are_as_in_the_whole(kind: str, windows: TBPTT | None, shown: int):
    stack = make(kind, LAYERS, 7, BATCH)
    whole, late = (
        trace_of(stack.module, stack.x, direct=stack.direct, truncation=windows, sequences=2, steps=steps) for steps in (None, shown)
    )
    assert late.axes[0].inputs == ("5", "6", "7")
    for name, value in late.values.items():
        picked = [slice(-shown, None) if axis in ("step", "loss_step") else slice(None) for axis in whole.dims[name]]
        np.testing.assert_allclose(value, whole[name][tuple(picked)], rtol=1e-12, atol=1e-14)
    assert max(late.books.values()) < 1e-12
    with pytest.raises(ValueError, match="where a sequence of 4 steps has ended"):
        trace_of(stack.module, stack.x, direct=stack.direct, lengths=[7, 4, 4], steps=3)


def test_a_single_sequence_needs_no_batch():
    stack = make("gru", steps=4, batch=1)
    alone = core.trace_of(stack.module, stack.x[:, 0], lambda outputs: outputs.sum(-1))
    batch = core.trace_of(stack.module, stack.x, lambda outputs: outputs.sum(-1))
    assert all(np.array_equal(alone[name], batch[name], equal_nan=True) for name in batch.values)


def test_the_module_is_left_alone():
    stack = make("lstm")
    before = {name: weight.clone() for name, weight in stack.module.state_dict().items()}
    trace_of(stack.module, stack.x, direct=stack.direct)
    assert all(torch.equal(before[name], weight) for name, weight in stack.module.state_dict().items())
    assert all(weight.grad is None for weight in stack.module.parameters())


X = torch.zeros(3, 2, 4, dtype=torch.float64)


def square(h: torch.Tensor) -> torch.Tensor:
    return h.square().sum(-1)


def lstm(**more: object) -> nn.LSTM:
    return nn.LSTM(4, 5, dtype=torch.float64, **more)


@pytest.mark.parametrize(
    ("module", "more", "sentence"),
    [
        (lstm(), {}, "either loss"),
        (lstm(), {"loss": lambda h: h.sum(-1), "direct": X}, "either loss"),
        (lstm(), {"loss": lambda h: h.sum()}, "a number for each of 3 steps and 2 sequences"),
        (lstm(), {"loss": lambda h: h.flip(0).sum(-1)}, "of that step's output alone"),
        (lstm(), {"loss": lambda h: h.cumsum(0).sum(-1)}, "of that step's output alone"),
        (lstm(), {"direct": X}, "shape and the type of the module's output, \\(3, 2, 5\\)"),
        (lstm(), {"direct": X.new_zeros(3, 2, 5), "lengths": [4, 1]}, "lengths must be 2 whole numbers from 1 to 3"),
        (lstm(bidirectional=True), {"direct": X}, "is bidirectional"),
        (lstm(proj_size=2), {"direct": X}, "has projections"),
        (lstm(bias=False), {"direct": X}, "has no biases"),
        (lstm(num_layers=2, dropout=0.5), {"direct": X}, "dropout of 0.5"),
        (lstm().half(), {"direct": X}, "float32 or float64"),
        (nn.LSTM(4, 5), {"direct": X}, "x is of torch.float64, but the weights are of torch.float32"),
        (nn.Linear(4, 5), {"direct": X}, "needed, not Linear"),
        (lstm(), {"loss": lambda h: torch.zeros(3, 2, dtype=h.dtype)}, "it has no gradient"),
        (lstm(), {"loss": square, "x": X[..., :3]}, "x must be a tensor of steps, sequences and 4 inputs"),
        (lstm(), {"loss": square, "x": nn.utils.rnn.pack_sequence([X[:, 0], X[:2, 1]])}, "padded to one length"),
        (lstm(), {"loss": square, "state": X.new_zeros(1, 2, 5)}, "state must be h and c of layers, sequences and units, \\(1, 2, 5\\)"),
        (lstm(), {"loss": square, "state": (X.new_zeros(1, 1, 5),) * 2}, "state must be h and c"),
        (lstm(), {"loss": square, "state": (X.new_zeros(1, 2, 1),) * 2}, "state must be h and c"),
        (lstm(), {"loss": square, "state": (X.new_zeros(2, 2, 5),) * 2}, "state must be h and c"),
        (lstm(), {"loss": square, "state": (X.new_zeros(1, 2, 5).float(),) * 2}, "of torch.float64 each"),
        (lstm(), {"loss": square, "beyond": (X.new_zeros(1, 1, 5),) * 2}, "beyond must be h and c"),
        (nn.GRU(4, 5, dtype=X.dtype), {"loss": square, "state": (X.new_zeros(1, 2, 5),) * 2}, "state must be h of layers"),
    ],
)
def test_what_does_not_go_together_is_refused(module: nn.Module, more: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        pass_of(module, **{"x": X, **more})


@pytest.mark.parametrize("apart", [2, 96, 97, 194])
def test_a_loss_that_reads_another_step_is_found_at_any_distance(apart: int):
    """One step of so many sequences lies as far from the next, in the order in which losses are written down."""
    with pytest.raises(ValueError, match="of that step's output alone"):
        pass_of(nn.GRU(4, 5, dtype=X.dtype), torch.randn(4, apart, 4, dtype=X.dtype), lambda h: square(h - h.roll(1, 0)))


def test_a_loss_may_compute_in_another_precision():
    x = torch.randn(3, 2, 4, dtype=X.dtype)
    module = lstm()
    exact, rounded = (pass_of(module, x, loss) for loss in (square, lambda h: square(h.float()).double()))
    assert_close(rounded.direct, exact.direct, 1e-6, 1e-6)


def test_it_works_in_inference_mode_and_changes_no_random_number():
    module, x = lstm(), torch.randn(3, 2, 4, dtype=X.dtype)
    state = torch.get_rng_state()
    with torch.inference_mode():
        inside = pass_of(module, x, square)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(inside.direct, pass_of(module, x, square).direct)


def test_states_may_come_as_a_list_and_errors_of_h_alone():
    module, x = lstm(), torch.randn(3, 2, 4, dtype=X.dtype)
    h, c, late = (torch.randn(1, 2, 5, dtype=X.dtype) for _ in range(3))
    seen = pass_of(module, x, square, state=[h, c], beyond=late)
    same = pass_of(module, x, square, state=(h, c), beyond=(late, torch.zeros_like(late)))
    for name, gradient in same.gradient().items():
        assert torch.equal(seen.gradient()[name], gradient)


@pytest.mark.parametrize("axis", [Axis((1, 2, 3), (1, 2, 3)), Axis(("a", "b", None), ("a", "b", "c"))], ids=str)
def test_labels_are_texts(axis: Axis):
    with pytest.raises(ValueError, match="must be texts"):
        trace_of(lstm(), X, square, axes=[axis], sequences=1)
    with pytest.raises(ValueError, match="axes must label 3 steps, inputs and targets"):
        trace_of(lstm(), X, square, axes=[Axis(("a", "b", "c"), ("b", "c"))], sequences=1)
