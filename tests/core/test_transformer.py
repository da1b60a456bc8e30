"""The transformer block: torch's own layer, autograd with detached inputs, and the same books as any model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from core import passes
from core.experiment import Experiment, InvalidExperiment
from core.lag_matrix import lag_matrix
from core.observe import observe
from core.oracle import Twin
from core.shares import shares
from core.tasks import TASKS
from core.tokens import BOS
from core.training import Trainer
from core.transformer import Transformer
from core.truncation import TBPTT
from tests.core.stacks import assert_close, flat, truncations

pytestmark = pytest.mark.usefixtures("lags")

every_number_of_heads = pytest.mark.parametrize("heads", [1, 2])
every_window = pytest.mark.parametrize("windows", [TBPTT(99, 99), TBPTT(2, 2), TBPTT(1, 3), TBPTT(2, 5), TBPTT(3, 4)], ids=str)
BLOCKS = {"truncation": "chunk", "k": 2, "update_every": "block"}


def without_recurrence(small: Experiment, **fields) -> Experiment:
    return small.replace(**{"model": "transformer", "hidden": 6, "heads": 2} | fields)


def look(experiment: Experiment, windows: TBPTT) -> passes.Pass:
    """Weights so large that attention prefers some steps to others, and norms that are not the identity."""
    task = TASKS[experiment.task](experiment)
    model = Transformer.of_experiment(experiment, task)
    model.flat.uniform_(-0.9, 0.9, generator=torch.Generator().manual_seed(experiment.seed))
    return passes.run(model, task, task.batch(), windows)


def layer(model: Transformer) -> nn.TransformerEncoderLayer:
    """torch's own, with the same weights."""
    hidden = model.hidden
    found = nn.TransformerEncoderLayer(hidden, model.attention.heads, 4 * hidden, dropout=0.0, norm_first=True, dtype=model.flat.dtype)
    names = {name: name.replace("attention.", "self_attn.").removeprefix("block.") for name in model.weights}
    found.load_state_dict({names[name]: value for name, value in model.weights.items() if name.startswith(("attention.", "block."))})
    return found


def causal(module: nn.TransformerEncoderLayer, x: Tensor) -> Tensor:
    return module(x, src_mask=torch.ones(len(x), len(x), dtype=torch.bool).triu(1))


def ours(name: str) -> str:
    """What the weight of torch's layer is called here."""
    return name.replace("self_attn.", "attention.") if name.startswith("self_attn.") else f"block.{name}"


def truncated(seen: passes.Pass, windows: TBPTT) -> tuple[Tensor, dict[str, Tensor]]:
    """dL/dx (T, B, H) and the block's gradients by autograd: for each block of losses, inputs from before its window are detached."""
    module, x = layer(seen.model), seen.unrolled.h.clone().requires_grad_()
    d_out = seen.model.readout_adjoint(seen.d_outputs).clone()
    for block in range(0, len(x), windows.k1):
        first, last = max(0, block - windows.overlap), min(block + windows.k1, len(x))
        y = causal(module, torch.cat((x[:first].detach(), x[first:last])))
        (y[block:last] * d_out[block:last]).sum().backward()
    return x.grad, {ours(name): weight.grad for name, weight in module.named_parameters()}


@every_number_of_heads
def test_it_is_torchs_layer(small, heads):
    seen = look(without_recurrence(small, heads=heads), TBPTT(99, 99))
    model, batch = seen.model, seen.batch
    with torch.no_grad():
        entering = functional.embedding(batch.inputs, model.weights["embedding.weight"])
        x = functional.linear(entering, model.weights["input.weight"], model.weights["input.bias"])
        x = x + model.weights["position.weight"][:, None]
        y = causal(layer(model), x)
    real = batch.mask
    assert_close(seen.unrolled.h[real], x[real])
    assert_close(seen.paths.attended.read[real], y[real])
    assert_close(seen.outputs[real], (y @ model.weights["readout.weight"].T + model.weights["readout.bias"])[real])


@every_number_of_heads
@every_window
def test_it_is_autograd_with_detached_inputs(small, heads, windows):
    seen = look(without_recurrence(small, heads=heads), windows)
    dx, expected = truncated(seen, windows)
    assert_close(seen.errors.dh[0], dx)
    gradient = seen.gradient()
    assert list(gradient) == list(seen.model.weights)
    for name, value in expected.items():
        assert_close(gradient[name], value)


