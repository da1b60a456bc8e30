"""The charts of clipping show what was found, and their sentences say its numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.measures.error_cliff import loss
from core.measures.norms import advice
from core.studies import STUDIES, cliff_descent, clipping, replay
from core.studies.clipping import Spike
from core.studies.replay import Branch
from dashboard.charts.lab import bands, error_cliff, norms
from dashboard.charts.lab import replay as replayed
from dashboard.charts.picture import Look, number, percent
from dashboard.texts import load
from dashboard.views.lab.leads import LEADS

LOOKS = [Look(), Look(dark=True)]
looks = pytest.mark.parametrize("look", LOOKS, ids=["light", "dark"])


def test_the_lead_to_spikes_leads_to_some():
    from core.training import Trainer

    *_, last = clipping.study(Trainer(LEADS["spikes"]), clipping.Asked())
    assert last.found is not None
    assert last.found.share_clipped > 0.3
    assert max(one.times for one in last.found.spikes) > 10


@pytest.mark.parametrize("name", ["order", "echo"])
def test_the_leads_to_a_cliff_lead_to_tasks_that_ask_back(name: str):
    from core.training import Trainer

    assert Trainer(LEADS[name]).task.lag > 1


def spike(**more) -> Spike:
    parts = np.array([[0.5, -0.1, 0.2], [0.1, 0.2, 0.1]])
    known = {
        "iteration": 7,
        "loss": 2.0,
        "norm": 1.0,
        "times": 4.0,
        "parts": parts,
        "sequences": ("<b>a</b> b", "c d"),
        "worst": 0,
        "inputs": ("<bos>", "<b>a</b>", "b"),
        "weights": {"rnn.weight_hh_l0": 0.75, "readout.weight": 0.25},
    }
    return Spike(**known | more)


def found(clip="norm", threshold=1.0, before=(0.5, 4.0, 2.0, 1.0), **more) -> clipping.Found:
    norm = np.array(before)
    after = np.minimum(norm, threshold) if clip == "norm" else norm
    clipped = (after < norm).astype(float)
    known = {
        "clip": clip,
        "threshold": threshold,
        "iterations": np.arange(1, len(norm) + 1),
        "loss": norm,
        "before": norm,
        "after": after,
        "clipped": clipped,
        "cut_at": np.where(clipped > 0, 0.3, math.inf),
        "turned": np.where(clipped > 0, 10 * norm, 0.0),
        "weights": np.stack([norm, norm], 1),
        "names": ("a", "b"),
        "spikes": (spike(),),
    }
    return clipping.Found(**known | more)


@looks
def test_norms_are_shown_with_the_band_and_the_advice(look):
    shown = norms.draw(found(), 0.5, look)
    before, after, spikes = shown.figure.data
    assert list(before.y) == [0.5, 4.0, 2.0, 1.0]
    assert list(after.y) == [0.5, 1.0, 1.0, 1.0]
    assert (list(spikes.x), list(spikes.y)) == ([7], [1.0])
    told = advice(found().before, 0.5)
    for words in ("2 of 4 gradients, 50 %", f"average norm is {number(told.mean)}", f"between {number(told.low)} and {number(told.high)}"):
        assert words in shown.words
    assert "threshold of 1 lies in that band" in shown.words
    assert "To let 50 % of these gradients pass unchanged, take a threshold of 1: it would change 50 %" in shown.words


@pytest.mark.parametrize(("threshold", "place"), [(0.5, "below"), (100.0, "above")])
def test_a_threshold_outside_of_the_band_is_told(threshold, place):
    assert f"lies {place} that band" in norms.draw(found(threshold=threshold), 0.9, Look()).words


def test_an_average_that_a_few_gradients_make_is_not_the_only_advice():
    calm = [1.0] * 40

    def words(before: list[float], **more: str) -> str:
        return norms.draw(found(before=tuple(before), spikes=(), **more), 0.9, Look()).words

    assert "go by a quantile" not in words(calm)
    spiked = words([*calm[:20], 200.0, *calm[20:]])
    assert "the longest at iteration 21, make that average 5.85 times the median: go by a quantile, such as 1, which 98 % of all" in spiked
    assert "long gradients of the first iterations make that average" in words([90.0, 90.0, *calm])
    exploded = words([*calm, 1e3], stopped="exploded at iteration 42: the loss is not finite")
    assert "on the way into an explosion, and their average is 25.4 times their median" in exploded
    assert "on the way into an explosion" in words(calm, stopped="exploded at iteration 41: the loss is not finite")


@pytest.mark.parametrize(("last", "even"), [(2.0, True), (2.01, False)])
def test_where_no_gradient_was_long_the_page_says_so(last, even):
    shown = norms.draw(found(before=(1.0,) * 5 + (last,), spikes=()), 0.9, Look())
    assert ("None was more than 2 times the median of the 25 before it." in shown.words) == even
    assert "None was" not in norms.draw(found(spikes=()), 0.9, Look()).words, "four gradients are too few to say"


def test_without_clipping_there_is_no_threshold_to_judge():
    shown = norms.draw(found(clip="off"), 0.9, Look())
    assert "clipping is off" in shown.words
    assert "that band." not in shown.words
    assert not any("y0" in shape and shape.y0 == shape.y1 == 1.0 for shape in shown.figure.layout.shapes)


def test_a_threshold_of_entries_has_no_line_among_norms():
    def lines(clip: str) -> list[float]:
        figure = norms.draw(found(clip=clip), 0.9, Look()).figure
        return [shape.y0 for shape in figure.layout.shapes if shape.y0 == shape.y1]

    assert lines("norm") == [1.0]
    assert lines("value") == []
    words = norms.draw(found(clip="value"), 0.9, Look()).words
    assert "its threshold of 1 is one of entries, so that it has no line here" in words
    assert "Dashed, where the run clips by norm" in load()("charts.norms.help")


@looks
def test_the_distribution_counts_every_gradient(look):
    shown = norms.draw_distribution(found(), 0.9, look)
    assert sum(shown.figure.data[0].y) == 4
    told = found().advice()
    assert f"{number(told.low)}, would clip {percent(told.clips_low)}" in shown.words


def test_the_numbers_of_each_chart_are_those_that_it_draws():
    frame, bars = found().distribution(), norms.draw_distribution(found(), 0.9, Look()).figure.data[0]
    assert frame["iterations"].tolist() == list(bars.y)
    assert np.allclose(np.log10(frame["from"] * frame["to"]) / 2, bars.x)
    angles = found().angles()
    assert np.array_equal(angles["degrees turned by value"], norms.draw_turned(found(), Look()).figure.data[0].y, equal_nan=True)
    held = spike().weights_frame()
    assert held.set_index("weight")["share"].to_dict() == spike().weights


def test_what_vanished_or_exploded_at_once_has_no_distribution():
    for before in ((), (0.0, 0.0)):
        for draw in (norms.draw, norms.draw_distribution):
            assert draw(found(before=before, spikes=()), 0.9, Look()).words
    assert norms.draw_turned(found(before=(), spikes=()), Look()).words == load()("charts.turned.none", threshold="1")


@looks
def test_the_angle_is_that_of_value_beside_none_of_norm(look):
    shown = norms.draw_turned(found(), look)
    value, norm = shown.figure.data
    assert np.array_equal(value.y, [np.nan, 40.0, 20.0, np.nan], equal_nan=True)
    assert set(norm.y) == {0}
    assert "Of 2 gradients" in shown.words
    assert "turns half by 30° or more, and that of iteration 2 by 40°" in shown.words


@looks
def test_a_spike_shows_its_parts_and_names_what_pulled(look):
    shown = norms.draw_spike(spike(), look)
    (heatmap,) = shown.figure.data
    assert np.array_equal(heatmap.z, spike().parts)
    assert -heatmap.zmin == heatmap.zmax == 0.5
    assert "&lt;b&gt;" in shown.figure.layout.yaxis.ticktext[0], "texts are shown as they are"
    assert "4 times the median" in shown.words
    assert "Step 1 (<bos>) pulled hardest: all sequences together, it made 60 %" in shown.words
    assert "“<b>a</b> b”, made 60 %" in shown.words
    against = spike(parts=np.array([[3.0, 0.0], [-2.0, 0.0]]))
    assert "would make 300 %: the others pulled against it" in norms.draw_spike(against, look).words
    weights = norms.draw_weights(spike(), look)
    assert list(weights.figure.data[0].x) == [25, 75]
    assert "rnn.weight_hh_l0 held 75 %" in weights.words


def branch(own=False, clip="norm", threshold=1.0, loss=(3.0, 2.0), stopped="") -> Branch:
    values = np.array(loss)
    return Branch(clip, threshold, own, np.arange(1, len(values) + 1), values, 2 * values, np.minimum(2 * values, threshold), stopped)


@looks
def test_trainings_stand_beside_each_other(look):
    several = replay.Found((branch(own=True), branch(threshold=0.1, loss=(3.0, 1.0)), branch(clip="off", loss=(3.0, 2.0))), 0)
    shown = replayed.draw(several, np.empty((0, 6)), look)
    assert [trace.name for trace in shown.figure.data if trace.showlegend] == ["by norm 0.1", "no clipping", "this run: by norm 1"]
    assert "by norm 0.1 has the lowest loss, 1 (mean of the last tenth); it clipped 100 %" in shown.words
    assert "is 100 % above it" in shown.words
    assert "Not a number differs from this run with: no clipping" in shown.words


def test_none_of_trainings_that_are_the_same_is_the_best():
    alike = replay.Found((branch(own=True), branch(clip="off")), 0)
    words = replayed.draw(alike, np.empty((0, 6)), Look()).words
    assert "lowest" not in words
    assert "Not a number differs from this run with: no clipping" in words


def test_a_replay_is_compared_with_what_the_run_recorded():
    own = branch(own=True, loss=(3.0, 2.0, 1.5))
    rows = np.array([[i, loss, 2 * loss, 1, 1, 0] for i, loss in ((1, 3.0), (2, 2.0), (9, 1.0))])
    assert replayed.agreement(own, rows) == replayed.Agreement(2, 0)
    words = replayed.draw(replay.Found((own,), 0), rows, Look()).words
    assert "Repeated here to the last bit: 2 iterations that this run recorded." in words
    rows[1, 1] += 1e-15
    assert replayed.agreement(own, rows) == replayed.Agreement(1, 2)
    assert "From iteration 2 on, this run recorded other numbers" in replayed.draw(replay.Found((own,), 0), rows, Look()).words


def test_a_training_that_exploded_is_named():
    several = replay.Found((branch(own=True), branch(clip="off", loss=(3.0,), stopped="exploded at iteration 2")), 0)
    assert "no clipping: exploded at iteration 2." in replayed.draw(several, np.empty((0, 6)), Look()).words


@pytest.fixture(scope="module")
def descended() -> cliff_descent.Found:
    *_, last = STUDIES["cliff_descent"].run(None, cliff_descent.Asked())
    return last.found


@looks
@pytest.mark.parametrize("scale", ["log", "linear"])
def test_the_cliff_is_drawn_with_both_descents(descended, look, scale):
    shown = error_cliff.draw_surface(descended, scale, look)
    surface, unclipped, clipped = shown.figure.data
    assert np.array_equal(surface.x, descended.surface.w[::2])
    height = descended.surface.loss[::2, ::2]
    assert np.allclose(surface.z, np.log10(np.maximum(height, error_cliff.FLOOR)) if scale == "log" else height)
    assert np.isnan(unclipped.x[-1]), "it left, and did not come back"
    assert len(clipped.x) == 301
    contour = error_cliff.draw_contour(descended, scale, look)
    picks = contour.figure.data[1]
    assert picks.marker.opacity == 0
    place = 1000
    at = float(loss(picks.x[place], picks.y[place]))
    assert picks.customdata[place][0] == pytest.approx(at, rel=1e-9)


def test_the_surface_leaves_as_numbers(descended):
    frame = descended.surface_frame()
    assert len(frame) == descended.surface.loss.size
    for place in (0, 150, len(frame) - 1):
        w, b, height, _ = frame.iloc[place]
        assert height == pytest.approx(float(loss(w, b)), rel=1e-9)


def test_a_descent_that_leaves_ends_at_the_edge(descended):
    shown = error_cliff.draw_contour(descended, "linear", Look()).figure
    unclipped = next(trace for trace in shown.data if trace.name == "not clipped")
    last = np.flatnonzero(~np.isnan(unclipped.x))[-1]
    (low_w, high_w), (low_b, high_b) = shown.layout.xaxis.range, shown.layout.yaxis.range
    x, y = unclipped.x[last], unclipped.y[last]
    assert min(abs(x - low_w), abs(x - high_w), abs(y - low_b), abs(y - high_b)) < 1e-9
    assert low_w <= x <= high_w + 1e-9
    assert low_b <= y <= high_b + 1e-9


def test_the_words_are_those_of_row_3(descended):
    words = error_cliff.draw_descents(descended, Look()).words
    assert "the longest gradient is 1,500; update 27 goes furthest, 750 away, and after 300 updates the loss is 0.09" in words
    assert "Clipping by norm at 1 shortens 2 of 300 updates; none goes further than 0.5" in words


def test_the_descents_are_told_with_what_they_were_clipped_by(descended):
    other = replace(descended, clipping="value", threshold=0.25)
    assert "Clipping by value at 0.25 shortens 2 of 300" in error_cliff.draw_descents(other, Look()).words


def test_decades_and_bands():
    assert bands.decades(np.array([1.0, 9.0])) == "D2"
    assert bands.decades(np.array([4.0, 9.0])) == "D1"
    assert bands.decades(np.array([6.0, 9.0])) == "L1"
    assert bands.decades(np.array([0.375, 0.382])) == "L0.002"
    assert bands.decades(np.array([2.0, 2.0])) == "D1"
    assert bands.decades(np.array([1e-3, 1.0, np.nan, 0.0])) == 1
    assert bands.decades(np.array([1e-9]), np.array([1e3])) == 2
    assert bands.decades(np.array([])) == "D1"
    assert bands.pale("#102030", 0.5) == "rgba(16,32,48,0.5)"
