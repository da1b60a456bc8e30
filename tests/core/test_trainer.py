"""The Trainer: same numbers every time (law 7), restored numbers, live changes, PyTorch's own training loop, and clear ends."""

from __future__ import annotations

import itertools
import json
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from core import limits
from core.cells import CELLS
from core.checkpoint import InvalidCheckpoint
from core.experiment import Experiment, InvalidExperiment
from core.file_words import metadata
from core.optimisers import OPTIMISERS
from core.tokens import PAD
from core.training import Trainer
from tests.core import oracle
from tests.core.stacks import assert_close

every_cell = pytest.mark.parametrize("kind", CELLS)
every_optimiser = pytest.mark.parametrize("optimiser", OPTIMISERS)

GROUPINGS = {
    "all": {},
    "minibatches": {"batch": 2},
    "blocks": {"truncation": "chunk", "k": 2, "update_every": "block"},
    "blocks of minibatches": {"truncation": "chunk", "k": 2, "update_every": "block", "batch": 1},
    "window": {"truncation": "window", "k": 3},
}
every_grouping = pytest.mark.parametrize("grouping", GROUPINGS.values(), ids=GROUPINGS)


def losses(trainer: Trainer, iterations: int) -> list[float]:
    return [trainer.step().loss for _ in range(iterations)]


def in_torch(experiment: Experiment, trainer: Trainer) -> tuple[oracle.Model, torch.optim.Optimizer]:
    """The trainer's network and optimiser as anybody would write them."""
    model = oracle.Model(experiment.cell, trainer.model.weights)
    kinds = {"sgd": torch.optim.SGD, "momentum": torch.optim.SGD, "adam": torch.optim.Adam}
    more = {"momentum": experiment.momentum} if experiment.optimiser == "momentum" else {}
    rate, decay = experiment.learning_rate, experiment.weight_decay
    return model, kinds[experiment.optimiser](model.parameters(), lr=rate, weight_decay=decay, **more)


def clip_in_torch(experiment: Experiment, model: oracle.Model) -> None:
    if experiment.clip == "norm":
        norm = torch.stack([weight.grad.norm() for weight in model.parameters()]).norm()
        for weight in model.parameters():
            weight.grad *= min(1.0, experiment.threshold / norm.item())
    elif experiment.clip == "value":
        torch.nn.utils.clip_grad_value_(model.parameters(), experiment.threshold)


def check_weights(trainer: Trainer, model: oracle.Model) -> None:
    # Rounding grows from update to update, in Adam by the division by a small root: 1e-8 after a dozen of them is still eight digits.
    for name, weight in model.named_parameters():
        assert_close(trainer.model.weights[name], weight.detach(), relative=1e-8, absolute=1e-9)


@every_cell
@every_optimiser
@pytest.mark.parametrize("clip", [{"clip": "off"}, {"clip": "norm", "threshold": 0.2}, {"clip": "value", "threshold": 0.02}], ids=str)
def test_training_is_the_loop_that_anybody_would_write(small, kind, optimiser, clip):
    experiment = small.replace(cell=kind, optimiser=optimiser, learning_rate=0.05, weight_decay=0.01, **clip)
    trainer = Trainer(experiment)
    model, torchs = in_torch(experiment, trainer)
    for _ in range(8):
        torchs.zero_grad()
        loss, _ = model.loss(trainer.task.batch())
        loss.backward()
        clip_in_torch(experiment, model)
        torchs.step()
        assert trainer.step().loss == pytest.approx(loss.item(), rel=1e-9)
    check_weights(trainer, model)


