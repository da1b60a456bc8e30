"""Error against K: what truncation costs a forecast, one dot for each network that was trained, the season marked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.error_by_k import Measured
from core.scores import SCORES
from dashboard.charts.picture import Look, Picture, number, on_page
from dashboard.texts import in_chart

WIDE = 30
"""Times the smallest error that the largest may be before the axis becomes logarithmic."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was measured, and what is shown of it.

    ks: all K that are measured, the last one the whole window.   networks: how many there are to be in all.
    part: "validation" or "test".   score: of SCORES.   season: in steps, 1 = none.   cut: the run's own K, None where it is not cut.
    baseline: the best one's name and its score, None where there is none.   ended: no more networks are to come.
    """

    ks: tuple[int, ...]
    networks: int
    part: str
    score: str
    season: int
    cut: int | None = None
    baseline: tuple[str, float] | None = None
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Cost:
    """The errors of one K over its seeds.  median: infinite where half of the networks have none.   spread: between the seeds' extremes."""

    k: int
    median: float
    spread: float


def frame(found: Sequence[Measured]) -> pd.DataFrame:
    """One row for each network and part: k, seed, part, a column for each score, and words where it has none."""
    rows = [
        {"k": one.k, "seed": one.seed, "part": part, **{name: scores.get(name, math.nan) for name in SCORES}, "words": one.words}
        for one in found
        for part, scores in (one.board or {"": {}}).items()
    ]
    return pd.DataFrame(rows, columns=["k", "seed", "part", *SCORES, "words"])


def draw(found: Sequence[Measured], asked: Asked, look: Look) -> Picture:
    """A dot for each network, a line through the medians, and lines at the season, at the run's own K and at the best baseline."""
    say, colours = look.say, look.colours
    dots = [(one.k, _error(one, asked), one.seed) for one in found]
    dots = [dot for dot in dots if math.isfinite(dot[1])]
    line = [cost for cost in costs(found, asked) if math.isfinite(cost.median)]
    errors = [error for _, error, _ in dots] + ([asked.baseline[1]] if asked.baseline else [])
    wide = bool(errors) and min(errors) > 0 and max(errors) > WIDE * min(errors)
    figure = go.Figure()
    hover = f"K = %{{x}}: {SCORES[asked.score].label} %{{y:.3g}}"
    figure.add_trace(
        go.Scatter(
            x=[cost.k for cost in line],
            y=[cost.median for cost in line],
            mode="lines",
            line={"color": colours.first, "width": 2},
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[k for k, _, _ in dots],
            y=[error for _, error, _ in dots],
            mode="markers",
            marker={"color": colours.first, "size": 7, "opacity": 0.6},
            customdata=[seed for _, _, seed in dots],
            hovertemplate=hover + "<br>" + say("charts.error_by_k.seed") + " %{customdata}<extra></extra>",
        )
    )
    _marks(figure, asked, wide, look)
    # On a logarithmic axis every doubling of K takes the same room, whatever the base; an axis' range is given in powers of ten.
    figure.update_xaxes(
        title={"text": say("charts.error_by_k.k"), "standoff": 6},
        type="log",
        tickvals=list(asked.ks),
        ticktext=[str(k) for k in asked.ks],
        range=[math.log10(0.85), math.log10(asked.ks[-1] * 1.18)],
    )
    figure.update_yaxes(
        title={"text": SCORES[asked.score].label, "standoff": 6},
        type="log" if wide else "linear",
        rangemode="normal" if wide else "tozero",
        tickformat="~g",
    )
    return Picture(on_page(figure, look, height=320), words(found, asked, look))


