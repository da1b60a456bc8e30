"""The Recorder: true gradients of somebody's own training loop, of which it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from core import InvalidRecording, Recorder, Recording, limits
from core.cells import CELLS
from core.file_words import metadata
from core.recording import COLUMNS
from core.trace import Axis
from tests.core import oracle
from tests.core.stacks import assert_close

every_cell = pytest.mark.parametrize("kind", CELLS)
STEPS, BATCH, INPUTS, HIDDEN = 6, 3, 4, 5


class Own(nn.Module):
    """A model as anybody writes it: projection, recurrent module, readout of every step."""

    def __init__(self, kind: str = "lstm", layers: int = 2, dtype: torch.dtype = torch.float64, **more: object) -> None:
        super().__init__()
        self.project = nn.Linear(2, INPUTS, dtype=dtype)
        self.rnn = oracle.MODULES[kind](INPUTS, HIDDEN, layers, dtype=dtype, **more)
        self.readout = nn.Linear(HIDDEN, 2, dtype=dtype)
        generator = torch.Generator().manual_seed(4)
        for weight in self.parameters():
            weight.data.uniform_(-0.7, 0.7, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.rnn(self.project(x))[0])


def batches(count: int, dtype: torch.dtype = torch.float64) -> Iterator[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        x = torch.randn(STEPS, BATCH, 2, generator=generator, dtype=dtype)
        yield x, x.roll(1, 0)


def train(model: Own, recorder: Recorder | None, iterations: int = 7, clip: float = 0.1, loss: Callable | None = None) -> list[float]:
    """An ordinary loop; its losses."""
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    found = []
    first = model.rnn.batch_first
    for x, y in batches(iterations, model.readout.weight.dtype):
        optimiser.zero_grad()
        value = (loss or (lambda o, y: ((o - y) ** 2).mean()))(model(x.transpose(0, 1) if first else x), y.transpose(0, 1) if first else y)
        value.backward()
        if recorder is None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        else:
            recorder.clip(clip)
        optimiser.step()
        if recorder is not None:
            recorder.note(value)
        found.append(value.item())
    return found


@every_cell
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("first", [False, True], ids=["time first", "batch first"])
def test_training_is_the_same_to_the_last_bit(kind: str, dtype: torch.dtype, first: bool):
    alone, followed = (Own(kind, dtype=dtype, batch_first=first) for _ in range(2))
    before = torch.get_rng_state()
    with Recorder(followed, every=2, sequences=2) as recorder:
        losses = train(followed, recorder)
    assert torch.equal(torch.get_rng_state(), before)
    assert losses == train(alone, None)
    assert all(torch.equal(one, other) for one, other in zip(alone.parameters(), followed.parameters(), strict=True))
    recording = recorder.recording
    assert recording.iterations == (1, 3, 5, 7)
    assert recording.history[:, COLUMNS.index("loss")].tolist() == losses
    worst = recording.books
    assert {"autograd", "states", "shares", "lag matrix", "direct"} == worst.keys()
    for name, (error, iteration) in worst.items():
        assert error == max(trace.books[name] for trace in recording.traces)
        assert error == recording.traces[recording.iterations.index(iteration)].books[name]
    assert max(error for error, _ in worst.values()) < (1e-12 if dtype == torch.float64 else 1e-5)


@every_cell
def test_what_is_recorded_is_what_autograd_finds(kind: str):
    model = Own(kind)
    with Recorder(model, sequences=BATCH) as recorder:
        train(model, recorder, 1)
    trace = recorder.recording.traces[0]
    fresh = Own(kind)
    (x, y), *_ = batches(1)
    with torch.no_grad():
        read = fresh.project(x)
    run = oracle.unroll(kind, fresh.rnn, read)
    squares = (fresh.readout(run.top) - y) ** 2 / y.numel()
    names, weights = zip(*fresh.rnn.named_parameters(), strict=True)
    found = oracle.gradients(squares.sum(), [*run.probes, *weights])
    of_probes = torch.stack(found[: len(run.probes)]).view(2, 2, STEPS, BATCH, HIDDEN)
    assert_close(trace["h"], torch.stack([torch.stack(layer) for layer in run.h]).detach())
    assert_close(trace.pick("dh", part="total"), of_probes[0])
    if kind == "lstm":
        assert_close(trace["dc"], of_probes[1])
    assert_close(trace["gradient_norm"], torch.stack([gradient.norm() for gradient in found[len(run.probes) :]]))
    for s in range(STEPS):
        row = torch.stack(oracle.gradients(squares[s].sum(), run.probes)).view(2, 2, STEPS, BATCH, HIDDEN)[0]
        assert_close(trace["lag_h"][:, s, : s + 1], row[:, : s + 1].norm(dim=-1))
    assert "loss" not in trace
    assert trace.labels["weight"] == tuple(f"rnn.{name}" for name in names)


def test_13_the_true_gradient_of_a_state_is_recorded():
    """A loss on the last step alone: the `.grad` of the module's output is 0 at all others, and the recorded dL/dh_t is not."""
    model, kept = Own("gru", 1), []
    model.rnn.register_forward_hook(lambda module, args, output: (output[0].retain_grad(), kept.append(output[0]))[1])
    with Recorder(model, sequences=BATCH) as recorder:
        train(model, recorder, 1, loss=lambda o, y: (o[-1] ** 2).sum())
    trace, (out,) = recorder.recording.traces[0], kept
    assert not out.grad[:-1].any()
    total, direct = (trace.pick("dh", layer=0, part=part) for part in ("total", "direct"))
    assert np.array_equal(direct, out.grad)
    assert (np.linalg.norm(total, axis=-1) > 0).all()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_packed_sequences_last_states_and_first_states_are_followed(kind: str):
    """Sequences of different lengths in any order, with a state to begin with, and a loss that reads outputs and h_n."""
    model, lengths = Own(kind, 2), torch.tensor([4, 6, 1])
    (x, y), *_ = batches(1)
    generator = torch.Generator().manual_seed(8)
    h, c = (torch.randn(2, BATCH, HIDDEN, generator=generator, dtype=torch.float64) for _ in range(2))
    with Recorder(model, sequences=BATCH) as recorder:
        read = model.project(x)
        out, last = model.rnn(pack_padded_sequence(read, lengths, enforce_sorted=False), (h, c) if kind == "lstm" else h)
        outputs, _ = pad_packed_sequence(out)
        h_n = last[0] if isinstance(last, tuple) else last
        loss = (model.readout(outputs) - y).square().sum() + 3 * h_n[-1].square().sum()
        loss.backward()
        recorder.note(loss)
    trace = recorder.recording.traces[0]
    assert trace.books["autograd"] < 1e-13
    assert trace.books["states"] < 1e-13
    assert [len(axis.inputs) for axis in trace.axes] == lengths.tolist()
    run = oracle.unroll(kind, model.rnn, read.detach(), list(zip(h, c, strict=True)))
    mask = torch.arange(STEPS)[:, None] < lengths
    whole = ((model.readout(run.top * mask[..., None]) - y) ** 2).sum()
    whole = whole + 3 * sum(run.top[length - 1, b].square().sum() for b, length in enumerate(lengths))
    expected = torch.stack(oracle.gradients(whole, run.probes)).view(2, 2, STEPS, BATCH, HIDDEN)[0]
    total = trace.pick("dh", part="total")
    assert_close(total[:, mask.numpy()], expected[:, mask])
    assert np.isnan(total[:, ~mask.numpy()]).all()


