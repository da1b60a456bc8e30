"""Times: what the labels of a series say, how far apart they are, and labels for steps that are only counted.

Steps are counted in months, days, weekdays, seconds, or in bare numbers (years, days of an experiment).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core import limits
from core.series.series import Array, InvalidSeries

DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y",
    "%d %b %Y", "%d %B %Y", "%d. %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y",
)  # fmt: skip
"""How a day may be written, as of strptime.  Where day and month cannot be told apart, even steps decide."""
CLOCKS = ("", " %H:%M", " %H:%M:%S")
FORMATS = (
    *(day + clock for clock in CLOCKS for day in DAYS), "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
    "%Y-%m", "%Y/%m", "%Y%m%d", "%m/%Y", "%m.%Y", "%b %Y", "%B %Y", "%Y %b", "%b-%Y", "%b-%y", "%b %y",
)  # fmt: skip
"""How a time may be written, beside 1949Q1."""

FIRST_SHORT_YEAR = 1969
"""The first of the hundred years that two digits stand for, as of strptime."""

PLURALS = {"months": "month", "days": "day", "weekdays": "weekday", "seconds": "second", "numbers": "unit"}
"""What steps are counted in, and the word for one."""

LONGEST_BREAK = 5
"""Days between two trading days at most: a weekend and its holidays."""

_QUARTER = re.compile(r"(?P<year>\d{4})[-\s]?[Qq](?P<quarter>[1-4])|[Qq](?P<first>[1-4])[-\s]?(?P<then>\d{4})")
_ZONE = re.compile(r"(?<=\d)(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?$")
_NUMBER = re.compile(r"\d{1,7}(?:\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Spacing:
    """Even steps.  first: the label of the first.  every: so many `unit`s (of `PLURALS`) lie between two."""

    first: str
    every: float
    unit: str

    @property
    def words(self) -> str:
        if self.unit == "numbers":
            return f"in steps of {self.every:.4g}"
        if self.unit == "seconds" and self.every % 60 == 0:
            size, one = (3600, "hour") if self.every % 3600 == 0 else (60, "minute")
            return f"every {one}" if self.every == size else f"every {self.every / size:g} {one}s"
        return f"every {PLURALS[self.unit]}" if self.every == 1 else f"every {self.every:g} {self.unit}"

    @property
    def period(self) -> int:
        """The season that people expect of such steps: a year of months or weeks, a week of days, a day of hours; otherwise 1."""
        if self.unit == "days" and self.every == 7:
            return 52
        # Bare numbers with a fraction are years, as in 1949.083.
        whole = {"months": 12, "days": 7, "weekdays": 5, "seconds": 86_400, "numbers": 1}[self.unit]
        steps = round(whole / self.every)
        fits = abs(steps * self.every - whole) < 0.02 * whole
        return steps if fits and 1 <= steps <= limits.SEASON else 1

    def labels(self, n: int) -> tuple[str, ...]:
        """The labels of n times; InvalidSeries when they leave the calendar."""
        try:
            if self.every < 1 and (self.unit != "numbers" or not self.every):
                raise ValueError("no step")
            if self.unit == "numbers":
                return tuple(f"{float(self.first) + t * self.every:.10g}" for t in range(n))
            start, every = pd.Timestamp(self.first), int(self.every)
            if self.unit == "months":
                offset = pd.DateOffset(months=every)
            elif self.unit == "weekdays":
                offset = pd.offsets.BDay(every)
            else:
                offset = pd.Timedelta(every, "D" if self.unit == "days" else "s")
            return _labels(pd.date_range(start, periods=n, freq=offset), self)
        except (ValueError, OverflowError) as error:
            raise InvalidSeries(f"Times from '{self.first}' {self.words} cannot be counted.") from error


@dataclass(frozen=True, slots=True)
class Times:
    """Times in order.  spacing: their even steps; None for trading days, between which holidays are missing.

    backwards: whether they were given from the latest to the first.
    """

    labels: tuple[str, ...]
    spacing: Spacing | None
    period: int
    words: str
    backwards: bool


def read_times(cells: Sequence[str]) -> Times:
    """The times that labels name.

    InvalidSeries for what is no date or number, for duplicates, gaps, uneven steps and times out of order.
    """
    problem: InvalidSeries | None = None
    for stamps in sorted(_readings(cells), key=_unevenness):
        try:
            return _in_order(stamps, cells)
        except InvalidSeries as error:
            problem = problem or error
    raise problem or InvalidSeries(f"'{cells[0][:30]}' is not a time: write dates such as 1949-01-31, 31.01.1949 or 1949-01, or years.")


def are_times(cells: Sequence[str]) -> bool:
    """Whether every label is a date, however they are spaced.  Bare numbers are not (see `are_counted`)."""
    return any(isinstance(stamps, pd.DatetimeIndex) for stamps in _readings(cells))


def are_counted(cells: Sequence[str]) -> bool:
    """Whether labels are whole numbers that count up one by one: years, or a plain index."""
    if not all(cell.isascii() and cell.isdigit() and len(cell) <= 7 for cell in cells):
        return False
    return bool((np.diff([int(cell) for cell in cells]) == 1).all())


def have_short_years(cells: Sequence[str]) -> bool:
    """Whether labels are dates whose years have two digits."""
    return are_times(cells) and not any(re.search(r"\d{4}", cell) for cell in cells)


def looks_like_years(cells: Sequence[str]) -> bool:
    """Whether labels are four digits that never fall and mostly count up one by one, as years do among which some are missing or twice."""
    if len(cells) < 3 or not all(cell.isascii() and cell.isdigit() and len(cell) == 4 for cell in cells):
        return False
    steps = np.diff([int(cell) for cell in cells])
    return bool((steps >= 0).all() and (steps == 1).mean() > 0.5)


def _readings(cells: Sequence[str]) -> Iterator[pd.DatetimeIndex | Array]:
    """Every way to read all the labels as dates; where there is none, as numbers."""
    cleaned = [_ZONE.sub("", cell.strip()) if ":" in cell else cell.strip() for cell in cells]
    if all(_QUARTER.fullmatch(cell) for cell in cleaned):
        cleaned = [_QUARTER.sub(_first_month, cell) for cell in cleaned]
    found = False
    for form in FORMATS:
        if pd.notna(pd.to_datetime(cleaned[0], format=form, errors="coerce")):
            stamps = pd.DatetimeIndex(pd.to_datetime(pd.Series(cleaned), format=form, errors="coerce"))
            if not stamps.hasnans:
                found = True
                yield stamps
    if not found and all(_NUMBER.fullmatch(cell) for cell in cleaned):
        yield np.array([float(cell) for cell in cleaned])


def _first_month(found: re.Match[str]) -> str:
    """A quarter's first month: 1949-04 for 1949Q2 and Q2 1949."""
    return f"{found['year'] or found['then']}-{3 * int(found['quarter'] or found['first']) - 2:02d}"


def _unevenness(stamps: pd.DatetimeIndex | Array) -> int:
    """The number of steps that are not like most."""
    differences = np.diff(_counted(stamps)[1])
    return len(differences) - int(np.unique(differences, return_counts=True)[1].max(initial=0))


def _in_order(stamps: pd.DatetimeIndex | Array, cells: Sequence[str]) -> Times:
    """Times with their spacing, turned round where they run backwards."""
    unit, places = _counted(stamps)
    differences = np.diff(places)
    backwards = bool((differences < 0).all())
    if backwards:
        places, stamps, cells = places[::-1], stamps[::-1], cells[::-1]
        differences = np.diff(places)
    if len(twice := np.flatnonzero(differences == 0)):
        raise InvalidSeries(f"The time '{cells[twice[0]]}' stands there twice: every time may have one line only.")
    if len(fall := np.flatnonzero(differences < 0)):
        at = int(fall[0])
        raise InvalidSeries(f"The times are out of order: '{cells[at + 1]}' comes after '{cells[at]}'. Sort the lines by time.")
    values, counts = np.unique(differences.round(6), return_counts=True)
    every = float(values[counts.argmax()])
    if unit == "numbers":
        every = float(np.median(differences))
        if every != round(every):
            # 1949.083 is rounded, and so are differences: a whole number of steps to a year is meant where it fits.
            every = float(differences.mean())
            if abs(round(1 / every) * every - 1) < 0.02:
                every = 1 / round(1 / every)
    uneven = np.flatnonzero(np.abs(differences - every) > (0.02 * every if unit == "numbers" else 0))
    if len(uneven) and unit == "days" and isinstance(stamps, pd.DatetimeIndex) and _trading(stamps, differences):
        return Times(_labels(stamps, Spacing("", 1, "days")), None, 5, "every trading day", backwards)
    if len(uneven):
        at = int(uneven[0])
        missing = differences[at] / every - 1
        between = f"Between '{cells[at]}' and '{cells[at + 1]}'"
        if abs(missing - round(missing)) < 0.02 and round(missing) >= 1:
            points = f"{round(missing)} points are" if round(missing) > 1 else "1 point is"
            raise InvalidSeries(f"{between} {points} missing: fill the gap, or keep the lines on one side of it.")
        raise InvalidSeries(f"The times are not evenly spaced: {between.lower()} the step is another than elsewhere.")
    if isinstance(stamps, pd.DatetimeIndex):
        spacing = Spacing("", every, unit)
        labels = _labels(stamps, spacing)
        spacing = Spacing(labels[0], every, unit)
    else:
        labels = tuple(cell.strip() for cell in cells)
        spacing = Spacing(labels[0], every, unit)
    return Times(labels, spacing, spacing.period, spacing.words, backwards)


def _counted(stamps: pd.DatetimeIndex | Array) -> tuple[str, Array]:
    """The largest unit in which the times are whole numbers, and these (N,)."""
    if not isinstance(stamps, pd.DatetimeIndex):
        return "numbers", stamps
    months = np.asarray(stamps.year * 12 + stamps.month)
    same_day = len(set(stamps.day)) == 1 or bool(stamps.is_month_end.all())
    one_a_month = bool((np.abs(np.diff(months)) == 1).all())
    whole_days = bool((stamps == stamps.normalize()).all())
    if whole_days and (same_day or one_a_month):
        return "months", months
    seconds = np.asarray((stamps - pd.Timestamp(0)) // pd.Timedelta(1, "s"))
    if len(set((seconds % 86_400).tolist())) == 1:
        return "days", seconds // 86_400
    return "seconds", seconds


def _trading(stamps: pd.DatetimeIndex, differences: Array) -> bool:
    """Days without weekends, and no break longer than a weekend with its holidays."""
    return bool((stamps.day_of_week < 5).all()) and bool((differences > 0).all()) and int(differences.max()) <= LONGEST_BREAK


def _labels(stamps: pd.DatetimeIndex, spacing: Spacing) -> tuple[str, ...]:
    if spacing.unit == "months":
        form = "%Y" if spacing.every % 12 == 0 else "%Y-%m"
    elif spacing.unit in ("days", "weekdays"):
        form = "%Y-%m-%d"
    else:
        form = "%Y-%m-%d %H:%M" if bool((stamps.second == 0).all()) else "%Y-%m-%d %H:%M:%S"
    return tuple(stamps.strftime(form))