def _marks(figure: go.Figure, asked: Asked, wide: bool, look: Look) -> None:
    """The season, the run's own K and the best baseline.

    A label's place on a logarithmic axis is given in powers of ten, a line's is not.
    """
    say, colours = look.say, look.colours
    season = asked.season if asked.season in asked.ks and asked.season > 1 else None
    marked: list[tuple[int, str, str]] = []
    if season:
        both = "season_and_run" if season == asked.cut else "season"
        marked.append((season, colours.second, say(f"charts.error_by_k.{both}", k=season)))
    if asked.cut and asked.cut != season:
        marked.append((asked.cut, colours.cut, say("charts.error_by_k.run", k=asked.cut)))
    first = min((k for k, _, _ in marked), default=0)
    for k, colour, label in marked:
        figure.add_vline(x=k, line={"color": colour, "width": 1.5, "dash": "dash"})
        # Two labels that stand side by side lean away from each other.
        side = "center" if len(marked) == 1 else "right" if k == first else "left"
        figure.add_annotation(
            x=math.log10(k), y=1, yref="paper", text=label, showarrow=False, xanchor=side, yanchor="bottom", font={"color": colour}
        )
    if asked.baseline:
        name, error = asked.baseline
        figure.add_hline(y=error, line={"color": colours.cut, "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            x=1,
            xref="paper",
            y=math.log10(error) if wide else error,
            text=in_chart(name, 40),
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
            font={"color": colours.cut},
        )


def costs(found: Sequence[Measured], asked: Asked) -> list[Cost]:
    """The measured K, ascending.  A network without a score counts as infinitely bad."""
    errors: dict[int, list[float]] = {}
    for one in found:
        error = _error(one, asked)
        errors.setdefault(one.k, []).append(error if math.isfinite(error) else math.inf)
    return [_cost(k, errors[k]) for k in sorted(errors)]


def _cost(k: int, errors: Sequence[float]) -> Cost:
    ordered = sorted(errors)
    middle = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    median = sum(middle) / 2
    return Cost(k, median, ordered[-1] - ordered[0] if math.isfinite(ordered[-1]) else math.inf)


def _error(one: Measured, asked: Asked) -> float:
    part: Mapping[str, float] = one.board.get(asked.part, {})
    return part.get(asked.score, math.nan)


def words(found: Sequence[Measured], asked: Asked, look: Look) -> str:
    """What was measured, and only claims that hold beyond the differences between seeds."""
    say = look.say
    if len(found) < asked.networks:
        key = "stopped" if asked.ended else "going"
        return say(f"charts.error_by_k.{key}", done=len(found), all=asked.networks)
    known = costs(found, asked)
    finite = [cost for cost in known if math.isfinite(cost.median)]
    told = [_reference(known, asked, look)] if finite else []
    if any(not math.isfinite(_error(one, asked)) for one in found):
        told.append(_failed(found, asked, look))
    if len(finite) > 1:
        told.append(_compared(found, known, asked, look))
    if asked.baseline:
        told.append(say("charts.error_by_k.baseline", name=asked.baseline[0], value=number(asked.baseline[1])))
    return " ".join(told)


def _of(known: Sequence[Cost], asked: Asked) -> Cost:
    """The K that the others are compared with: the season, or, where there is none in the window, the whole window."""
    return next((cost for cost in known if cost.k == asked.season and asked.season > 1), known[-1])


def _reference(known: Sequence[Cost], asked: Asked, look: Look) -> str:
    """The median of the season, or of the whole window."""
    say, cost = look.say, _of(known, asked)
    label = SCORES[asked.score].label
    key = "at_season" if cost.k == asked.season and asked.season > 1 else "at_window"
    value = number(cost.median) if math.isfinite(cost.median) else say("charts.error_by_k.none")
    sentence = say(f"charts.error_by_k.{key}", k=cost.k, score=label, value=value)
    if asked.season > asked.ks[-1]:
        sentence += " " + say("charts.error_by_k.long_season", season=asked.season)
    return sentence


def _failed(found: Sequence[Measured], asked: Asked, look: Look) -> str:
    """How many networks have no score, and what became of the first."""
    failed = [one for one in found if not math.isfinite(_error(one, asked))]
    told = next((one for one in failed if one.words), None)
    sentence = look.say("charts.error_by_k.failed", count=len(failed), all=len(found), score=SCORES[asked.score].label)
    if told:
        sentence += " " + look.say("charts.error_by_k.why", k=told.k, seed=told.seed, words=told.words.strip("."))
    return sentence


def _compared(found: Sequence[Measured], known: Sequence[Cost], asked: Asked, look: Look) -> str:
    """What the Ks differ in; nothing where the seeds differ more."""
    say, finite = look.say, [cost for cost in known if math.isfinite(cost.median)]
    if len({one.seed for one in found}) < 2:
        return say("charts.error_by_k.one_seed")
    medians = [cost.median for cost in finite]
    apart, spread = max(medians) - min(medians), float(np.median([cost.spread for cost in finite]))
    if spread >= apart:
        spreads = number(spread) if math.isfinite(spread) else say("charts.error_by_k.without_bound")
        return say("charts.error_by_k.chance", seeds=spreads, ks=number(apart))
    told = []
    reference = _of(known, asked)
    shorter = [cost for cost in finite if cost.k < reference.k and math.isfinite(reference.median)]
    differing = [cost for cost in shorter if _worse(cost, reference) or _worse(reference, cost)]
    # The K that the run has is the one that is asked about; otherwise the one that costs most, or, where none does, that saves most.
    furthest = max if any(_worse(cost, reference) for cost in differing) else min
    named = next((cost for cost in differing if cost.k == asked.cut), furthest(differing, key=lambda cost: cost.median, default=None))
    if named and reference.median > 0:
        key = "costs" if named.median > reference.median else "saves"
        times = number(named.median / reference.median)
        told.append(say("charts.error_by_k.slight" if times == "1" else f"charts.error_by_k.{key}", k=named.k, times=times))
    elif shorter and not differing:
        told.append(say("charts.error_by_k.as_good", k=reference.k))
    last = enough(finite)
    if last.k == finite[-1].k:
        told.append(say("charts.error_by_k.gains", k=last.k, before=finite[-2].k))
    else:
        told.append(say("charts.error_by_k.enough", k=last.k))
    return " ".join(told)


def _worse(one: Cost, other: Cost) -> bool:
    """Whether one error is larger by more than the seeds differ in either."""
    return one.median - other.median > max(one.spread, other.spread)


def enough(known: Sequence[Cost]) -> Cost:
    """The smallest K from which on no K is clearly worse than a longer one."""
    place = len(known) - 1
    while place and not any(_worse(known[place - 1], longer) for longer in known[place:]):
        place -= 1
    return known[place]