class Encoder(Own):
    """A decoder begins with its last states: the loss reads nothing else of it."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.decoder = oracle.MODULES[kind](INPUTS, HIDDEN, 2, dtype=torch.float64)
        for weight in self.decoder.parameters():
            weight.data.fill_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        read = self.project(x)
        return self.readout(self.decoder(read, self.rnn(read)[1])[0])


@every_cell
def test_an_encoder_is_followed_whose_last_states_are_all_that_is_read(kind: str):
    model = Encoder(kind)
    with Recorder(model, stack="rnn", sequences=BATCH) as recorder:
        train(model, recorder, 1)
    trace = recorder.recording.traces[0]
    assert max(trace.books.values()) < 1e-12
    direct, total = (np.linalg.norm(trace.pick("dh", part=part), axis=-1) for part in ("direct", "total"))
    assert not direct[:, :-1].any()
    assert (direct[:, -1] > 0).all()
    assert (total > 0).all()
    assert not np.nansum(trace["lag_h"][:, :-1])


def test_clipping_is_written_down():
    model = Own()
    with Recorder(model, every=100) as recorder:
        train(model, recorder, 5, clip=0.05)
    history = recorder.recording.to_frame()
    assert history["iteration"].tolist() == [1, 2, 3, 4, 5]
    clipped = history["norm_before"] > 0.05
    assert clipped.any()
    np.testing.assert_allclose(history["norm_after"], np.minimum(history["norm_before"], 0.05), rtol=1e-4)
    np.testing.assert_allclose(history["factor"], history["norm_after"] / history["norm_before"], rtol=1e-12)


def test_without_clipping_both_norms_are_the_gradients():
    model = Own()
    with Recorder(model, every=100) as recorder:
        (x, y), *_ = batches(1)
        loss = (model(x) - y).square().mean()
        loss.backward()
        recorder.note(loss.item())
    _, _, before, after, factor, _ = recorder.recording.history[0]
    expected = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm().item()
    assert before == after == pytest.approx(expected, rel=1e-12)
    assert factor == 1


def test_gradients_of_several_backward_passes_add_up():
    model = Own()
    (x, y), *_ = batches(1)
    with Recorder(model) as recorder:
        squares = (model(x) - y).square()
        squares[:3].sum().backward(retain_graph=True)
        squares[3:].sum().backward()
        recorder.note(squares.sum())
    assert recorder.recording.traces[0].books["autograd"] < 1e-13


def test_looks_without_a_gradient_are_not_followed():
    model = Own()
    with Recorder(model) as recorder:
        with torch.no_grad():
            model(next(batches(1))[0])
        model(next(batches(1))[0])  # evaluated, and nothing goes back
        train(model, recorder, 1)
    assert recorder.recording.traces[0].books["autograd"] < 1e-13


def test_nothing_is_left_behind():
    model = Own()
    with Recorder(model) as recorder:
        train(model, recorder, 2)
    recorder.close()
    assert not model.rnn._forward_hooks
    assert not any(weight._backward_hooks for weight in model.parameters())
    train(model, None, 1)
    assert recorder.iteration == 2


def test_memory_is_bounded():
    model = Own("gru", 1)
    with Recorder(model, every=1) as one:
        train(model, one, 1)
    size = sum(value.nbytes for value in one.recording.traces[0].values.values())
    with Recorder(model, every=1, most=4 * size) as recorder:
        train(model, recorder, 20)
    assert recorder.recording.iterations == (1, 9, 17)
    assert recorder.recording.about.every == 8
    assert len(recorder.recording.history) == 20
    with Recorder(model, most=100) as small, pytest.raises(ValueError, match="show fewer sequences"):
        train(model, small, 1)


def test_a_long_sequence_is_shown_by_its_last_steps():
    """A Trace of all 3,000 steps would have lag matrices of 9,000,000 numbers each."""
    generator = torch.Generator().manual_seed(0)
    module = nn.GRU(2, 3, dtype=torch.float64)
    with Recorder(module, steps=64) as recorder:
        loss = module(torch.randn(3000, 1, 2, generator=generator, dtype=torch.float64))[0].square().sum()
        loss.backward()
        recorder.note(loss)
    trace = recorder.recording.traces[0]
    assert trace["lag_h"].shape == (1, 64, 64, 1)
    assert (trace.axes[0].inputs[0], trace.axes[0].inputs[-1]) == ("2937", "3000")
    assert trace.books.keys() == {"lag matrix", "direct", "autograd", "states"}
    assert max(trace.books.values()) < 1e-12


@pytest.mark.parametrize(
    ("lengths", "shown"), [((200, 20), [64]), ((20, 200), [20]), ((200, 190, 20), [64, 54]), ((9, 7), [9, 7])], ids=str
)
def test_sequences_that_ended_before_what_is_shown_are_left_out(lengths: tuple[int, ...], shown: list[int]):
    module = nn.GRU(2, 3, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    read = [torch.randn(length, 2, generator=generator, dtype=torch.float64) for length in lengths]
    with Recorder(module, steps=64, sequences=3) as recorder:
        loss = module(nn.utils.rnn.pack_sequence(read, enforce_sorted=False))[0].data.square().sum()
        loss.backward()
        recorder.note(loss)
    trace = Recording.from_bytes(recorder.recording.to_bytes()).traces[0]
    assert [len(axis.inputs) for axis in trace.axes] == shown
    assert trace["h"].shape[1] == max(shown)
    assert max(trace.books.values()) < 1e-12


def test_first_states_may_come_as_a_list():
    module = nn.LSTM(2, 3, dtype=torch.float64)
    with Recorder(module) as recorder:
        loss = module(torch.ones(4, 1, 2, dtype=torch.float64), [torch.ones(1, 1, 3, dtype=torch.float64)] * 2)[0].sum()
        loss.backward()
        recorder.note(loss)
    assert max(recorder.recording.traces[0].books.values()) < 1e-12


@pytest.mark.parametrize(
    "axis", [Axis((5, 7), (7, 9)), Axis(("a", "b"), ("b",)), Axis(("a" * 201, "b"), ("a", "b")), Axis((None, "b"), ("a", "b"))], ids=str
)
def test_labels_that_could_not_be_read_again_are_refused_at_once(axis: Axis):
    module = nn.GRU(2, 3)
    with Recorder(module) as recorder:
        loss = module(torch.ones(2, 1, 2))[0].sum()
        loss.backward()
        with pytest.raises(ValueError, match=r"must be texts|axes must label 2 steps|at most 200 characters"):
            recorder.note(loss, [axis])


def test_nothing_is_written_that_could_not_be_read(recording: Recording):
    one = recording.traces[0]
    broken = replace(recording, traces=(replace(one, axes=(Axis(("a" * 201,) * STEPS, ("b",) * STEPS), *one.axes[1:])),))
    with pytest.raises(InvalidRecording, match="could not be read again, and is not written"):
        broken.to_bytes()


def test_a_long_history_is_thinned_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "HISTORY_POINTS", 8)
    model = Own("gru", 1)
    with Recorder(model, every=1000) as recorder:
        train(model, recorder, 20)
    assert recorder.recording.history[:, 0].tolist() == [1, 5, 9, 13, 17]


class Two(Own):
    """Its recurrent module is called twice."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + super().forward(x.flip(0))


