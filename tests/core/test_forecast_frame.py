"""Forecasts as a table: each time, column and method once, with the ends of the intervals; and how much these hold on each part."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.baselines import Options
from core.baselines.comparison import compare
from core.experiment import Experiment
from core.forecast import LEVEL, Forecast, origins
from core.forecast_frame import frame
from core.scoreboard import covered
from core.series import Series, make_series, split


def two_columns() -> Series:
    values = np.arange(80.0).reshape(40, 2)
    return Series("two", values, tuple(str(t) for t in range(40)), ("a", "b"))


def test_every_time_column_and_method_stands_there_once():
    series = two_columns()
    parts = split(40, 0.1, 0.2)
    first = parts.train.stop
    actual = series.values[first:]
    bare = Forecast("bare", actual + 1, None, None, (first,))
    with_ends = Forecast("with ends", actual, actual - 1, actual + 1, (first,))
    table = frame(series, parts, {"bare": bare, "with": with_ends})
    assert len(table) == 2 * 2 * len(actual)
    assert not table.duplicated(["method", "time", "column"]).any()
    assert table[table["method"] == "bare"][["lower", "upper"]].isna().all(axis=None)
    ends = table[table["method"] == "with"]
    np.testing.assert_array_equal(ends["upper"] - ends["lower"], 2)
    np.testing.assert_array_equal(ends[ends["column"] == "b"]["actual"], actual[:, 1])
    assert ends["part"].value_counts().to_dict() == {"validation": 8, "test": 16}
    assert list(ends["time"][ends["column"] == "a"]) == list(series.times[first:])


def test_without_forecasts_the_table_has_only_its_head():
    table = frame(two_columns(), split(40, 0.1, 0.2), {})
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["method", "part", "time", "column", "actual", "forecast", "lower", "upper"]


def test_intervals_are_judged_by_part():
    series = two_columns()
    parts = split(40, 0.1, 0.2)
    first = parts.train.stop
    actual = series.values[first:]
    wide = np.ones_like(actual)
    wide[: parts.validation.stop - first, 0] = -1  # one column of the validation lies outside
    assert covered(series.values, parts, Forecast("", actual, actual - wide, actual + wide, (first,))) == {"validation": 0.5, "test": 1.0}
    assert covered(series.values, parts, Forecast("", actual, None, None, (first,))) == {}
    empty = split(40, 0.0, 0.2)
    whole = series.values[empty.train.stop :]
    assert covered(series.values, empty, Forecast("", whole, whole, whole, (empty.train.stop,))) == {"test": 1.0}


def test_a_baselines_intervals_hold_about_what_they_promise():
    """White noise, which the ARIMA of order (0,0,0) with a constant describes exactly: 400 values, so four deviations of 1.1 %."""
    noise = np.random.default_rng(0).normal(size=(1000, 1))
    parts = split(1000, 0.2, 0.2)
    found = compare(noise, 1, origins(parts, 1), 1, which=("arima",), options=Options(arima="(0,0,0)+c"))["arima"].forecast
    shares = covered(noise, parts, found)
    assert abs((shares["validation"] + shares["test"]) / 2 - LEVEL) < 0.044


def test_it_fits_shipped_series():
    series = make_series(Experiment(task="series", series="nile"))
    parts = split(len(series.times), 0.15, 0.15)
    results = compare(series.values, 1, origins(parts, 3), 3, which=("naive", "drift"))
    table = frame(series, parts, {name: result.forecast for name, result in results.items()})
    assert set(table["method"]) == {"naive", "drift"}
    assert (table["lower"] < table["forecast"]).all()
