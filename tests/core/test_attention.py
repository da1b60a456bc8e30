"""Attention: torch's own modules, autograd with detached states, and books that balance with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from core import limits, oracle, passes
from core.attention import ATTENTIONS, Attending, Past, attention_shapes
from core.cells import CELLS
from core.checkpoint import InvalidCheckpoint
from core.experiment import Experiment, InvalidExperiment
from core.hooks import Hooks
from core.lag_matrix import lag_matrix, lag_vectors
from core.model import SequenceModel
from core.observe import observe
from core.shares import shares
from core.tasks import TASKS, Task
from core.tokens import BOS
from core.training import Trainer
from core.truncation import TBPTT
from tests.core import attending
from tests.core.stacks import assert_close, flat, truncations

pytestmark = pytest.mark.usefixtures("lags")

KINDS = [name for name, kind in ATTENTIONS.items() if kind.scoring]
every_cell = pytest.mark.parametrize("cell", CELLS)
every_kind = pytest.mark.parametrize("kind", KINDS)
every_number_of_heads = pytest.mark.parametrize("heads", [1, 2])
every_depth = pytest.mark.parametrize("layers", [1, 2])
every_window = pytest.mark.parametrize("windows", [TBPTT(99, 99), TBPTT(2, 2), TBPTT(1, 3), TBPTT(2, 5), TBPTT(3, 4)], ids=str)
FULL = TBPTT(99, 99)
LONG = " ".join("abcadbacdbcabddcabc") + "\n" + " ".join("bcadcbadbcaddbabc")
"""More steps than twice the lags that are looked at together where they are few, and some left over."""
BLOCKS = {"truncation": "chunk", "k": 2, "update_every": "block"}


def attentive(small: Experiment, **fields) -> Experiment:
    return small.replace(**{"hidden": 6, "attention": "dot", "heads": 2} | fields)


def made(experiment: Experiment) -> tuple[SequenceModel, Task]:
    """A model with weights so large that no error fades, and that attention prefers some states to others."""
    task = TASKS[experiment.task](experiment)
    model = SequenceModel.of_experiment(experiment, task)
    model.flat.uniform_(-0.9, 0.9, generator=torch.Generator().manual_seed(experiment.seed))
    return model, task


def look(experiment: Experiment, windows: TBPTT = FULL) -> passes.Pass:
    model, task = made(experiment)
    return passes.run(model, task, task.batch(), windows)


def traced(experiment: Experiment, windows: TBPTT, rows: slice = slice(0, 3)):
    seen = look(experiment, windows)
    task = TASKS[experiment.task](experiment)
    axes = [task.axis(index) for index in range(*rows.indices(task.sequences))]
    return observe(seen, seen.gradient(), axes, rows, task, iteration=1), seen


def alone(kind: str, hidden: int = 6, heads: int = 2, seed: int = 0) -> tuple[Attending, dict[str, torch.Tensor]]:
    scoring = ATTENTIONS[kind].scoring
    generator = torch.Generator().manual_seed(seed)
    shapes = attention_shapes(scoring, hidden, heads)
    weights = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    return Attending(scoring, heads, weights), weights


def states(steps: int, batch: int, hidden: int = 6, seed: int = 1) -> torch.Tensor:
    return torch.randn(steps, batch, hidden, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Forward


@pytest.mark.parametrize("heads", [1, 2, 3, 6])
def test_the_dot_product_is_torchs_module(heads):
    by, weights = alone("dot", heads=heads)
    module = nn.MultiheadAttention(6, heads, dtype=torch.float64)
    module.load_state_dict({name.removeprefix("attention."): value for name, value in weights.items()})
    h, mask = states(7, 3), torch.arange(7)[:, None] < torch.tensor([7, 4, 1])
    later = torch.ones(7, 7, dtype=torch.bool).triu(1)
    with torch.no_grad():
        out, seen = module(h, h, h, attn_mask=later, key_padding_mask=~mask.T, average_attn_weights=False)
        # With None for padding, every step of every sequence is real.
        whole, _ = module(h, h, h, attn_mask=later)
    attended = by(h, mask)
    assert_close(attended.read, h + out)
    assert_close(attended.weights, seen)
    assert_close(by(h).read, h + whole)


@every_number_of_heads
def test_the_dot_product_is_torchs_function(heads):
    by, _ = alone("dot", heads=heads)
    attended = by(states(7, 3))
    expected = functional.scaled_dot_product_attention(attended.q, attended.k, attended.v, is_causal=True)
    assert_close(attended.context, by.join(expected))


@every_number_of_heads
def test_additive_attention_is_its_formula(heads):
    """One number at a time, as the paper writes it."""
    by, weights = alone("additive", heads=heads)
    h, wide = states(4, 2), 6 // heads
    attended = by(h)
    projected = (h @ weights["attention.in_proj_weight"].T + weights["attention.in_proj_bias"]).numpy()
    for sequence in range(2):
        for head in range(heads):
            u = weights["attention.score"][head].numpy()
            part = [slice(at * 6 + head * wide, at * 6 + (head + 1) * wide) for at in range(3)]
            q, k, v = (projected[:, sequence, some] for some in part)
            for s in range(4):
                scores = [math.exp(sum(u * np.tanh(q[s] + k[j]))) for j in range(s + 1)]
                shared = [score / sum(scores) for score in scores]
                assert_close(attended.weights[sequence, head, s, : s + 1], np.array(shared))
                mixed = sum(share * v[j] for j, share in enumerate(shared))
                assert_close(attended.context[s, sequence, head * wide : (head + 1) * wide], mixed)


@given(
    st.sampled_from(KINDS),
    st.sampled_from([1, 2, 3, 6]),
    st.integers(0, 4),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.integers(0, 2**16),
)
def test_rows_add_up_to_one_over_what_has_been_and_padding_gets_nothing(kind, heads, before, lengths, seed):
    by, _ = alone(kind, heads=heads, seed=seed)
    steps = max(lengths)
    mask = torch.arange(steps)[:, None] < torch.tensor(lengths)
    past = Past(states(before, len(lengths), seed=seed + 2)) if before else None
    attended = by(states(steps, len(lengths), seed=seed + 1), mask, past)
    weights = attended.weights
    assert weights.shape == (len(lengths), heads, steps, before + steps)
    assert_close(weights.sum(-1), torch.ones(len(lengths), heads, steps, dtype=torch.float64))
    for sequence, length in enumerate(lengths):
        assert (weights[sequence, :, :, before + length :] == 0).all()
        for s in range(steps):
            assert (weights[sequence, :, s, before + s + 1 :] == 0).all()
            assert (weights[sequence, :, s, : before + min(s + 1, length)] > 0).all()


@every_kind
def test_the_first_step_reads_itself_alone(kind):
    by, _ = alone(kind)
    assert (by(states(5, 2)).weights[:, :, 0, 0] == 1).all()


@every_kind
def test_what_comes_later_changes_nothing_before(kind):
    by, _ = alone(kind)
    h = states(6, 2)
    changed = h.clone()
    changed[4] += 1
    assert torch.equal(by(h).read[:4], by(changed).read[:4])
    assert not torch.equal(by(h).read[4:], by(changed).read[4:])


@every_kind
def test_the_past_is_read_as_if_it_were_there(kind):
    by, _ = alone(kind)
    h = states(7, 3)
    mask = torch.arange(7)[:, None] < torch.tensor([7, 6, 3])
    whole = by(h, mask)
    for cut in (1, 4, 6):
        later = by(h[cut:], mask[cut:], Past(h[:cut], mask[:cut]))
        assert_close(later.read, whole.read[cut:])
        assert_close(later.weights, whole.weights[:, :, cut:])


@every_kind
def test_groups_of_queries_change_nothing(kind, monkeypatch):
    by, _ = alone(kind)
    h, g = states(7, 3), states(7, 3, seed=4)
    whole, whole_back = by(h), by(h).back(g)
    monkeypatch.setattr("core.attention.PAIRS", 7 * 3 * 3 * 2 * 2)
    part, part_back = by(h), by(h).back(g)
    assert_close(part.read, whole.read)
    assert_close(part_back.d_projected, whole_back.d_projected)


# Backward


@every_kind
@every_number_of_heads
@every_depth
@every_cell
@every_window
def test_it_is_autograd_with_detached_states(small, cell, kind, heads, layers, windows):
    """Errors of every state and gradients of every weight below the readout, with padding."""
    seen = look(attentive(small, cell=cell, attention=kind, heads=heads, layers=layers), windows)
    model, x = seen.model, seen.unrolled.x.clone()
    d_read = seen.paths.d_read.clone()
    expected = attending.truncated(cell, model.to_torch(), model.weights, heads, x, d_read, windows.k1, windows.k2)
    assert_close(torch.stack(seen.errors.dh), expected.dh)
    if cell == "lstm":
        assert_close(torch.stack(seen.errors.dc), expected.dc)
    gradient = seen.gradient()
    for name, value in expected.weights.items():
        assert_close(gradient[name if name.startswith("attention.") else f"rnn.{name}"], value)


@given(
    st.sampled_from(KINDS),
    st.sampled_from(list(CELLS)),
    st.integers(1, 2),
    st.lists(st.text("abcd", min_size=1, max_size=8), min_size=1, max_size=3),
    truncations(),
    st.integers(0, 2**16),
)
def test_any_pass_is_autograd_with_detached_states(kind, cell, heads, lines, windows, seed):
    fields = {"tokens": "character", "hidden": 4, "embedding": 3, "layers": 2, "seed": seed}
    seen = look(Experiment(text="\n".join(lines), cell=cell, attention=kind, heads=heads, **fields), windows)
    model, x = seen.model, seen.unrolled.x.clone()
    expected = attending.truncated(cell, model.to_torch(), model.weights, heads, x, seen.paths.d_read.clone(), windows.k1, windows.k2)
    assert_close(torch.stack(seen.errors.dh), expected.dh)
    # As one vector: where all states are 0 (a dead relu), a score has no gradient but rounding.
    ours = [seen.gradient()[name if name.startswith("attention.") else f"rnn.{name}"] for name in expected.weights]
    assert_close(flat(dict(enumerate(ours))), flat(expected.weights))
    kept = lag_matrix(seen.unrolled, seen.direct, windows.reach(seen.unrolled.steps), seen.paths)
    assert_close(torch.stack(kept.kept_h), expected.dh)


@every_kind
@every_number_of_heads
@every_cell
def test_under_full_bptt_it_is_the_network_that_anybody_would_write(small, cell, kind, heads):
    """From tokens to loss, every weight of the model."""
    seen = look(attentive(small, cell=cell, attention=kind, heads=heads))
    weights = {name: value.clone().requires_grad_() for name, value in seen.model.weights.items()}
    module = seen.model.to_torch()
    batch = seen.batch
    embedded = functional.embedding(batch.inputs, weights["embedding.weight"])
    stack = {name.removeprefix("rnn."): value for name, value in weights.items() if name.startswith("rnn.")}
    h, _ = torch.func.functional_call(module, stack, (embedded,))
    read = oracle.attend(weights, heads, h, h)
    logits = functional.linear(read, weights["readout.weight"], weights["readout.bias"])
    loss = functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), ignore_index=0)
    loss.backward()
    assert seen.loss == pytest.approx(loss.item(), rel=1e-12)
    gradient = seen.gradient()
    assert list(gradient) == list(weights)
    for name, weight in weights.items():
        assert_close(gradient[name], weight.grad)


@every_kind
@every_number_of_heads
@every_depth
@every_cell
@pytest.mark.parametrize("text", [None, LONG], ids=["short", "long"])
def test_the_lag_matrix_is_autograd_and_both_its_ways(small, cell, kind, heads, layers, text):
    seen = look(attentive(small, text=text or small.text, cell=cell, attention=kind, heads=heads, layers=layers))
    model, x, d_read = seen.model, seen.unrolled.x.clone(), seen.paths.d_read.clone()
    h, c, along = attending.lag_vectors(cell, model.to_torch(), model.weights, heads, x, d_read)
    matrix = lag_matrix(seen.unrolled, seen.direct, paths=seen.paths)
    steps = len(x)
    below = torch.ones(steps, steps, dtype=torch.bool).tril()
    strictly = below.tril(-1)
    assert_close(torch.stack(matrix.h)[:, below], h.norm(dim=-1)[:, below])
    assert_close(torch.stack(matrix.attention)[:, below], along.norm(dim=-1)[:, below])
    # The rest is a difference of two vectors: its digits are those of the larger.
    rest = (h - along).norm(dim=-1)[:, strictly]
    assert_close(torch.stack(matrix.recurrence)[:, strictly], rest, absolute=1e-11)
    assert torch.stack(matrix.attention)[:, ~below].isnan().all()
    assert torch.stack(matrix.recurrence)[:, ~strictly].isnan().all()
    if cell == "lstm":
        assert_close(torch.stack(matrix.c)[:, below], c.norm(dim=-1)[:, below])
    vectors = torch.stack(lag_vectors(seen.unrolled, seen.direct, seen.paths))
    assert_close(vectors[:, below], h[:, below])
    assert not along[:, ~below].any(), "the oracle finds no path there either"
    # Attention does open ways: the far corner of the matrix is reached by it alone for the most part.
    assert (along.norm(dim=-1)[-1, :, :, 0][strictly] > 0).all()


@every_kind
@every_number_of_heads
@every_depth
@every_cell
@every_window
def test_the_books_balance_and_parts_make_the_whole(small, cell, kind, heads, layers, windows):
    experiment = attentive(small, cell=cell, attention=kind, heads=heads, layers=layers)
    trace, seen = traced(experiment, windows)
    assert set(trace.books) == {"lag matrix", "shares", "direct"}
    assert max(trace.books.values()) < 1e-12
    assert_close(trace["share_projection"].sum(1), trace["gradient_norm"])
    total, direct, recurrent, untruncated, along = (trace.pick("dh", part=part) for part in trace.labels["part"])
    assert trace.labels["part"] == ("total", "direct", "recurrent", "untruncated", "attention")
    there = ~np.isnan(total)
    assert_close(direct[there] + along[there] + recurrent[there], total[there])

    vectors, _, alone = attending.lag_vectors(
        cell, seen.model.to_torch(), seen.model.weights, heads, seen.unrolled.x.clone(), seen.paths.d_read.clone()
    )
    vectors, reach = vectors.detach(), torch.as_tensor(windows.reach(len(total[0])))[..., None, None]
    own = torch.eye(len(reach), dtype=torch.bool)[..., None, None]
    for shown, expected in (
        (direct, (vectors * own).sum(1)),
        (along, (alone * (reach & ~own)).sum(1)),
        (untruncated, vectors.sum(1)),
        (total, (vectors * reach).sum(1)),
    ):
        assert_close(shown[there], expected.numpy()[there])


@every_kind
@pytest.mark.parametrize("answer", ["every", "last"])
@every_window
def test_the_books_of_a_series_balance(kind, answer, windows):
    experiment = Experiment(task="series", window=6, hidden=6, layers=2, attention=kind, heads=2, answer=answer)
    trace, seen = traced(experiment, windows, slice(2, 4))
    assert max(trace.books.values()) < 1e-12
    expected = attending.truncated(
        "lstm", seen.model.to_torch(), seen.model.weights, 2, seen.batch.inputs, seen.paths.d_read.clone(), windows.k1, windows.k2
    )
    assert_close(torch.stack(seen.errors.dh), expected.dh)
    with_loss = ~np.isnan(trace["lag_attention"]).all((0, 2, 3))
    assert with_loss.tolist() == [answer == "every"] * 5 + [True]


@every_kind
def test_shares_are_outer_products_that_add_up(small, kind):
    seen = look(attentive(small, attention=kind), TBPTT(2, 5))
    gradient = seen.gradient()
    found = shares(seen.factors, list(gradient.values()))
    assert found.names == tuple(gradient)
    for position, factor in enumerate(seen.factors):
        one = torch.stack([factor.share(t, gradient[factor.name]) for t in range(6)])
        assert_close(one.sum(0), gradient[factor.name])
        assert_close(found.norms[position], one.flatten(1).norm(dim=1))
        assert_close(found.projections[position], one.flatten(1) @ gradient[factor.name].flatten() / gradient[factor.name].norm())


# What a Trace shows


@every_kind
def test_the_weights_are_shown(small, kind):
    trace, seen = traced(attentive(small, attention=kind), TBPTT(1, 3), slice(0, 3))
    shown = trace["attention"]
    assert trace.dims["attention"] == ("head", "loss_step", "step", "sequence")
    assert shown.shape == (2, 6, 6, 3)
    s, t = np.indices((6, 6))
    for sequence, length in enumerate(seen.batch.lengths.tolist()):
        there = (t <= s) & (s < length)
        assert (~np.isnan(shown[0, :, :, sequence]) == there).all()
        assert_close(np.nansum(shown[:, :length, :, sequence], -1), np.ones((2, length)))
        assert_close(shown[:, there, sequence], seen.paths.attended.weights[sequence].numpy()[:, there])
    one = trace.of(1)
    assert one["attention"].shape == (2, 3, 3)
    frame = one.to_frame("attention")
    assert set(frame.columns) == {"head", "loss_step", "step", "quantity", "value", "input", "target"}
    assert frame.groupby(["head", "loss_step"])["value"].sum().to_numpy() == pytest.approx(1)


def test_without_attention_nothing_of_it_is_shown(small):
    trace = Trainer(small).step(trace=True).trace
    assert not {"attention", "lag_attention", "lag_recurrence"} & set(trace.values)
    assert trace.labels["part"] == ("total", "direct", "recurrent", "untruncated")


@every_kind
@every_cell
def test_beyond_the_bound_the_lag_matrix_shows_the_last_steps(small, cell, kind, monkeypatch):
    experiment = attentive(small, cell=cell, attention=kind)
    whole, _ = traced(experiment, TBPTT(2, 5))
    monkeypatch.setattr(limits, "ATTENDED_LAG_STEPS", 4)
    late, _ = traced(experiment, TBPTT(2, 5))
    for name in ("lag_h", "lag_attention", "lag_recurrence"):
        assert late[name].shape == whole[name].shape
        assert_close(late[name][:, 2:, 2:], whole[name][:, 2:, 2:])
        assert np.isnan(late[name][:, :2]).all()
        assert np.isnan(late[name][:, :, :2]).all()
    assert max(late.books.values()) < 1e-12


@pytest.mark.parametrize("index", [0, 1, 2])
def test_one_sequence_is_a_column_of_all(small, index):
    """What is shown of one sentence does not depend on which others are looked at."""
    every, _ = traced(attentive(small), TBPTT(2, 3))
    one, _ = traced(attentive(small), TBPTT(2, 3), slice(index, index + 1))
    for name in one.values:
        assert_close(one.of(0)[name].astype(float), every.of(index)[name].astype(float))


@every_kind
def test_padding_changes_nothing(small, kind):
    """A sentence alone, and beside a longer one: the same weights, errors and matrices, up to the loss's divisor."""
    experiment = attentive(small, attention=kind)
    model, task = made(experiment)
    together, single = (passes.run(model, task, task.batch(rows), TBPTT(2, 3)) for rows in (None, [1]))
    steps, scale = 3, single.batch.real / together.batch.real
    assert_close(together.paths.attended.weights[1:2, :, :steps, :steps], single.paths.attended.weights)
    assert_close(together.outputs[:steps, 1:2], single.outputs)
    for ours, theirs in zip(together.errors.dh, single.errors.dh, strict=True):
        assert_close(ours[:steps, 1:2], theirs * scale)
        assert not ours[steps:, 1].any()