class Packed(Own):
    """Its loss reads c_n of sequences of different lengths."""

    def forward(self, x: Tensor) -> Tensor:
        out, (_, c) = self.rnn(pack_padded_sequence(self.project(x), [6, 4, 4]))
        return self.readout(pad_packed_sequence(out)[0] + c[-1])


class Frozen(Own):
    """Nothing reaches the recurrent module."""

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.rnn(self.project(x))[0].detach())


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (Two(), "the loss reached 2 calls of rnn"),
        (Packed(), "of sequences of different lengths"),
        (Frozen(), "the loss reached 0 calls of rnn"),
        (Own(bidirectional=True), "is bidirectional"),
        (Own(dropout=0.5), "dropout of 0.5"),
        (nn.Linear(2, 2), "one of the model's \\(none\\)"),
        (nn.ModuleDict({"a": nn.GRU(2, 2), "b": nn.LSTM(2, 2)}), "one of the model's \\(a, b\\)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_cannot_be_followed_is_said(model: nn.Module, sentence: str):
    with pytest.raises(ValueError, match=sentence), Recorder(model) as recorder:
        train(model, recorder, 1)


def test_one_of_several_is_named():
    model = nn.ModuleDict({"a": nn.GRU(2, 2), "b": nn.LSTM(2, 2)})
    assert Recorder(model, stack="b").module is model["b"]
    assert Recorder(model["a"]).module is model["a"]


@pytest.fixture(scope="module")
def recording() -> Recording:
    model = Own()
    with Recorder(model, every=3, sequences=2) as recorder:
        train(model, recorder)
    return recorder.recording


def test_a_recording_comes_back_as_it_was_written(recording: Recording, tmp_path: Path):
    model, path = Own(), tmp_path / "run.safetensors"
    with Recorder(model, path, every=3, sequences=2) as recorder:
        train(model, recorder)
    again = Recording.load(path)
    assert again.about == recording.about
    assert np.array_equal(again.history, recording.history)
    assert again.iterations == recording.iterations == (1, 4, 7)
    for one, other in zip(recording.traces, again.traces, strict=True):
        assert (one.axes, one.labels, one.books) == (other.axes, other.labels, other.books)
        assert one.values.keys() == other.values.keys()
        assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in one.values)


