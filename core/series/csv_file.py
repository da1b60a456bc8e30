"""A file of somebody's, read as a series: separator, header, times and numbers are found, and what is wrong is said in one sentence.

Nothing of the file is kept but the numbers, the times and the names of the columns.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core import limits
from core.series.numbers import Notation, doubtful, is_missing, notation, signs
from core.series.series import Array, InvalidSeries, Series
from core.series.times import FIRST_SHORT_YEAR, Times, are_counted, are_times, have_short_years, looks_like_years, read_times

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas", " ": "spaces"}
"""What may stand between columns, in the order of trial: a comma may also be a decimal comma, so others come first."""

NAME_CHARACTERS = 60

NO_NUMBERS = "No column holds numbers: write one point a line, such as 1949-01,112."

RAGGED = ("every line needs as many.", "put dates or numbers that have a comma inside in quotation marks, or semicolons between columns.")
"""What is to be done about lines of another length, and where nearly all are longer than the header."""

_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f]")
_TIME_NAMES = frozenset(
    (
        *("time", "date", "datetime", "timestamp", "year", "month", "day", "period", "index", "t", ""),
        *("jahr", "datum", "monat", "tag", "zeit", "année", "annee", "mois", "jour", "fecha", "año", "mes", "día", "data", "anno", "mese"),
        *("giorno", "jaar", "maand", "ano", "dia", "日期", "时间", "年", "月", "日", "日付"),
    )
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A series read from a file.

    found: what was recognised, left_out: what was not taken, and doubts: what could mean something else, each as sentences.
    time: the column of the times, "" where points are counted.
    times: the columns that could be the time, columns: those that hold numbers, for a form to choose from.
    """

    series: Series
    found: tuple[str, ...]
    left_out: tuple[str, ...]
    doubts: tuple[str, ...]
    time: str
    times: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as text.  names: of the columns.  lines: the line of each row in the file, from 1."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    separator: str
    header: bool

    def column(self, name: str) -> list[str]:
        at = self.names.index(name)
        return [row[at] for row in self.rows]


def parse_csv(content: bytes, time: str | None = None, columns: Sequence[str] | None = None, name: str = "Own series") -> Reading:
    """Read a series.

    content: the file, at most `limits.CSV_BYTES`.  time, columns: the names of the columns to take, found where None; "" as time means
    that there is none.  InvalidSeries, in one sentence, for everything that cannot be a series.
    """
    table = _table(_text(content))
    numbers = {column: notation(table.column(column), table.separator) for column in table.names}
    dated = tuple(column for column in table.names if _could_be_time(table, column))
    for asked in [*(columns or ()), *([time] if time else [])]:
        if asked not in table.names:
            raise InvalidSeries(f"There is no column '{asked[:NAME_CHARACTERS]}'; the columns are {_listed(table.names)}.")
    at = _found_time(table, dated) if time is None else time or None
    numeric = tuple(column for column in table.names if column not in {at} and 2 * numbers[column][1] > len(table.rows))
    taken, left_out = _taken(table, at, numeric, columns)
    found = _found(table)
    times: Times | None = None
    if at is not None:
        times = _times(table, at)
    values = np.column_stack([_values(table, column, numbers[column][0], at) for column in taken])
    found.append(f"Values: {_listed(taken)}, {numbers[taken[0]][0].words}.")
    if times is None:
        labels, period = tuple(str(t + 1) for t in range(len(table.rows))), 1
        found.append("No times: points are counted from 1.")
    else:
        labels, period = times.labels, times.period
        values = values[::-1] if times.backwards else values
        turned = " (turned round: the file begins with the latest)" if times.backwards else ""
        found.append(f"Times: column '{at}', {times.words} from {labels[0]} to {labels[-1]}{turned}.")
    series = Series(name, values, labels, taken, period, "Given by the user.", "The user's.")
    left_out = (*left_out, *_signs(table, taken))
    return Reading(series, tuple(found), left_out, _doubts(table, at, taken), at or "", dated, numeric)