def test_walking_is_running(small):
    model, task = made(attentive(small))
    *_, walked = passes.walk(model, task, task.batch(), TBPTT(2, 3))
    ran = passes.run(model, task, task.batch(), TBPTT(2, 3))
    assert walked.loss == ran.loss
    assert torch.equal(flat(walked.gradient()), flat(ran.gradient()))


@every_kind
@every_window
def test_hooks_see_visits_that_add_up(small, kind, windows):
    """A window brings what its losses attend to, too: over all windows, visits of a step add up to its dL/dh."""
    model, task = made(attentive(small, attention=kind))
    visits = torch.zeros(2, 6, 3, 6, dtype=torch.float64)

    def add(step):
        if step.phase == "backward":
            visits[step.layer, step.t - 1] += step.values["dh"]

    seen = passes.run(model, task, task.batch(), windows, hooks=Hooks(add))
    assert_close(visits, torch.stack(seen.errors.dh))


def test_float32_books_balance_to_its_digits(small):
    trace, _ = traced(attentive(small, dtype="float32"), TBPTT(1, 3))
    assert trace["attention"].dtype == np.float32
    assert max(trace.books.values()) < 1e-4


# Runs


@every_kind
def test_the_same_seed_starts_the_same_network_with_and_without_attention(small, kind):
    plain, more = (Trainer(small.replace(hidden=6, attention=name, heads=2)).model.weights for name in ("none", kind))
    assert set(more) - set(plain) == set(attention_shapes(ATTENTIONS[kind].scoring, 6, 2))
    assert all(torch.equal(more[name], plain[name]) for name in plain)


@every_kind
@pytest.mark.parametrize("fields", [{}, {"batch": 2}, BLOCKS, BLOCKS | {"batch": 1}, {"truncation": "window", "k": 3}], ids=str)
def test_the_same_experiment_gives_the_same_numbers_and_a_restored_run_goes_on_with_them(small, kind, fields):
    experiment = attentive(small, attention=kind, **fields)
    trainer, same = Trainer(experiment), Trainer(experiment)
    expected = [trainer.step().loss for _ in range(9)]
    for done in range(5):
        again = Trainer.restore(same.checkpoint())
        assert [again.step().loss for _ in range(4)] == expected[done : done + 4]
        assert same.step(trace=True).loss == expected[done], "neither a checkpoint nor a look changes anything"
    same.reset()
    assert [same.step().loss for _ in range(9)] == expected


def test_a_checkpoint_between_blocks_needs_the_states_that_are_attended_to(small):
    experiment = attentive(small, **BLOCKS)
    trainer = Trainer(experiment)
    trainer.step()
    trainer._past = None
    with pytest.raises(InvalidCheckpoint, match="does not fit"):
        Trainer.restore(trainer.checkpoint())


@every_kind
@every_cell
def test_an_update_after_each_block_attends_to_earlier_blocks_as_constants(small, cell, kind):
    """The usual truncated loop, with the detached states of earlier blocks kept to be attended to."""
    trainer = Trainer(attentive(small, cell=cell, attention=kind, clip="off", optimiser="sgd", learning_rate=0.1, **BLOCKS))
    batch = trainer.task.batch()
    for _ in range(2):
        state, past = None, torch.zeros(0, 3, 6, dtype=torch.float64)
        for first in range(0, len(batch.inputs), 2):
            weights = {name: value.clone().requires_grad_() for name, value in trainer.model.weights.items()}
            block = batch.section(first, first + 2)
            stack = {name.removeprefix("rnn."): value for name, value in weights.items() if name.startswith("rnn.")}
            embedded = functional.embedding(block.inputs, weights["embedding.weight"])
            h, state = torch.func.functional_call(trainer.model.to_torch(), stack, (embedded, state))
            read = oracle.attend(weights, 2, h, torch.cat((past, h)))
            logits = functional.linear(read, weights["readout.weight"], weights["readout.bias"])
            loss = functional.cross_entropy(logits.flatten(0, 1), block.targets.flatten(), ignore_index=0)
            loss.backward()
            snapshot = trainer.step(trace=True)
            assert snapshot.loss == pytest.approx(loss.item(), rel=1e-10)
            for name, weight in weights.items():
                assert_close(trainer.model.weights[name], weight.detach() - 0.1 * weight.grad)
            assert max(snapshot.trace.books.values()) < 1e-12
            shown = snapshot.trace["attention"][:, :, :, 0]
            assert (~np.isnan(shown[0])).sum(1).tolist() == [s + 1 if first <= s < first + 2 else 0 for s in range(6)]
            # Projections of earlier states have shares at their own steps; other weights have none there.
            where = ~np.isnan(snapshot.trace["share_norm"])
            names = snapshot.trace.labels["weight"]
            assert where[names.index("attention.in_proj_weight")].tolist() == [t < first + 2 for t in range(6)]
            assert where[names.index("rnn.weight_hh_l0")].tolist() == [first <= t < first + 2 for t in range(6)]
            past = torch.cat((past, h.detach()))
            state = tuple(one.detach() for one in state) if cell == "lstm" else state.detach()


@every_kind
def test_a_change_between_blocks_starts_at_the_first_step_again(small, kind):
    trainer = Trainer(attentive(small, attention=kind, **BLOCKS))
    trainer.step()
    trainer.change(k=3)
    peeked = trainer.peek().trace["attention"]
    assert (~np.isnan(peeked[0, :, :, 0])).sum(1).tolist() == [1, 2, 3, 0, 0, 0]


@every_kind
@every_cell
@pytest.mark.parametrize("prompt", ["", "c"])
def test_writing_attends_to_everything_so_far(small, cell, kind, prompt):
    """Each token against a pass over the whole prefix, which is how the model learned."""
    trainer = Trainer(attentive(small, cell=cell, attention=kind, learning_rate=0.05))
    trainer.run(15)
    model, task = trainer.model, trainer.task
    read = task.read(prompt)[0].inputs[:, 0].tolist() if prompt else [BOS]
    written = trainer.generate(10, temperature=0.0, prompt=prompt)
    assert len(written.tokens) > 1
    for token, chance in zip(written.tokens, written.probabilities, strict=True):
        with torch.no_grad():
            h, _ = model.to_torch()(functional.embedding(torch.tensor([read]).T, model.weights["embedding.weight"]))
            logits = model.readout(oracle.attend(model.weights, 2, h, h))[-1, 0]
        logits[[0, BOS, task.vocabulary.index("<unk>")]] = -math.inf
        best = int(logits.argmax())
        assert task.labels[best] == token
        assert chance == pytest.approx(torch.softmax(logits, -1)[best].item(), rel=1e-10)
        read.append(best)


@every_kind
@pytest.mark.parametrize("how", ["free", "forced"])
@pytest.mark.parametrize("horizon", [1, 5])
def test_a_forecast_attends_to_everything_since_its_warm_up(kind, how, horizon, monkeypatch):
    experiment = Experiment(
        task="series", window=8, hidden=6, layers=2, attention=kind, heads=2, rollout=how, horizon=horizon, scaling="log", test=0.1
    )
    trainer = Trainer(experiment)
    trainer.run(3)
    forecast = trainer.forecast()
    model, task = trainer.model, trainer.task
    found = []
    for origin in forecast.origins:
        read = task.scaled[origin - 8 : origin, None]
        for step in range(origin, min(origin + horizon, len(task.scaled))):
            with torch.no_grad():
                h, _ = model.to_torch()(read)
                predicted = model.readout(oracle.attend(model.weights, 2, h, h))[-1]
            found.append(predicted[0])
            read = torch.cat((read, (predicted if how == "free" else task.scaled[step][None])[None]))
    assert_close(forecast.values, task.scaler.undo(torch.stack(found).numpy()))
    monkeypatch.setattr("core.rollout.NUMBERS", 1)
    assert_close(trainer.forecast().values, forecast.values)


@every_kind
def test_a_text_can_be_tried(small, kind):
    trainer = Trainer(attentive(small, attention=kind))
    trial = trainer.try_text("a c b")
    assert max(trial.trace.books.values()) < 1e-12
    assert trial.trace["attention"].shape == (2, 4, 4, 1)


TOO_MANY = (
    "Attention of 8 heads over 4 sequences of 512 steps has 8,388,608 weights; at most 4,194,304 are allowed: "
    "take fewer sequences per update, fewer heads or shorter sequences."
)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"hidden": 6, "heads": 4}, "heads", "Heads share 6 hidden units evenly: there may be 1, 2, 3, 6, not 4."),
        ({"hidden": 7, "heads": 8}, "heads", "Heads share 7 hidden units evenly: there may be 1, 7, not 8."),
        ({"hidden": 6, "heads": 9}, "heads", "Heads must be a whole number from 1 to 8, not 9."),
        ({"attention": "hard"}, "attention", "Attention must be one of none, additive, dot, not 'hard'."),
        ({"task": "series", "series": "sine", "points": 2000, "window": 512, "hidden": 8, "heads": 8}, "attention", TOO_MANY),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_at_its_field(fields, field, words):
    with pytest.raises(InvalidExperiment) as caught:
        Trainer(Experiment(**{"attention": "dot"} | fields))
    assert caught.value.problems == {field: words}


def test_heads_do_not_matter_without_attention():
    assert Trainer(Experiment(hidden=7, heads=4)).step().iteration == 1


def test_attention_learns_what_a_short_window_cannot():
    """Tell, after a gap, which letter came first, while errors never leave their step: attended states are constants, but what is made of
    them is learned."""
    text = "\n".join(f"{first} x x x x {first}" for first in "abcd")
    fields = {"text": text, "hidden": 16, "truncation": "chunk", "k": 1, "learning_rate": 0.02, "cell": "rnn_tanh"}
    cut, attending_ = (Trainer(Experiment(**fields, attention=kind)) for kind in ("none", "dot"))
    assert attending_.run(300).loss < 0.8 * cut.run(300).loss