def changed(recording: Recording, words: Callable[[dict], None] = lambda _: None, **tensors: np.ndarray | None) -> bytes:
    """The file, with something else in it."""
    block = recording.to_bytes()
    about = {name: json.loads(value) if name != "format" else value for name, value in metadata(block).items()}
    words(about)
    held = load(block) | {name.replace("_", "/", 1): value for name, value in tensors.items() if value is not None}
    return save(held, {name: value if isinstance(value, str) else json.dumps(value) for name, value in about.items()})


SQUARE = np.zeros((2, 4, 4, 2))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda whole: b"", "not a recording"),
        (lambda whole: whole.to_bytes()[:-1], "not a recording"),
        (lambda whole: b"\xff" * 100, "not a recording"),
        (lambda whole: save({"a": np.zeros(2)}), "not a recording"),
        (lambda whole: changed(whole, lambda words: words.update(format="bptt-recording-0")), "not a recording"),
        (lambda whole: changed(whole, lambda words: words["about"].pop("cell")), "not a recording"),
        (lambda whole: changed(whole, lambda words: words["about"].update(cell=3)), "damaged"),
        (lambda whole: changed(whole, lambda words: words["traces"].append({})), "damaged"),
        (lambda whole: changed(whole, lambda words: words.update(traces=3)), "damaged"),
        (lambda whole: changed(whole, lambda words: words["traces"][0].update(axes=[[["1"], ["1", "2"]]] * 2)), "damaged"),
        (lambda whole: changed(whole, lambda words: words["traces"][0].update(axes=[])), "damaged"),
        (lambda whole: changed(whole, lambda words: words["traces"][0]["labels"].update(gate=["i"])), "damaged"),
        (lambda whole: changed(whole, lambda words: words["traces"][0]["labels"].update(weight=[1] * 8)), "damaged"),
        (lambda whole: changed(whole, lambda words: words["traces"][0].update(iteration="1")), "damaged"),
        (lambda whole: changed(whole, lambda words: words["traces"][0].update(iteration=2**60)), "damaged"),
        (lambda whole: changed(whole, lambda words: words["traces"][0]["labels"].update(part=["a", "b", "c", "d"])), "damaged"),
        (lambda whole: changed(whole, lambda words: words["about"].update(stack="a" * 10**6)), "damaged"),
        (lambda whole: changed(whole, **{"0_probability": np.zeros((6, 2, 3))}), "damaged"),
        (lambda whole: changed(whole, **{"0_lag_h": SQUARE}), "damaged"),
        (lambda whole: changed(whole, **{"0_h": SQUARE.astype(int)}), "damaged"),
        (lambda whole: changed(whole, **{"0_other": SQUARE}), "damaged"),
        (lambda whole: changed(whole, history=np.zeros((3, 5))), "damaged"),
        (lambda whole: changed(whole, history=np.zeros((3, 6))), "damaged"),
        (lambda whole: bytes(limits.RECORDING_BYTES + 1), "32 MB at most"),
    ],
)
def test_another_file_is_refused_in_one_sentence(recording: Recording, make: Callable[[Recording], bytes], sentence: str):
    with pytest.raises(InvalidRecording, match=sentence):
        Recording.from_bytes(make(recording))


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(limits.RECORDING_BYTES + 1)
    with pytest.raises(InvalidRecording, match="at most"):
        Recording.load(path)


