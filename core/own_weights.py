"""Weights of somebody's own torch.nn.RNN, LSTM or GRU, from a file, as the beginning of a run.

The file is safetensors, or a state dict that `torch.save` wrote; both are read as numbers and words only, never as code, and only up to a
size.  The stack is found by the names that torch gives its weights (weight_ih_l0, weight_hh_l0, ...), whatever stands before them; the kind
of cell by how many blocks of rows they have.  An embedding and a readout are used where the file has ones that fit what the run learns.

V tokens, I inputs, H hidden units, G blocks of rows (gates), O outputs.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from core import limits
from core.cells import CELLS
from core.experiment import Experiment
from core.model import torch_names
from core.tasks import TASKS, Task
from core.training import Trainer

NONLINEARITIES = ("tanh", "relu")
"""Of a plain RNN: the same weights serve both, and only who trained them knows."""

KINDS = {1: "rnn", 3: "gru", 4: "lstm"}
"""Blocks of rows in weight_hh -> kind of cell."""

NAME = re.compile(r"(?P<stack>.*?)(?P<what>weight|bias)_(?P<side>ih|hh|hr)_l(?P<layer>\d{1,4})(?P<reverse>_reverse)?")
READOUT = re.compile(r"readout|decoder|head|classifier|output|logits|proj|linear|(?:^|[._])(?:fc|lin|out)")
UNREADABLE = (
    pickle.UnpicklingError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, AssertionError, EOFError, OSError,
    MemoryError,
)  # fmt: skip
"""What torch.load raises at a file that it cannot or will not read."""

DEEPEST = 6
"""A checkpoint may hold its state dict in a dict of a dict."""


NAMES = 20_000
LONGEST_NAME = 500
"""Bounds of what is looked through: dicts may share dicts, and a small file of them can spell any number of names."""

READING_BYTES = 2**29
"""Of memory, while a file is read."""

PICKLE_BYTES = 2 * 2**20
"""Of the words beside the numbers; a state dict takes about 150 bytes a tensor."""

CLASSES = frozenset(
    (
        *("collections OrderedDict", "collections Counter", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"),
        *("torch Size", "torch device"),
        *(f"torch {kind}Storage" for kind in ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")),
        *(f"torch {name}" for name in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")),
    )
)
"""What a state dict is made of, as its file names it.  torch allows more, bytearray(n) among them, which takes any memory."""


class InvalidWeights(ValueError):
    """The file has no weights that can be used; the message says why in one sentence."""


@dataclass(frozen=True)
class OwnWeights:
    """What was found in a file.

    stack: what stands before the weights' names.  cell: as in `core.cells.CELLS`.  weights: by torch's names, with the shapes that these
    sizes ask for.  others: all other tensors, by name.
    """

    stack: str
    cell: str
    layers: int
    inputs: int
    hidden: int
    weights: Mapping[str, Tensor]
    others: Mapping[str, Tensor]

    def embedding(self, tokens: int) -> str | None:
        """The name of a matrix (V, I) that could be the embedding of so many tokens."""
        fitting = [name for name in self._matrices((tokens, self.inputs)) if self._bias(name) is None]
        return min(fitting, key=lambda name: "emb" not in name.lower(), default=None)

    def readout(self, outputs: int, embedding: str | None = None) -> str | None:
        """The name of a matrix (O, H) that could be the readout; a bias stands beside it, or its name says so."""
        fitting = [name for name in self._matrices((outputs, self.hidden)) if name != embedding and "emb" not in name.lower()]
        named = {name: bool(READOUT.search(name.lower())) for name in fitting}
        fitting = [name for name in fitting if named[name] or self._bias(name) is not None]
        return min(fitting, key=lambda name: (not named[name], self._bias(name) is None), default=None)

    def _matrices(self, shape: tuple[int, int]) -> Iterator[str]:
        return (name for name, value in self.others.items() if name.endswith("weight") and value.shape == shape)

    def _bias(self, name: str) -> Tensor | None:
        """What stands beside a weight as its bias."""
        bias = self.others.get(name.removesuffix("weight") + "bias")
        return bias if bias is not None and bias.shape == self.others[name].shape[:1] else None

    def begin(self, experiment: Experiment) -> Begun:
        """A run of these weights at iteration 0, with what it learns, its truncation, clipping and optimiser from an experiment.

        InvalidExperiment where sizes are out of bounds, `InvalidWeights` where the stack reads other inputs than the task gives.
        """
        sizes: dict[str, Any] = {"cell": self.cell, "layers": self.layers, "hidden": self.hidden}
        if getattr(TASKS[experiment.task], "inputs", 0) is None:
            sizes["embedding"] = self.inputs
        trainer = Trainer(experiment.replace(model="recurrent", attention="none", **sizes))
        model, task = trainer.model, trainer.task
        if task.inputs not in (None, self.inputs):
            raise InvalidWeights(f"These weights read {self.inputs} numbers a step, but this task gives {task.inputs}.")
        taken = {f"rnn.{name}": value for name, value in self.weights.items()}
        embedding, readout = self._around(task)
        if embedding:
            taken["embedding.weight"] = self.others[embedding]
        if readout:
            bias = self._bias(readout)
            taken["readout.weight"] = self.others[readout]
            taken["readout.bias"] = torch.zeros(task.outputs) if bias is None else bias
        for name, value in taken.items():
            if not value.is_floating_point() or not value.isfinite().all():
                raise InvalidWeights(f"The weights of {name.removeprefix('rnn.')} are not all finite numbers.")
            if value.shape != model.weights[name].shape:
                raise InvalidWeights(f"{name} is {_by(tuple(value.shape))}, but this run needs {_by(tuple(model.weights[name].shape))}.")
        trainer.begin_with(taken)
        return Begun(trainer, self.stack, embedding, readout)

    def _around(self, task: Task) -> tuple[str | None, str | None]:
        """The names of the embedding and of the readout that fit a task."""
        embedding = self.embedding(len(task.vocabulary)) if task.inputs is None else None
        return embedding, self.readout(task.outputs, embedding)


@dataclass(frozen=True)
class Begun:
    """A run that begins with somebody's weights.

    stack: as in `OwnWeights`.  embedding, readout: the names of the matrices that were taken for them; None where they are newly drawn from
    the experiment's seed.
    """

    trainer: Trainer
    stack: str
    embedding: str | None
    readout: str | None


def read_weights(block: bytes, nonlinearity: str = "tanh", stack: str | None = None) -> OwnWeights:
    """The recurrent stack in a file.

    nonlinearity: of a plain RNN, one of `NONLINEARITIES`.  stack: what stands before the names of its weights, where a file has several.
    `InvalidWeights` for a file that is none, is larger than `limits.CHECKPOINT_BYTES`, or has no stack that this engine has.
    """
    if nonlinearity not in NONLINEARITIES:
        raise ValueError(f"nonlinearity must be one of {', '.join(NONLINEARITIES)}, not {nonlinearity!r}.")
    state = _read(block)
    found: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        if match := NAME.fullmatch(name):
            found.setdefault(match["stack"], {})[name[len(match["stack"]) :]] = value
    if not found:
        raise InvalidWeights("There is no recurrent stack in this file: no weight is named weight_ih_l0, as in torch.nn.RNN, LSTM and GRU.")
    if stack is None and len(found) > 1:
        raise InvalidWeights(
            f"There are {len(found)} recurrent stacks in this file ({_listed(found)}): save the state dict of one of them alone."
        )
    prefix = next(iter(found)) if stack is None else stack
    if prefix not in found:
        raise InvalidWeights(f"There is no stack {prefix!r} in this file; there is {_listed(found)}.")
    others = {name: value for name, value in state.items() if not NAME.fullmatch(name)}
    return _stack(prefix, found[prefix], others, nonlinearity)


def _stack(prefix: str, weights: Mapping[str, Tensor], others: Mapping[str, Tensor], nonlinearity: str) -> OwnWeights:
    """One stack, its shapes checked against each other."""
    if any(name.endswith("_reverse") for name in weights):
        raise InvalidWeights(
            f"{_named(prefix, begins=True)} is bidirectional: a state that reads the future cannot be followed step by step here."
        )
    if any("_hr_" in name for name in weights):
        raise InvalidWeights(f"{_named(prefix, begins=True)} has projections (proj_size), which this engine does not have.")
    layers = 1 + max(int(name.rpartition("_l")[2]) for name in weights)
    if layers > limits.LAYERS:
        raise InvalidWeights(f"{_named(prefix, begins=True)} has {layers} layers; at most {limits.LAYERS} are allowed.")
    wanted = [name for layer in range(layers) for name in torch_names(layer)]
    if missing := [name for name in wanted if name not in weights]:
        biased = any(name.startswith("bias") for name in weights)
        why = (
            "the file is not whole"
            if biased or not missing[0].startswith("bias")
            else "it was made without biases, which this engine always has"
        )
        raise InvalidWeights(f"{_named(prefix, begins=True)} has no {missing[0]}: {why}.")
    if any(weights[name].ndim != 1 + name.startswith("weight") for name in wanted):
        raise InvalidWeights(f"{_named(prefix, begins=True)} has weights that are no matrices, or biases that are no vectors.")
    wide, hidden = weights["weight_hh_l0"].shape
    blocks = wide // hidden if hidden and wide % hidden == 0 else 0
    if blocks not in KINDS:
        raise InvalidWeights(
            f"weight_hh_l0 of {_named(prefix)} is {wide} by {hidden}: an RNN has as many rows as columns, a GRU 3 times, an LSTM 4 times."
        )
    inputs = weights["weight_ih_l0"].shape[1]
    for layer in range(layers):
        sizes = ((wide, hidden if layer else inputs), (wide, hidden), (wide,), (wide,))
        for name, shape in zip(torch_names(layer), sizes, strict=True):
            if tuple(weights[name].shape) != shape:
                raise InvalidWeights(f"{name} of {_named(prefix)} is {_by(tuple(weights[name].shape))}; {_by(shape)} would fit the others.")
    kind = KINDS[blocks]
    cell = kind if kind in CELLS else f"{kind}_{nonlinearity}"
    return OwnWeights(prefix, cell, layers, inputs, hidden, {name: weights[name] for name in wanted}, others)


def _read(block: bytes) -> dict[str, Tensor]:
    """All tensors of a file by name; of dicts in dicts, the names are joined by dots."""
    if len(block) > limits.CHECKPOINT_BYTES:
        raise InvalidWeights(
            f"A file of weights may have {limits.CHECKPOINT_BYTES // 2**20} MB at most; this one has {len(block) / 2**20:.0f}."
        )
    loaded = _unzipped(block) if block[:2] == b"PK" else _safetensors(block)
    found: dict[str, Tensor] = {}
    looked = 0
    waiting: list[tuple[str, Any, int]] = [("", loaded, 0)]
    while waiting:
        name, value, depth = waiting.pop()
        if isinstance(value, Mapping) and depth < DEEPEST:
            looked += len(value)
            if looked > NAMES or any(len(str(key)) > LONGEST_NAME for key in value if isinstance(key, str)):
                raise InvalidWeights(
                    f"This file has more than {NAMES} names, or one of more than {LONGEST_NAME} characters: save the state dict alone."
                )
            inner = [(key, part) for key, part in value.items() if isinstance(key, str | int)]
            waiting += [(f"{name}.{key}" if name else str(key), part, depth + 1) for key, part in reversed(inner)]
        elif isinstance(value, Tensor) and value.layout == torch.strided and value.device.type == "cpu":
            found[name] = value.detach()
    return found


def _safetensors(block: bytes) -> dict[str, Tensor]:
    try:
        loaded: dict[str, Tensor] = load(block)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InvalidWeights("This file is neither safetensors nor a state dict that torch.save has written.") from error
    return loaded


def _unzipped(block: bytes) -> Any:
    """What torch.save has written, if it is made of tensors alone.

    torch writes without compression.  A file whose parts are compressed, or together larger than it is, was made to fill a memory.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(block)) as parts:
            entries = parts.infolist()
            packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
            packed |= sum(entry.file_size for entry in entries) > len(block)  # several entries may name the same bytes
            words = [] if packed else [parts.read(entry) for entry in entries if _pickled(entry)]
    except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError) as error:
        raise InvalidWeights("This file is neither safetensors nor a state dict that torch.save has written.") from error
    if any(entry.filename.endswith("constants.pkl") for entry in entries):
        raise InvalidWeights("This file holds a TorchScript program: save the state dict instead, torch.save(model.state_dict(), path).")
    if packed:
        raise InvalidWeights("This file is compressed, which torch.save never does: it is not opened.")
    if len(words) != 1 or not _made_of_tensors(words[0]):
        raise InvalidWeights(
            "This file holds more than tensors (a whole model, perhaps): save its state dict, torch.save(model.state_dict(), path)."
        )
    try:
        with _bounded_memory():
            return torch.load(io.BytesIO(block), map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise InvalidWeights(
            "This file cannot be read as tensors alone (a whole model, perhaps): save its state dict, torch.save(model.state_dict(), path)."
        ) from error


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """Lets this process grow by `READING_BYTES` at most meanwhile, and then raises MemoryError; only Linux knows such a bound.

    The words of a file may use one another again and again, so that a small one spells any amount.
    """
    try:
        import resource

        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    before, most = resource.getrlimit(resource.RLIMIT_AS)
    bound = now + READING_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (bound if before == resource.RLIM_INFINITY else min(bound, before), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))


def _pickled(entry: zipfile.ZipInfo) -> bool:
    """Whether a part is words; torch finds it whatever the case of its letters.  A compressed or larger one is not read."""
    return entry.filename.lower().endswith(".pkl") and entry.compress_type == zipfile.ZIP_STORED and entry.file_size <= PICKLE_BYTES


def _made_of_tensors(words: bytes) -> bool:
    """Whether a pickle names nothing but `CLASSES`."""
    try:
        named = [(code.name, arg) for code, arg, _ in pickletools.genops(words) if code.name in ("GLOBAL", "STACK_GLOBAL", "INST")]
    except (ValueError, LookupError, EOFError):
        return False
    return all(code == "GLOBAL" and arg in CLASSES for code, arg in named)


def _named(prefix: str, *, begins: bool = False) -> str:
    """A stack by what stands before its weights' names.   begins: as a sentence does."""
    if prefix.rstrip("._"):
        return f"'{prefix.rstrip('._')}'"
    return f"{'The' if begins else 'the'} stack without a name"


def _listed(stacks: Iterable[str]) -> str:
    return ", ".join(map(_named, sorted(stacks)))


def _by(shape: tuple[int, ...]) -> str:
    return " by ".join(map(str, shape))
