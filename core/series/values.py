"""The values of an own series as the text that an Experiment holds, short enough for a link.

One point a line, several columns apart by commas, with names above them if they have any.  Times are counted from a comment:

    # from 1949-01 every 1 months
    passengers
    112
    118

Without it, points are counted from 1; a column of times, as in any CSV, is read, too.  A text of one line is one series, its numbers
apart by spaces, commas or semicolons.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import numpy as np

from core import limits
from core.series.csv_file import parse_csv
from core.series.series import InvalidSeries, Series
from core.series.times import PLURALS, Spacing, read_times

NAME = "Own series"

EXACT = 17
"""Significant digits that tell any two numbers apart."""
DIGITS = (EXACT, 12, 10, 8, 7, 6)
ROUNDING = 1e-3
"""Of a column's standard deviation."""

_TIMES = re.compile(rf"#\s*from\s+(\S+(?: \S+)?)\s+every\s+(\d{{1,9}}(?:\.\d{{1,9}})?)\s+({'|'.join(PLURALS)})\s*", re.IGNORECASE)


def read_values(text: str) -> Series:
    """The series that a text holds; InvalidSeries, in one sentence, where it holds none."""
    if not text.strip():
        raise InvalidSeries("There are no values yet: draw a series, load a CSV file, or type one number a line.")
    if len(text) > limits.VALUES_CHARACTERS:
        raise InvalidSeries(f"The values have {len(text):,} characters; at most {limits.VALUES_CHARACTERS:,} are allowed.")
    first, _, rest = text.strip().partition("\n")
    if not rest:
        return _one_line(first)
    counted = _TIMES.fullmatch(first.strip())
    series = parse_csv((rest if counted else text).encode(), "" if counted else None, name=NAME).series
    if counted is None:
        return series
    spacing = Spacing(counted[1], float(counted[2]), counted[3].lower())
    return replace(series, times=spacing.labels(len(series.times)), period=spacing.period)


def write_values(series: Series) -> str:
    """The inverse of `read_values`: exactly where that fits, otherwise with as many significant digits as do.

    InvalidSeries where even six do not fit, or where so few would change what the series does.
    """
    for digits in DIGITS:
        text = _written(series, digits)
        if len(text) <= limits.VALUES_CHARACTERS:
            _check_rounding(series, digits)
            return text
    size = len(_written(series, DIGITS[-1]))
    raise InvalidSeries(
        f"The series takes {size:,} characters as text; at most {limits.VALUES_CHARACTERS:,} fit: choose fewer columns or points."
    )


def _check_rounding(series: Series, digits: int) -> None:
    """InvalidSeries where rounding is more than a small part of what a column varies by."""
    if digits == EXACT:
        return
    rounded = np.array([[float(f"{value:.{digits}g}") for value in row] for row in series.values])
    lost = np.abs(rounded - series.values).max(0) > ROUNDING * series.values.std(0)
    if lost.any():
        column = series.columns[int(lost.argmax())]
        raise InvalidSeries(
            f"Only {digits} digits of each number fit, too few for what '{column}' varies by: "
            "subtract a constant from it, or choose fewer columns or points."
        )


def _one_line(line: str) -> Series:
    words = re.split(r"[\s,;]+", line.strip(" ,;\t"))
    try:
        values = [float(word) for word in words]
    except ValueError:
        odd = next(word for word in words if not _is_number(word))
        raise InvalidSeries(f"'{odd[:30]}' is not a number: type numbers apart by spaces, or one point a line.") from None
    return Series(NAME, np.array(values)[:, None], tuple(str(t + 1) for t in range(len(values))), ("value",), 1, "Given by the user.")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _written(series: Series, digits: int) -> str:
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    times = _times(series)
    if isinstance(times, Spacing):
        out.write(f"# from {times.first} every {times.every:.10g} {times.unit}\n")
    named = series.columns != ("value",) or times == "own"
    if named:
        lines.writerow([*(["time"] if times == "own" else []), *series.columns])
    for label, row in zip(series.times, series.values, strict=True):
        numbers = [repr(float(value)).removesuffix(".0") if digits == EXACT else f"{value:.{digits}g}" for value in row]
        lines.writerow([*([label] if times == "own" else []), *numbers])
    return out.getvalue()


def _times(series: Series) -> Spacing | str:
    """The spacing from which `read_values` makes the same labels, "none" where it counts from 1 by itself, or "own"."""
    if series.times == tuple(str(t + 1) for t in range(len(series.times))):
        return "none"
    try:
        spacing = read_times(series.times).spacing
        if spacing is not None and spacing.labels(len(series.times)) == series.times:
            return spacing
    except InvalidSeries:
        pass
    return "own"
