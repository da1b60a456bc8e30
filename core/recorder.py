"""Recorder: follow somebody's own training loop, and write down what the errors did on their way back in time.

The model is any `torch.nn.Module` with a `torch.nn.RNN`, `LSTM` or `GRU` inside, the loss is any, the loop is yours::

    with Recorder(model, "run.safetensors", every=10) as recorder:
        for x, y in batches:
            optimiser.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            recorder.clip(1.0)  # as clip_grad_norm_; leave it out where nothing is clipped
            optimiser.step()
            recorder.note(loss)

Hooks see what enters the recurrent module, and which errors come back into its outputs and last states: what autograd calls the gradient of
the output is here the *direct* error of each step.  (It is not dL/dh_t: that also holds what comes from later steps, and autograd's fused
kernels never show it.)  From the two, every n-th iteration is computed again by this engine: states, gates, dL/dh_t, shares, lag matrix.
That the gradient of every weight that comes out is the one that autograd left in the module is one of the *books* of each Trace.

Nothing of the training changes, not a bit of it: the hooks look, weights are copied, no random number is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, get_total_norm
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence
from torch.utils.hooks import RemovableHandle

from core import bptt, limits, own_module
from core.clipping import ClipReport
from core.model import SequenceModel
from core.recording import COLUMNS, LONGEST_LABEL, About, InvalidRecording, Recording, words_of
from core.trace import Axis, Trace
from core.vector_norms import largest


@dataclass
class Call:
    """One call of the recurrent module: what went in, and what has come back so far.

    x, state, lengths: what the module read, (T, B, I), the states before it as the module takes them, and the real steps.  h: its outputs.
    came: the errors that entered them, "output" (T, B, H), and those that entered the states after the last step, "h" and "c" (L, B, H).
    """

    model: SequenceModel
    x: Tensor
    state: Any
    lengths: list[int]
    h: Tensor
    came: dict[str, Tensor] = field(default_factory=dict)

    def add(self, where: str, error: Tensor) -> None:
        """Errors that come in several backward passes add up."""
        before = self.came.get(where)
        self.came[where] = error.detach().clone() if before is None else before + error.detach()


class Recorder:
    """Follows one recurrent module of a model while the `with` block lasts, and then writes what it saw.

    path: where to; without it, the `recording` is there in memory.   every: iterations from one Trace to the next, the first one included.
    sequences, steps: how many of a batch a Trace shows, and how many of their last steps.   stack: the recurrent module's name in a model
    that has several.   most: bytes that the Traces may take; when there are more, every second one is dropped, and from then on half
    as many are made.
    ValueError for a model without such a module, and for a module that the engine does not have (see `core.own_module.check`).
    """

    def __init__(
        self,
        model: nn.Module,
        path: str | Path | None = None,
        *,
        every: int = 10,
        sequences: int = 1,
        steps: int = 128,
        stack: str | None = None,
        most: int = limits.RECORDING_BYTES * 3 // 4,
    ) -> None:
        if every < 1 or sequences < 1 or not 1 <= steps <= limits.LAG_STEPS:
            raise ValueError(f"every and sequences must be at least 1, steps from 1 to {limits.LAG_STEPS}.")
        self.stack, self.module = _recurrent(model, stack)
        self.path, self.every, self.sequences, self.steps, self.most = path, every, sequences, steps, most
        self.iteration = 0
        self._parameters = list(model.parameters())
        self._handles: list[RemovableHandle] = []
        self._calls: list[Call] = []
        self._of_weights: dict[str, Tensor] = {}
        self._clipped: ClipReport | None = None
        self._points: list[tuple[float, ...]] = []
        self._points_every = 1
        self._traces: list[Trace] = []

    def __enter__(self) -> Recorder:
        own_module.check(self.module)
        self._handles.append(self.module.register_forward_hook(self._entered, with_kwargs=True))
        for name, weight in self.module.named_parameters():
            if weight.requires_grad:
                self._handles.append(weight.register_hook(partial(self._reached, name)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        if self.path is None:
            return
        try:
            self.recording.save(self.path)
        except (OSError, InvalidRecording) as failed:
            if error is None:
                raise
            error.add_note(f"The recording could not be saved: {failed}")

    def close(self) -> None:
        """Follow no longer; the model is as if it had never been followed."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._calls.clear()

    @property
    def recording(self) -> Recording:
        """What was seen so far."""
        module = self.module
        about = About(
            self.stack,
            module.mode.lower(),
            module.num_layers,
            module.input_size,
            module.hidden_size,
            str(next(module.parameters()).dtype).removeprefix("torch."),
            self.every,
            self.sequences,
        )
        return Recording(about, np.array(self._points, dtype=float).reshape(-1, len(COLUMNS)), tuple(self._traces))

    def clip(self, threshold: float) -> Tensor:
        """torch's `clip_grad_norm_` over all parameters of the model, whose effect is written down; returns the norm before."""
        norm = clip_grad_norm_(self._parameters, threshold)
        before = float(norm)
        after = self._norm()
        self._clipped = ClipReport(before, after, min(1.0, after / before) if before > 0 else 1.0)
        return norm

    def note(self, loss: Tensor | float, axes: Sequence[Axis] | None = None) -> None:
        """An iteration is over: its gradients are there, and not yet set to zero for the next.

        axes: the labels of the steps of the sequences that a Trace shows; numbers without.  Of sequences that have ended before the steps
        that are shown, a Trace shows none.
        ValueError where a Trace is due and the loss did not reach the module, or reached it in a way that is not followed.
        """
        due, self.iteration = self._due, self.iteration + 1
        report = self._clipped or ClipReport(norm := self._norm(), norm)
        value = float(loss.detach()) if isinstance(loss, Tensor) else float(loss)
        calls, self._calls = [call for call in self._calls if call.came], []
        of_weights, self._of_weights, self._clipped = self._of_weights, {}, None
        self._keep((self.iteration, value, report.norm_before, report.norm_after, report.factor, report.share_clipped))
        if due:
            if len(calls) != 1:
                raise ValueError(
                    f"In iteration {self.iteration}, the loss reached {len(calls)} calls of {self.stack}: exactly one call an iteration is "
                    "followed, and note() comes after its backward()."
                )
            self._take(self._computed(calls[0], of_weights, axes))

    def _computed(self, call: Call, of_weights: Mapping[str, Tensor], axes: Sequence[Axis] | None) -> Trace:
        """The Trace of one call, with two more books: whether its gradients are autograd's, and its states the module's."""
        direct, beyond = _errors_of(call)
        if any(len(str(label)) > LONGEST_LABEL for axis in axes or () for label in (*axis.inputs, *axis.targets)):
            raise ValueError(f"The labels of a recording may have at most {LONGEST_LABEL} characters each.")
        state = own_module.by_layer(call.state, call.model, len(call.lengths))
        shown = own_module.in_sight(call.lengths[: self.sequences], self.steps)
        seen = own_module.whole_pass(call.model, call.x, state, call.lengths, lambda _: (None, direct), beyond=beyond)
        trace = own_module.traced(seen, shown, self.steps, axes and axes[:shown], self.iteration, losses=False)
        gradient = seen.gradient()
        books = dict(trace.books)
        pairs = [(gradient[f"rnn.{name}"], found) for name, found in of_weights.items()]
        if pairs:
            books["autograd"] = _difference(pairs)
        books["states"] = _difference([(seen.outputs, call.h)])
        return Trace(trace.iteration, trace.axes, trace.labels, trace.values, books=books)

    @property
    def _due(self) -> bool:
        """Whether the iteration that goes on is to have a Trace."""
        return self.iteration % self.every == 0

    def _entered(self, module: nn.RNNBase, args: tuple[Any, ...], more: Mapping[str, Any], output: tuple[Any, Any]) -> None:
        """After each call of the module."""
        out, last = output
        packed = isinstance(out, PackedSequence)
        values = out.data if packed else out
        if not (self._due and values.requires_grad):
            return
        own_module.check(module)
        given = dict(zip(("input", "hx"), args, strict=False)) | dict(more)
        read, lengths = _padded(module, given["input"])
        call = Call(SequenceModel.from_torch(module), read, _copied(given.get("hx")), lengths, _padded(module, out)[0])
        if values.dtype != call.model.flat.dtype:
            raise ValueError(f"{self.stack} gives {values.dtype} from weights of {call.model.flat.dtype}: mixed precision is not followed.")
        self._calls.append(call)

        def came_back(error: Tensor) -> None:
            call.add("output", _padded(module, out._replace(data=error) if packed else error)[0])

        values.register_hook(came_back)
        for name, state in zip(("h", "c"), last if isinstance(last, tuple) else (last,), strict=False):
            if state.requires_grad:
                state.register_hook(partial(call.add, name))

    def _reached(self, name: str, gradient: Tensor) -> None:
        """The gradient of one weight of the module, before anything is done to it."""
        if self._calls:
            before = self._of_weights.get(name)
            self._of_weights[name] = gradient.detach().cpu().clone() if before is None else before + gradient.detach().cpu()

    def _norm(self) -> float:
        """Of the gradients of all parameters as they are now; NaN where there are none."""
        gradients = [weight.grad for weight in self._parameters if weight.grad is not None]
        return float(get_total_norm(gradients)) if gradients else math.nan

    def _keep(self, point: tuple[float, ...]) -> None:
        if (self.iteration - 1) % self._points_every == 0:
            self._points.append(point)
        if len(self._points) > limits.HISTORY_POINTS:
            self._points, self._points_every = self._points[::2], 2 * self._points_every

    def _take(self, trace: Trace) -> None:
        """Keep a Trace, and room for others."""
        size = _bytes(trace)
        if size > self.most:
            raise ValueError(
                f"One Trace takes {size / 2**20:.1f} MB, but all may take {self.most / 2**20:.1f}: show fewer sequences or steps."
            )
        self._traces.append(trace)
        while len(self._traces) > 1 and (
            sum(map(_bytes, self._traces)) > self.most
            or sum(map(words_of, self._traces)) > limits.RECORDING_WORDS
            or len(self._traces) > limits.RECORDED_ITERATIONS
        ):
            self._traces, self.every = self._traces[::2], 2 * self.every


