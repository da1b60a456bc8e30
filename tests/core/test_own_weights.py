"""Weights from a file: found whatever they are called, run as torch runs them, and refused in one sentence where they cannot be."""

from __future__ import annotations

import io
import pickle
import resource
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from core import Experiment, InvalidExperiment, InvalidWeights, Trainer, limits
from core.cells import CELLS
from core.own_weights import READING_BYTES, read_weights
from tests.core import oracle
from tests.core.stacks import assert_close

every_cell = pytest.mark.parametrize("kind", CELLS)
TEXT = "the cat sat\nthe dog sat"
TOKENS = 8
"""Of the text: four special ones, and the, cat, sat, dog."""


def saved(state: object, **more: object) -> bytes:
    out = io.BytesIO()
    torch.save(state, out, **more)
    return out.getvalue()


def written(state: dict[str, Tensor]) -> bytes:
    return save({name: value.contiguous() for name, value in state.items()})


class Own(nn.Module):
    """Somebody's language model."""

    def __init__(self, kind: str = "lstm", tokens: int = TOKENS, inputs: int = 5, hidden: int = 6, bias: bool = True) -> None:
        super().__init__()
        self.encoder = nn.Embedding(tokens, inputs)
        self.norm = nn.LayerNorm(inputs)
        self.rnn = oracle.MODULES[kind](inputs, hidden, 2)
        self.decoder = nn.Linear(hidden, tokens, bias=bias)
        generator = torch.Generator().manual_seed(2)
        for weight in self.parameters():
            weight.data.uniform_(-0.5, 0.5, generator=generator)


def experiment(**more: object) -> Experiment:
    return Experiment(text=TEXT, **more)


@every_cell
@pytest.mark.parametrize("make", [saved, written], ids=["torch.save", "safetensors"])
def test_a_run_begins_with_the_weights_of_a_file(kind: str, make: Callable[[dict], bytes]):
    own = Own(kind)
    found = read_weights(make(own.state_dict()), "relu" if kind == "rnn_relu" else "tanh")
    assert (found.stack, found.cell, found.layers, found.inputs, found.hidden) == ("rnn.", kind, 2, 5, 6)
    begun = found.begin(experiment(attention="dot", model="recurrent", cell="gru", seed=3, learning_rate=0.5))
    trainer = begun.trainer
    assert (begun.embedding, begun.readout) == ("encoder.weight", "decoder.weight")
    assert (trainer.iteration, trainer.experiment.learning_rate) == (0, 0.5)
    assert (trainer.experiment.cell, trainer.experiment.layers, trainer.experiment.hidden, trainer.experiment.embedding) == (kind, 2, 6, 5)
    batch, twin = trainer.task.batch(), own.double()
    with torch.no_grad():
        logits = twin.decoder(twin.rnn(twin.encoder(batch.inputs))[0])
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=0)
    assert trainer.peek().loss == pytest.approx(loss.item(), rel=1e-12)
    again = Trainer.restore(trainer.checkpoint())
    assert torch.equal(again.model.flat, trainer.model.flat)
    assert again.step().loss == trainer.step().loss


def test_every_new_beginning_is_with_the_weights_of_the_file():
    trainer = read_weights(saved(Own(tokens=TOKENS + 1).state_dict())).begin(experiment(seed=7)).trainer
    first, loss = trainer.model.flat.clone(), trainer.step().loss
    assert not torch.equal(trainer.model.flat, first)
    again = Trainer.restore(trainer.checkpoint())
    for one in (trainer, again):
        one.reset()
        assert one.iteration == 0
        assert torch.equal(one.model.flat, first)
        assert one.step().loss == loss
    with pytest.raises(ValueError, match=r"rnn\.bias_hh_l0 is of shape \(24,\), not \(3,\)"):
        trainer.begin_with({"rnn.bias_hh_l0": torch.zeros(3)})
    with pytest.raises(KeyError):
        trainer.begin_with({"weight": torch.zeros(3)})


def test_what_does_not_fit_the_text_is_drawn_from_the_seed():
    begun = read_weights(saved(Own(tokens=TOKENS + 1).state_dict())).begin(experiment(seed=7))
    assert (begun.embedding, begun.readout) == (None, None)
    fresh = Trainer(begun.trainer.experiment).model.weights
    for name, weight in begun.trainer.model.weights.items():
        assert torch.equal(weight, fresh[name]) == (not name.startswith("rnn."))


def test_a_stack_alone_is_enough():
    module = nn.GRU(3, 4)
    found = read_weights(saved(module.state_dict()))
    assert (found.stack, found.cell, found.layers, found.inputs, found.hidden) == ("", "gru", 1, 3, 4)
    assert_close(found.begin(experiment()).trainer.model.weights["rnn.weight_hh_l0"], module.weight_hh_l0.detach().double())


def test_a_readout_without_a_bias_has_one_of_0():
    begun = read_weights(saved(Own(bias=False).state_dict())).begin(experiment())
    assert begun.readout == "decoder.weight"
    assert not begun.trainer.model.weights["readout.bias"].any()