@every_cell
def test_an_update_after_each_block_is_the_usual_truncated_loop(small, kind):
    """Forward a block, loss over its real tokens, backward, clip, step, detach the states; from the first block with new states."""
    experiment = small.replace(cell=kind, truncation="chunk", k=2, update_every="block", clip="norm", threshold=0.5)
    trainer = Trainer(experiment)
    model, torchs = in_torch(experiment, trainer)
    batch = trainer.task.batch()
    for _ in range(3):
        state = None
        for first in range(0, len(batch.inputs), 2):
            torchs.zero_grad()
            loss, state = model.loss(batch.section(first, first + 2), state)
            loss.backward()
            clip_in_torch(experiment, model)
            torchs.step()
            state = tuple(one.detach() for one in state) if kind == "lstm" else state.detach()
            snapshot = trainer.step()
            assert snapshot.loss == pytest.approx(loss.item(), rel=1e-9)
    assert snapshot.iteration == 9
    check_weights(trainer, model)


def test_looking_between_blocks_changes_nothing(small):
    """The states that are carried belong to the run, not to the last pass."""
    experiment = small.replace(truncation="chunk", k=2, update_every="block")
    plain, looked = Trainer(experiment), Trainer(experiment)
    for _ in range(7):
        looked.peek()
        looked.peek()
        looked.try_text("a b")
        assert looked.step(trace=True).loss == plain.step().loss
    assert torch.equal(looked.model.flat, plain.model.flat)


def test_a_block_is_shown_at_its_place(small):
    trainer = Trainer(small.replace(truncation="chunk", k=2, update_every="block"))
    trainer.step()
    trace = trainer.step(trace=True).trace
    steps = np.isfinite(trace["loss"][:, 0])
    assert steps.tolist() == [False, False, True, True, False, False]
    assert np.argwhere(trace["reach"]).tolist() == [[2, 2], [3, 2], [3, 3]]
    there = np.isfinite(trace["lag_h"][0, :, :, 0])
    assert np.argwhere(there).tolist() == [[2, 2], [3, 2], [3, 3]]
    assert max(trace.books.values()) < 1e-12
    assert trace.axes[0].inputs == ("<bos>", "a", "b", "c", "a", "d")


def test_blocks_of_one_step_have_books_too(small):
    trainer = Trainer(small.replace(truncation="chunk", k=1, update_every="block"))
    for _ in range(7):
        assert max(trainer.step(trace=True).trace.books.values()) < 1e-12


def test_an_iteration_is_counted_once(small):
    trainer = Trainer(small)
    assert trainer.peek().iteration == 0
    assert trainer.peek().trace.iteration == 0
    assert trainer.step(trace=True).trace.iteration == 1
    assert [snapshot.iteration for snapshot in itertools.islice(trainer, 3)] == [2, 3, 4]
    assert trainer.iteration == 4
    assert trainer.peek().iteration == 4


def test_peek_shows_what_the_next_iteration_sees(small):
    trainer = Trainer(small.replace(threshold=0.1))
    trainer.step()
    weights = trainer.model.flat.clone()
    peeked = trainer.peek()
    assert torch.equal(trainer.model.flat, weights)
    stepped = trainer.step(trace=True)
    assert (peeked.loss, peeked.clip) == (stepped.loss, stepped.clip)
    assert stepped.clip.clipped
    for name, value in stepped.trace.values.items():
        assert np.array_equal(peeked.trace[name], value, equal_nan=value.dtype != bool)


# Law 7


@every_cell
@every_grouping
@every_optimiser
def test_the_same_experiment_gives_the_same_numbers(small, kind, grouping, optimiser):
    experiment = small.replace(cell=kind, optimiser=optimiser, **grouping)
    one, other = Trainer(experiment), Trainer(experiment)
    assert losses(one, 5) == losses(other, 5)
    assert torch.equal(one.model.flat, other.model.flat)


def test_seeds_differ(small):
    assert Trainer(small).step().loss != Trainer(small.replace(seed=4)).step().loss


