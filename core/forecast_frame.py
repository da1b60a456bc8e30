"""Forecasts as a table, a line for each time, column and method: what a page offers as a file, and a notebook plots."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from core.forecast import Forecast
from core.scoreboard import PARTS
from core.series import Series, Split


def frame(series: Series, parts: Split, forecasts: Mapping[str, Forecast]) -> pd.DataFrame:
    """Tidy pandas: method, part, time, column, actual, forecast, lower, upper, all in the series' own units.

    lower, upper: the ends of the interval (`core.forecast.LEVEL`), NaN where a method has none.
    """
    tables = [_of_column(series, parts, name, forecast, at) for name, forecast in forecasts.items() for at in range(len(series.columns))]
    columns = ["method", "part", "time", "column", "actual", "forecast", "lower", "upper"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _of_column(series: Series, parts: Split, name: str, forecast: Forecast, at: int) -> pd.DataFrame:
    first, end = parts.train.stop, parts.test.stop
    said = [("forecast", forecast.values), ("lower", forecast.lower), ("upper", forecast.upper)]
    spans = [(part, getattr(parts, part)) for part in PARTS]
    return pd.DataFrame(
        {
            "method": name,
            "part": [part for part, span in spans for _ in range(span.stop - span.start)],
            "time": series.times[first:end],
            "column": series.columns[at],
            "actual": series.values[first:end, at],
            **{label: np.full(end - first, np.nan) if values is None else values[:, at] for label, values in said},
        }
    )
