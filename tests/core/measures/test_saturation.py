"""Shares of saturated units, counted by hand."""

from __future__ import annotations

import math

import pytest

from core.cells import CELLS
from core.measures.saturation import saturation
from tests.core.stacks import make


@pytest.mark.parametrize("kind", CELLS)
def test_shares_are_counted_over_real_steps(kind):
    stack = make(kind, steps=6, batch=2, hidden=5, lengths=(6, 3))
    stack.x.mul_(4)
    unrolled = stack.forward()
    tape, cell = unrolled.tapes[0], unrolled.cell
    found = {one.name: one for one in saturation(unrolled)}
    assert tuple(found) == ((*cell.gates, "h") if cell.gated else ("h",))
    for name, one in found.items():
        values = tape["h"][1:] if name == "h" else tape["a"].chunk(len(cell.gates), -1)[cell.gates.index(name)]
        numbers = [number for row, steps in enumerate(stack.lengths) for number in values[:steps, row].flatten().tolist()]
        if kind == "rnn_relu":
            assert one.off == sum(number == 0 for number in numbers) / len(numbers) > 0
            assert math.isnan(one.low)
            assert math.isnan(one.high)
        else:
            low, high = (-1, 1) if name in "hgn" else (0, 1)
            assert one.low == sum(number < low + 0.03 for number in numbers) / len(numbers)
            assert one.high == sum(number > high - 0.03 for number in numbers) / len(numbers)
            assert math.isnan(one.off)
    assert any(one.low > 0 or one.high > 0 or one.off > 0 for one in found.values())