def test_whatever_else_runs_in_the_process(small):
    """Other trainers in turn, other global seeds, another default dtype: not a bit moves."""
    experiment = small.replace(batch=2)
    expected = losses(Trainer(experiment), 6)
    dtype = torch.get_default_dtype()
    state = torch.get_rng_state()
    try:
        found = []
        torch.manual_seed(123)
        torch.set_default_dtype(torch.float16)
        trainer = Trainer(experiment)
        others = [Trainer(small.replace(cell=kind, dtype="float32", batch=1)) for kind in CELLS]
        for turn in range(6):
            torch.manual_seed(turn)
            torch.rand(3)
            for other in others:
                other.step(trace=True)
                other.generate(3)
            found.append(trainer.step(trace=turn % 2 == 0).loss)
    finally:
        torch.set_default_dtype(dtype)
        torch.set_rng_state(state)
    assert found == expected


def test_the_process_is_left_as_it_was(small):
    before = (torch.get_default_dtype(), torch.get_rng_state(), torch.is_grad_enabled(), torch.get_num_threads())
    trainer = Trainer(small)
    trainer.step(trace=True)
    trainer.generate(4, seed=5)
    after = (torch.get_default_dtype(), torch.get_rng_state(), torch.is_grad_enabled(), torch.get_num_threads())
    assert torch.equal(before[1], after[1])
    assert (before[0], *before[2:]) == (after[0], *after[2:])


@every_grouping
def test_reset_starts_the_same_run_again(small, grouping):
    trainer = Trainer(small.replace(**grouping))
    first = losses(trainer, 5)
    trainer.reset()
    assert trainer.iteration == 0
    assert losses(trainer, 5) == first


def test_reset_keeps_the_settings_of_the_moment(small):
    trainer = Trainer(small)
    trainer.step()
    trainer.change(learning_rate=0.2)
    trainer.reset()
    assert losses(trainer, 4) == losses(Trainer(small.replace(learning_rate=0.2)), 4)


# What is observed


@pytest.mark.parametrize("observed", [0, 1, 2, 99])
@every_grouping
def test_the_chosen_sentence_never_changes_the_update(small, observed, grouping):
    experiment = small.replace(**grouping)
    plain, watched = Trainer(experiment), Trainer(experiment, observe=observed)
    for _ in range(7):
        snapshot = watched.step(trace=True)
        assert snapshot.loss == plain.step().loss
        assert snapshot.trace.axes == (watched.task.axis(min(observed, 2)),)
    assert torch.equal(watched.model.flat, plain.model.flat)


def test_a_sentence_outside_of_the_batch_is_labelled_and_seen_with_the_same_weights(small):
    trainer = Trainer(small.replace(batch=1), observe=1)
    outside = 0
    for _ in range(6):
        weights = trainer.model.flat.clone()
        trace = trainer.step(trace=True).trace
        model = oracle.Model("lstm", trainer.model.views(weights))
        loss, gradient = model.gradient(trainer.task.batch([1]))
        assert np.nansum(trace["loss"]) == pytest.approx(loss, rel=1e-10)
        assert trace["gradient_norm"][-1] == pytest.approx(gradient["readout.bias"].norm().item(), rel=1e-9)
        outside += not trace.in_batch
    assert outside == 4


def test_minibatches_visit_every_sentence_once_a_round(small):
    trainer = Trainer(small.replace(text="\n".join("abcde"), batch=2))
    for _ in range(3):
        rows = []
        for _ in range(3):
            rows += trainer._block.rows
            trainer.step()
        assert sorted(rows) == [0, 1, 2, 3, 4]


