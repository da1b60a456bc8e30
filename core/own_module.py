"""A torch.nn.RNN, LSTM or GRU of one's own, seen by this engine: one batch forwards and backwards, as a `Pass` and as a `Trace`.

The module stays what it is: its weights are copied, no random number is drawn.  What stands above it, a readout, attention, another
network, is yours, and so is the loss: the engine needs to know only the *direct* error, what the loss sends into each output h_t of the
module from outside the recurrence.  Everything else follows from it.

Arrays are given in the module's own layout, (B, T, ...) where it is batch_first, (T, ...) for a single sequence, otherwise (T, B, ...).
T steps, B sequences, I inputs, H hidden units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from core import bptt
from core.model import SequenceModel
from core.observe import observe
from core.passes import Pass
from core.tasks import Batch
from core.trace import Array, Axis, Trace
from core.truncation import TBPTT

Loss = Callable[[Tensor], Tensor]
"""Takes the outputs of the module, gives the loss of each step and sequence: (T, B), or (B, T), whose sum is L."""

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4}
"""Types of weights that the engine computes in, and how much of a step's error may seem to come from other steps' losses: with weights of
float64, too, a loss may be computed in float32."""


def pass_of(
    module: nn.RNNBase,
    x: Tensor,
    loss: Loss | None = None,
    *,
    direct: Tensor | None = None,
    beyond: Any = None,
    state: Any = None,
    lengths: Sequence[int] | None = None,
    truncation: TBPTT | None = None,
) -> Pass:
    """One batch through a module and back.

    x: what the module reads.  loss: gives L_s of each step from that step's output alone; autograd takes its gradient.  direct: instead of
    it, dL_s/dh_s as numbers, in the shape of the module's output.  beyond: dL/dh_n, or (dL/dh_n, dL/dc_n), for a loss that also reads the
    states after the last step; what is left out is 0.  state: as the module takes it, h or (h, c).  lengths: the real steps of each
    sequence, the rest being padding.  truncation: full BPTT without it.
    ValueError, in one sentence, for a module or for numbers that do not go together with this.
    """
    check(module)
    if (loss is None) == (direct is None):
        raise ValueError(
            "Give either loss, which makes the loss of each step, or direct, the error that enters at each step: one of the two."
        )
    model = SequenceModel.from_torch(module)
    if not _reads(module, x):
        raise ValueError(f"x must be a tensor of steps, sequences and {module.input_size} inputs, padded to one length (see lengths).")
    if x.dtype != model.flat.dtype:
        raise ValueError(f"x is of {x.dtype}, but the weights are of {model.flat.dtype}.")
    read = time_major(module, x).detach().cpu()
    steps, sequences = read.shape[:2]
    before, after = by_layer(state, model, sequences), by_layer(beyond, model, sequences, "beyond")
    real = [steps] * sequences if lengths is None else list(lengths)
    if len(real) != sequences or not all(1 <= length <= steps for length in real):
        raise ValueError(f"lengths must be {sequences} whole numbers from 1 to {steps}.")

    def entering(h: Tensor) -> tuple[Tensor | None, Tensor]:
        if loss is not None:
            return _differentiated(module, loss, h, x.ndim == 2)
        given = time_major(module, cast(Tensor, direct)).detach().cpu()
        if given.shape != h.shape or given.dtype != h.dtype:
            raise ValueError(f"direct must have the shape and the type of the module's output, {tuple(h.shape)} of {h.dtype} time-major.")
        return None, given

    return whole_pass(model, read, before, real, entering, truncation, after)


def whole_pass(
    model: SequenceModel,
    read: Tensor,
    state: bptt.State | None,
    lengths: Sequence[int],
    entering: Callable[[Tensor], tuple[Tensor | None, Tensor]],
    truncation: TBPTT | None = None,
    beyond: bptt.State | None = None,
) -> Pass:
    """A stack over read, (T, B, I), and back.

    entering: the states of the top layer, (T, B, H) -> the losses (T, B), where they are known, and the direct errors (T, B, H).
    """
    real = torch.tensor(lengths)
    steps = len(read)
    mask = torch.arange(steps)[:, None] < real
    unrolled = bptt.forward(model.cell, model.layers, read, state, mask)
    outputs = unrolled.h.clone()
    known, direct = entering(outputs)
    losses = torch.full(mask.shape, torch.nan, dtype=read.dtype) if known is None else known.masked_fill(~mask, 0)
    direct = direct.masked_fill(~mask[..., None], 0)
    windows = truncation or TBPTT(steps, steps)
    errors = bptt.backward(unrolled, direct, windows, beyond=beyond)
    return Pass(model, Batch(read, outputs, mask, real), windows, unrolled, outputs, losses, direct, direct, errors, beyond=beyond)


def trace_of(
    module: nn.RNNBase,
    x: Tensor,
    loss: Loss | None = None,
    *,
    direct: Tensor | None = None,
    beyond: Any = None,
    state: Any = None,
    lengths: Sequence[int] | None = None,
    truncation: TBPTT | None = None,
    sequences: int | None = None,
    steps: int | None = None,
    axes: Sequence[Axis] | None = None,
    iteration: int = 0,
) -> Trace:
    """What the engine sees of one batch of a module, as of its own experiments; arguments as `pass_of`.

    sequences: how many of the batch's, from the first on, are shown; all without it.  steps: how many of their last steps, or fewer where a
    truncation's block begins later; all without it.   axes: the labels of all of their steps, numbers without.
    With `direct`, the losses are not known: the Trace has none, and row s of its lag matrix is the error that enters at step s.
    """
    seen = pass_of(module, x, loss, direct=direct, beyond=beyond, state=state, lengths=lengths, truncation=truncation)
    return traced(seen, sequences, steps, axes, iteration, losses=loss is not None)


def traced(seen: Pass, sequences: int | None, steps: int | None, axes: Sequence[Axis] | None, iteration: int, *, losses: bool) -> Trace:
    """The Trace of the first sequences of a pass, of their last steps; losses: whether they are known.

    Errors only go back, so what is shown of the last steps is exact whatever came before them.
    """
    real = seen.batch.lengths[:sequences].tolist()
    labels = axes or [numbered(length) for length in real]
    if any([len(names) for names in kind] != real for kind in ([axis.inputs for axis in labels], [axis.targets for axis in labels])):
        raise ValueError(f"axes must label {', '.join(map(str, real))} steps, inputs and targets, one axis a sequence.")
    if not all(isinstance(name, str) for axis in labels for name in (*axis.inputs, *axis.targets)):
        raise ValueError("The labels of axes must be texts.")
    first = _first(max(real), steps, seen.truncation)
    if min(real) <= first:
        raise ValueError(
            f"The last {steps} steps begin after step {first}, where a sequence of {min(real)} steps has ended: show more steps."
        )
    labels = [Axis(axis.inputs[first:], axis.targets[first:]) for axis in labels]
    # A sequence that is not shown may be far longer.
    last = max(real) if steps and len(seen.losses) - first > steps else len(seen.losses)
    trace = observe(_between(seen, first, last), seen.gradient(), labels, slice(len(real)), Unshown(), iteration=iteration)
    values = {name: value for name, value in trace.values.items() if losses or name != "loss"}
    whole = last - first == len(seen.losses)
    books = {law: error for law, error in trace.books.items() if whole or law != "shares"}  # the shares of all steps add up
    return Trace(trace.iteration, trace.axes, trace.labels, values, books=books)


def _first(longest: int, steps: int | None, windows: TBPTT) -> int:
    """The first step, from 0, of the last so many; where a block of the truncation begins."""
    first = max(0, longest - (steps or longest))
    return min(-(-first // windows.k1) * windows.k1, longest - 1) if windows.k1 < longest else first


def in_sight(lengths: Sequence[int], steps: int) -> int:
    """How many sequences, from the first on, have some of the last so many steps of the longest of them: at least the first."""
    count = 1
    while count < len(lengths) and min(lengths[: count + 1]) > max(lengths[: count + 1]) - steps:
        count += 1
    return count


def _between(seen: Pass, first: int, last: int) -> Pass:
    """The steps of a pass from `first` (from 0) up to `last`."""
    steps, errors = slice(first, last), seen.errors
    cut = {id(value): value[steps] for kind in vars(errors).values() for value in kind}
    return replace(
        seen,
        batch=seen.batch.section(first, last),
        unrolled=seen.unrolled.section(steps),
        outputs=seen.outputs[steps],
        losses=seen.losses[steps],
        d_outputs=seen.d_outputs[steps],
        direct=seen.direct[steps],
        errors=bptt.Errors(**{name: tuple(cut[id(value)] for value in kind) for name, kind in vars(errors).items()}),
    )


class Unshown:
    """Stands where `core.observe` asks a task: what the outputs mean is not known."""

    coordinates: Mapping[str, tuple[str, ...]] = {}

    def shown(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Array]:
        """Nothing."""
        return {}


def check(module: nn.Module) -> None:
    """ValueError, in one sentence, for a module that the engine does not have."""
    kind = type(module).__name__
    if not isinstance(module, nn.RNNBase):
        raise ValueError(f"A torch.nn.RNN, LSTM or GRU is needed, not {kind}.")
    if module.bidirectional or module.proj_size or not module.bias:
        what = "is bidirectional" if module.bidirectional else "has projections" if module.proj_size else "has no biases"
        raise ValueError(f"This {kind} {what}: only one-directional ones with biases and without projections are followed.")
    if module.dropout and module.training and module.num_layers > 1:
        raise ValueError(f"This {kind} draws dropout of {module.dropout:g} between its layers, which cannot be seen: set its dropout to 0.")
    if next(module.parameters()).dtype not in TOLERANCE:
        raise ValueError(f"Weights must be of float32 or float64, not {next(module.parameters()).dtype}.")


def _reads(module: nn.RNNBase, x: Any) -> bool:
    return isinstance(x, Tensor) and x.ndim in (2, 3) and x.shape[-1] == module.input_size and x.numel() > 0


def time_major(module: nn.RNNBase, value: Tensor) -> Tensor:
    """An input, an output or a loss in the module's layout -> (T, B, ...).  Of a single sequence, B = 1."""
    if value.ndim == 2:
        return value.unsqueeze(1)
    return value.transpose(0, 1) if module.batch_first else value


