"""Numbers as people write them in tables: with a decimal point or comma, with or without marks between thousands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-", ".", "?"))
"""What stands for a value that is not there, in small letters."""

_END = r"(?:[eE][+-]?\d{1,3})?"


@dataclass(frozen=True, slots=True)
class Notation:
    """One way to write numbers.  words: for people."""

    words: str
    pattern: re.Pattern[str]
    read: Callable[[str], float]


POINT = Notation("with a decimal point", re.compile(rf"[+-]?(?:\d+\.?\d*|\.\d+){_END}"), float)
COMMA = Notation("with a decimal comma", re.compile(rf"[+-]?(?:\d+,?\d*|,\d+){_END}"), lambda cell: float(cell.replace(",", ".")))
THOUSANDS_COMMA = Notation(
    "with commas between thousands", re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?"), lambda cell: float(cell.replace(",", ""))
)
THOUSANDS_POINT = Notation(
    "with points between thousands and a decimal comma",
    re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d*)?"),
    lambda cell: float(cell.replace(".", "").replace(",", ".")),
)


def notations(separator: str) -> tuple[Notation, ...]:
    """The ways to try, the likeliest first: where columns are apart by commas, a comma inside a number marks thousands."""
    return (POINT, THOUSANDS_COMMA, COMMA) if separator == "," else (POINT, COMMA, THOUSANDS_POINT, THOUSANDS_COMMA)


def is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def notation(cells: Sequence[str], separator: str) -> tuple[Notation, int]:
    """The notation that reads most of the cells, and how many it reads; missing ones are not counted."""
    there = [cell for cell in cells if not is_missing(cell)]
    counts = [(sum(bool(one.pattern.fullmatch(cell)) for cell in there), one) for one in notations(separator)]
    best = max(counts, key=lambda counted: counted[0])
    if best[1] is POINT and separator != "," and _pass_a_thousand(there):
        return THOUSANDS_POINT, best[0]
    return best[1], best[0]


def _pass_a_thousand(cells: Sequence[str]) -> bool:
    """Whether numbers without a point lie below 1000, and all with one look like thousands: 985, 1.000, 1.015."""
    marked = [cell for cell in cells if "." in cell]
    plain = [cell for cell in cells if "." not in cell]
    if not marked or not all(re.fullmatch(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+", cell) for cell in marked):
        return False
    return bool(plain) and all(re.fullmatch(r"[+-]?\d{1,3}", cell) for cell in plain) and max(abs(int(cell)) for cell in plain) >= 100
