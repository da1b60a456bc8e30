"""Connectivity is what autograd finds of outputs by inputs (fact 15: Madsen, Distill 2019)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core import Experiment, Trainer, passes
from core.cells import CELLS
from core.measures.connectivity import connectivity
from core.own_module import pass_of
from core.truncation import TBPTT
from tests.core import oracle
from tests.core.stacks import assert_close, make

TEXT = "a b c d\nb a\nc c a"


def seen_by(trainer: Trainer) -> passes.Pass:
    return passes.run(trainer.model, trainer.task, trainer.task.batch(), TBPTT(2, 2))


@pytest.mark.parametrize("kind", CELLS)
def test_it_is_the_gradient_of_an_output_by_an_input(kind: str):
    trainer = Trainer(Experiment(text=TEXT, cell=kind, layers=2, hidden=5, embedding=3))
    seen = seen_by(trainer)
    found = connectivity(seen)
    twin, batch = oracle.Model(kind, trainer.model.weights), seen.batch
    x = twin.embedding(batch.inputs).detach().requires_grad_()
    logits = twin.readout(twin.rnn(x)[0])
    steps, sequences = batch.mask.shape
    expected = np.full((steps, steps, sequences), np.nan)
    for s in range(steps):
        for b in range(sequences):
            if batch.mask[s, b]:
                (gradient,) = torch.autograd.grad(logits[s, b, batch.targets[s, b]], x, retain_graph=True)
                expected[s, : s + 1, b] = gradient[: s + 1, b].norm(dim=-1)
    assert_close(found.values, expected)
    frame = found.to_frame()
    assert len(frame) == np.count_nonzero(~np.isnan(expected))
    row = frame[(frame["sequence"] == 2) & (frame["output_step"] == 3) & (frame["input_step"] == 1)]
    assert row["connectivity"].item() == pytest.approx(expected[2, 0, 1])


@pytest.mark.parametrize("fields", [{"attention": "dot", "heads": 2}, {"attention": "additive"}, {"model": "transformer"}], ids=str)
def test_attention_connects_too(fields: dict):
    """Against finite differences: what an output does when an embedded input is moved."""
    trainer = Trainer(Experiment(text="a b c d", hidden=4, embedding=4, **fields))
    model, task = trainer.model, trainer.task
    seen = seen_by(trainer)
    found = connectivity(seen)
    x, batch, step = model.embed(seen.batch).clone(), seen.batch, 1e-6

    def logits(moved: torch.Tensor) -> torch.Tensor:
        unrolled = passes.bptt.forward(model.cell, model.layers, moved, None, batch.mask)
        with torch.inference_mode():
            return model.readout(model.attend(unrolled.h, None).read).gather(-1, batch.targets[..., None])[..., 0]

    slopes = torch.zeros(len(x), *x.shape, dtype=x.dtype)
    for place in np.ndindex(*x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.clone()
            moved[place] += sign * step
            ends.append(logits(moved))
        slopes[(slice(None), *place)] = (ends[0] - ends[1])[:, place[1]] / (2 * step)
    expected = slopes.norm(dim=-1).numpy()
    below = np.tri(len(x), dtype=bool)
    np.testing.assert_allclose(found.values[below], expected[below], rtol=1e-5, atol=1e-8)
    assert np.isnan(found.values[~below]).all()
    assert np.abs(expected[~below]).max() < 1e-8
    assert task.sequences == 1


def test_a_series_is_asked_about_its_first_column():
    trainer = Trainer(Experiment(task="series", hidden=4, window=6))
    found = connectivity(seen_by(trainer))
    assert not found.outputs.any()
    assert found.values.shape[:2] == (6, 6)


def test_shares_count_what_lies_far_back():
    trainer = Trainer(Experiment(text=TEXT, hidden=4))
    found = connectivity(seen_by(trainer))
    last = found.values[4, :, 0]
    assert found.share(0)[4, 0] == pytest.approx(1)
    assert found.share(3)[4, 0] == pytest.approx(last[:2].sum() / last.sum())
    assert np.isnan(found.share(1)[4, 1]), "padding"


def test_what_cannot_be_asked_is_refused():
    stack = make("gru")
    with pytest.raises(ValueError, match="no readout"):
        connectivity(pass_of(stack.module, stack.x, direct=stack.direct))
    trainer = Trainer(Experiment(text=TEXT))
    seen = seen_by(trainer)
    with pytest.raises(ValueError, match="numbers from 0 to 7"):
        connectivity(seen, seen.batch.targets + 7)
