"""Trace -> maps: transposed to units x steps, on scales that can be compared, absent and cut kept apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.trace import PARTS, Axis, Trace
from dashboard.live.frames import ABSENT, BELOW, CUT, NOT_FINITE, Map, decoded
from dashboard.live.look import PANELS, PATHS, Look
from dashboard.live.worker.pictures import Aim, Painter

T, H, V = 4, 3, 7
BOUNDS = {"h": (-1.0, 1.0), "f": (0.0, 1.0), "g": (-1.0, 1.0)}
AIM = Aim(np.array([4, 5, 6, 2]), np.ones(T, bool))


def trace(**changes: Any) -> Trace:
    """A Trace of two layers and one sentence with random values."""
    draw = np.random.default_rng(0)
    lag = np.where(np.tri(T, dtype=bool), draw.uniform(1e-6, 1, (2, T, T)), np.nan)
    probability = draw.uniform(0, 1, (T, V))
    values = {
        "h": draw.uniform(-1, 1, (2, T, H)), "gate": draw.uniform(0, 1, (2, 2, T, H)), "dh": draw.normal(size=(2, len(PARTS), T, H)),
        "loss": draw.uniform(0, 1, T), "lag_h": lag, "reach": np.tri(T, dtype=bool) & ~np.tri(T, k=-2, dtype=bool),
        "share_projection": draw.normal(size=(1, T)), "share_norm": draw.uniform(0, 1, (1, T)), "gradient_norm": np.array([0.7]),
        "probability": probability / probability.sum(1, keepdims=True),
    } | changes  # fmt: skip
    dims = {
        "h": ("layer", "step", "unit"), "gate": ("layer", "gate", "step", "unit"), "dh": ("layer", "part", "step", "unit"),
        "loss": ("step",),
        "lag_h": ("layer", "loss_step", "step"), "reach": ("loss_step", "step"), "share_projection": ("weight", "step"),
        "share_norm": ("weight", "step"), "gradient_norm": ("weight",), "probability": ("step", "token"),
        "output": ("step", "column"), "target": ("step", "column"),
        "attention": ("head", "loss_step", "step"),
        "lag_attention": ("layer", "loss_step", "step"), "lag_recurrence": ("layer", "loss_step", "step"),
    }  # fmt: skip
    labels = {"gate": ("f", "g"), "part": PARTS, "weight": ("rnn.weight_hh_l0",)}
    axis = Axis(("<bos>", "a", "b", "c"), ("a", "b", "c", "<eos>"))
    return Trace(1, (axis,), labels, {name: value for name, value in values.items() if value is not None}, dims=dims)


def attentive() -> dict[str, Any]:
    """What attention adds to the Trace: two heads, and both ways of the error."""
    draw = np.random.default_rng(1)
    weights = np.where(np.tri(T, dtype=bool), draw.uniform(0, 1, (2, T, T)), np.nan)
    along, across = (np.where(np.tri(T, dtype=bool), draw.uniform(1e-9, 1e-7, (2, T, T)), np.nan) for _ in range(2))
    return {"attention": weights, "lag_attention": along, "lag_recurrence": np.where(np.eye(T, dtype=bool), np.nan, across)}


def paint(painter: Painter | None = None, look: Look | None = None, now: float = 0.0, **changes: Any) -> dict[str, Map]:
    maps = (painter or Painter(BOUNDS)).maps(trace(**changes), AIM, look or Look(), PANELS, now)
    return {entry.name: entry for entry in maps}


def test_maps_lie_on_one_time_axis():
    maps = paint()
    assert maps["h"].values.shape == maps["gate"].values.shape == maps["dh"].values.shape == (H, T)
    assert maps["lag"].values.shape == (T, T)
    assert maps["share"].values.shape == maps["loss_steps"].values.shape == maps["true_probability"].values.shape == (T,)
    assert maps["next_token"].values.shape == maps["next_probability"].values.shape == (T, 5)


def test_only_what_is_looked_at_is_painted():
    names = [entry.name for entry in Painter(BOUNDS).maps(trace(), AIM, Look(), ("dh",), 0.0)]
    assert names == ["dh", "loss_steps"]


def test_of_a_series_the_predicted_and_the_true_values_are_carried():
    said, true = np.arange(8.0).reshape(T, 2), np.arange(8.0, 16).reshape(T, 2)
    values = trace(probability=None, output=said, target=true)
    show = {entry.name: entry.values for entry in Painter(BOUNDS).maps(values, AIM, Look(), ("next",), 0.0)}
    assert show.keys() == {"loss_steps", "output", "target"}
    np.testing.assert_array_equal(show["output"], said)
    np.testing.assert_array_equal(show["target"], true)
    assert {entry.name for entry in Painter(BOUNDS).maps(values, AIM, Look(), ("dh",), 0.0)} == {"dh", "loss_steps"}


def test_what_a_cell_bounds_has_a_scale_that_never_moves():
    for painter, values in ((Painter(BOUNDS), 0.01), (Painter(BOUNDS), 0.99)):
        maps = paint(painter, h=np.full((2, T, H), values))
        assert (maps["h"].scale.low, maps["h"].scale.high) == (-1, 1)
        assert (maps["gate"].scale.low, maps["gate"].scale.high) == (0, 1)
    assert paint(look=Look(gate="g"))["gate"].scale.low == -1


def test_what_nothing_bounds_is_followed():
    painter = Painter({"h": None})
    assert paint(painter, h=np.full((2, T, H), 30.0))["h"].scale.high == 50
    assert paint(painter, h=np.full((2, T, H), 700.0))["h"].scale.high == 1000


def test_the_parts_of_the_gradient_share_one_scale():
    painter = Painter(BOUNDS)
    scales = {paint(painter, Look(part=part))["dh"].scale for part in PARTS}
    assert len(scales) == 1
    assert scales.pop().high >= np.abs(trace().pick("dh", layer=1)).max()


def test_no_path_and_cut_are_not_values():
    codes = paint()["lag"].values
    assert (codes[np.triu_indices(T, 1)] == ABSENT).all()
    assert (codes[np.tril_indices(T, -2)] == CUT).all()
    assert (np.diagonal(codes) > CUT).all()


def test_the_ways_of_the_error_share_one_scale_and_keep_their_values():
    painter = Painter(BOUNDS)
    values = attentive()
    maps = {path: paint(painter, Look(path=path), **values)["lag"] for path in PATHS}
    assert len({entry.scale for entry in maps.values()}) == 1
    assert {path: entry.about["path"] for path, entry in maps.items()} == {path: path for path in PATHS}
    kept = np.tri(T, dtype=bool) & ~np.tri(T, k=-2, dtype=bool)
    for path in ("attention", "recurrence"):
        expected = values[f"lag_{path}"][1]
        shown = decoded(maps[path].values, maps[path].scale)
        there = kept & ~np.isnan(expected) & (expected >= 10.0 ** maps[path].scale.low)
        np.testing.assert_allclose(shown[there], expected[there], rtol=1e-3)
        below = kept & ~np.isnan(expected) & (expected < 10.0 ** maps[path].scale.low)
        assert (maps[path].values[below] == BELOW).all()
        assert (there | below).any()
    assert (np.diagonal(maps["recurrence"].values) == ABSENT).all()


def test_without_attention_every_way_is_the_total():
    assert paint(look=Look(path="attention"))["lag"].about == {"path": "total"}
    assert "attention" not in paint()


def test_the_weights_of_attention_are_painted_from_a_thousandth_to_one():
    weights = attentive()["attention"]
    for head, expected in ((-1, weights.mean(0)), (0, weights[0]), (1, weights[1])):
        painted = paint(look=Look(head=head), **attentive())["attention"]
        assert painted.about == {"head": head}
        assert (painted.scale.kind, painted.scale.low, painted.scale.high) == ("log10", -3, 0)
        seen = expected >= 1e-3
        np.testing.assert_allclose(decoded(painted.values, painted.scale)[seen], expected[seen], rtol=1e-3)
        assert (painted.values[expected < 1e-3] == BELOW).all()
    assert (painted.values[np.triu_indices(T, 1)] == ABSENT).all()


@pytest.mark.parametrize("view", ["projection", "norm"])
def test_shares_come_with_the_norm_of_the_gradient(view: str):
    """In both views: the sum of the plain norms is larger, and means nothing."""
    assert paint(look=Look(view=view))["share"].about == {"weight": "rnn.weight_hh_l0", "view": view, "total": 0.7}


def test_next_tokens_are_the_likeliest_best_first():
    maps, probability = paint(), trace()["probability"]
    for step in range(T):
        assert maps["next_token"].values[step].tolist() == np.argsort(-probability[step])[:5].tolist()
    np.testing.assert_allclose(maps["true_probability"].values, probability[np.arange(T), AIM.targets], rtol=1e-6)


def test_a_cell_without_gates_has_no_gate_map():
    assert "gate" not in paint(gate=None)


def test_what_exploded_looks_like_nothing_else():
    """A number that is not finite has a code of its own, where there is a value; where there is none, it is absent as ever."""
    reach = np.tri(T, dtype=bool) & ~np.tri(T, k=-2, dtype=bool)
    maps = paint(dh=np.full((2, 3, T, H), np.inf), lag_h=np.full((2, T, T), np.nan), h=np.full((2, T, H), np.nan))
    for name in ("h", "dh"):
        assert (maps[name].values == NOT_FINITE).all()
    assert (maps["lag"].values[reach] == NOT_FINITE).all()
    assert (maps["lag"].values[np.tri(T, k=-2, dtype=bool)] == CUT).all()
    assert (maps["lag"].values[~np.tri(T, dtype=bool)] == ABSENT).all()


def test_steps_that_were_not_visited_are_absent_not_exploded():
    """An update after each block sees its own block only, and a step without an answer has no loss."""
    visited = np.array([False, False, True, True])
    nan = {
        "h": np.full((2, T, H), np.nan),
        "lag_h": np.full((2, T, T), np.nan),
        "reach": np.tri(T, dtype=bool) & visited & visited[:, None],
    }
    painted = {
        entry.name: entry.values for entry in Painter(BOUNDS).maps(trace(**nan), Aim(AIM.targets, np.arange(T) == 3), Look(), PANELS, 0)
    }
    assert ((painted["h"] == NOT_FINITE) == visited).all()
    assert painted["lag"].tolist() == [[ABSENT] * 4] * 3 + [[CUT, CUT, NOT_FINITE, NOT_FINITE]]


def test_beyond_the_steps_of_the_lag_matrix_nothing_has_exploded():
    nan = {"lag_h": np.full((2, T, T), np.nan), "reach": np.tri(T, dtype=bool)}
    codes = paint(Painter(BOUNDS, computed=2), **nan)["lag"].values
    assert (codes[:, :2] == ABSENT).all()
    assert codes[3].tolist() == [ABSENT, ABSENT, NOT_FINITE, NOT_FINITE]