def test_rounds_are_shuffled_by_the_seed(small):
    def order(seed: int) -> list[tuple[int, ...]]:
        trainer = Trainer(small.replace(text="\n".join("abcdefgh"), batch=8 // 2, seed=seed))
        rows = []
        for _ in range(6):
            rows.append(trainer._block.rows)
            trainer.step()
        return rows

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1)[:2] != order(1)[2:4]


# Checkpoints


@every_optimiser
@every_grouping
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_restored_run_goes_on_with_the_same_numbers(small, optimiser, grouping, dtype):
    """At every point of a round and of a pass, the first included."""
    experiment = small.replace(optimiser=optimiser, dtype=dtype, **grouping)
    expected = losses(Trainer(experiment), 9)
    trainer = Trainer(experiment)
    for done in range(5):
        again = Trainer.restore(trainer.checkpoint())
        assert (again.iteration, again.experiment) == (done, experiment)
        assert losses(again, 4) == expected[done : done + 4]
        assert trainer.step().loss == expected[done], "writing a checkpoint changes nothing"


def test_equal_runs_have_equal_checkpoints(small):
    """To the byte: who asks something of a network that somebody else has asked it of is answered at once."""
    assert len({Trainer(small).checkpoint() for _ in range(20)}) == 1


@every_cell
def test_a_restored_run_has_live_changes(small, kind):
    trainer = Trainer(small.replace(cell=kind))
    trainer.step()
    trainer.change(learning_rate=0.3, truncation="window", k=2, clip="value", threshold=0.1)
    again = Trainer.restore(trainer.checkpoint())
    assert losses(again, 3) == losses(trainer, 3)


def refused(block: bytes) -> None:
    """One sentence, nothing else."""
    with pytest.raises(InvalidCheckpoint) as caught:
        Trainer.restore(block)
    words = str(caught.value)
    assert words.endswith(".")
    assert "\n" not in words
    assert len(words) < 500


def altered(trainer: Trainer, **changes) -> bytes:
    """A checkpoint with other tensors ("group/name" -> tensor or None) or other words (experiment, clocks)."""
    block = trainer.checkpoint()
    tensors = load(block)
    words = metadata(block)
    for name, value in changes.pop("tensors", {}).items():
        tensors.pop(name, None)
        if value is not None:
            tensors[name] = value
    for name, value in changes.items():
        words[name] = value if isinstance(value, str) else json.dumps(json.loads(words[name]) | value)
    return save(tensors, metadata=words)


def test_altering_nothing_is_accepted(small):
    trainer = Trainer(small)
    trainer.step()
    assert losses(Trainer.restore(altered(trainer)), 2) == losses(trainer, 2)


NOT_CHECKPOINTS = {
    "empty": b"",
    "short": b"abc",
    "text": b"not a checkpoint at all, only words" * 9,
    "zeros": bytes(64),
    "a huge header": (2**62).to_bytes(8, "little") + b"{}",
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "no words": save({"weights/a": torch.zeros(1)}),
    "no experiment": save({"a": torch.zeros(1)}, metadata={"clocks": "{}"}),
    "words that are no JSON": save({"a": torch.zeros(1)}, metadata={"experiment": "{", "clocks": "{}"}),
    "words that are a list": save({"a": torch.zeros(1)}, metadata={"experiment": "[1]", "clocks": "{}"}),
    "words that are deep": save({"a": torch.zeros(1)}, metadata={"experiment": "[" * 100_000, "clocks": "{}"}),
}


@pytest.mark.parametrize("block", NOT_CHECKPOINTS.values(), ids=NOT_CHECKPOINTS)
def test_what_is_no_checkpoint_is_refused(block):
    refused(block)


@pytest.mark.parametrize(
    "changes",
    [
        {"experiment": {"hidden": 10**9}},
        {"experiment": {"cell": "transformer"}},
        {"experiment": {"text": "x " * 15_000}},
        {"experiment": {"text": "a"}},
        {"experiment": {"seed": -1}},
        {"experiment": {"secret": 1}},
        {"experiment": {"hidden": 6}},
        {"experiment": {"cell": "gru"}},
        {"experiment": {"text": "a b c d e"}},
        {"experiment": {"text": ""}},
        {"experiment": "null"},
        {"experiment": {"dtype": "float32"}},
        {"clocks": {"iteration": "x"}},
        {"clocks": {"iteration": None}},
        {"clocks": {"rows": [99]}},
        {"clocks": {"rows": "ab"}},
        {"clocks": {"rows": []}},
        {"clocks": {"first": 10**6}},
        {"clocks": {"first": -4}},
        {"clocks": {"last": -1}},
        {"clocks": {"last": 0}},
        {"clocks": {"last": 3}},
        {"clocks": {"rows": None}},
        {"clocks": {"rows": [True]}},
        {"clocks": {"iteration": -5}},
        {"clocks": {"rows": [-1]}},
        {"clocks": {"rows": [0, 0]}},
        {"clocks": {"iteration": 10**300}},
        {"clocks": {"iteration": 1.5}},
        {"clocks": "{}"},
        {"clocks": "[]"},
        {"clocks": "3"},
        {"clocks": '{"iteration": Infinity, "rows": null, "first": 0, "last": null}'},
        {"tensors": {"weights/readout.bias": None}},
        {"tensors": {"weights/readout.bias": torch.zeros(2)}},
        {"tensors": {"random/shuffle": None}},
        {"tensors": {"random/shuffle": torch.zeros(3, dtype=torch.uint8)}},
        {"tensors": {"random/shuffle": torch.zeros(5056, dtype=torch.uint8)}},
        {"tensors": {"random/order": torch.tensor([99])}},
        {"tensors": {"random/order": torch.tensor([-1])}},
        {"tensors": {"optimiser/exp_avg": None}},
        {"tensors": {"optimiser/exp_avg": torch.zeros(2, dtype=torch.float64)}},
        {"tensors": {"optimiser/step": torch.zeros(7)}},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_checkpoint_that_was_tampered_with_is_refused(small, changes):
    trainer = Trainer(small.replace(batch=1))
    trainer.step()
    refused(altered(trainer, **changes))


@pytest.mark.parametrize("name", ["h.0", "c.1"])
@pytest.mark.parametrize("value", [None, torch.zeros(2, 5, dtype=torch.float64), torch.zeros(3, 5)], ids=["none", "rows", "dtype"])
def test_a_checkpoint_between_blocks_needs_the_states_it_carries(small, name, value):
    trainer = Trainer(small.replace(truncation="chunk", k=2, update_every="block"))
    trainer.step()
    assert losses(Trainer.restore(altered(trainer)), 1) == losses(trainer, 1)
    refused(altered(trainer, tensors={f"carried/{name}": value}))


def test_a_checkpoint_beyond_the_bound_is_refused_with_the_bound():
    with pytest.raises(InvalidCheckpoint, match=r"64 MB at most; this file has 65\."):
        Trainer.restore(bytes(limits.CHECKPOINT_BYTES + 2**20))


@given(st.data())
def test_a_corrupt_checkpoint_is_refused_or_runs(data):
    """Any few bytes changed, or cut off: never another exception."""
    block = bytearray(CORRUPTED)
    for _ in range(data.draw(st.integers(1, 4))):
        # Most of the file is numbers; half of the changes go into its words.
        end = data.draw(st.sampled_from([1500, len(block)]))
        block[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(block)), st.integers(0, len(block))))
    try:
        trainer = Trainer.restore(bytes(block[:cut]))
    except InvalidCheckpoint:
        return
    trainer.step()


CORRUPTED = Trainer(Experiment(text="a b", hidden=2, embedding=2)).checkpoint()


# Changes


@every_cell
def test_live_changes_keep_the_weights(small, kind):
    trainer = Trainer(small.replace(cell=kind))
    losses(trainer, 3)
    weights, moments = trainer.model.flat.clone(), trainer.optimiser.state_dict()["state"][0]["exp_avg"].clone()
    trainer.change(truncation="chunk", k=2, clip="value", threshold=0.01, learning_rate=0.5, weight_decay=0.1)
    assert torch.equal(trainer.model.flat, weights)
    assert torch.equal(trainer.optimiser.state_dict()["state"][0]["exp_avg"], moments)
    assert trainer.iteration == 3
    snapshot = trainer.step(trace=True)
    assert snapshot.iteration == 4
    assert snapshot.clip.share_clipped > 0
    assert not snapshot.trace["reach"][2, 1]
    assert trainer.optimiser.param_groups[0]["lr"] == 0.5


def test_a_changed_learning_rate_takes_effect_at_once(small):
    """SGD's update is the rate times the gradient."""
    trainer = Trainer(small.replace(optimiser="sgd", clip="off", learning_rate=0.1))
    trainer.step()
    before = trainer.model.flat.clone()
    trainer.change(learning_rate=0.02)
    trainer.step()
    assert_close(before - trainer.model.flat, 0.02 * trainer.gradient, relative=1e-9)


def test_a_change_between_blocks_starts_at_the_first_step_again(small):
    trainer = Trainer(small.replace(truncation="chunk", k=2, update_every="block"))
    trainer.step()
    trainer.change(k=3)
    trace = trainer.step(trace=True).trace
    assert np.isfinite(trace["loss"][:, 0]).tolist() == [True, True, True, False, False, False]
    trainer.change(update_every="pass")
    assert np.isfinite(trainer.step(trace=True).trace["loss"][:, 0]).all()


@pytest.mark.parametrize(
    "field", ["text", "tokens", "cell", "layers", "hidden", "embedding", "initialisation", "gain", "optimiser", "batch", "dtype", "seed"]
)
def test_changes_that_need_a_new_run_are_refused(small, field):
    trainer = Trainer(small)
    trainer.step()
    with pytest.raises(InvalidExperiment) as caught:
        trainer.change(**{field: getattr(Experiment(), field), "learning_rate": 0.3})
    assert list(caught.value.problems) == [field]
    assert "needs a new run" in caught.value.problems[field]
    assert trainer.experiment == small
    assert losses(trainer, 1) == losses(Trainer(small), 2)[1:]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threshold": 0}, "Threshold must be a number from 0.000001 to 1,000,000, not 0"),
        ({"clip": "hard"}, "Clipping must be one of off, norm, value"),
        ({"learning_rate": -1}, "Learning rate must be"),
        ({"k": 0}, "K must be a whole number from 1 to 512, not 0"),
        ({"truncation": "custom", "k1": 5, "k2": 2}, "k2 must be at least k1 = 5"),
        ({"speed": 1}, "'speed' is not a field"),
    ],
)
def test_a_bad_change_leaves_the_run_untouched(small, change, words):
    trainer = Trainer(small)
    trainer.step()
    with pytest.raises(InvalidExperiment, match=words):
        trainer.change(**change)
    assert trainer.experiment == small
    assert losses(trainer, 1) == losses(Trainer(small), 2)[1:]


