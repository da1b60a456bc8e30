"""What the network expects after the chosen step: the most probable next tokens, the true one marked."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.trace import UNANSWERED, Trace
from dashboard.charts.picture import Chart, Look, Picture, on_page, percent
from dashboard.charts.token_axis import quoted
from dashboard.texts import in_chart

MOST = 5


def draw(trace: Trace, look: Look) -> Picture:
    """The five most probable tokens, and the true one below them where it is not among them."""
    step = look.step_in(trace)
    axis, tokens, say, colours = trace.axes[0], trace.labels["token"], look.say, look.colours
    probability = trace["probability"][step - 1]
    true = tokens.index(axis.targets[step - 1]) if axis.targets[step - 1] in tokens else -1
    shown = list(np.argsort(-probability, kind="stable")[:MOST])
    if true >= 0 and true not in shown:
        shown.append(true)
    figure = go.Figure(
        go.Bar(
            x=[probability[i] for i in shown],
            y=list(range(len(shown))),
            orientation="h",
            hovertemplate="%{x:.3g}<extra></extra>",
            marker={"color": [colours.second if i == true else colours.first for i in shown]},
            text=[percent(float(probability[i])) for i in shown],
            textposition="auto",
            cliponaxis=False,
        )
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", title={"text": say("charts.axis.probability"), "standoff": 6}, zeroline=False)
    figure.update_yaxes(
        tickvals=list(range(len(shown))),
        ticktext=[in_chart(tokens[i]) for i in shown],
        autorange="reversed",
        showgrid=False,
        zeroline=False,
    )
    on_page(figure, look, height=260)
    best = shown[0]
    read, target = quoted(axis.inputs[step - 1]), quoted(axis.targets[step - 1])
    if axis.targets[step - 1] == UNANSWERED:
        words = say("charts.next_tokens.unasked", read=read, best=quoted(tokens[best]), share=percent(float(probability[best])))
    elif true < 0:
        words = say(
            "charts.next_tokens.unknown", read=read, best=quoted(tokens[best]), share=percent(float(probability[best])), target=target
        )
    elif best == true:
        words = say("charts.next_tokens.right", read=read, target=target, share=percent(float(probability[true])))
    else:
        rank = int(np.count_nonzero(probability > probability[true])) + 1
        words = say(
            "charts.next_tokens.wrong",
            read=read,
            best=quoted(tokens[best]),
            share=percent(float(probability[best])),
            target=target,
            true=percent(float(probability[true])),
            rank=rank,
        )
    return Picture(figure, words)


CHART = Chart("next_tokens", ("probability",), draw)
