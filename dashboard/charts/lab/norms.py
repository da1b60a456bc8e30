"""Norms of a run's gradients: over the iterations, and how they are distributed, with the threshold and the published band."""

from __future__ import annotations

import itertools
import math

import numpy as np
import plotly.graph_objects as go

from core.measures.norms import TYPICAL, Advice, early, histogram
from core.studies.clipping import LEAST, Found, Spike
from core.trace import Array
from dashboard.charts.lab.bands import decades, pale
from dashboard.charts.picture import NARROW, Look, Picture, number, on_page, percent
from dashboard.texts import in_chart, shortened


def draw(found: Found, quantile: float, look: Look) -> Picture:
    """Norm before and after clipping at each iteration; spikes are marked.   quantile: the share that the other advice lets pass."""
    say, colours, advice = look.say, look.colours, found.advice(quantile)
    figure = go.Figure()
    if advice:
        figure.add_hrect(y0=advice.low, y1=advice.high, fillcolor=pale(colours.first, 0.1), line_width=0, layer="below")
    hover = "%{x:,}: %{y:.3g}<extra></extra>"
    width = {"color": colours.first, "width": 1.5}
    figure.add_trace(
        go.Scatter(
            x=found.iterations, y=_positive(found.before), mode="lines", line=width, name=say("charts.norms.before"), hovertemplate=hover
        )
    )
    clipped = found.after < found.before
    if clipped.any():
        after = {"color": colours.second, "width": 1.5}
        figure.add_trace(
            go.Scatter(
                x=found.iterations, y=_positive(found.after), mode="lines", line=after, name=say("charts.norms.after"), hovertemplate=hover
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[spike.iteration for spike in found.spikes],
            y=[spike.norm for spike in found.spikes],
            mode="markers",
            marker={"symbol": "circle-open", "size": 11, "color": colours.cut, "line": {"width": 2}},
            name=say("charts.norms.spike"),
            customdata=[number(spike.times) for spike in found.spikes],
            hovertemplate=say("charts.norms.hover_spike") + "<extra></extra>",
        )
    )
    if found.clip == "norm":
        figure.add_hline(y=found.threshold, line={"color": colours.second, "width": 1.5, "dash": "dash"})
    figure.update_xaxes(title={"text": say("charts.axis.iteration"), "standoff": 6})
    figure.update_yaxes(
        title={"text": say("charts.norms.norm"), "standoff": 6},
        type="log",
        exponentformat="power",
        dtick=decades(found.before, found.after),
    )
    on_page(figure, look, height=340, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return Picture(figure, words(found, advice, look))


def _positive(values: Array) -> Array:
    """A gradient that vanished has no place on a logarithmic axis."""
    return np.where(values > 0, values, np.nan)


def words(found: Found, advice: Advice | None, look: Look) -> str:
    """How many were clipped, and where a threshold should lie."""
    say = look.say
    if not advice:
        return say("charts.norms.nothing")
    count = int((found.clipped > 0).sum())
    told = [
        say("charts.norms.off", gradients=say.count("gradient", len(found.before)))
        if found.clip == "off"
        else say(
            "charts.norms.clipped",
            clipped=f"{count:,}",
            gradients=say.count("gradient", len(found.before)),
            share=percent(found.share_clipped),
        )
    ]
    told.append(
        say("charts.norms.band", mean=number(advice.mean), median=number(advice.median), low=number(advice.low), high=number(advice.high))
    )
    if doubt := _doubts(found, advice, look):
        told.append(doubt)
    if found.clip == "norm":
        told.append(say(f"charts.norms.{advice.place(found.threshold)}", threshold=number(found.threshold)))
    elif found.clip == "value":
        told.append(say("charts.norms.by_value", threshold=number(found.threshold)))
    told.append(
        say("charts.norms.quantile", share=percent(advice.quantile), threshold=number(advice.threshold), clips=percent(advice.clips))
    )
    if np.isfinite(found.times).any() and not (found.times > LEAST).any():
        told.append(say("charts.norms.even", times=number(LEAST), over=TYPICAL))
    if found.stopped:
        told.append(say("charts.norms.stopped", words=found.stopped))
    return " ".join(told)


def _doubts(found: Found, advice: Advice, look: Look) -> str:
    """Why the average says little of this run, and what to go by instead; "" where it says enough."""
    if not (found.stopped or advice.skewed):
        return ""
    key = "exploded" if found.stopped else "early" if early(found.before, advice.median) else "few"
    share, threshold = advice.steady
    return look.say(
        f"charts.norms.{key}",
        times=number(advice.mean / advice.median) if advice.median else "∞",
        longest=f"{found.iterations[np.nanargmax(found.before)]:,}",
        share=percent(share),
        threshold=number(threshold),
    )


def draw_distribution(found: Found, quantile: float, look: Look) -> Picture:
    """How often each size of norm occurs, on a logarithmic axis."""
    say, colours, advice = look.say, look.colours, found.advice(quantile)
    counts, edges = histogram(found.before)
    if not advice or not len(counts):
        return Picture(on_page(go.Figure(), look, height=300), say("charts.norms.nothing"))
    places = [[number(low), number(high)] for low, high in itertools.pairwise(edges)]
    logs = np.log10(edges)
    figure = go.Figure(
        go.Bar(
            x=(logs[:-1] + logs[1:]) / 2,
            y=counts,
            width=np.diff(logs),
            marker={"color": colours.first, "line": {"width": 0}},
            customdata=places,
            hovertemplate=say("charts.distribution.hover") + "<extra></extra>",
        )
    )
    figure.add_vrect(x0=math.log10(advice.low), x1=math.log10(advice.high), fillcolor=pale(colours.first, 0.1), line_width=0, layer="below")
    lines = [
        (advice.mean, say("charts.distribution.mean"), colours.first, "dot"),
        (advice.threshold, say("charts.distribution.quantile"), colours.cut, "dot"),
    ]
    if found.clip == "norm":
        lines.append((found.threshold, say("charts.distribution.threshold"), colours.second, "dash"))
    shown = [math.log10(value) for value, *_ in lines if value > 0]
    for level, (value, label, colour, dash) in enumerate(lines):
        if value <= 0:
            continue
        figure.add_vline(x=math.log10(value), line={"color": colour, "width": 1.5, "dash": dash})
        figure.add_annotation(
            x=math.log10(value), y=1.02 + 0.07 * level, yref="paper", text=label, showarrow=False, yanchor="bottom", font={"color": colour}
        )
    low, high = min(*shown, logs.min()), max(*shown, logs.max())
    decades = range(math.floor(low), math.ceil(high) + 1)
    figure.update_xaxes(
        title={"text": say("charts.norms.norm"), "standoff": 6},
        range=[low - 0.15, high + 0.15],
        tickvals=[*decades],
        ticktext=[f"1e{decade}" for decade in decades],
    )
    figure.update_yaxes(title={"text": say("charts.distribution.count"), "standoff": 6})
    on_page(figure, look, height=340, margin=NARROW, bargap=0)
    figure.update_layout(margin={**figure.layout.margin.to_plotly_json(), "t": 72})
    low_share, high_share = percent(advice.clips_low), percent(advice.clips_high)
    told = say("charts.distribution.words", low=number(advice.low), low_share=low_share, high=number(advice.high), high_share=high_share)
    return Picture(figure, told)


def draw_turned(found: Found, look: Look) -> Picture:
    """By how many degrees clipping by value turns each gradient, where it leaves the same norm as scaling does."""
    say, colours = look.say, look.colours
    turned = np.where(np.isfinite(found.cut_at), found.turned, np.nan)
    figure = go.Figure(
        [
            go.Scatter(
                x=found.iterations,
                y=turned,
                mode="lines+markers",
                marker={"size": 4},
                line={"color": colours.second, "width": 1.5},
                customdata=[number(value) for value in found.cut_at],
                hovertemplate=say("charts.turned.hover") + "<extra></extra>",
                name=say("charts.turned.value"),
            ),
            go.Scatter(
                x=[found.iterations.min(initial=0), found.iterations.max(initial=1)],
                y=[0, 0],
                mode="lines",
                line={"color": colours.first, "width": 2},
                hoverinfo="skip",
                name=say("charts.turned.norm"),
            ),
        ]
    )
    figure.update_xaxes(title={"text": say("charts.axis.iteration"), "standoff": 6})
    figure.update_yaxes(title={"text": say("charts.turned.degrees"), "standoff": 6}, rangemode="tozero")
    on_page(figure, look, height=300, margin=NARROW)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    there = turned[np.isfinite(turned)]
    if not len(there):
        return Picture(figure, say("charts.turned.none", threshold=number(found.threshold)))
    place = int(np.nanargmax(turned))
    off = {"threshold": number(found.threshold)} if found.clip == "off" else {}
    return Picture(
        figure,
        say(
            "charts.turned.words_off" if off else "charts.turned.words",
            **off,
            gradients=say.count("gradient", len(there)),
            median=number(float(np.median(there))),
            most=number(turned[place]),
            iteration=f"{found.iterations[place]:,}",
            cut_at=number(found.cut_at[place]),
        ),
    )


def draw_spike(spike: Spike, look: Look) -> Picture:
    """The part of every sequence and step in the norm of one gradient."""
    say, colours = look.say, look.colours
    largest = float(np.abs(spike.parts).max()) or 1.0
    rows = [in_chart(text, 26) for text in spike.sequences]
    steps = np.arange(1, spike.parts.shape[1] + 1)
    figure = go.Figure(
        go.Heatmap(
            z=spike.parts,
            x=steps,
            y=np.arange(1, len(rows) + 1),
            zmin=-largest,
            zmax=largest,
            colorscale=[(place / (len(colours.signed) - 1), colour) for place, colour in enumerate(colours.signed)],
            customdata=np.broadcast_to(np.array(rows, object)[:, None], spike.parts.shape),
            hovertemplate=say("charts.spike.hover") + "<extra></extra>",
            colorbar={"thickness": 10, "outlinewidth": 0, "xpad": 4},
        )
    )
    every = -(-len(rows) // 12)
    names = [f"{step} {in_chart(token)}" for step, token in enumerate(spike.inputs, 1)]
    wide = -(-len(steps) // 16)
    figure.update_yaxes(
        tickvals=np.arange(1, len(rows) + 1)[::every], ticktext=rows[::every], autorange="reversed", showgrid=False, automargin=True
    )
    figure.update_xaxes(
        title={"text": say("charts.spike.step"), "standoff": 6}, tickvals=steps[: len(names) : wide], ticktext=names[::wide], showgrid=False
    )
    on_page(figure, look, height=min(520, 190 + 22 * len(rows)))
    return Picture(figure, spike_words(spike, look))


def spike_words(spike: Spike, look: Look) -> str:
    """How long it was, and which step and sequence pulled hardest."""
    say, (step, part) = look.say, spike.carried_by
    own = float(spike.parts[spike.worst].sum() / spike.norm) if spike.norm else 0.0
    token = spike.inputs[step - 1] if step <= len(spike.inputs) else ""
    told = say(
        "charts.spike.words",
        iteration=f"{spike.iteration:,}",
        norm=number(spike.norm),
        times=number(spike.times),
        over=TYPICAL,
        step=step,
        token=token,
        part=percent(part),
    )
    key = "charts.spike.against" if own > 1 else "charts.spike.most"
    return f"{told} {say(key, sequence=shortened(spike.sequences[spike.worst]), own=percent(own))}"


def draw_weights(spike: Spike, look: Look) -> Picture:
    """Which weights held the gradient."""
    say = look.say
    names = sorted(spike.weights, key=lambda name: spike.weights[name])
    figure = go.Figure(
        go.Bar(
            x=[100 * spike.weights[name] for name in names],
            y=names,
            orientation="h",
            marker={"color": look.colours.first},
            hovertemplate="%{y}: %{x:.3g} %<extra></extra>",
        )
    )
    figure.update_xaxes(title={"text": say("charts.spike_weights.share"), "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(automargin=True, showgrid=False)
    on_page(figure, look, height=min(520, 150 + 20 * len(names)), margin=NARROW)
    first = names[-1]
    return Picture(figure, say("charts.spike_weights.words", weight=first, share=percent(spike.weights[first])))
