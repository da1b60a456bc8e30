"""SequenceModel: embedding (of tokens) -> stacked cells -> perhaps attention -> readout, over one flat vector of parameters.

Every weight is a view into that vector, and so is every gradient: clipping and the optimiser see one tensor.  Recurrent weights bear the
names and shapes that `torch.nn.RNN`, `LSTM` and `GRU` give them, prefixed "rnn.", so that state dicts copy both ways
(`SequenceModel.from_torch`, `SequenceModel.to_torch`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core import bptt, limits
from core.attention import ATTENTIONS, Attended, Attending, Past, Paths, attention_shapes
from core.cells import CELLS, AnyCell, Weights
from core.experiment import Experiment, InvalidExperiment
from core.shares import ByToken, EmbeddingFactors, Factors, InputFactors
from core.tasks import Batch, Task

DTYPES = {"float64": torch.float64, "float32": torch.float32}


def torch_names(layer: int) -> tuple[str, str, str, str]:
    """The names of one layer's weights in `torch.nn.RNN`, `LSTM` and `GRU`."""
    return f"weight_ih_l{layer}", f"weight_hh_l{layer}", f"bias_ih_l{layer}", f"bias_hh_l{layer}"


READING = ("readout.", "attention.", "block.")
"""How the names of weights begin that only read the states.  Their gradient needs no error of a state, so that no truncation changes it."""


def state_weights(names: Iterable[str]) -> list[str]:
    """Of the weights with these names, those that the states depend on: their gradient is what truncation changes and what is estimated."""
    return [name for name in names if not name.startswith(READING)]