def _errors_of(call: Call) -> tuple[Tensor, bptt.State | None]:
    """What entered the outputs, (T, B, H), and what entered the states after the last step, layer by layer; None where that is nothing."""
    direct = call.came.get("output", torch.zeros_like(call.h)).clone()
    late = {name: call.came[name].cpu() for name in ("h", "c") if name in call.came}
    if not any(bool(error.any()) for error in late.values()):
        return direct, None
    late = {name: error.unsqueeze(1) if error.ndim == 2 else error.clone() for name, error in late.items()}
    if "h" in late:  # the top layer's last state is the output of the last step
        last = torch.tensor(call.lengths) - 1
        direct[last, torch.arange(len(last))] += late["h"][-1]
        late["h"][-1] = 0
    if not any(bool(error.any()) for error in late.values()):
        return direct, None
    if len(set(call.lengths)) > 1:
        raise ValueError("The loss reads c_n, or h_n of a lower layer, of sequences of different lengths: that is not followed.")
    nothing = torch.zeros_like(call.h[0])
    layers = range(len(call.model.layers))
    return direct, [{name: late[name][layer] if name in late else nothing for name in call.model.cell.states} for layer in layers]


def _padded(module: nn.RNNBase, value: Tensor | PackedSequence) -> tuple[Tensor, list[int]]:
    """A copy of what the module reads or gives, (T, B, ...), and the real steps of each sequence."""
    if isinstance(value, PackedSequence):
        padded, lengths = pad_packed_sequence(value)
        return padded.detach().cpu(), lengths.tolist()
    copy = own_module.time_major(module, value.detach()).cpu().clone()
    return copy, [copy.shape[0]] * copy.shape[1]


def _copied(state: Any) -> Any:
    """First states of their own: a loop may change its own in place before they are looked at."""
    if isinstance(state, tuple | list):
        return tuple(map(_copied, state))
    return state.detach().clone() if isinstance(state, Tensor) else state


def _recurrent(model: nn.Module, stack: str | None) -> tuple[str, nn.RNNBase]:
    """The recurrent module of a model, and its name."""
    found = {name or "the module": module for name, module in model.named_modules() if isinstance(module, nn.RNNBase)}
    if stack is None and len(found) == 1:
        return next(iter(found.items()))
    if stack is not None and stack in found:
        return stack, found[stack]
    there = ", ".join(found) or "none"
    raise ValueError(f"The torch.nn.RNN, LSTM or GRU to follow must be one of the model's ({there}): name it with stack.")


def _difference(pairs: Sequence[tuple[Tensor, Tensor]]) -> float:
    """The largest difference of any pair against the largest entry of all."""
    whole, difference = largest([found for _, found in pairs]), largest([ours - found for ours, found in pairs])
    return difference / whole if whole else difference


def _bytes(trace: Trace) -> int:
    return sum(value.nbytes for value in trace.values.values())