@pytest.mark.parametrize("fields", [{"cell": "transformer"}, {"text": " \n "}, {"optimiser": "lion"}, {"task": "chess"}])
def test_an_experiment_that_cannot_be_made_is_refused_at_its_field(fields):
    with pytest.raises(InvalidExperiment) as caught:
        Trainer(Experiment(**fields))
    assert list(caught.value.problems) == list(fields)


# Ends


def test_an_explosion_is_named_and_weights_are_kept(small):
    """relu with a large gain: finite for some steps, then not."""
    trainer = Trainer(small.replace(cell="rnn_relu", layers=1, gain=10.0, seed=0))
    hidden = [name for name in trainer.model.weights if "hh" in name and "weight" in name]
    trainer.model.weights[hidden[0]].fill_(1e80)
    trainer.model.weights["rnn.bias_ih_l0"].fill_(1.0)
    before = trainer.model.flat.clone()
    snapshot = trainer.step(trace=True)
    # h_1 is about 1; every further step multiplies it by 5e80, and 1e308 is the end: h_5 is not finite.
    with torch.no_grad():
        out, _ = oracle.Model("rnn_relu", trainer.model.weights).rnn(trainer.model.embed(trainer.task.batch()))
    first = int((~out.isfinite() & trainer.task.batch().mask[..., None]).any(-1).any(-1).int().argmax()) + 1
    assert first in (4, 5)
    assert snapshot.stopped
    assert (snapshot.stopped.iteration, snapshot.stopped.step, snapshot.stopped.what) == (1, first, "hidden state")
    assert snapshot.stopped.words == f"exploded at iteration 1, step {first}: the hidden state is not finite"
    assert torch.equal(trainer.model.flat, before)
    assert trainer.iteration == 0
    assert trainer.run(10).stopped == snapshot.stopped


