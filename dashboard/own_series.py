"""A series of the user's own in the form: drawn, from a file, or typed.  All three end as the text of `Experiment.values`.

Nothing else is kept: a file lies in the page's memory as long as its name stands in the form, and in no other place.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from core import limits
from core.series import InvalidSeries, Reading, Series, parse_csv, read_values, write_values
from dashboard import session
from dashboard.component.drawing import POINTS, TOP, drawing
from dashboard.form import Change, problem_line
from dashboard.session import Session
from dashboard.texts import Texts, literal

OWN = "own"
FILE = "csv"
"""Where a sentence about the file stands among the page's problems."""

DRAWN_CHARACTERS = 8 * POINTS
"""The longest text that a drawing makes."""


def is_chosen(held: Session) -> bool:
    """Whether an own series is learned, or is to be as soon as there is one."""
    return held.drafts.get("series", held.experiment.series) == OWN and held.experiment.task == "series"


def is_empty(held: Session) -> bool:
    """Whether there is no own series yet."""
    return is_chosen(held) and not held.drafts.get("values", held.experiment.values).strip()


def ways(held: Session, change: Change, say: Texts) -> None:
    """The drawing field and the place for a file; typing is a field of the form like any other."""
    if is_empty(held):
        st.html(f"<p class='note' role='status'>{escape(say('own.empty'))}</p>")
    drawn = drawing("drawing", drawable(held.experiment.values), st.get_option("server.baseUrlPath") or "")
    if drawn is not None:
        take(held, change, in_order(drawn))
        st.rerun()
    st.file_uploader(
        say("own.file"),
        key="series file",
        help=literal(say("own.file_help")),
        # Larger ones are refused by the browser; those in between get a sentence of ours.
        max_upload_size=8 * limits.CSV_BYTES // 2**20,
        on_change=lambda: _uploaded(held, change),
    )
    problem_line(held.problems.get(FILE))
    if held.reading is not None and session.widget("series file") is not None:
        _found(held, held.reading, change, say)


def in_order(values: Sequence[float]) -> Series:
    """Numbers as a series whose points are counted from 1."""
    return Series("", np.array(values)[:, None], tuple(str(t + 1) for t in range(len(values))), ("value",))


def drawable(text: str) -> list[float]:
    """The values of a text that could have been drawn; none where they could not."""
    if not text.strip() or len(text) > DRAWN_CHARACTERS:
        return []
    try:
        series = read_values(text)
    except InvalidSeries:
        return []
    values = series.values
    counted = series.times == tuple(str(t + 1) for t in range(len(values)))
    fits = values.shape[1] == 1 and len(values) <= POINTS and values.min() >= 0 and values.max() <= TOP
    return [float(value) for value in values[:, 0]] if counted and fits else []


def take(held: Session, change: Change, series: Series) -> None:
    """Learn this series; one that does not fit leaves a sentence at the file."""
    try:
        text = write_values(series)
    except InvalidSeries as error:
        held.problems[FILE] = str(error)
        return
    change({"series": OWN, "values": text})


def _uploaded(held: Session, change: Change) -> None:
    """Learn what is in a file that was just chosen; of one that a browser tells of once more, nothing."""
    file = session.widget("series file")
    with held.once("series file", "" if file is None else file.file_id) as new:
        if new:
            read_file(held, change, None, None)


def read_file(held: Session, change: Change, time: str | None, columns: Sequence[str] | None) -> None:
    """Learn what is in the file, or say in one sentence why that cannot be; the run then goes on as it is.

    time, columns: as `core.series.parse_csv`.
    """
    held.problems.pop(FILE, None)
    file = session.widget("series file")
    if file is None:  # taken away again; the numbers stay
        held.reading = None
        return
    try:
        reading = parse_csv(file.getvalue(), time, columns)
    except InvalidSeries as error:
        held.problems[FILE] = str(error)
        if time is None and columns is None:
            held.reading = None
        return
    held.reading = reading
    if time is None and columns is None:  # a file with the columns of the one before would show what was chosen of that
        session.set_widget("series time", reading.time)
        session.set_widget("series columns", [*reading.series.columns])
    take(held, change, reading.series)


def _found(held: Session, reading: Reading, change: Change, say: Texts) -> None:
    """What was recognised, what was left out, and the choice where there is one."""
    told = "".join(f"<li>{escape(sentence)}</li>" for sentence in (*reading.found, *reading.left_out, *reading.doubts))
    st.html(f"<ul class='found'>{told}</ul>")
    if len(reading.times) > 1:
        times = [*reading.times, ""]
        if session.widget("series time") not in times:
            session.set_widget("series time", reading.time)
        st.selectbox(
            say("own.time"),
            times,
            format_func=lambda name: name or say("own.no_time"),
            key="series time",
            on_change=lambda: _read_otherwise(held, change, session.widget("series time"), None),
        )
    columns = [*reading.columns]
    if len(columns) > 1:
        if not set(session.widget("series columns") or ()) <= set(columns) or not session.widget("series columns"):
            session.set_widget("series columns", [*reading.series.columns])
        st.multiselect(
            say("own.columns"),
            columns,
            key="series columns",
            max_selections=limits.SERIES_COLUMNS,
            on_change=lambda: _read_otherwise(held, change, None, session.widget("series columns")),
        )


def _read_otherwise(held: Session, change: Change, time: str | None, columns: Sequence[str] | None) -> None:
    """The same file with another time or other columns.  With a new file, what was chosen of the one before is heard once more: it is
    not what this one has, and changes nothing."""
    reading = held.reading
    if reading is None:
        return
    if time is not None and time != reading.time and time in (*reading.times, ""):
        read_file(held, change, time, None)
    if columns and [*columns] != [*reading.series.columns] and set(columns) <= set(reading.columns):
        read_file(held, change, reading.time, columns)