def by_layer(given: Any, model: SequenceModel, sequences: int, name: str = "state") -> bptt.State | None:
    """States as the module takes and gives them, h or (h, c), (L, B, H) each -> as the engine does, layer by layer.

    Errors of them (`name` "beyond") may lack those of c, which then are 0.   ValueError for others.
    """
    if given is None:
        return None
    states, shape = model.cell.states, (len(model.layers), sequences, model.hidden)
    parts = list(given) if isinstance(given, tuple | list) else [given]
    if name == "beyond" and isinstance(parts[0], Tensor):
        parts += [torch.zeros_like(parts[0])] * (len(states) - len(parts))
    if all(isinstance(part, Tensor) for part in parts):
        parts = [part.unsqueeze(1) if part.ndim == 2 else part for part in parts]
    if len(parts) != len(states) or not all(
        isinstance(part, Tensor) and part.shape == shape and part.dtype == model.flat.dtype for part in parts
    ):
        raise ValueError(f"{name} must be {' and '.join(states)} of layers, sequences and units, {shape} of {model.flat.dtype} each.")
    return [{state: part[layer].detach().cpu() for state, part in zip(states, parts, strict=True)} for layer in range(shape[0])]


def numbered(steps: int) -> Axis:
    """An axis whose steps are counted."""
    labels = tuple(str(t) for t in range(1, steps + 1))
    return Axis(labels, labels)


