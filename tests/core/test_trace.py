"""Law 5, and a Trace's own manners: named axes, absent is NaN, vanished is 0.0, frozen, bytes and tidy tables."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.trace import AXES, Axis, Trace
from core.training import Trainer

WORDS = Axis(("<bos>", "a", "b"), ("a", "b", "<eos>"))
SHORT = Axis(("<bos>", "a"), ("a", "<eos>"))


def tiny() -> Trace:
    """Two sequences of three and two steps, one layer of two units; a zero that vanished and steps that are absent."""
    h = np.arange(12.0).reshape(1, 3, 2, 2)
    h[0, 2, 1] = np.nan
    lag = np.full((1, 3, 3, 2), np.nan)
    for s in range(3):
        lag[0, s, : s + 1] = 10.0 ** -np.arange(s, -1, -1)[:, None]
    lag[0, 2, 0] = 0.0
    lag[0, 2, :, 1] = np.nan
    reach = np.tril(np.ones((3, 3), bool))
    reach[2, 0] = False
    values = {"h": h, "lag_h": lag, "reach": reach, "share_norm": np.ones((2, 3)), "gradient_norm": np.ones(2)}
    return Trace(7, (WORDS, SHORT), {"weight": ("w", "v"), "part": ("total", "direct", "recurrent")}, values, books={"shares": 1e-16})


@pytest.fixture
def seen(small) -> Trace:
    trace = Trainer(small.replace(cell="lstm"), observe=1).step(trace=True).trace
    assert trace
    return trace


def test_every_quantity_has_the_axes_that_it_names(small, seen):
    sizes = {
        "layer": 2,
        "step": 6,
        "sequence": 1,
        "unit": 5,
        "loss_step": 6,
        "part": 4,
        "gate": 4,
        "weight": len(seen.labels["weight"]),
        "token": len(seen.labels["token"]),
    }
    of_series, of_attention = {"output", "target"}, {"attention", "lag_attention", "lag_recurrence"}
    assert set(seen.values) == set(AXES) - of_series - of_attention
    for name, value in seen.values.items():
        assert value.shape == tuple(sizes[axis] for axis in AXES[name]), name
    assert seen.labels["gate"] == ("i", "f", "g", "o")
    assert seen.labels["weight"][0] == "embedding.weight"


def test_absent_is_nan_and_nothing_else_is(seen):
    """The second sentence has three of six steps."""
    for name in ("h", "c", "dh", "dc", "da", "gate", "loss", "probability"):
        steps = np.moveaxis(seen[name], seen.dims[name].index("step"), 0)
        assert np.isnan(steps[3:]).all(), name
        assert not np.isnan(steps[:3]).any(), name
    lag = seen["lag_h"][0, :, :, 0]
    s, t = np.indices((6, 6))
    assert (np.isnan(lag) == ((t > s) | (s > 2))).all()


def test_of_one_sequence_has_nothing_absent_but_the_future(seen):
    alone = seen.of(0)
    assert alone.axes == (seen.axes[0],)
    for name, value in alone.values.items():
        assert "sequence" not in alone.dims[name]
        if name.startswith("lag"):
            assert (np.isnan(value) == np.triu(np.ones((3, 3), bool), 1)).all()
        else:
            assert not np.isnan(value.astype(float)).any(), name
    assert alone["h"].shape == (2, 3, 5)
    assert alone["share_norm"].shape == seen["share_norm"].shape, "shares are the batch's"


def test_of_picks_the_sequence():
    trace = tiny()
    assert trace.of(1)["h"].tolist() == [[[2, 3], [6, 7]]]
    assert trace.of(0)["lag_h"].shape == (1, 3, 3)
    assert trace.of(1)["reach"].shape == (2, 2)
    assert trace.of(1).iteration == 7


def test_vanished_is_not_absent():
    lag = tiny().of(0)["lag_h"][0]
    assert lag[2, 0] == 0.0
    assert lag[2, 1] == 0.1
    assert np.isnan(lag[0, 1])
    back = Trace.from_bytes(tiny().to_bytes()).of(0)["lag_h"][0]
    assert back[2, 0] == 0.0


def test_pick_takes_axes_and_labels_by_name(seen):
    assert np.array_equal(seen.pick("dh", part="direct", layer=1, sequence=0), seen["dh"][1, 1, :, 0], equal_nan=True)
    assert np.array_equal(seen.pick("gate", gate="f"), seen["gate"][:, 1], equal_nan=True)
    assert seen.pick("share_norm", weight="readout.bias").tolist() == seen["share_norm"][-1].tolist()
    with pytest.raises(ValueError, match="h has no axis gate; its axes are layer, step, sequence, unit"):
        seen.pick("h", gate="f")
    with pytest.raises(ValueError, match="gate must be one of i, f, g, o, not 'x'"):
        seen.pick("gate", gate="x")


def test_arrays_are_read_only(seen):
    for trace in (seen, seen.of(0), Trace.from_bytes(seen.to_bytes())):
        for value in trace.values.values():
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0
        with pytest.raises(dataclasses.FrozenInstanceError):
            trace.iteration = 3


def test_an_array_with_other_axes_is_refused():
    with pytest.raises(ValueError, match="array of 2 dimensions"):
        Trace(1, (WORDS,), {}, {"h": np.zeros((2, 2))})


def test_bytes_there_and_back(seen):
    for trace in (seen, seen.of(0), tiny()):
        back = Trace.from_bytes(trace.to_bytes())
        assert (back.iteration, back.axes, back.labels, back.in_batch, dict(back.books), dict(back.dims)) == (
            trace.iteration,
            trace.axes,
            trace.labels,
            trace.in_batch,
            dict(trace.books),
            dict(trace.dims),
        )
        assert list(back.values) == list(trace.values)
        for name, value in trace.values.items():
            assert back[name].dtype == value.dtype
            assert np.array_equal(back[name], value, equal_nan=value.dtype != bool)


def test_contains_and_coordinates(seen):
    assert "h" in seen
    assert "attention" not in seen
    assert list(seen.coordinates("h", "step")) == [1, 2, 3, 4, 5, 6]
    assert list(seen.coordinates("h", "unit")) == [1, 2, 3, 4, 5]
    assert seen.coordinates("dh", "part") == ("total", "direct", "recurrent", "untruncated")


def test_a_table_is_tidy(seen):
    frame = seen.of(0).to_frame("dh")
    assert list(frame.columns) == ["layer", "part", "step", "unit", "quantity", "value", "input"]
    assert len(frame) == 2 * 4 * 3 * 5
    row = frame.query("layer == 2 and part == 'recurrent' and step == 2 and unit == 5").iloc[0]
    assert row["value"] == seen.of(0)["dh"][1, 2, 1, 4]
    assert row["input"] == "b"
    lag = seen.of(0).to_frame("lag_h").query("layer == 1 and loss_step == 2")
    assert list(lag["target"]) == ["a"] * 3
    assert list(lag["input"]) == ["<bos>", "b", "a"]
    assert list(lag["value"].isna()) == [False, False, True]


def test_a_table_of_everything_names_its_quantities():
    frame = tiny().to_frame()
    assert list(frame["quantity"].unique()) == ["h", "lag_h", "reach", "share_norm", "gradient_norm"]
    assert len(frame) == 12 + 18 + 9 + 6 + 2
    assert "input" not in frame
    assert frame.query("quantity == 'lag_h' and loss_step == 3 and step == 1 and sequence == 1")["value"].item() == 0.0


def test_a_table_of_answers_names_the_true_ones(seen):
    frame = seen.of(0).to_frame("probability").query("step == 2")
    assert set(frame["target"]) == {seen.axes[0].targets[1]}
    assert set(frame["input"]) == {seen.axes[0].inputs[1]}


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3))
def test_a_table_has_every_number_once(layers, steps, units):
    h = np.arange(layers * steps * 1.0 * units).reshape(layers, steps, 1, units)
    trace = Trace(1, (Axis(("x",) * steps, ("y",) * steps),), {}, {"h": h})
    frame = trace.to_frame("h")
    assert sorted(frame["value"]) == sorted(h.ravel())
    for row in frame.itertuples():
        assert h[row.layer - 1, row.step - 1, row.sequence - 1, row.unit - 1] == row.value


def test_counts_stay_whole_numbers_beside_quantities_that_lack_them(seen):
    frame = seen.of(0).to_frame("lag_h", "reach", "gradient_norm")
    assert str(frame["layer"].dtype) == str(frame["step"].dtype) == "Int64"
    assert frame["layer"].dropna().unique().tolist() == list(range(1, 1 + len(seen["h"])))
    assert frame["value"].dtype == float