class SequenceModel:
    """Weights of a recurrent network, and the products outside its recurrence.

    shapes: name -> shape of every weight, in the order in which they lie in `flat` (P,).  The stack alone needs only the "rnn." ones.
    layers: the weights of each layer of the stack, as `core.bptt` takes them.
    attention: what attends to the states of the top layer, or None.
    positions: the most steps that it can tell apart by where they stand; None where it needs no places.
    """

    attention: Attending | None = None
    positions: int | None = None

    def __init__(self, cell: AnyCell, layers: int, hidden: int, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype) -> None:
        self.cell, self.hidden, self.shapes = cell, hidden, dict(shapes)
        self._sizes = [math.prod(shape) for shape in shapes.values()]
        self.flat = torch.zeros(sum(self._sizes), dtype=dtype)
        self.weights = self.views(self.flat)
        self._layer_names = [tuple(f"rnn.{name}" for name in torch_names(layer)) for layer in range(layers)]
        self.layers = tuple(Weights.of(*(self.weights[name] for name in names)) for names in self._layer_names)

    @classmethod
    def of_experiment(cls, experiment: Experiment, task: Task) -> SequenceModel:
        """The untrained model of an experiment; the same seed gives the same weights."""
        cell, hidden, inputs = CELLS[experiment.cell], experiment.hidden, task.inputs or experiment.embedding
        shapes: dict[str, tuple[int, ...]] = {}
        if task.inputs is None:
            shapes["embedding.weight"] = (len(task.vocabulary), inputs)
        shapes |= _stack_shapes(cell, experiment.layers, hidden, inputs)
        shapes |= {"readout.weight": (task.outputs, hidden), "readout.bias": (task.outputs,)}
        scoring = ATTENTIONS[experiment.attention].scoring
        if scoring:
            check_room(experiment, task)
            # Last, so that all other weights start as they do without attention.
            shapes |= attention_shapes(scoring, hidden, experiment.heads)
        model = cls(cell, experiment.layers, hidden, shapes, DTYPES[experiment.dtype])
        if scoring:
            model.attention = Attending(scoring, experiment.heads, model.weights)
        model.initialise(experiment)
        return model

    @classmethod
    def from_torch(cls, module: nn.RNNBase) -> SequenceModel:
        """The stack of a `torch.nn.RNN`, `LSTM` or `GRU`, weights copied.

        ValueError for what this engine does not have: bidirectional, projected or bias-free layers.
        """
        if module.bidirectional or module.proj_size or not module.bias:
            raise ValueError("Only one-directional torch.nn.RNN, LSTM and GRU with biases and without projections can be copied.")
        cell = CELLS[module.mode.lower()]
        shapes = _stack_shapes(cell, module.num_layers, module.hidden_size, module.input_size)
        model = cls(cell, module.num_layers, module.hidden_size, shapes, next(module.parameters()).dtype)
        for name, value in module.state_dict().items():
            model.weights[f"rnn.{name}"].copy_(value)
        return model

    def to_torch(self) -> nn.RNNBase:
        """The stack as `torch.nn.RNN`, `LSTM` or `GRU` (time-major), weights copied."""
        inputs = self.layers[0].weight_ih.shape[1]
        module = self.cell.twin(inputs, self.hidden, len(self.layers), dtype=self.flat.dtype)
        module.load_state_dict({name: self.weights[f"rnn.{name}"] for name in module.state_dict()})
        return module

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """A flat vector, (P,), cut into named weights without copying."""
        pieces = flat.split(self._sizes)
        return {name: piece.view(shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)}

    def initialise(self, experiment: Experiment) -> None:
        """Fill the weights: torch's defaults, then the experiment's levers."""
        generator = torch.Generator().manual_seed(experiment.seed)
        bound = 1 / math.sqrt(self.hidden)
        for name, weight in self.weights.items():
            if name == "embedding.weight":
                weight.normal_(generator=generator)
            else:
                weight.uniform_(-bound, bound, generator=generator)
        for _, weight_hh, bias_ih, _ in self._layer_names:
            INITIALISATIONS[experiment.initialisation].fill(self.weights[weight_hh], generator)
            self.weights[weight_hh].mul_(experiment.gain)
            if "forget_bias" in self.cell.options:
                self.weights[bias_ih].unflatten(0, (len(self.cell.gates), -1))[self.cell.gates.index("f")] += experiment.forget_bias

    def embed(self, batch: Batch, first: int = 0) -> Tensor:
        """What enters the lowest layer, (T, B, I), for a batch that begins at step `first` (from 0)."""
        return self.enter(batch.inputs, first)

    def enter(self, inputs: Tensor, first: int = 0) -> Tensor:
        """What is read, from step `first` on, as it enters the lowest layer: embedded tokens, or the numbers themselves."""
        if "embedding.weight" not in self.weights:
            return inputs
        return nn.functional.embedding(inputs, self.weights["embedding.weight"])

    def attend(self, h: Tensor, mask: Tensor | None = None, past: Past | None = None) -> Attended | None:
        """What the top layer's states (T, B, H) read of each other and of those in the past; None without attention."""
        return self.attention(h, mask, past) if self.attention else None

    def readout(self, h: Tensor) -> Tensor:
        """What is read, (T, B, H), states or what attention made of them -> outputs (T, B, O)."""
        return nn.functional.linear(h, self.weights["readout.weight"], self.weights["readout.bias"])

    def readout_adjoint(self, d_outputs: Tensor) -> Tensor:
        """dL/d outputs (T, B, O) -> the error of what was read, (T, B, H): without attention, the direct error at the top layer."""
        return d_outputs @ self.weights["readout.weight"]

    def factors(
        self,
        unrolled: bptt.Unrolled,
        errors: bptt.Errors,
        read: Tensor | None = None,
        d_outputs: Tensor | None = None,
        paths: Paths | None = None,
    ) -> list[Factors]:
        """Every weight's gradient as errors and inputs, in the order of `shapes`.

        read: what the batch holds, (T, B) tokens that were embedded or (T, B, I) numbers.  d_outputs: (T, B, O).  Without `read`, the
        stack's weights alone; without `d_outputs`, those of the states.  paths: what came through attention; those of its weights that
        work on attended states also have errors at the steps P before the pass, in front.
        """
        found: dict[str, Factors] = {}
        for layer, (weight_ih, weight_hh, bias_ih, bias_hh) in enumerate(self._layer_names):
            input_side = hidden_side = errors.da[layer].flatten(-2)
            if errors.da_across[layer] is not errors.da[layer]:
                hidden_side = errors.da_across[layer].flatten(-2)
            found[weight_ih] = Factors(weight_ih, input_side, unrolled.inputs(layer))
            found[weight_hh] = Factors(weight_hh, hidden_side, unrolled.tapes[layer]["h"][:-1])
            found[bias_ih] = Factors(bias_ih, input_side, None)
            found[bias_hh] = Factors(bias_hh, hidden_side, None)
        if read is not None and "embedding.weight" in self.weights:
            lowest, table = self._layer_names[0][0], self.weights["embedding.weight"]
            by_token = ByToken(found[lowest].errors, read, table)
            found[lowest] = InputFactors(lowest, by_token, unrolled.x)
            found["embedding.weight"] = EmbeddingFactors("embedding.weight", by_token, self.weights[lowest])
        if d_outputs is not None:
            found |= {factor.name: factor for factor in self.reading_factors(unrolled.h, d_outputs, paths)}
        return [found[name] for name in self.shapes if name in found]

    def reading_factors(self, h: Tensor, d_outputs: Tensor, paths: Paths | None = None) -> Iterator[Factors]:
        """The gradients of the weights that only read the states, h (T, B, H) of the top layer; the others as for `factors`."""
        yield Factors("readout.weight", d_outputs, paths.attended.read if paths else h)
        yield Factors("readout.bias", d_outputs, None)
        if paths:
            yield from paths.factors()


