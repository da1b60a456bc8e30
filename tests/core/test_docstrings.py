"""The equations in the cells' docstrings are executed, and are what the code computes."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import numpy as np
import pytest
import torch

from core import bptt
from core.cells import CELLS
from core.model import torch_names
from tests.core.stacks import assert_close, make

every_cell = pytest.mark.parametrize("kind", CELLS)

MEANINGS = {
    "rnn_tanh": {"phi": np.tanh, "slope": lambda h: 1 - h**2},
    "rnn_relu": {"phi": lambda a: np.maximum(a, 0), "slope": lambda h: np.where(h > 0, 1.0, 0.0)},
}
"""What the docstring of both plain networks leaves open."""


def equations(kind: str, title: str) -> str:
    """The literal block under the line that begins with `title` and ends in `::`."""
    doc = inspect.getdoc(type(CELLS[kind]))
    found = re.search(rf"^{title}\b.*::\n\n((?:[ ]+.*\n?)+)", doc or "", re.MULTILINE)
    assert found, f"{kind} states no {title} equations"
    return textwrap.dedent(found.group(1))


def namespace(kind: str, stack: Any) -> dict[str, Any]:
    names = dict(zip(("W_ih", "W_hh", "b_ih", "b_hh"), torch_names(0), strict=True))
    weights = {ours: stack.module.state_dict()[theirs].numpy() for ours, theirs in names.items()}
    gates = len(CELLS[kind].gates)
    words = {
        "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
        "tanh": np.tanh,
        "blocks": lambda a: np.split(a, gates),
        "join": lambda *parts: np.concatenate(parts),
    }
    return weights | words | MEANINGS.get(kind, {})


@every_cell
def test_the_documented_equations_are_the_code(kind):
    steps, hidden = 4, 3
    stack = make(kind, steps=steps, batch=1, hidden=hidden)
    cell = CELLS[kind]
    generator = torch.Generator().manual_seed(5)
    start = {name: torch.randn(1, hidden, generator=generator, dtype=torch.float64) for name in cell.states}
    unrolled = stack.forward([start])
    errors = bptt.backward(unrolled, stack.direct)

    known = namespace(kind, stack)
    forward, adjoint = equations(kind, "Forward"), equations(kind, "Adjoint")
    before = {f"{name}_before": value[0].numpy() for name, value in start.items()}
    seen = []
    for t in range(steps):
        values = known | before | {"x": stack.x[t, 0].numpy()}
        exec(forward, values)  # noqa: S102 - our own docstring
        seen.append(values)
        before = {f"{name}_before": values[name] for name in cell.states}
        for name in cell.states:
            assert_close(unrolled.tapes[0][name][t + 1, 0], values[name])
        if cell.gated:
            assert_close(unrolled.tapes[0]["a"][t, 0], np.concatenate([values[gate] for gate in cell.gates]))

    handed = {"dh": np.zeros(hidden), "dc": np.zeros(hidden)}
    for t in reversed(range(steps)):
        values = seen[t] | {"dh": stack.direct[t, 0].numpy() + handed["dh"], "dc": handed["dc"]}
        exec(adjoint, values)  # noqa: S102
        assert_close(errors.dh[0][t, 0], values["dh"])
        if "c" in cell.states:
            assert_close(errors.dc[0][t, 0], values["dc"])
        da = [values[f"da_{gate}" if cell.gated else "da"] for gate in cell.gates]
        assert_close(errors.da[0][t, 0], np.stack(da))
        if kind == "gru":
            da[2] = da[2] * values["r"]
        assert_close(errors.da_across[0][t, 0], np.stack(da))
        handed = {"dh": values["dh_before"], "dc": values.get("dc_before")}


@pytest.mark.parametrize("kind", [kind for kind, cell in CELLS.items() if cell.gated])
def test_the_documented_gate_order_is_the_codes(kind):
    """Gates stand in the docstring in the order in which torch stacks their weights."""
    order = re.search(r"^(?:a|x)_.* = blocks", equations(kind, "Forward"), re.MULTILINE)
    assert order
    assert tuple(re.findall(r"_(\w)", order.group())) == CELLS[kind].gates