def test_a_square_readout_is_no_embedding():
    """Of two matrices of one shape, the one with a bias reads out."""
    own = Own(inputs=6)
    found = read_weights(saved(own.state_dict())).begin(experiment())
    assert (found.embedding, found.readout) == ("encoder.weight", "decoder.weight")
    tied = {name: value for name, value in own.state_dict().items() if "encoder" not in name}
    assert read_weights(saved(tied)).begin(experiment()).embedding is None


def test_a_state_dict_is_found_inside_a_checkpoint():
    own = Own()
    optimiser = torch.optim.Adam(own.parameters())
    sum(weight.sum() for weight in own.parameters()).backward()
    optimiser.step()
    block = saved({"epoch": 3, "best": [0.5], "model": own.state_dict(), "optimiser": optimiser.state_dict()})
    found = read_weights(block)
    assert found.stack == "model.rnn."
    assert found.begin(experiment()).embedding == "model.encoder.weight"


def test_one_of_several_stacks_is_named():
    both = {**nn.LSTM(2, 3).state_dict(prefix="encoder.lstm."), **nn.GRU(2, 3).state_dict(prefix="decoder.gru.")}
    with pytest.raises(InvalidWeights, match=r"There are 2 recurrent stacks in this file \('decoder.gru', 'encoder.lstm'\)"):
        read_weights(saved(both))
    assert read_weights(saved(both), stack="decoder.gru.").cell == "gru"
    with pytest.raises(InvalidWeights, match=r"There is no stack 'other\.'"):
        read_weights(saved(both), stack="other.")


def test_a_series_takes_a_stack_that_reads_as_many_columns():
    series = Experiment(task="series", series="airline")
    begun = read_weights(saved(nn.LSTM(1, 8).state_dict())).begin(series)
    assert begun.trainer.experiment.hidden == 8
    with pytest.raises(InvalidWeights, match="These weights read 3 numbers a step, but this task gives 1"):
        read_weights(saved(nn.LSTM(3, 8).state_dict())).begin(series)


def test_sizes_beyond_the_bounds_are_refused():
    with pytest.raises(InvalidExperiment, match="Hidden units must be a whole number from 1 to 256, not 300"):
        read_weights(saved(nn.LSTM(3, 300).state_dict())).begin(experiment())
    with pytest.raises(InvalidExperiment, match="Embedding size must be a whole number from 1 to 256, not 257"):
        read_weights(saved(nn.RNN(257, 3).state_dict())).begin(experiment())


def without(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {other: value for other, value in state.items() if other != name}


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> object:
        return (exec, ("import builtins; builtins.own_weights_were_here = True",))


def compressed(block: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(block)) as parts, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as squeezed:
        for entry in parts.infolist():
            squeezed.writestr(entry.filename, parts.read(entry.filename))
    return out.getvalue()


def repeated(block: bytes) -> bytes:
    """The file with a list that names its words a thousand times: each is as long as they are."""
    out = io.BytesIO(block)
    with zipfile.ZipFile(out, "a") as parts:
        words = next(entry for entry in parts.infolist() if entry.filename.endswith("data.pkl"))
        parts.filelist += [words] * 1000
        parts.writestr("more", b"")
    return out.getvalue()


def scripted() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as parts:
        parts.writestr("archive/constants.pkl", b"")
    return out.getvalue()


LSTM = nn.LSTM(2, 3).state_dict()
NAN = {name: value.clone().fill_(torch.nan) for name, value in LSTM.items()}


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        (b"", "neither safetensors nor a state dict"),
        (b"PK\x03\x04", "neither safetensors nor a state dict"),
        (b"hello" * 100, "neither safetensors nor a state dict"),
        (saved(LSTM)[:-40], "neither safetensors nor a state dict|as tensors alone"),
        (pickle.dumps(LSTM), "neither safetensors nor a state dict"),
        (saved(LSTM, _use_new_zipfile_serialization=False), "neither safetensors nor a state dict"),
        (saved(nn.LSTM(2, 3)), "more than tensors"),
        (saved({"a": Evil()}), "more than tensors"),
        (compressed(saved(LSTM)), "compressed"),
        (repeated(saved(LSTM)), "compressed"),
        (scripted(), "TorchScript"),
        (bytes(limits.CHECKPOINT_BYTES + 1), "64 MB at most"),
        (saved(nn.Linear(2, 3).state_dict()), "no recurrent stack"),
        (saved([1, 2]), "no recurrent stack"),
        (saved({"a": {"weight_ih_l0": 3}}), "no recurrent stack"),
        (saved(nn.LSTM(2, 3, bidirectional=True).state_dict()), "is bidirectional"),
        (saved(nn.LSTM(2, 3, proj_size=2).state_dict(prefix="a.b.")), "'a.b' has projections"),
        (saved(nn.LSTM(2, 3, proj_size=2).state_dict()), "^The stack without a name has projections"),
        (saved(nn.LSTM(2, 3, bias=False).state_dict()), "has no bias_ih_l0: it was made without biases"),
        (saved(nn.LSTM(2, 3, 5).state_dict()), "has 5 layers; at most 4"),
        (saved(without(LSTM, "weight_hh_l0")), "has no weight_hh_l0: the file is not whole"),
        (saved(without(LSTM, "bias_hh_l0")), "has no bias_hh_l0: the file is not whole"),
        (saved({**LSTM, "weight_hh_l0": torch.zeros(6, 3)}), "weight_hh_l0 of the stack without a name is 6 by 3"),
        (saved({**LSTM, "weight_hh_l0": torch.zeros(12, 0)}), "weight_hh_l0 of the stack without a name is 12 by 0"),
        (saved({**LSTM, "weight_ih_l0": torch.zeros(11, 2)}), "weight_ih_l0 of the stack without a name is 11 by 2; 12 by 2 would fit"),
        (saved({**LSTM, "bias_hh_l0": torch.zeros(3)}), "bias_hh_l0 of the stack without a name is 3; 12 would fit"),
        (saved({**LSTM, "bias_hh_l0": torch.zeros(12, 1)}), "no vectors"),
        (saved({name: value.int() for name, value in LSTM.items()}), "not all finite"),
        (saved(NAN), "not all finite"),
        (saved(OrderedDict(weight_ih_l9999=torch.zeros(2))), "has 10000 layers"),
        (saved({name: value.to_sparse() for name, value in LSTM.items()}), "more than tensors"),
        (saved({name: torch.zeros(1).expand(10**6, 10**6) for name in LSTM}), "no vectors"),
    ],
    ids=range(32),
)
def test_what_cannot_be_used_is_refused_in_one_sentence(block: bytes, sentence: str):
    with pytest.raises(InvalidWeights, match=sentence):
        read_weights(block).begin(experiment())
    import builtins

    assert not hasattr(builtins, "own_weights_were_here")