def _stack_shapes(cell: AnyCell, layers: int, hidden: int, inputs: int) -> dict[str, tuple[int, ...]]:
    wide = len(cell.gates) * hidden
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(layers):
        sizes = ((wide, hidden if layer else inputs), (wide, hidden), (wide,), (wide,))
        shapes |= dict(zip((f"rnn.{name}" for name in torch_names(layer)), sizes, strict=True))
    return shapes


def check_room(experiment: Experiment, task: Task) -> None:
    """InvalidExperiment where the attention of one pass would not fit into memory."""
    sequences, steps = task.at_once(experiment), task.steps
    wanted = experiment.heads * sequences * steps**2
    if (experiment.attention != "none" or experiment.model == "transformer") and wanted > limits.ATTENTION_WEIGHTS:
        raise InvalidExperiment(
            {
                "attention": f"Attention of {experiment.heads} heads over {sequences} sequences of {steps} steps has {wanted:,} weights; "
                f"at most {limits.ATTENTION_WEIGHTS:,} are allowed: take fewer sequences per update, fewer heads or shorter sequences."
            }
        )


def _leave(weight_hh: Tensor, generator: torch.Generator) -> None:
    """Uniform weights are what every weight starts with."""


def _orthogonal(weight_hh: Tensor, generator: torch.Generator) -> None:
    """Make each gate's (H, H) block orthogonal; Saxe, McClelland & Ganguli 2014."""
    for block in weight_hh.split(weight_hh.shape[1]):
        nn.init.orthogonal_(block, generator=generator)


@dataclass(frozen=True, slots=True)
class Initialisation:
    """One way to start the recurrent weights, (G H, H), in place."""

    label: str
    help: str
    options: tuple[str, ...]
    fill: Callable[[Tensor, torch.Generator], None]


INITIALISATIONS: dict[str, Initialisation] = {
    "uniform": Initialisation("Uniform", "Torch's default: uniform between -1/sqrt(H) and 1/sqrt(H).", (), _leave),
    "orthogonal": Initialisation("Orthogonal", "Recurrent weights that turn a state without shrinking it.", (), _orthogonal),
}
