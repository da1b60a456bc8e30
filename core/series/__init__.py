"""Series: numbers over time, where they come from, and how they are cut and scaled.  Nothing here imports torch."""

from __future__ import annotations

from core.series.csv_file import Reading, parse_csv
from core.series.scaling import SCALINGS, Scaler, Scaling
from core.series.series import InvalidSeries, Series, Split, split
from core.series.sources import SERIES, Source, make_series
from core.series.values import read_values, write_values

__all__ = [
    "SCALINGS",
    "SERIES",
    "InvalidSeries",
    "Reading",
    "Scaler",
    "Scaling",
    "Series",
    "Source",
    "Split",
    "make_series",
    "parse_csv",
    "read_values",
    "split",
    "write_values",
]