def _text(content: bytes) -> str:
    """The file's characters: UTF-8, UTF-16 with its mark, or Windows-1252."""
    if len(content) > limits.CSV_BYTES:
        raise InvalidSeries(f"The file has {len(content) / 2**20:.1f} MB; at most {limits.CSV_BYTES / 2**20:.0f} MB are read.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    if content.startswith(b"PK") or _UNREADABLE.search(text):
        raise InvalidSeries("This file is not text (perhaps a spreadsheet): save it as CSV and try again.")
    if not text.strip():
        raise InvalidSeries("The file is empty: it needs a line for each point.")
    return text


LOOKED_AT = 200
"""Lines that tell the separator."""


def _table(text: str) -> Table:
    """Text -> rows of equal length; blank lines, and those that begin with #, are skipped, but for those in a single column."""
    text_lines = text.splitlines()
    lines = [(number, line) for number, line in enumerate(text_lines, 1) if line.strip(" \t;,|") and not line.startswith("#")]
    if len(lines) > 2 * limits.SERIES_POINTS:
        raise InvalidSeries(f"{len(lines):,} lines are too many: a series has at most {limits.SERIES_POINTS:,} points.")
    if not lines:
        raise InvalidSeries("The file is empty: it needs a line for each point.")
    separator = _separator([line for _, line in lines[:LOOKED_AT]])
    rows = [(number, _cells(line, separator)) for number, line in lines]
    (_, first), *_ = rows
    width = len(first)
    if width > limits.CSV_COLUMNS:
        raise InvalidSeries(f"The file has {width:,} columns; at most {limits.CSV_COLUMNS} are read.")
    header = _is_header(first, [cells for _, cells in rows[1:]], separator)
    for number, cells in rows[1:]:
        if len(cells) != width:
            commas = separator == "," and 2 * sum(len(others) > width for _, others in rows) > len(rows)
            raise InvalidSeries(f"Line {number} has {len(cells)} columns, but line {rows[0][0]} has {width}: {RAGGED[commas]}")
    names = _names(first) if header else tuple(f"column {at + 1}" for at in range(width)) if width > 1 else ("value",)
    body = rows[1:] if header else rows
    if width == 1:
        _check_gaps([number for number, _ in body], text_lines)
    if not any(notation(column, separator)[1] for column in zip(*(cells for _, cells in body), strict=True)):
        raise InvalidSeries(NO_NUMBERS)
    if len(body) < limits.FEWEST_POINTS:
        points = "1 point is" if len(body) == 1 else f"{len(body)} points are"
        raise InvalidSeries(f"{points} too few: a series has {limits.FEWEST_POINTS} to {limits.SERIES_POINTS:,}.")
    if len(body) > limits.SERIES_POINTS:
        raise InvalidSeries(f"{len(body):,} points are too many: a series has at most {limits.SERIES_POINTS:,}.")
    return Table(names, tuple(tuple(cells) for _, cells in body), tuple(number for number, _ in body), separator, header)


def _check_gaps(numbers: Sequence[int], lines: Sequence[str]) -> None:
    """In one column an empty line among the others is a missing value; where every other line is empty, none is."""
    empty = [after - 1 for before, after in pairwise(numbers) if after - before > 1 and not lines[after - 2].strip()]
    if empty and len(empty) < len(numbers) / 2:
        raise InvalidSeries(f"Line {empty[0]} is empty: fill the gap, or delete the line if no point is missing there.")


def _separator(lines: Sequence[str]) -> str:
    """What splits nearly every line into as many parts; "" where lines have one part."""
    for separator in SEPARATORS:
        counts = Counter(len(_cells(line, separator)) for line in lines)
        width, often = counts.most_common(1)[0]
        if width > 1 and 10 * often >= 9 * len(lines):
            return separator
    return ""


def _cells(line: str, separator: str) -> list[str]:
    if not separator:
        return [line.strip().strip('"').strip()]
    if separator == " ":
        # Other spaces than plain ones stand inside numbers.
        return re.split(r"[ \t]+", line.strip())
    try:
        return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=separator, skipinitialspace=True))]
    except csv.Error:
        return [cell.strip() for cell in line.split(separator)]


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]], separator: str) -> bool:
    """Whether the first line names columns: over one that holds numbers it has none."""
    for at, cell in enumerate(first):
        below = [row[at] for row in rest if len(row) > at]
        numeric = below and 2 * notation(below, separator)[1] > len(below)
        if numeric and not is_missing(cell) and not notation([cell], separator)[1]:
            return True
    return False


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    """Column names, each another."""
    names: list[str] = []
    for at, cell in enumerate(cells):
        name = cell[:NAME_CHARACTERS] or f"column {at + 1}"
        again = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({again + 1})" if again else name)
    return tuple(names)


def _could_be_time(table: Table, column: str) -> bool:
    cells = table.column(column)
    return are_times(cells) or are_counted(cells)


def _found_time(table: Table, dated: Sequence[str]) -> str | None:
    """The column of the times: dates before plain counting, which must be at the left or bear the name of a time."""
    for column in dated:
        if are_times(table.column(column)) and not _only_numbers(table, column):
            return column
    for column in dated:
        named = table.header and column.lower() in _TIME_NAMES
        if len(table.names) > 1 and (named or column == table.names[0]):
            return column
    first = table.names[0]
    if len(table.names) > 1 and looks_like_years(table.column(first)):
        return first  # with gaps or twice: to be told when they are read
    for column in table.names:
        if table.header and len(table.names) > 1 and column.lower() in _TIME_NAMES - {"", "t", "index", "period"}:
            return column
    return None


def _only_numbers(table: Table, column: str) -> bool:
    """Numbers such as 19490131 may be dates or not."""
    cells = table.column(column)
    return notation(cells, table.separator)[1] == len(cells) and column.lower() not in _TIME_NAMES - {""}


