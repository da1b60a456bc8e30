"""The series that come with the program, read from `assets/series`: a CSV each, and what is known of them in `series.toml`."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from core.series.series import Series

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "series"


@dataclass(frozen=True, slots=True)
class Shipped:
    """What is known of a series beside its values.  look_for: one line that says what it makes visible.  period: season in steps."""

    title: str
    help: str
    look_for: str
    period: int
    source: str
    licence: str


def _known() -> dict[str, Shipped]:
    with (FOLDER / "series.toml").open("rb") as toml:
        return {name: Shipped(**about) for name, about in tomllib.load(toml).items()}


SHIPPED: dict[str, Shipped] = _known()


@cache
def shipped(name: str) -> Series:
    """One of `SHIPPED`."""
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        (_, *columns), *rows = csv.reader(file)
    about = SHIPPED[name]
    values = np.array([[float(cell) for cell in row[1:]] for row in rows])
    return Series(about.title, values, tuple(row[0] for row in rows), tuple(columns), about.period, about.source, about.licence)