@given(st.integers(1, 2), st.lists(st.text("abcd", min_size=1, max_size=8), min_size=1, max_size=3), truncations(), st.integers(0, 2**16))
def test_any_pass_is_autograd_with_detached_inputs(heads, lines, windows, seed):
    fields = {"tokens": "character", "hidden": 4, "embedding": 3, "seed": seed}
    seen = look(Experiment(text="\n".join(lines), model="transformer", heads=heads, **fields), windows)
    dx, expected = truncated(seen, windows)
    assert_close(seen.errors.dh[0], dx)
    assert_close(flat({name: seen.gradient()[name] for name in expected}), flat(expected))
    kept = lag_matrix(seen.unrolled, seen.direct, windows.reach(seen.unrolled.steps), seen.paths)
    assert_close(kept.kept_h[0], dx)


@pytest.mark.parametrize("task", [{}, {"task": "series", "window": 6}, {"task": "series", "window": 6, "answer": "last"}], ids=str)
def test_under_full_bptt_it_is_the_network_that_anybody_would_write(small, task):
    """From what is read to the loss, every weight of the model."""
    seen = look(without_recurrence(small, **task), TBPTT(99, 99))
    model, batch = seen.model, seen.batch
    loss, gradient = Twin(model).gradient(batch)
    assert seen.loss == pytest.approx(loss, rel=1e-12)
    assert list(seen.gradient()) == list(model.weights)
    for name, value in seen.gradient().items():
        assert_close(value, gradient[name])


@every_number_of_heads
@every_window
def test_the_lag_matrix_is_autograd_and_the_books_balance(small, heads, windows):
    seen = look(without_recurrence(small, heads=heads), windows)
    task = TASKS["sentences"](small)
    trace = observe(seen, seen.gradient(), [task.axis(index) for index in range(3)], slice(0, 3), task, iteration=1)
    assert max(trace.books.values()) < 1e-12
    x = seen.unrolled.h.clone().requires_grad_()
    y, d_out = causal(layer(seen.model), x), seen.model.readout_adjoint(seen.d_outputs).clone()
    rows = torch.stack([torch.autograd.grad((y[s] * d_out[s]).sum(), x, retain_graph=True)[0] for s in range(6)])
    there = ~np.isnan(trace["lag_h"][0])
    assert_close(trace["lag_h"][0][there], rows.norm(dim=-1).numpy()[there])
    # All of it comes along attention, and there is no recurrence: no value, rather than 0.
    assert_close(trace["lag_attention"], trace["lag_h"])
    assert np.isnan(trace["lag_recurrence"]).all()
    total, direct, recurrent, untruncated, along = (trace.pick("dh", part=part)[0] for part in trace.labels["part"])
    real = ~np.isnan(total)
    reach, own = torch.as_tensor(windows.reach(6))[..., None, None], torch.eye(6, dtype=torch.bool)[..., None, None]
    for shown, kept in ((total, reach), (direct, own), (along, reach & ~own), (untruncated, reach | True)):
        assert_close(shown[real], (rows * kept).sum(0).numpy()[real])
    assert np.abs(recurrent[real]).max() < 1e-12 * np.abs(total[real]).max()
    assert_close(np.nansum(trace["attention"], -2)[:, real[:, :, 0]], np.ones((heads, real[:, :, 0].sum())))
    assert trace.labels["gate"] == ("a",)
    assert "gate" not in trace


def test_shares_are_outer_products_that_add_up(small):
    seen = look(without_recurrence(small), TBPTT(2, 5))
    gradient = seen.gradient()
    found = shares(seen.factors, list(gradient.values()))
    for position, factor in enumerate(seen.factors):
        one = torch.stack([factor.share(t, gradient[factor.name]) for t in range(6)])
        assert_close(one.sum(0), gradient[factor.name])
        assert_close(found.norms[position], one.flatten(1).norm(dim=1))


def test_padding_changes_nothing(small):
    experiment = without_recurrence(small)
    task = TASKS["sentences"](experiment)
    model = Transformer.of_experiment(experiment, task)
    together, single = (passes.run(model, task, task.batch(rows), TBPTT(2, 3)) for rows in (None, [1]))
    scale = single.batch.real / together.batch.real
    assert_close(together.outputs[:3, 1:2], single.outputs)
    assert_close(together.errors.dh[0][:3, 1:2], single.errors.dh[0] * scale)
    assert not together.errors.dh[0][3:, 1].any()


@pytest.mark.parametrize("fields", [{}, {"batch": 2}, BLOCKS, BLOCKS | {"batch": 1}, {"truncation": "window", "k": 3}], ids=str)
def test_a_restored_run_goes_on_with_the_same_numbers(small, fields):
    experiment = without_recurrence(small, **fields)
    trainer, same = Trainer(experiment), Trainer(experiment)
    expected = [trainer.step().loss for _ in range(9)]
    for done in range(5):
        assert [Trainer.restore(same.checkpoint()).step().loss] == expected[done : done + 1]
        snapshot = same.step(trace=True)
        assert snapshot.loss == expected[done]
        assert max(snapshot.trace.books.values()) < 1e-12


def test_blocks_stand_at_their_own_positions(small):
    """Without learning, the losses of all blocks are those of the whole."""
    fields = {"optimiser": "sgd", "learning_rate": 1e-6, "text": "a b c a d"}
    whole, blocks = Trainer(without_recurrence(small, **fields)), Trainer(without_recurrence(small, **fields | BLOCKS))
    expected = whole.peek().trace["loss"][:, 0]
    for first in range(0, 6, 2):
        shown = blocks.step(trace=True).trace["loss"][first : first + 2, 0]
        np.testing.assert_allclose(shown / 3, expected[first : first + 2], rtol=1e-4)


@pytest.mark.parametrize("prompt", ["", "c"])
def test_writing_reads_as_far_back_as_there_are_positions(small, prompt):
    trainer = Trainer(without_recurrence(small))
    trainer.run(8)
    model, task = trainer.model, trainer.task
    read = task.read(prompt)[0].inputs[:, 0].tolist() if prompt else [BOS]
    written = trainer.generate(10, temperature=0.0, prompt=prompt)
    assert len(written.tokens) > 1
    for token, chance in zip(written.tokens, written.probabilities, strict=True):
        with torch.no_grad():
            logits = model.readout(causal(layer(model), model.enter(torch.tensor([read]).T)))[-1, 0]
        logits[[0, BOS, task.vocabulary.index("<unk>")]] = -torch.inf
        best = int(logits.argmax())
        assert task.labels[best] == token
        assert chance == pytest.approx(torch.softmax(logits, -1)[best].item(), rel=1e-10)
        read = [*read, best][-len(model.weights["position.weight"]) :]


@pytest.mark.parametrize("prompt", ["", "c", "a b c a d a b c"])
@pytest.mark.parametrize("fields", [{"text": "a b"}, {"task": "series", "window": 8, "horizon": 12}], ids=str)
def test_no_step_stands_where_none_was_trained(small, monkeypatch, prompt, fields):
    """Whatever is read on and on, the places are those of the longest sequence, each once in a reading."""
    trainer = Trainer(without_recurrence(small, **fields))
    model, beyond = trainer.model, []
    known, enter = len(model.weights["position.weight"]), model.enter

    def seen(inputs: torch.Tensor, first: int = 0) -> torch.Tensor:
        beyond.append(first + len(inputs) - known)
        return enter(inputs, first)

    monkeypatch.setattr(model, "enter", seen)
    if trainer.experiment.task == "series":
        trainer.forecast()
    else:
        trainer.generate(10, temperature=1.0, prompt=prompt)
    assert max(beyond) <= 0


@pytest.mark.parametrize("how", ["free", "forced"])
def test_a_forecast_reads_the_last_window_anew_for_each_step(how):
    """The block knows the positions of a window and no others: as it goes on, the window slides along."""
    experiment = Experiment(task="series", window=8, hidden=6, model="transformer", heads=2, rollout=how, horizon=5)
    trainer = Trainer(experiment)
    trainer.run(3)
    forecast = trainer.forecast()
    model, task = trainer.model, trainer.task
    assert model.weights["position.weight"].shape == (8, 6)
    found = []
    for origin in forecast.origins:
        read = task.scaled[origin - 8 : origin, None]
        for step in range(origin, min(origin + 5, len(task.scaled))):
            with torch.no_grad():
                predicted = model.readout(causal(layer(model), model.enter(read)))[-1]
            found.append(predicted[0])
            read = torch.cat((read[1:], (predicted if how == "free" else task.scaled[step][None])[None]))
    assert_close(forecast.values, task.scaler.undo(torch.stack(found).numpy()))


def test_the_beginning_is_that_of_layers_like_it(small):
    model = Trainer(without_recurrence(small)).model
    assert (model.weights["block.norm1.weight"] == 1).all()
    assert (model.weights["block.norm2.bias"] == 0).all()
    assert 0 < model.weights["block.linear2.weight"].abs().max() <= 1 / np.sqrt(24)
    assert 1 / np.sqrt(24) < model.weights["block.linear1.weight"].abs().max() <= 1 / np.sqrt(6)


def test_heads_that_do_not_fit_are_refused():
    with pytest.raises(InvalidExperiment) as caught:
        Experiment(model="transformer", hidden=6, heads=4)
    assert caught.value.problems == {"heads": "Heads share 6 hidden units evenly: there may be 1, 2, 3, 6, not 4."}


def test_it_learns():
    trainer = Trainer(Experiment(model="transformer", heads=4))
    assert trainer.run(100).loss < 0.2