def _taken(table: Table, at: str | None, numeric: Sequence[str], asked: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that become the series, and what is said of the others."""
    if asked is not None:
        if not 1 <= len(set(asked)) <= limits.SERIES_COLUMNS:
            raise InvalidSeries(f"Choose 1 to {limits.SERIES_COLUMNS} columns, not {len(set(asked))}.")
        if at in asked:
            raise InvalidSeries(f"The column '{at}' holds the times: it cannot be a value, too.")
        taken = tuple(dict.fromkeys(asked))
        rest = [column for column in table.names if column not in taken and column != at]
        return taken, (f"Not chosen: {_listed(rest)}.",) if rest else ()
    if not numeric:
        raise InvalidSeries(NO_NUMBERS)
    taken, more = tuple(numeric[: limits.SERIES_COLUMNS]), numeric[limits.SERIES_COLUMNS :]
    words = [column for column in table.names if column not in numeric and column != at]
    left_out = []
    if words:
        left_out.append(f"Not numbers: {_listed(words)}.")
    if more:
        left_out.append(f"Beyond {limits.SERIES_COLUMNS} columns: {_listed(more)}.")
    return taken, tuple(left_out)


def _times(table: Table, at: str) -> Times:
    cells = table.column(at)
    for line, cell in zip(table.lines, cells, strict=True):
        if is_missing(cell):
            raise InvalidSeries(f"Line {line} has no time in column '{at}': every point needs one.")
    if not are_times(cells):
        odd = _odd_time(cells)
        if odd is not None:
            raise InvalidSeries(
                f"Line {table.lines[odd]}: '{cells[odd][:30]}' is not a time like the others of column '{at}', such as '{cells[0][:30]}'."
            )
    return read_times(cells)


def _odd_time(cells: Sequence[str]) -> int | None:
    """The first label that is no time although the one before it is."""
    number = notation(cells, ";")[1] == len(cells)
    if number or not (are_times(cells[:1]) or notation(cells[:1], ";")[1]):
        return None
    dated = are_times(cells[:1])
    for at, cell in enumerate(cells):
        if not (are_times([cells[0], cell]) if dated else notation([cell], ";")[1]):
            return at
    return None


def _values(table: Table, column: str, how: Notation, at: str | None) -> Array:
    """(N,) float64."""
    cells = table.column(column)
    for row, (line, cell) in enumerate(zip(table.lines, cells, strict=True)):
        where = f"Line {line}" + (f" ({table.column(at)[row][:30]})" if at is not None else "")
        if is_missing(cell):
            raise InvalidSeries(f"{where} has no value in column '{column}': fill the gap, or leave the column out.")
        if not how.reads(cell):
            raise InvalidSeries(f"{where}: '{cell[:30]}' in column '{column}' is not a number.")
    _check_signs(column, signs(cells))
    return np.array([how.read(cell) for cell in cells])


def _check_signs(column: str, beside: Sequence[str]) -> None:
    """InvalidSeries where numbers of one column are in several units."""
    named = [sign for sign in beside if sign]
    if len(named) > 1:
        raise InvalidSeries(f"Column '{column}' has numbers with '{named[0]}' and others with '{named[1]}': write all of them in one unit.")
    if "%" in named and "" in beside:
        raise InvalidSeries(f"Column '{column}' has numbers with '%' and others without: write all of them in one unit.")


def _signs(table: Table, taken: Sequence[str]) -> tuple[str, ...]:
    """What is said of signs of money and percent, which a number does not keep."""
    beside = [(sign, column) for column in taken for sign in signs(table.column(column)) if sign]
    listed = ", ".join(f"'{sign}' of '{column}'" for sign, column in beside)
    return (f"Signs: {listed}.",) if listed else ()


def _doubts(table: Table, at: str | None, taken: Sequence[str]) -> tuple[str, ...]:
    """What could have been meant otherwise, a sentence each."""
    doubts = []
    if table.separator == "," and not table.header and (split := _split_numbers(table)):
        doubts.append(f"Commas were taken to stand between columns; if {split} is one number, put semicolons between columns.")
    for column in taken:
        cells = table.column(column)
        if cell := doubtful(cells, table.separator):
            read = notation(cells, table.separator)[0].read(cell)
            doubts.append(f"'{cell}' of '{column}' was read as {read:g}; if another number is meant, write it without marks for thousands.")
    if at is not None and have_short_years(table.column(at)):
        doubts.append(f"Years of two digits were taken to lie between {FIRST_SHORT_YEAR} and {FIRST_SHORT_YEAR + 99}.")
    return tuple(doubts)


def _split_numbers(table: Table) -> str:
    """Two neighbouring cells that may be one number with a decimal comma, where all of their columns may be; "" where none are."""
    for left, right in pairwise(table.names):
        wholes, parts = table.column(left), table.column(right)
        if all(re.fullmatch(r"[+-]?\d+", cell) for cell in wholes) and all(re.fullmatch(r"\d{1,6}", cell) for cell in parts):
            return f"{wholes[0]},{parts[0]}"
    return ""


def _found(table: Table) -> list[str]:
    separated = f", apart by {SEPARATORS[table.separator]}" if table.separator else ""
    header = "a header" if table.header else "no header"
    return [f"{len(table.rows):,} points in {len(table.names)} column{'s' if len(table.names) > 1 else ''}{separated}, {header}."]


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence; of many, the first ones."""
    shown = ", ".join(f"'{name}'" for name in names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown
