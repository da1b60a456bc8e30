"""Charts of one Trace with the choices that they share: what inspecting and trying a text have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from core.trace import Axis, Trace
from dashboard import session
from dashboard.charts import CHARTS, Look, Picture
from dashboard.charts.token_axis import quoted
from dashboard.component.plot import place as clicked
from dashboard.component.plot import plot
from dashboard.live.job import FitProgress
from dashboard.texts import Texts, literal

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.delta_generator import DeltaGenerator

T = TypeVar("T")

FORMATS = ("png", "svg")
WIDE = ("step", "weight", "shares")


def choose(trace: Trace, charts: Sequence[str], place: str, say: Texts) -> Look:
    """A row of the choices that these charts read.  place: where on the page, for the widgets' keys."""
    wanted = {choice for name in charts for choice in CHARTS[name].choices}
    axis, layers = trace.axes[0], trace["h"].shape[0]
    steps = list(range(1, len(axis.inputs) + 1))
    options: dict[str, Sequence[Any]] = {"step": steps}
    if layers > 1:
        options["layer"] = list(range(layers))[::-1]
    if "gate" in wanted and "gate" in trace:
        options["gate"] = trace.labels["gate"]
    if "part" in wanted:
        options["part"] = [part for part in trace.labels["part"] if trace.recurs or part != "recurrent"]
    if "state" in wanted and "c" in trace:
        options["state"] = ("h", "c")
    if "path" in wanted and "attention" in trace and trace.recurs:
        options["path"] = ("total", "attention", "recurrence")
    if "weight" in wanted:
        options["weight"] = trace.labels["weight"]
    if "shares" in wanted:
        options["shares"] = ("projection", "norm")
    begin = Look()
    first: Mapping[str, Any] = {
        "step": begin.step_in(trace),
        "layer": layers - 1,
        "weight": begin.weight_in(trace) if "weight" in options else "",
        "part": begin.part,
        "state": begin.state,
        "path": begin.path,
        "shares": begin.shares,
    }
    words = {
        "step": lambda step: _step(axis, step),
        "layer": lambda layer: say("look.layer_number", number=layer + 1),
        "path": lambda path: say(f"look.paths.{path}"),
        "shares": lambda view: say(f"charts.shares.{view}"),
    }
    chosen = {}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key=f"{place} choices"):
        for name, values in options.items():
            key = f"{place} {name}"
            if session.widget(key) not in values:  # at first, and where another tab was shown meanwhile
                kept = session.widget(f"kept {key}")
                session.set_widget(key, kept if kept in values else first.get(name, values[0]))
            chosen[name] = st.selectbox(
                say(f"look.{name}"), values, format_func=words.get(name, str), key=key, width=260 if name in WIDE else 150
            )
            session.set_widget(f"kept {key}", chosen[name])
    return as_shown(say, **chosen)


def _step(axis: Axis, step: int) -> str:
    """What step t reads and predicts; where both are only its number, that."""
    reads, predicts = axis.inputs[step - 1], axis.targets[step - 1]
    return reads if axis.inputs == axis.targets else f"{step}: {reads} → {predicts}"


def follow(view: Mapping[str, Any], place: str) -> None:
    """Take over what the live panels show, so that one cursor moves all of the page."""
    taken = {"layer": view["layer"], "gate": view["gate"], "part": view["part"], "weight": view["weight"], "shares": view["view"]}
    if cursor := view["cursor"]:
        taken["step"] = cursor["s"]
    for name, value in taken.items():
        if value is not None and not (name == "layer" and value < 0):
            session.set_widget(f"{place} {name}", value)


def as_shown(say: Texts, **chosen: Any) -> Look:
    """A Look in the page's theme, language and words.   chosen: its other fields."""
    return Look(dark=session.is_dark(), language=say.language, subjects=say.subjects, **chosen)


def show(name: str, trace: Trace, look: Look, place: str, say: Texts) -> None:
    """One chart: its figure, its sentence and its numbers."""
    chart = CHARTS[name]
    frame = table(lambda: trace.to_frame(*chart.needs)) if chart.fits(trace) else None
    heading(name, f"{name}_iteration_{trace.iteration}.csv", frame, place, say)
    if frame is None:
        st.html(f"<p class='aside'>{escape(say(f'charts.{name}.absent'))}</p>")
    elif step := chart.exploded_at(trace):
        st.html(f"<p class='words'>{escape(say('charts.exploded', step=step, token=quoted(trace.axes[0].inputs[step - 1])))}</p>")
    else:
        figure(chart.draw(trace, look), name, place)


def heading(name: str, file: str, csv: Callable[[], str] | None, place: str, say: Texts) -> DeltaGenerator:
    """A chart's name, its line of help, and its numbers as a file.   Returns the row, for an `offer` that can only be made later."""
    title = f"<h3 class='chart'>{escape(say(f'charts.{name}.label'))}</h3><p class='aside'>{escape(say(f'charts.{name}.help'))}</p>"
    row = st.container(horizontal=True, vertical_alignment="bottom", key=f"{place} heading {name}")
    row.html(title)
    if csv:
        offer(row, name, file, csv, say)
    return row


def table(frame: Callable[[], pd.DataFrame]) -> Callable[[], str]:
    """What makes the file of a table, when somebody wants it."""
    return lambda: str(frame().to_csv(index=False))


def offer(row: DeltaGenerator, name: str, file: str, csv: Callable[[], str], say: Texts) -> None:
    """A chart's numbers as a file, in the row of its heading."""
    row.download_button(
        say("look.csv"), csv, file, "text/csv", key=f"csv {name}", on_click="ignore", type="tertiary", icon=":material/table:"
    )


def figure(picture: Picture, name: str, place: str, picked: Callable[[float, float], None] | None = None) -> None:
    """A figure with its sentence below it, the sentence also for those who cannot see the figure.

    picked: takes x and y of a point of the figure's that is clicked.
    """
    key = f"{place} chart {name}"

    def pick() -> None:
        if picked and (chosen := clicked(session.widget(key))):
            picked(*chosen)

    base = st.get_option("server.baseUrlPath") or ""
    plot(key, picture.figure, picture.words, saved(name), base, pick if picked else None, picture.steps)
    st.html(f"<p class='words'>{escape(picture.words)}</p>")


def solid(picture: Picture, name: str, place: str) -> None:
    """The same for a figure in space, for which Streamlit's chart has the code; it costs the page most of a second."""
    config = {"displaylogo": False, "toImageButtonOptions": {**saved(name), "scale": 2}}
    st.plotly_chart(picture.figure, key=f"{place} chart {name}", alt=picture.words, config=config)
    st.html(f"<p class='words'>{escape(picture.words)}</p>")


def saved(name: str) -> dict[str, str]:
    """What the camera button of a chart saves."""
    return {"format": session.widget("picture format") or FORMATS[0], "filename": f"bptt_{name}"}


def going(seen: FitProgress, told: str) -> None:
    """How far a job is: a bar, over it what is told of it and, as soon as there is one, the last piece that is done."""
    share = seen.done / seen.total if seen.total else 0.0
    st.progress(share, literal(" · ".join(words for words in (told, seen.words) if words)))


def picture_format(say: Texts) -> None:
    """What the camera button of each chart saves."""
    session.set_widget("picture format", session.widget("picture format") or FORMATS[0])
    st.segmented_control(say("look.format"), FORMATS, format_func=str.upper, key="picture format", required=True)


def names(charts: Sequence[str], place: str, defaults: Sequence[str], say: Texts) -> list[str]:
    """Which charts to show, in their own order."""
    key = f"{place} charts"
    if session.widget(key) is None:
        session.set_widget(key, list(defaults))
    picked = st.pills(
        say("look.charts"), charts, selection_mode="multi", key=key, format_func=lambda name: literal(say(f"charts.{name}.label"))
    )
    return [name for name in charts if name in (picked or ())]


def pick(key: str, values: Sequence[T], label: str, words: Callable[[T], str], first: int = 0) -> T:
    """One of several values, which may be others than before.   first: the index of the one that is chosen to begin with.

    A list hears of its first value with its options.  A value set before it in a script run that is broken off would never reach it.
    """
    known = session.widget(key)
    if known is not None and known not in values:
        session.set_widget(key, values[first])
    return st.selectbox(label, values, index=first, key=key, format_func=words, width=190)
