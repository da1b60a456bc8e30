"""Numbers as people write them in tables: with a decimal point or comma, marks or spaces between thousands, a sign of money or percent."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-", ".", "?"))
"""What stands for a value that is not there, in small letters."""

_END = r"(?:[eE][+-]?\d{1,3})?"
_SIGNED = re.compile(r"([+\-−]?)\s*([$€£¥]?)\s*([+\-−]?[\d.,].*?)\s*([$€£¥%]?)")
_SPACED = re.compile("([+-]?[1-9]\\d{0,2}(?:[ \u00a0\u2009\u202f]\\d{3})+)((?:[.,]\\d*)?)")
"""Thousands apart by spaces: plain, no-break, thin, or both."""


def bare(cell: str) -> tuple[str, str]:
    """The number alone, without spaces between thousands, and the sign of money or percent that stood beside it ("" without one)."""
    found = _SIGNED.fullmatch(cell)
    if not found or (found[2] and found[4]):
        return cell, ""
    number = (found[1] + found[3]).replace("−", "-")
    if spaced := _SPACED.fullmatch(number):
        number = re.sub(r"\s", "", spaced[1]) + spaced[2]
    return number, found[2] or found[4]


@dataclass(frozen=True, slots=True)
class Notation:
    """One way to write numbers.  words: for people.  pattern, value: of a number that is `bare`."""

    words: str
    pattern: re.Pattern[str]
    value: Callable[[str], float]

    def reads(self, cell: str) -> bool:
        """Whether a cell holds a number that is written so."""
        return bool(self.pattern.fullmatch(bare(cell)[0]))

    def read(self, cell: str) -> float:
        """The number of a cell; 5 for "5 %"."""
        return self.value(bare(cell)[0])


POINT = Notation("with a decimal point", re.compile(rf"[+-]?(?:\d+\.?\d*|\.\d+){_END}"), float)
COMMA = Notation("with a decimal comma", re.compile(rf"[+-]?(?:\d+,?\d*|,\d+){_END}"), lambda cell: float(cell.replace(",", ".")))
THOUSANDS_COMMA = Notation(
    "with commas between thousands",
    re.compile(r"[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?"),
    lambda cell: float(cell.replace(",", "")),
)
THOUSANDS_POINT = Notation(
    "with points between thousands and a decimal comma",
    re.compile(r"[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+|\d+)(?:,\d*)?"),
    lambda cell: float(cell.replace(".", "").replace(",", ".")),
)


def notations(separator: str) -> tuple[Notation, ...]:
    """The ways to try, the likeliest first: where columns are apart by commas, a comma inside a number marks thousands."""
    return (POINT, THOUSANDS_COMMA, COMMA) if separator == "," else (POINT, COMMA, THOUSANDS_POINT, THOUSANDS_COMMA)


def is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def notation(cells: Sequence[str], separator: str) -> tuple[Notation, int]:
    """The notation that reads most of the cells, and how many it reads; missing ones are not counted."""
    there = [bare(cell)[0] for cell in cells if not is_missing(cell)]
    counts = [(sum(bool(one.pattern.fullmatch(number)) for number in there), one) for one in notations(separator)]
    best = max(counts, key=lambda counted: counted[0])
    if separator != "," and best[1] in _PASSING and _pass_a_thousand(there, _PASSING[best[1]][0]):
        return _PASSING[best[1]][1], best[0]
    return best[1], best[0]


def doubtful(cells: Sequence[str], separator: str) -> str:
    """A cell whose mark may be one of thousands as well as a decimal one, where nothing else in the column settles it; "" without one."""
    there = [cell for cell in cells if not is_missing(cell)]
    numbers = [bare(cell)[0] for cell in there]
    for mark in ",.":
        marked = [cell for cell, number in zip(there, numbers, strict=True) if mark in number]
        # A point between columns that are apart by commas is a decimal one.
        if not marked or (mark == "." and separator == ",") or _pass_a_thousand(numbers, mark):
            continue
        if all(_EITHER[mark].fullmatch(number) for number in numbers if not number.isdigit()):
            return marked[0]
    return ""


def signs(cells: Sequence[str]) -> tuple[str, ...]:
    """The signs of money and percent beside the numbers, in their order; "" where a number has none."""
    return tuple(dict.fromkeys(bare(cell)[1] for cell in cells if not is_missing(cell)))


_PASSING = {POINT: (".", THOUSANDS_POINT), COMMA: (",", THOUSANDS_COMMA)}
"""Notation -> its mark, and the notation in which that mark stands between thousands."""
_EITHER = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}\{mark}\d{{3}}") for mark in ".,"}
"""Mark -> a number with it that can be read both ways."""


def _pass_a_thousand(numbers: Sequence[str], mark: str) -> bool:
    """Whether numbers without the mark lie below 1000, and all with it look like thousands: 985, 1.000, 1.015."""
    marked = [number for number in numbers if mark in number]
    plain = [number for number in numbers if mark not in number]
    if not marked or not all(re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}(?:\{mark}\d{{3}})+", number) for number in marked):
        return False
    return (
        bool(plain) and all(re.fullmatch(r"[+-]?\d{1,3}", number) for number in plain) and max(abs(int(number)) for number in plain) >= 100
    )