@torch.inference_mode(mode=False)
@torch.enable_grad()
def _differentiated(module: nn.RNNBase, loss: Loss, outputs: Tensor, single: bool) -> tuple[Tensor, Tensor]:
    """The losses (T, B) that a callable makes of outputs (T, B, H), and dL_s/dh_s, (T, B, H)."""
    h = outputs.clone().requires_grad_()
    given = loss(h.squeeze(1) if single else time_major(module, h))
    losses = given.unsqueeze(1) if single and given.ndim == 1 else given.transpose(0, 1) if module.batch_first and not single else given
    if losses.shape != h.shape[:2]:
        raise ValueError(f"loss must give a number for each of {h.shape[0]} steps and {h.shape[1]} sequences, not {tuple(given.shape)}.")
    if not losses.requires_grad:
        raise ValueError("loss must be made of the outputs by operations that autograd follows: it has no gradient.")
    # A loss that reads other outputs than its own step's shows when each is given a weight of its own, drawn apart from all other numbers.
    weights = 1 + torch.rand(losses.shape, dtype=h.dtype, generator=torch.Generator().manual_seed(0))
    own, weighted = (torch.autograd.grad(total, h, retain_graph=True)[0] for total in (losses.sum(), (losses * weights).sum()))
    expected = own * weights[..., None]
    if (weighted - expected).abs().max() > TOLERANCE[h.dtype] * expected.abs().max():
        raise ValueError("loss must make the loss of a step of that step's output alone; give direct where it reads others.")
    return losses.detach(), own