def test_an_explosion_in_a_lower_layer_is_found_where_it_began(small):
    """The upper layer is off, so that neither its states nor the loss show what happens below."""
    trainer = Trainer(small.replace(text="a b c d e", cell="rnn_relu", layers=2))
    weights = trainer.model.weights
    weights["rnn.weight_ih_l0"].zero_()
    weights["rnn.bias_ih_l0"].fill_(1.0)
    weights["rnn.weight_hh_l0"].copy_(1e160 * torch.eye(5, dtype=torch.float64))
    weights["rnn.weight_ih_l1"].fill_(-1.0)
    # Below, states are about 1, 1e160 and then beyond 1e308.
    stopped = trainer.step().stopped
    assert stopped
    assert stopped.words == "exploded at iteration 1, step 3: the hidden state is not finite"


def test_an_exploding_gradient_names_the_step_where_it_began(small):
    """A tanh network at rest: every state is 0, where tanh has slope 1, so that errors meet the recurrent weights alone."""
    trainer = Trainer(small.replace(text="a b c d e", cell="rnn_tanh", layers=1))
    weights = trainer.model.weights
    for name in ("rnn.weight_ih_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0"):
        weights[name].zero_()
    weights["rnn.weight_hh_l0"].copy_(1e160 * torch.eye(5, dtype=torch.float64))
    before = trainer.model.flat.clone()
    snapshot = trainer.step()
    assert np.isfinite(snapshot.loss)
    # The error of step 6 is below 1; at step 5 it is times 1e160, at step 4 beyond 1e308.
    assert snapshot.stopped
    assert snapshot.stopped.words == "exploded at iteration 1, step 4: the gradient is not finite"
    assert torch.equal(trainer.model.flat, before)


