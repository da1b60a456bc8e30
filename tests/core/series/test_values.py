"""Values as text: what is written is read again, and what cannot be read gets one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core import limits
from core.experiment import Experiment
from core.series import SERIES, InvalidSeries, Series, make_series, parse_csv, read_values, write_values
from core.series.times import PLURALS, Spacing

NUMBERS = " ".join(str(t) for t in range(25))


@pytest.mark.parametrize("name", [name for name in SERIES if name != "own"])
def test_every_series_can_be_written_and_read(name):
    series = make_series(Experiment(series=name))
    again = read_values(write_values(series))
    np.testing.assert_array_equal(again.values, series.values)
    assert (again.times, again.columns) == (series.times, series.columns)
    own = make_series(Experiment(series="own", values=write_values(series)))
    np.testing.assert_array_equal(own.values, series.values)


def test_what_is_written_is_short():
    text = write_values(make_series(Experiment(series="airline")))
    assert text.splitlines()[:4] == ["# from 1949-01 every 1 months", "thousand passengers", "112", "118"]
    assert len(text) < 700


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(20, 60), st.integers(1, 3)), elements=st.floats(-1e15, 1e15)),
    st.sampled_from([None, *PLURALS]),
    st.integers(1, 5),
)
def test_any_series_comes_back(values, unit, every):
    n, columns = values.shape
    times = tuple(str(t + 1) for t in range(n))
    if unit:
        first = {"months": "1949-01", "numbers": "1949"}.get(unit, "1999-11-05" if unit != "seconds" else "1999-11-05 10:00")
        times = Spacing(first, 1 if unit == "weekdays" else every * (60 if unit == "seconds" else 1), unit).labels(n)
    series = Series("Own series", values, times, tuple(f"c{at}" for at in range(columns)))
    again = read_values(write_values(series))
    np.testing.assert_array_equal(again.values, values)
    assert (again.times, again.columns) == (series.times, series.columns)


def test_a_file_becomes_values():
    content = b"day;height\n" + b"".join(b"%02d.03.2020;%d,25\n" % (day, day) for day in range(1, 31))
    series = parse_csv(content).series
    again = read_values(write_values(series))
    assert (again.times, again.period, again.columns) == (series.times, 7, ("height",))
    assert again.times[-1] == "2020-03-30"
    np.testing.assert_array_equal(again.values, series.values)


def test_a_long_series_is_rounded_until_it_fits():
    values = np.random.default_rng(0).normal(size=(1_900, 1))
    series = Series("a", values, tuple(str(t + 1) for t in range(1_900)), ("value",))
    text = write_values(series)
    assert len(text) <= limits.VALUES_CHARACTERS
    np.testing.assert_allclose(read_values(text).values, values, rtol=5e-6)
    wide = Series("a", np.tile(values, 4), series.times, tuple("abcd"))
    with pytest.raises(InvalidSeries, match=r"as text; at most 20,000 fit: choose fewer columns or points\.$"):
        write_values(wide)


@pytest.mark.parametrize(
    "text", [NUMBERS, NUMBERS.replace(" ", ", "), NUMBERS.replace(" ", ";"), NUMBERS.replace(" ", "\n"), f"\n {NUMBERS}\n"]
)
def test_typed_numbers(text):
    series = read_values(text)
    assert series.values[:, 0].tolist() == list(range(25))
    assert (series.times[0], series.times[-1], series.columns, series.period) == ("1", "25", ("value",), 1)


def test_columns_and_times_may_be_typed():
    series = read_values("\n".join(f"{1990 + t},{t},{-t}" for t in range(25)))
    assert (series.times[0], series.values.shape, series.values[3].tolist()) == ("1990", (25, 2), [3, -3])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "There are no values yet: draw a series, load a CSV file, or type one number a line."),
        (" \n ", "There are no values yet: draw a series, load a CSV file, or type one number a line."),
        ("1 2 3", "3 points are too few: a series has 20 to 2,000."),
        (f"{NUMBERS} many", "'many' is not a number: type numbers apart by spaces, or one point a line."),
        (f"{NUMBERS} nan", "Every value must be a finite number between -1e+15 and 1e+15."),
        ("1\n2\n3", "3 points are too few: a series has 20 to 2,000."),
        ("1 " * 10_001, "The values have 20,002 characters; at most 20,000 are allowed."),
        ("# from 1949-13 every 1 months\n" + "1\n" * 25, "Times from '1949-13' every month cannot be counted."),
        ("# from 1949-01 every 9999 months\n" + "1\n" * 2_000, "Times from '1949-01' every 9999 months cannot be counted."),
        ("# from 1949-01 every 0 months\n" + "1\n" * 25, "Times from '1949-01' every 0 months cannot be counted."),
    ],
)
def test_values_that_are_none_get_one_sentence(text, sentence):
    with pytest.raises(InvalidSeries) as refused:
        read_values(text)
    assert str(refused.value) == sentence


@given(st.text(max_size=300))
def test_no_text_does_harm(text):
    for typed in (text, f"# from {text} every 3 days\n" + "1\n" * 25, f"# from 1949-01 every 1 months\n{text}"):
        words = ""
        try:
            assert np.isfinite(read_values(typed).values).all()
        except InvalidSeries as refused:
            words = str(refused)
        assert "\n" not in words


def test_rounding_may_not_change_what_a_series_does():
    """1,500 numbers do not fit with all their digits: small steps upon a large constant would be lost, and are refused."""
    rng = np.random.default_rng(0)
    times = tuple(str(t + 1) for t in range(1500))
    fine = Series("a", 100 + rng.normal(0, 1, (1500, 1)), times, ("value",))
    np.testing.assert_allclose(read_values(write_values(fine)).values, fine.values, rtol=1e-7)
    lost = Series("a", 1e12 + rng.normal(0, 0.3, (1500, 1)), times, ("value",))
    with pytest.raises(InvalidSeries, match="too few for what 'value' varies by"):
        write_values(lost)
