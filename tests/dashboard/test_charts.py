"""Charts: every one of them for every cell, and the sentences that they say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from core.cells import CELLS
from core.trace import PARTS, Axis, Trace
from core.truncation import TBPTT
from dashboard import theme, windows
from dashboard.charts import CHARTS, Look, history, lag_matrix, picture, token_axis

AXIS = Axis(("<bos>", "the", "big", "dog"), ("the", "big", "dog", "<eos>"))
WITHOUT_GATES = {"gates"}


def colours_of(figure: go.Figure) -> list[str]:
    return [colour for trace in figure.data if isinstance(trace, go.Heatmap) for _, colour in trace.colorscale]


@pytest.mark.parametrize(("name", "cell", "dark"), list(itertools.product(CHARTS, CELLS, (False, True))))
def test_every_chart_draws_every_cell(observe: Callable[..., Trace], name: str, cell: str, dark: bool):
    trace = observe(cell=cell, truncation="window", k=3, attention="dot", heads=2)
    chart = CHARTS[name]
    if not chart.fits(trace):
        assert name in WITHOUT_GATES
        return
    for step in (0, 1, 4, 99):
        picture = chart.draw(trace, Look(step=step, dark=dark))
        assert picture.words.endswith(".")
        assert "{" not in picture.words
        drawn = json.loads(picture.figure.to_json())
        assert drawn["data"]
        assert "NaN" not in picture.figure.to_json()


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_only_needs_what_it_says(observe: Callable[..., Trace], name: str):
    trace = observe(cell="lstm", attention="additive")
    chart = CHARTS[name]
    bare = replace(trace, values={quantity: trace[quantity] for quantity in chart.needs})
    assert chart.fits(bare)
    assert chart.draw(bare, Look()).words == chart.draw(trace, Look()).words
    assert len(bare.to_frame(*chart.needs)) == sum(trace[quantity].size for quantity in chart.needs)


def test_compared_panels_share_one_range(observe: Callable[..., Trace]):
    trace = observe(cell="lstm")
    ranges = {
        (figure.data[0].zmin, figure.data[0].zmax) for figure in (CHARTS["gradient"].draw(trace, Look(part=part)).figure for part in PARTS)
    }
    assert len(ranges) == 1
    low, high = ranges.pop()
    assert low == -high


def test_ranges_of_states_and_gates_do_not_follow_the_values(observe: Callable[..., Trace]):
    for iterations in (0, 30):
        trace = observe(iterations, cell="lstm")
        state = CHARTS["hidden_state"].draw(trace, Look()).figure.data[0]
        gate = CHARTS["gates"].draw(trace, Look(gate="f")).figure.data[0]
        assert (state.zmin, state.zmax, gate.zmin, gate.zmax) == (-1, 1, 0, 1)


def test_colours_are_the_live_panels_own(observe: Callable[..., Trace]):
    palette = json.loads(theme.PALETTE.read_text())
    trace = observe(cell="lstm")
    for dark, name in ((False, "light"), (True, "dark")):
        assert colours_of(CHARTS["gradient"].draw(trace, Look(dark=dark)).figure) == palette[name]["diverging"]
        assert (
            colours_of(CHARTS["lag_matrix"].draw(trace, Look(dark=dark)).figure)[: len(palette[name]["sequential"])]
            == (palette[name]["sequential"])
        )


def lag(*rows: tuple[float, ...], k: int = 99) -> Trace:
    """A hand-made Trace that holds a lag matrix."""
    steps = len(rows)
    norms = np.full((1, steps, steps), np.nan)
    for s, row in enumerate(rows):
        norms[0, s, : s + 1] = row
    axes = {"lag_h": ("layer", "loss_step", "step"), "reach": ("loss_step", "step")}
    values = {"lag_h": norms, "reach": TBPTT(1, k).reach(steps)}
    return Trace(7, (Axis(AXIS.inputs[:steps], AXIS.targets[:steps]),), {}, values, dims=axes)


def words_of(trace: Trace, step: int = 0) -> str:
    return lag_matrix.draw(trace, Look(step=step)).words


def test_the_lag_matrix_says_how_far_a_loss_reaches():
    vanishing = lag((1.0,), (0.1, 1.0), (0.001, 0.1, 1.0), (1e-5, 0.001, 0.1, 1.0))
    assert words_of(vanishing, 3) == "The loss of predicting 'dog' reaches back 1 token before it falls below 1 % of its start."
    assert words_of(vanishing) == words_of(vanishing, 3), "without a cursor, the last word is meant"
    assert words_of(lag((1.0,), (0.5, 1.0)), 2) == (
        "The loss of predicting 'big' reaches all the way back to <bos>, where 50 % of its start is left."
    )
    assert "at <bos> it is 4 times its start" in words_of(lag((1.0,), (4.0, 1.0)), 2)
    assert "there is nothing before it" in words_of(vanishing, 1)
    assert "sends no error back" in words_of(lag((0.0,), (0.0, 0.0)), 2)


def test_the_lag_matrix_says_what_the_truncation_takes():
    cut = lag((1.0,), (0.5, 1.0), (0.25, 0.5, 1.0), k=2)
    assert words_of(cut, 3).endswith(
        "The truncation stops it after 1 token; the first value that it cuts is 25 % of the start. In all, 1 of 6 cells are cut."
    )


def test_absent_cut_small_and_a_value_look_different():
    trace = lag((1.0,), (0.5, 1.0), (0.25, 1e-30, 1.0), (0.0, 0.1, 0.5, 1.0), k=3)
    values, floor, cut, hatching, boundary = lag_matrix.draw(trace, Look()).figure.data
    shown = [~np.isnan(np.array(layer.z, float)) for layer in (values, floor, cut)]
    assert not (shown[0] & shown[1]).any()
    assert not (shown[0] & shown[2]).any()
    assert not (shown[1] & shown[2]).any()
    assert np.array_equal(shown[0] | shown[1] | shown[2], np.tril(np.ones((4, 4), bool)))
    assert shown[1][2, 1], "a value that is there and below the floor"
    assert shown[2][3, 0], "a value that was cut"
    assert "cut by the truncation, value 0" in cut.text[3][0]
    assert "below the floor" in floor.text[2][1]
    assert len(hatching.x) == 9, "three strokes"
    assert boundary.x[-1] == 1.5


def test_a_long_lag_matrix_stays_small_enough_to_send():
    steps = 512
    norms = np.where(np.tri(steps, dtype=bool), 1e-3, np.nan)[None]
    axis = Axis(("a",) * steps, ("b",) * steps)
    dims = {"lag_h": ("layer", "loss_step", "step"), "reach": ("loss_step", "step")}
    trace = Trace(1, (axis,), {}, {"lag_h": norms, "reach": TBPTT(1, 20).reach(steps)}, dims=dims)
    assert len(lag_matrix.draw(trace, Look()).figure.to_json()) < 12e6


def test_the_attention_chart_says_where_an_output_looks(observe: Callable[..., Trace]):
    trace = observe(cell="gru", attention="dot", heads=2)
    weights, axis = trace["attention"].mean(0), trace.axes[0]
    most = int(weights[4, :5].argmax())
    told = CHARTS["attention"].draw(trace, Look(step=5)).words
    assert (
        f"reads most of the state after {token_axis.quoted(axis.inputs[most])} ({picture.percent(weights[4, most])}, {4 - most} steps"
        in told
    )
    back = np.mean([sum(weights[s, t] * (s - t) for t in range(s + 1)) for s in range(len(weights))])
    assert f"attention looks {picture.number(back)} steps back" in told


def test_the_ways_of_the_error_are_drawn_apart(observe: Callable[..., Trace]):
    trace = observe(cell="lstm", attention="dot")
    for path in ("attention", "recurrence"):
        drawn = np.array(lag_matrix.draw(trace, Look(path=path)).figure.data[0].z, float)
        norms = trace.pick(f"lag_{path}", layer=-1)
        assert np.allclose(drawn[4, 1], np.log10(norms[4, 1]))
    charts = [lag_matrix.draw(trace, Look(path=path, step=4)) for path in ("total", "attention", "recurrence")]
    assert len({(chart.figure.data[0].zmin, chart.figure.data[0].zmax) for chart in charts}) == 1
    left, start = trace["lag_recurrence"][-1, 3, 0], trace["lag_h"][-1, 3, 3]
    assert f"{picture.percent(left / start)} of its start" in charts[2].words
    assert lag_matrix.draw(observe(cell="lstm"), Look(path="attention")).words == lag_matrix.draw(observe(cell="lstm"), Look()).words


ANSWERED_AT_THE_END = {
    "adding": {"task": "adding"}, "order": {"task": "order"}, "influence": {"task": "influence", "model": "balanced"},
    "a series": {"task": "series", "answer": "last"},
}  # fmt: skip


@pytest.mark.parametrize("task", ANSWERED_AT_THE_END)
def test_a_task_that_answers_at_its_end_has_one_loss_and_has_not_exploded(observe: Callable[..., Trace], task: str):
    trace = observe(examples=3, truncation="window", k=3, **ANSWERED_AT_THE_END[task])
    last = len(trace.axes[0].inputs)
    assert all(chart.exploded_at(trace) is None for chart in CHARTS.values() if chart.fits(trace))
    for step in (0, 1, last):
        drawn = lag_matrix.draw(trace, Look(step=step))
        assert drawn.figure.layout.yaxis.range == (last + 0.5, last - 0.5), "only the last step has a row"
        assert f"In all, {last - 3} of {last} cells are cut." in drawn.words
    assert CHARTS["step_losses"].draw(trace, Look()).words.startswith("The one loss of this sentence is that of predicting")
    if "output" in trace:
        broken = replace(trace, values=trace.values | {"loss": np.full(last, np.nan), "output": np.full((last, 1), np.nan)})
        assert CHARTS["step_losses"].exploded_at(broken) == 1


def test_steps_before_the_first_loss_have_no_row(observe: Callable[..., Trace]):
    trace = observe(task="order", length=12, examples=3)
    whole = observe()
    assert lag_matrix.draw(whole, Look()).figure.layout.yaxis.range == (len(whole.axes[0].inputs) + 0.5, 0.5)
    assert lag_matrix.draw(trace, Look()).figure.layout.height < lag_matrix.draw(whole, Look()).figure.layout.height


def test_tokens_are_shown_literally(observe: Callable[..., Trace]):
    trace = observe(text="<b>bold</b> &amp; <a href='x'>", cell="gru")
    for chart in (chart for chart in CHARTS.values() if chart.fits(trace)):
        axes = chart.draw(trace, Look()).figure.layout
        for label in (*(axes.xaxis.ticktext or ()), *(axes.yaxis.ticktext or ())):
            assert "<" not in label


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("iterations", [0, 1, 2])
def test_an_update_after_each_block_shows_its_block(observe: Callable[..., Trace], iterations: int, k: int):
    trace = observe(iterations, cell="lstm", truncation="chunk", k=k, update_every="block", attention="dot")
    block = range(iterations * k, min((iterations + 1) * k, 10))
    for chart in CHARTS.values():
        assert chart.exploded_at(trace) is None
        for step in (0, 1, 10):
            words = chart.draw(trace, Look(step=step)).words
            assert "nan" not in words
            assert "exploded" not in words
    values, floor, cut, *_ = lag_matrix.draw(trace, Look()).figure.data
    assert {t for _, t in np.argwhere(~np.isnan(np.array(values.z, float)))} <= set(block)
    drawn = sum(np.count_nonzero(~np.isnan(np.array(layer.z, float))) for layer in (values, floor, cut))
    assert drawn == 55, "every cell with a path is a value or cut"
    assert "not computed" in cut.text[9][0] or 0 in block


def test_a_network_that_explodes_is_said_to(observe: Callable[..., Trace]):
    trace = observe(40, cell="rnn_relu", gain=10.0, learning_rate=10.0, clip="off", optimiser="sgd")
    exploded = [chart.exploded_at(trace) for chart in CHARTS.values() if chart.fits(trace)]
    assert any(exploded)
    assert all(step is None or 1 <= step <= 10 for step in exploded)
    for chart in CHARTS.values():
        if chart.fits(trace) and not chart.exploded_at(trace):
            assert chart.draw(trace, Look()).words
    whole = observe(cell="rnn_tanh", attention="dot")
    assert [chart.exploded_at(whole) for chart in CHARTS.values() if chart.name != "gates"] == [None] * (len(CHARTS) - 1)
    points = np.array([[1, 3.0, 2.0, 2.0, 1.0, 0.0], [2, np.inf, np.nan, np.nan, 1.0, 0.0]])
    assert history.draw(points, None, Look()).words.endswith("At iteration 2 the numbers exploded.")


def test_history_counts_what_was_clipped():
    points = np.array(
        [[1, 3.0, 2.0, 1.0, 0.5, 0.0], [2, 2.0, 4.0, 1.0, 0.25, 0.0], [3, 1.0, 0.5, 0.5, 1.0, 0.0], [4, 0.5, 0.4, 0.4, 1.0, 0.0]]
    )
    picture = history.draw(points, 1.0, Look())
    assert picture.words == "The loss fell from 3 to 0.5 in 4 iterations. Clipped: 2 of 4 gradients (50 %)."
    thinned = history.draw(points[[0, 3]], 1.0, Look()).words
    assert thinned.startswith("The loss fell from 3 to 0.5 in 4 iterations. 50 % of the gradients drawn here were clipped")
    assert history.draw(np.empty((0, 6)), None, Look()).words == "Nothing has been learned yet: press play."
    assert list(history.frame(points)["norm_before"]) == [2.0, 4.0, 0.5, 0.4]


@pytest.mark.parametrize(("truncation", "rows"), [(TBPTT(4, 4), 1), (TBPTT(2, 2), 2), (TBPTT(1, 2), 4), (TBPTT(2, 3), 2)])
def test_windows_over_the_tokens(truncation: TBPTT, rows: int):
    drawn = windows.draw(truncation, AXIS.inputs, "so many windows")
    assert drawn.count("class='window'") == rows
    assert drawn.count("class='block'") == rows
    assert "&lt;bo" in drawn
    assert "<bos>" not in drawn


def test_windows_of_a_long_sentence_stop_where_the_pattern_is_clear():
    drawn = windows.draw(TBPTT(1, 5), ("a",) * 300, "many")
    assert drawn.count("class='window'") <= 2 * windows.MOST_TOKENS
    assert "…" in drawn


def test_with_attention_the_gradient_has_three_parts(observe: Callable[..., Trace]):
    trace = observe(attention="dot", heads=2)
    norms = {part: np.linalg.norm(trace.pick("dh", layer=0, part=part)[1]) for part in ("direct", "attention", "recurrent")}
    told = CHARTS["gradient"].draw(trace, Look(step=2, part="attention")).words
    first, second, third = (picture.number(norm) for norm in norms.values())
    assert f"the direct part has norm {first}, the part along attention from later steps {second} and the recurrent part {third}." in told
    assert "comes from later steps" not in told


def test_what_truncation_cut_is_said_of_the_gradient(observe: Callable[..., Trace]):
    trace = observe(cell="rnn_tanh", truncation="window", k=2)
    total, full = trace.pick("dh", part="total"), trace.pick("dh", part="untruncated")
    share = np.linalg.norm(full - total) / np.linalg.norm(full)
    assert f"truncation makes an error of {picture.percent(share)}" in CHARTS["gradient"].draw(trace, Look()).words
    assert "truncation" not in CHARTS["gradient"].draw(observe(cell="rnn_tanh"), Look()).words


def test_a_step_of_which_nothing_is_asked_has_no_true_answer(observe: Callable[..., Trace]):
    trace = observe(task="order", length=10, examples=5)
    early = CHARTS["next_tokens"].draw(trace, Look(step=3, subjects=("order",))).words
    assert "would answer" in early
    assert "nothing is asked" in early
    last = CHARTS["next_tokens"].draw(trace, Look(step=10, subjects=("order",))).words
    assert trace.axes[0].targets[-1] in last


def test_what_is_written_from_the_right_keeps_its_marks_to_itself():
    assert token_axis.quoted("وجد") == "'\u2068وجد\u2069'"
    assert token_axis.quoted("dog") == "'dog'"
    assert token_axis.quoted("<bos>") == "<bos>"