def test_a_gradient_beyond_the_squares_of_float32_is_clipped_and_has_not_exploded(small):
    trainer = Trainer(small.replace(dtype="float32", clip="norm", threshold=2.0, optimiser="sgd"))
    trainer.model.weights["readout.weight"].fill_(1e30)
    trainer.model.weights["readout.weight"][::2] *= -1
    snapshot = trainer.step()
    assert snapshot.stopped is None
    assert snapshot.clip.norm_before > 1e25
    assert snapshot.clip.norm_after == pytest.approx(2.0)
    assert trainer.gradient.norm().item() == pytest.approx(2.0)


def test_run_makes_so_many_iterations(small):
    trainer = Trainer(small)
    assert trainer.run(4).iteration == 4
    assert trainer.run(1).iteration == 5
    assert losses(trainer, 1) == losses(Trainer(small), 6)[5:]
    with pytest.raises(ValueError, match="at least 1, not 0"):
        trainer.run(0)


def test_pause_from_another_thread(small):
    trainer = Trainer(small)
    found = []
    thread = threading.Thread(target=lambda: found.append(trainer.run(10**9)))
    thread.start()
    deadline = time.monotonic() + 30
    while trainer.iteration < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    trainer.pause()
    thread.join(30)
    assert not thread.is_alive()
    assert found[0].iteration == trainer.iteration >= 3
    assert trainer.run(2).iteration == found[0].iteration + 2, "a pause ends one run, not the next"


def test_training_learns():
    """The default text, default settings: the loss of guessing falls to a tenth within 100 iterations."""
    trainer = Trainer(Experiment())
    first = trainer.step().loss
    assert first == pytest.approx(np.log(trainer.task.outputs), rel=0.2)
    assert trainer.run(100).loss < first / 10


def test_padding_is_never_learned(small):
    """Its embedding moves only by weight decay, which is off."""
    trainer = Trainer(small)
    before = trainer.model.weights["embedding.weight"][PAD].clone()
    trainer.run(5)
    assert torch.equal(trainer.model.weights["embedding.weight"][PAD], before)
