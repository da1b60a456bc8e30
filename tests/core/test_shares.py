"""Law 2: shares of the gradient, from Gram matrices and products, are those of explicit outer products."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import passes
from core.cells import CELLS
from core.experiment import Experiment
from core.model import SequenceModel
from core.shares import Factors, shares
from core.tasks import TASKS
from core.truncation import TBPTT
from tests.core.stacks import assert_close, truncations

every_cell = pytest.mark.parametrize("kind", CELLS)


def outer(factor: Factors, t: int, shape: torch.Size) -> torch.Tensor:
    """share_t, sequence by sequence."""
    share = torch.zeros(shape, dtype=factor.errors.dtype)
    for b in range(factor.errors.shape[1]):
        d = factor.errors[t, b]
        if factor.inputs is None:
            share += d
        elif factor.inputs.is_floating_point():
            share += d[:, None] * factor.inputs[t, b][None, :]
        else:
            share[factor.inputs[t, b]] += d
    return share


def check_shares(experiment: Experiment, windows: TBPTT | None = None) -> None:
    task = TASKS[experiment.task](experiment)
    model = SequenceModel.of_experiment(experiment, task)
    steps = max(task.lengths)
    seen = passes.run(model, task, task.batch(), windows or TBPTT(steps, steps))
    gradients = seen.gradient()
    assert [factor.name for factor in seen.factors] == list(model.weights)
    found = shares(seen.factors, list(gradients.values()))
    assert found.names == tuple(model.weights)
    for row, factor in enumerate(seen.factors):
        g = gradients[factor.name]
        explicit = torch.stack([outer(factor, t, g.shape) for t in range(steps)])
        assert_close(explicit.sum(0), g)
        assert_close(torch.stack([factor.share(t, g) for t in range(steps)]), explicit)
        # A norm from Gram matrices is a root of a difference: half of the digits may go where sequences cancel each other.
        assert_close(found.norms[row], explicit.flatten(1).norm(dim=1), relative=1e-7, absolute=1e-7)
        assert_close(found.gradient_norms[row], g.norm())
        projections = (explicit * g).flatten(1).sum(1) / g.norm() if g.any() else torch.zeros(steps, dtype=g.dtype)
        assert_close(found.projections[row], projections, absolute=1e-11)
        assert_close(found.projections[row].sum(), g.norm())


@every_cell
@pytest.mark.parametrize("text", ["a b c a\nb a\nc", "a", "a a a a\na a a a"], ids=["padded", "one token", "repeated"])
def test_every_weights_shares_are_outer_products(kind, text):
    check_shares(Experiment(text=text, cell=kind, layers=2, hidden=4, embedding=3))


@given(
    st.lists(st.text("ab ", min_size=1).filter(str.strip), min_size=1, max_size=3),
    st.sampled_from(list(CELLS)),
    st.integers(1, 3),
    truncations(6),
    st.integers(0, 99),
)
def test_any_texts_shares_are_outer_products(lines, kind, layers, windows, seed):
    check_shares(Experiment(text="\n".join(lines), tokens="character", cell=kind, layers=layers, hidden=3, embedding=2, seed=seed), windows)


def test_a_gradient_of_zero_has_shares_of_zero():
    errors = torch.zeros(3, 2, 4, dtype=torch.float64)
    found = shares([Factors("w", errors, None)], [torch.zeros(4, dtype=torch.float64)])
    assert not found.projections.any()
    assert not found.norms.any()


def test_float32_books_balance_to_its_seven_digits():
    experiment = Experiment(text="a b c a\nb a\nc", hidden=4, dtype="float32")
    task = TASKS[experiment.task](experiment)
    model = SequenceModel.of_experiment(experiment, task)
    seen = passes.run(model, task, task.batch(), TBPTT(5, 5))
    found = shares(seen.factors, list(seen.gradient().values()))
    assert found.projections.dtype == torch.float32
    assert_close(found.projections.sum(1), found.gradient_norms, relative=1e-4, absolute=1e-6)


@pytest.mark.parametrize(
    ("dtype", "size"), [(torch.float32, 1e-30), (torch.float32, 1e25), (torch.float64, 1e-200), (torch.float64, 1e180)]
)
def test_shares_hold_where_there_are_no_squares(dtype: torch.dtype, size: float):
    generator = torch.Generator().manual_seed(3)
    errors, inputs = (torch.randn((5, 2, 3), generator=generator, dtype=torch.float64) for _ in range(2))

    def made(errors: torch.Tensor, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        factors = [Factors("weight", errors, inputs), Factors("bias", errors, None)]
        found = shares(factors, [factor.gradient(errors.new_empty(shape)) for factor, shape in zip(factors, ((3, 3), (3,)), strict=True)])
        return found.norms, found.projections, found.gradient_norms

    for one, other in zip(made((errors * size).to(dtype), inputs.to(dtype)), made(errors, inputs), strict=True):
        torch.testing.assert_close(one.double() / size, other, rtol=1e-4, atol=1e-5)