def test_a_shape_larger_than_its_numbers_takes_no_memory():
    """A matrix of a million rows that are all one number is refused by its sizes, before anything is copied."""
    huge = {name: torch.zeros(1).expand(*((4 * 10**6, 10**6) if "weight" in name else (4 * 10**6,))) for name in LSTM}
    with pytest.raises(InvalidExperiment, match="Hidden units"):
        read_weights(saved(huge)).begin(experiment())


def test_only_two_nonlinearities_are_known():
    with pytest.raises(ValueError, match="one of tanh, relu, not 'sine'"):
        read_weights(saved(LSTM), "sine")


def test_shared_dicts_are_not_spelled_out():
    inner: dict = {str(number): torch.zeros(1) for number in range(200)}
    for _ in range(2):
        inner = {str(number): inner for number in range(200)}
    with pytest.raises(InvalidWeights, match="more than 20000 names"):
        read_weights(saved(inner))


def test_words_that_use_one_another_take_no_memory():
    """A list of 5,000 pairs, from which 3,000 dicts are made: 100 kB that would spell some gigabytes."""
    pairs = b"".join(b"J" + struct.pack("<i", number) + b"K\x01\x86" for number in range(5000))
    made = b"\x80\x02]q\x00(" + pairs + b"eccollections\nOrderedDict\nq\x01" + b"h\x01h\x00\x85R" * 3000 + b"."
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(LSTM))) as parts, zipfile.ZipFile(out, "w") as crafted:
        for entry in parts.infolist():
            crafted.writestr(entry.filename, made if entry.filename.endswith("data.pkl") else parts.read(entry))
    before, peak = resource.getrlimit(resource.RLIMIT_AS), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidWeights, match="cannot be read as tensors alone"):
        read_weights(out.getvalue())
    grown = 2**10 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)
    assert grown < 1.2 * READING_BYTES
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert read_weights(saved(LSTM)).layers == 1


def test_a_word_that_takes_memory_is_refused_before_it_is_read():
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(LSTM))) as parts, zipfile.ZipFile(out, "w") as crafted:
        for entry in parts.infolist():
            made = b"\x80\x02c__builtin__\nbytearray\nK\x05\x85R." if entry.filename.endswith("data.pkl") else parts.read(entry)
            crafted.writestr(entry.filename, made)
    with pytest.raises(InvalidWeights, match="more than tensors"):
        read_weights(out.getvalue())


def test_a_checkpoint_with_optimiser_and_schedule_is_read():
    model = nn.ModuleDict({"embedding": nn.Embedding(5, 2), "norm": nn.BatchNorm1d(2), "rnn": nn.LSTM(2, 3)})
    optimiser = torch.optim.Adam(model.parameters())
    sum(weight.sum() for weight in model.parameters()).backward()
    optimiser.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [3, 4])
    whole = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
    assert read_weights(saved(whole)).hidden == 3
    assert read_weights(saved(dict(model.named_parameters()))).hidden == 3


@pytest.mark.parametrize("task", ["copy", "echo", "order", "reber", "embedded_reber"])
def test_every_task_of_tokens_reads_the_width_of_the_weights(task: str):
    found = read_weights(saved(nn.LSTM(7, 3).state_dict()))
    weights = found.begin(Experiment(task=task)).trainer.model.weights
    assert weights["embedding.weight"].shape[1] == 7
    assert torch.equal(weights["rnn.weight_ih_l0"], found.weights["weight_ih_l0"].double())