def test_a_recording_of_too_many_words_is_neither_read_nor_written(recording: Recording, monkeypatch: pytest.MonkeyPatch):
    block = recording.to_bytes()
    monkeypatch.setattr(limits, "RECORDING_WORDS", 100)
    for read_or_write in (lambda: Recording.from_bytes(block), recording.to_bytes):
        with pytest.raises(InvalidRecording, match="words of a recording"):
            read_or_write()


def test_first_states_that_change_in_place_are_those_that_were_read():
    model = Own("gru", 1)
    state = torch.ones(1, BATCH, HIDDEN, dtype=torch.float64)
    (x, _), *_ = batches(1)
    with Recorder(model, sequences=BATCH) as recorder:
        loss = model.rnn(model.project(x), state)[0].square().sum()
        loss.backward()
        state.zero_()
        recorder.note(loss)
    assert max(recorder.recording.traces[0].books.values()) < 1e-12


def test_words_are_bounded_as_they_are_written(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "RECORDING_WORDS", 30_000)
    model = Own("gru", 1)
    with Recorder(model, every=1, sequences=BATCH) as recorder:
        train(model, recorder, 40)
    again = Recording.from_bytes(recorder.recording.to_bytes())
    assert 1 < len(again.iterations) < 40


def test_an_error_of_the_loop_is_not_hidden_by_a_file_that_cannot_be_written(tmp_path: Path):
    with pytest.raises(ZeroDivisionError) as raised, Recorder(Own(), tmp_path / "nowhere" / "run.bptt"):
        raise ZeroDivisionError
    assert "could not be saved" in raised.value.__notes__[0]
    with pytest.raises(FileNotFoundError), Recorder(Own(), tmp_path / "nowhere" / "run.bptt"):
        pass
