"""Hooks see every step as it happens, and cannot change a number."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap

import pytest
import torch

from core import bptt, hooks
from core.cells import CELLS
from core.experiment import Experiment
from core.hooks import Hooks, Step
from core.training import Trainer
from core.truncation import TBPTT
from tests.core.stacks import assert_close, make

every_cell = pytest.mark.parametrize("kind", CELLS)
WINDOWS = [None, TBPTT(2, 2), TBPTT(1, 3), TBPTT(2, 5)]


def watch(stack, windows=None):
    """Both passes under one hook -> the steps seen, and what the passes left."""
    seen: list[Step] = []
    watching = Hooks(seen.append)
    unrolled = bptt.forward(stack.model.cell, stack.model.layers, stack.x, hooks=watching)
    errors = bptt.backward(unrolled, stack.direct, windows, watching)
    return seen, unrolled, errors


@every_cell
def test_forward_steps_come_in_order_with_states_and_gates(kind):
    stack = make(kind, 2)
    seen, unrolled, _ = watch(stack)
    ahead = [step for step in seen if step.phase == "forward"]
    assert [(step.t, step.layer, step.window) for step in ahead] == [(t, layer, 1) for t in range(1, 6) for layer in (0, 1)]
    cell = stack.model.cell
    for step in ahead:
        tape = unrolled.tapes[step.layer]
        gates = dict(zip(cell.gates, tape["a"][step.t - 1].chunk(len(cell.gates), -1), strict=True)) if cell.gated else {}
        assert set(step.values) == {*cell.states, *gates}
        for name, value in step.values.items():
            expected = gates[name] if name in gates else tape[name][step.t]
            assert torch.equal(value, expected)
            assert value.shape == (2, 4)


@every_cell
def test_backward_steps_come_in_order_with_errors(kind):
    stack = make(kind, 2)
    seen, _, errors = watch(stack)
    back = [step for step in seen if step.phase == "backward"]
    assert [(step.t, step.layer, step.window) for step in back] == [(t, layer, 1) for t in (5, 4, 3, 2, 1) for layer in (1, 0)]
    cell = stack.model.cell
    for step in back:
        expected = {"dh": errors.dh[step.layer][step.t - 1]}
        if errors.dc:
            expected["dc"] = errors.dc[step.layer][step.t - 1]
        assert set(step.values) == {*expected, *(f"da_{gate}" for gate in cell.gates)}
        for name, value in expected.items():
            assert_close(step.values[name], value)


@every_cell
@pytest.mark.parametrize("windows", WINDOWS, ids=str)
def test_visits_of_all_windows_add_up(kind, windows):
    """Each window visits the steps it spans, once; dL/dh_t, dL/dc_t and dL/da_t are the sums over visits."""
    stack = make(kind, 2, steps=5)
    seen, _, errors = watch(stack, windows)
    back = [step for step in seen if step.phase == "backward"]
    spans = (windows or TBPTT(5, 5)).windows(5)
    visits = sorted((step.window, step.t, step.layer) for step in back)
    assert visits == [(number, t + 1, layer) for number, span in enumerate(spans, 1) for t in span for layer in (0, 1)]
    cell = stack.model.cell
    for layer in (0, 1):
        for t in range(1, 6):
            here = [step.values for step in back if (step.t, step.layer) == (t, layer)]
            assert_close(sum(values["dh"] for values in here), errors.dh[layer][t - 1])
            if errors.dc:
                assert_close(sum(values["dc"] for values in here), errors.dc[layer][t - 1])
            for position, gate in enumerate(cell.gates):
                assert_close(sum(values[f"da_{gate}"] for values in here), errors.da[layer][t - 1, :, position])


@every_cell
@pytest.mark.parametrize("windows", WINDOWS, ids=str)
def test_a_hook_that_writes_changes_nothing(kind, windows):
    stack = make(kind, 2)
    _, expected, plain = watch(stack, windows)

    def vandal(step: Step) -> None:
        for value in step.values.values():
            value.fill_(torch.nan)

    after: list[Step] = []
    both = Hooks(vandal, after.append)
    unrolled = bptt.forward(stack.model.cell, stack.model.layers, stack.x, hooks=both)
    errors = bptt.backward(unrolled, stack.direct, windows, both)
    assert torch.equal(unrolled.h, expected.h)
    for ours, theirs in zip((*errors.dh, *errors.dc, *errors.da_across), (*plain.dh, *plain.dc, *plain.da_across), strict=True):
        assert torch.equal(ours, theirs)
    assert not any(value.isnan().any() for step in after for value in step.values.values()), "hooks do not reach each other either"


def test_what_a_hook_keeps_stays():
    """Copies: the next iteration writes none of them over, and they can be used under autograd."""
    stack = make("lstm")
    seen, _, _ = watch(stack)
    kept = [value.clone() for step in seen for value in step.values.values()]
    watch(make("lstm", seed=1))
    assert all(torch.equal(old, new) for old, new in zip(kept, (v for step in seen for v in step.values.values()), strict=True))
    assert not seen[0].values["h"].is_inference()
    seen[0].values["h"].requires_grad_().sum().backward()


def test_hooks_come_and_go():
    calls: list[str] = []

    def first(step: Step) -> None:
        calls.append("first")

    def second(step: Step) -> None:
        calls.append("second")

    these = Hooks(first)
    nothing = torch.zeros(1, 1)
    these.show("forward", 0, 0, 0, {"h": nothing})
    with these.watching(second):
        these.show("forward", 0, 0, 0, {"h": nothing})
    these.add(second)
    these.remove(first)
    these.show("forward", 0, 0, 0, {"h": nothing})
    assert calls == ["first", "first", "second", "second"]
    these.remove(second)
    assert not these
    with pytest.raises(ValueError, match=r"list\.remove"):
        these.remove(second)


def test_watching_ends_with_an_exception():
    these = Hooks()

    def fail() -> None:
        with these.watching(print):
            assert these
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail()
    assert not these


def test_a_hook_may_remove_itself():
    these = Hooks()
    calls = []

    def once(step: Step) -> None:
        calls.append(step.t)
        these.remove(once)

    these.add(once)
    these.add(lambda step: calls.append(-step.t))
    these.show("forward", 6, 0, 0, {})
    these.show("forward", 7, 0, 0, {})
    assert calls == [7, -7, -8]


def test_a_trainers_hooks_see_what_leads_to_an_update(small):
    seen: list[Step] = []
    trainer, plain = Trainer(small, hooks=[seen.append]), Trainer(small)
    for _ in range(3):
        assert trainer.step().loss == plain.step().loss
    longest = max(trainer.task.lengths)
    assert len(seen) == 3 * 2 * longest * small.layers
    trainer.peek()
    trainer.try_text("a b")
    assert len(seen) == 3 * 2 * longest * small.layers
    assert torch.equal(trainer.model.flat, plain.model.flat)


def test_the_documented_example_runs(capsys):
    doc = f"{inspect.getdoc(hooks)}\n"
    found = re.search(r"::\n\n((?:    .*\n|\n)+)", doc)
    assert found
    code = textwrap.dedent(found.group(1))
    ast.parse(code)
    assert len(code.strip().splitlines()) <= 10
    values = {"Trainer": Trainer, "Experiment": Experiment}
    exec(code, values)  # noqa: S102 - our own docstring
    norms = values["norms"]
    seen = Trainer(Experiment()).step(trace=True).trace
    longest = max(Trainer(Experiment()).task.lengths)
    assert list(norms) == list(range(longest, 0, -1))
    assert str(norms) in capsys.readouterr().out
    # The hook sees the whole batch; the trace one sentence, which is one of its rows.
    assert all(norms[t + 1] >= row for t, row in enumerate((seen.pick("dh", layer=0, part="total")[:, 0] ** 2).sum(-1) ** 0.5))
