"""Law 1: every cell, stacked, batched and padded, forwards and backwards, is torch's."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from core import bptt
from core.cells import CELLS
from core.experiment import Experiment
from core.model import SequenceModel
from core.tasks import TASKS
from tests.core import oracle, stacks
from tests.core.stacks import Stack, assert_close, make

every_cell = pytest.mark.parametrize("kind", CELLS)
every_depth = pytest.mark.parametrize("layers", [1, 2, 3, 4])


def start_of(stack: Stack) -> tuple[bptt.State, object]:
    """Random states before the first step, as the engine and as torch want them."""
    generator = torch.Generator().manual_seed(7)
    shape = (stack.module.num_layers, stack.x.shape[1], stack.module.hidden_size)
    h, c = (torch.randn(shape, generator=generator, dtype=stack.x.dtype) for _ in range(2))
    if stack.kind == "lstm":
        return [{"h": one, "c": other} for one, other in zip(h, c, strict=True)], (h, c)
    return [{"h": one} for one in h], h


def check_against_autograd(stack: Stack, relative: float = stacks.RELATIVE, absolute: float = stacks.ABSOLUTE) -> None:
    """Values, gradients of weights and of inputs against torch.nn, over packed sequences where some are shorter."""
    x = stack.x.clone().requires_grad_()
    packed = pack_padded_sequence(x, list(stack.lengths), enforce_sorted=False)
    out, _ = pad_packed_sequence(stack.module(packed)[0])
    found = torch.autograd.grad((out * stack.direct).sum(), [x, *stack.module.parameters()])

    unrolled = stack.forward()
    assert_close(unrolled.h * stack.mask[..., None], out, relative, absolute)
    errors = bptt.backward(unrolled, stack.direct)
    gradient = stack.gradient(unrolled, errors)
    for (name, _), expected in zip(stack.module.named_parameters(), found[1:], strict=True):
        assert_close(gradient.pop(name), expected, relative, absolute)
    assert not gradient, "the engine has weights that torch does not have"
    assert_close(errors.da[0].flatten(-2) @ stack.model.layers[0].weight_ih, found[0], relative, absolute)


@every_cell
@every_depth
def test_values_and_gradients_are_those_of_torch(kind, layers):
    check_against_autograd(make(kind, layers, steps=6, batch=3, inputs=4, hidden=5))


@every_cell
@every_depth
def test_padded_batches_are_torchs_packed_sequences(kind, layers):
    check_against_autograd(make(kind, layers, steps=6, batch=4, lengths=(2, 6, 1, 5)))


@given(stacks.stacks(layers=4))
def test_any_stack_is_torchs(stack):
    check_against_autograd(stack)


@every_cell
def test_float32_agrees_to_its_seven_digits(kind):
    check_against_autograd(make(kind, 2, batch=3, lengths=(5, 2, 4), dtype=torch.float32), relative=1e-4, absolute=1e-5)


@every_cell
@every_depth
def test_states_go_in_and_come_out(kind, layers):
    stack = make(kind, layers)
    ours, theirs = start_of(stack)
    unrolled = stack.forward(ours)
    out, last = stack.module(stack.x, theirs)
    assert_close(unrolled.h, out)
    for layer, states in enumerate(unrolled.last()):
        assert set(states) == set(stack.model.cell.states)
        for name, expected in zip(("h", "c"), last if kind == "lstm" else (last,), strict=False):
            assert_close(states[name], expected[layer])


@every_cell
def test_the_oracle_of_these_tests_is_torchs_too(kind):
    stack = make(kind, 3)
    ours, theirs = start_of(stack)
    start = [(states["h"], states.get("c", torch.zeros_like(states["h"]))) for states in ours]
    assert_close(oracle.unroll(kind, stack.module, stack.x, start).top, stack.module(stack.x, theirs)[0])


@every_cell
@every_depth
def test_errors_at_every_state_are_autograds(kind, layers):
    stack = make(kind, layers, batch=3, lengths=(5, 3, 1))
    run = oracle.unroll(kind, stack.module, stack.x)
    found = torch.stack(oracle.gradients((run.top * stack.direct).sum(), run.probes)).view(2, layers, *stack.direct.shape)
    errors = stack.backward()
    assert_close(torch.stack(errors.dh), found[0])
    if kind == "lstm":
        assert_close(torch.stack(errors.dc), found[1])
    else:
        assert not errors.dc


class Engine(torch.autograd.Function):
    """A stack of the engine's as a torch function of its inputs and weights, with the engine's adjoint as its backward."""

    @staticmethod
    def forward(ctx, stack: Stack, x: Tensor, *weights: Tensor) -> Tensor:
        for weight, value in zip(stack.model.weights.values(), weights, strict=True):
            weight.copy_(value)
        ctx.stack, ctx.unrolled = stack, bptt.forward(stack.model.cell, stack.model.layers, x.detach().clone())
        return ctx.unrolled.h.clone()

    @staticmethod
    def backward(ctx, *direct: Tensor) -> tuple[Tensor | None, ...]:
        errors = bptt.backward(ctx.unrolled, direct[0].contiguous())
        dx = errors.da[0].flatten(-2) @ ctx.unrolled.layers[0].weight_ih
        return None, dx, *ctx.stack.gradient(ctx.unrolled, errors).values()


@every_cell
def test_adjoint_passes_gradcheck(kind):
    stack = make(kind, 2, steps=3, batch=2, inputs=2, hidden=2, seed=1)
    if kind == "rnn_relu":
        # Finite differences step by 1e-6: every unit must stay on its side of the kink.
        before = torch.cat([tape["a"].flatten() for tape in stack.forward().tapes])
        assert before.abs().min() > 1e-3
        assert (before > 0).any()
        assert (before < 0).any()
    weights = [weight.clone().requires_grad_() for weight in stack.model.weights.values()]
    # Central differences of step 1e-6 in float64 leave an error of about 1e-10; gradcheck is asked for 1e-6.
    assert torch.autograd.gradcheck(Engine.apply, (stack, stack.x.clone().requires_grad_(), *weights), eps=1e-6, atol=1e-6, rtol=1e-4)


@every_cell
@every_depth
def test_weights_copy_both_ways(kind, layers):
    module = oracle.MODULES[kind](3, 4, layers, dtype=torch.float64)
    back = SequenceModel.from_torch(module).to_torch()
    assert type(back) is type(module)
    assert back.mode == module.mode
    assert list(back.state_dict()) == list(module.state_dict())
    for name, weight in module.state_dict().items():
        assert torch.equal(back.state_dict()[name], weight)


def test_copied_weights_are_copies():
    module = nn.GRU(2, 3)
    model = SequenceModel.from_torch(module)
    model.flat.zero_()
    assert all(weight.abs().sum() > 0 for weight in module.parameters())
    other = model.to_torch()
    other.weight_hh_l0.data.fill_(1)
    assert not model.flat.any()
    assert model.flat.dtype == torch.float32


@pytest.mark.parametrize("options", [{"bidirectional": True}, {"proj_size": 2}, {"bias": False}], ids=str)
def test_modules_that_the_engine_lacks_are_refused_with_a_sentence(options):
    with pytest.raises(ValueError, match="Only one-directional"):
        SequenceModel.from_torch(nn.LSTM(2, 3, **options))


@every_cell
def test_an_experiments_weights_copy_to_torch(kind, small):
    experiment = small.replace(cell=kind)
    model = SequenceModel.of_experiment(experiment, TASKS["sentences"](experiment))
    module = model.to_torch()
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, model.weights[f"rnn.{name}"])


@every_cell
def test_values_keep_to_the_stated_bounds(kind):
    stack = make(kind)
    cell = stack.model.cell
    assert set(cell.bounds) == {"h", *cell.gates}
    (tape,) = bptt.forward(cell, stack.model.layers, 100 * stack.x).tapes
    values = dict(zip(cell.gates, tape["a"].chunk(len(cell.gates), -1), strict=True)) if cell.gated else {}
    for name, value in (values | {"h": tape["h"]}).items():
        if cell.bounds[name]:
            low, high = cell.bounds[name]
            assert low <= value.min()
            assert value.max() <= high
            assert value.max() - value.min() > (high - low) / 2, "inputs this large fill the range"


def test_inputs_of_the_wrong_width_are_refused_with_both_numbers():
    stack = make("gru")
    with pytest.raises(ValueError, match=r"x has 5 inputs a step, but weight_ih takes 3\."):
        bptt.forward(stack.model.cell, stack.model.layers, torch.zeros(2, 1, 5, dtype=torch.float64))
    with pytest.raises(ValueError, match="4 steps of 2 sequences"):
        bptt.backward(stack.forward(), stack.direct[:4])


@every_cell
def test_weights_start_as_torch_starts_them(kind):
    experiment = Experiment(cell=kind, hidden=64, layers=2, embedding=8)
    model = SequenceModel.of_experiment(experiment, TASKS["sentences"](experiment))
    bound = 1 / math.sqrt(64)
    for name, weight in model.weights.items():
        if name == "embedding.weight":
            # 23 x 8 normal numbers: the standard error of their deviation is 0.05.
            assert 0.8 < weight.std() < 1.2
        else:
            assert weight.abs().max() <= bound
            assert weight.max() - weight.min() > 1.5 * bound
    recurrent = [weight for name, weight in model.weights.items() if "weight_hh" in name]
    assert not torch.equal(*recurrent)


def test_levers_of_vanishing_do_what_they_say():
    def weights(**fields):
        experiment = Experiment(hidden=6, layers=2, **fields)
        return SequenceModel.of_experiment(experiment, TASKS["sentences"](experiment)).weights

    plain, louder, biased = weights(), weights(gain=2.0), weights(forget_bias=1.5)
    for layer in (0, 1):
        assert torch.equal(louder[f"rnn.weight_hh_l{layer}"], 2 * plain[f"rnn.weight_hh_l{layer}"])
        change = biased[f"rnn.bias_ih_l{layer}"] - plain[f"rnn.bias_ih_l{layer}"]
        assert_close(change.view(4, 6), torch.tensor([0, 1.5, 0, 0], dtype=torch.float64)[:, None].expand(4, 6))
        assert torch.equal(biased[f"rnn.bias_hh_l{layer}"], plain[f"rnn.bias_hh_l{layer}"])
        for block in weights(initialisation="orthogonal")[f"rnn.weight_hh_l{layer}"].split(6):
            assert_close(block @ block.T, torch.eye(6, dtype=torch.float64))
    assert torch.equal(weights(cell="gru")["rnn.bias_ih_l0"], weights(cell="gru", forget_bias=1.5)["rnn.bias_ih_l0"])
