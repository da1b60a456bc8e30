"""Files of others: what can be a series is read however it is written, and everything else gets one clear sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import limits
from core.series import InvalidSeries, parse_csv
from core.series.csv_file import RAGGED

MONTHS = [f"{day:%Y-%m}" for day in pd.date_range("1999-11", periods=30, freq="MS")]


def table(*columns: tuple[str, list], separator: str = ",", header: bool = True) -> bytes:
    rows = [[name for name, _ in columns]] if header else []
    rows += [[str(cell) for cell in row] for row in zip(*(cells for _, cells in columns), strict=True)]
    return "\n".join(separator.join(row) for row in rows).encode()


VALUES = [t * t / 4 for t in range(30)]
PLAIN = table(("month", MONTHS), ("sales", VALUES))


def comma(values: list[float]) -> list[str]:
    return [str(value).replace(".", ",") for value in values]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.decode().encode("utf-16"),
        b"# where it comes from\n\n" + PLAIN + b"\n\n",
        table(("month", MONTHS), ("sales", VALUES), separator=";"),
        table(("month", MONTHS), ("sales", VALUES), separator="\t"),
        table(("month", MONTHS), ("sales", VALUES), separator="|"),
        table(("month", MONTHS), ("sales", VALUES), separator=" "),
        table(("month", MONTHS), ("sales", comma(VALUES)), separator=";"),
        table(("sales", VALUES), ("month", MONTHS)),
        table(("month", [f'"{month}"' for month in MONTHS]), ("sales", [f'"{value}"' for value in VALUES])),
        table(("month", [f"{m[5:]}/{m[:4]}" for m in MONTHS]), ("sales", VALUES)),
        table(("month", [f"01.{m[5:]}.{m[:4]}" for m in MONTHS]), ("sales", VALUES)),
        table(("month", [f"{m[5:]}/01/{m[:4]}" for m in MONTHS]), ("sales", VALUES)),
        table(("month", [f"01/{m[5:]}/{m[:4]}" for m in MONTHS]), ("sales", VALUES)),
        table(("month", [f"{pd.Timestamp(m):%b %Y}" for m in MONTHS]), ("sales", VALUES)),
        table(("month", [f"{m}-01T00:00:00Z" for m in MONTHS]), ("sales", VALUES)),
        table(("month", [f"{pd.Timestamp(m) + pd.offsets.MonthEnd():%Y-%m-%d}" for m in MONTHS]), ("sales", VALUES)),
        table(("month", MONTHS[::-1]), ("sales", VALUES[::-1])),
        table(("month", [f"01.{m[5:]}.{m[2:4]}" for m in MONTHS]), ("sales", VALUES)),
        table(("month", [f"{m[5:]}/01/{m[2:4]}" for m in MONTHS]), ("sales", VALUES)),
        *(
            table(("month", [f'"{pd.Timestamp(m):{form}}"' for m in MONTHS]), ("sales", VALUES))
            for form in ("%d-%b-%y", "%d %b %Y", "%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%B %Y", "%b-%y")
        ),
        table(("month", [f"1 {pd.Timestamp(m):%b %Y}" for m in MONTHS]), ("sales", VALUES)),
        table(("month", MONTHS), ("sales", [f"{value} %" for value in VALUES])),
        table(("month", MONTHS), ("sales", [f"${value}" for value in VALUES])),
        table(("month", MONTHS), ("sales", [f"{value.replace('.', ',')} €" for value in map(str, VALUES)]), separator=";"),
    ],
)
def test_however_it_is_written_it_is_the_same_series(content):
    reading = parse_csv(content)
    assert reading.series.times == tuple(MONTHS)
    assert reading.series.values[:, 0].tolist() == VALUES
    assert reading.series.columns == ("sales",)
    assert reading.series.period == 12
    assert (reading.times, reading.columns) == (("month",), ("sales",))
    assert all(sentence.startswith("Signs: ") for sentence in reading.left_out)


@pytest.mark.parametrize(
    ("stamps", "first", "period", "words"),
    [
        ([str(1990 + t) for t in range(30)], "1990", 1, "in steps of 1"),
        ([f"{1990 + t}-01-01" for t in range(30)], "1990", 1, "every 12 months"),
        ([f"{1990 + t // 4}Q{t % 4 + 1}" for t in range(30)], "1990-01", 4, "every 3 months"),
        ([f"{1990 + t // 4}-Q{t % 4 + 1}" for t in range(30)], "1990-01", 4, "every 3 months"),
        ([f"Q{t % 4 + 1} {1990 + t // 4}" for t in range(30)], "1990-01", 4, "every 3 months"),
        ([f"{d:%d.%m.%y}" for d in pd.date_range("2020-02-20", periods=30)], "2020-02-20", 7, "every day"),
        ([f"{d:%d.%m.%y %H:%M}" for d in pd.date_range("2020", periods=30, freq="15min")], "2020-01-01 00:00", 96, "every 15 minutes"),
        ([f"{1990 + t / 12:.3f}" for t in range(30)], "1990.000", 12, "in steps of 0.08333"),
        ([f"{d:%Y-%m-%d}" for d in pd.date_range("2020-02-20", periods=30)], "2020-02-20", 7, "every day"),
        ([f"{d:%Y-%m-%d}" for d in pd.date_range("2020-02-20", periods=30, freq="7D")], "2020-02-20", 52, "every 7 days"),
        ([f"{d:%Y-%m-%d}" for d in pd.bdate_range("2020-02-20", periods=30)], "2020-02-20", 5, "every trading day"),
        ([f"{d:%Y-%m-%d %H:%M}" for d in pd.date_range("2020-02-28 22:00", periods=30, freq="h")], "2020-02-28 22:00", 24, "every hour"),
        ([f"{d:%d.%m.%Y %H:%M}" for d in pd.date_range("2020", periods=30, freq="15min")], "2020-01-01 00:00", 96, "every 15 minutes"),
        ([str(t) for t in range(30)], "0", 1, "in steps of 1"),
    ],
)  # fmt: skip
def test_times_say_the_season(stamps, first, period, words):
    reading = parse_csv(table(("time", stamps), ("x", VALUES)))
    assert (reading.series.times[0], reading.series.period) == (first, period)
    assert f"Times: column 'time', {words} from " in reading.found[2]
    assert reading.series.columns == ("x",)


def test_what_was_found_and_left_out_is_said():
    content = table(("day", MONTHS), ("note", ["wet"] * 30), ("a", comma(VALUES)), ("b", VALUES), separator=";")
    reading = parse_csv(content)
    assert reading.found == (
        "30 points in 4 columns, apart by semicolons, a header.",
        "Values: 'a', 'b', with a decimal comma.",
        "Times: column 'day', every month from 1999-11 to 2002-04.",
    )
    assert reading.left_out == ("Not numbers: 'note'.",)
    chosen = parse_csv(content, "day", ["b"])
    assert (chosen.series.columns, chosen.left_out) == (("b",), ("Not chosen: 'note', 'a'.",))
    assert chosen.series.values[:, 0].tolist() == VALUES


def test_plain_numbers_are_counted_from_one():
    for content in (table(("", VALUES), header=False), table(("height", VALUES)), table(("a", VALUES), ("b", VALUES), header=False)):
        reading = parse_csv(content)
        assert reading.series.values[:, 0].tolist() == VALUES
        assert (reading.series.times[0], reading.series.times[-1], reading.series.period) == ("1", "30", 1)
    assert reading.series.columns == ("column 1", "column 2")


def test_no_time_can_be_asked_for():
    reading = parse_csv(table(("year", [str(1990 + t) for t in range(30)]), ("x", VALUES)), "")
    assert (reading.series.columns, reading.series.times[0]) == (("year", "x"), "1")


def test_years_alone_are_values():
    assert parse_csv(table(("", [str(1990 + t) for t in range(30)]), header=False)).series.values[0, 0] == 1990


@pytest.mark.parametrize(
    ("cells", "separator", "first"),
    [
        (['"1,234.5"'] * 30, ",", 1234.5),
        (['"1,234"'] * 30, ",", 1234.0),
        (["1.234,5"] * 30, ";", 1234.5),
        (["1,5"] * 30, ";", 1.5),
        (["1.234.567"] * 30, ";", 1234567.0),
        (["-2.5e-3"] * 30, ",", -0.0025),
        ([".5"] * 30, ",", 0.5),
        (['"0,125"'] * 30, ",", 0.125),
        (["1\u00a0234,5"] * 30, ";", 1234.5),
        (["1\u202f234.5"] * 30, ",", 1234.5),
        (["1\u2009234\u2009567"] * 30, ",", 1234567.0),
        (["-1 234"] * 30, ",", -1234.0),
        (["1\u00a0234.5"] * 30, " ", 1234.5),
        (["−3.5"] * 30, ",", -3.5),
        (["$1234.5"] * 30, ",", 1234.5),
        (["-£5"] * 30, ",", -5.0),
        (["$-5"] * 30, ",", -5.0),
        (['"¥1,234.0"'] * 30, ",", 1234.0),
        (["5%"] * 30, ",", 5.0),
        (["5,5 %"] * 30, ";", 5.5),
        (["1\u00a0234,5\u00a0€"] * 30, ";", 1234.5),
    ],
)
def test_numbers_as_people_write_them(cells, separator, first):
    reading = parse_csv(table(("month", MONTHS), ("x", cells), separator=separator))
    assert (reading.series.values == first).all()


def test_numbers_that_pass_a_thousand_with_a_point():
    """In a table with semicolons, 1.000 after 985 is a thousand; between numbers below ten it is one."""
    cells = [str(800 + 15 * at) if at < 14 else f"1.{15 * at - 200:03d}" for at in range(30)]
    reading = parse_csv(table(("month", MONTHS), ("x", cells), separator=";"))
    np.testing.assert_array_equal(reading.series.values[:, 0], 800 + 15 * np.arange(30))
    small = parse_csv(table(("month", MONTHS), ("x", ["1", "2.125", "3.250"] * 10), separator=";"))
    assert small.series.values.max() == 3.25


def test_signs_are_told_and_not_kept():
    reading = parse_csv(table(("month", MONTHS), ("price", ["$5"] * 30), ("share", ["5 %"] * 30)))
    assert reading.left_out == ("Signs: '$' of 'price', '%' of 'share'.",)
    assert (reading.series.values == 5).all()


@pytest.mark.parametrize(
    ("cells", "separator", "doubts"),
    [
        (["1,234"] * 30, ";", ("'1,234' of 'x' was read as 1.234; if another number is meant, write it without marks for thousands.",)),
        (['"1,234"'] * 30, ",", ("'1,234' of 'x' was read as 1234; if another number is meant, write it without marks for thousands.",)),
        (["1.234"] * 30, ";", ("'1.234' of 'x' was read as 1.234; if another number is meant, write it without marks for thousands.",)),
        (["1.234"] * 30, ",", ()),
        (["1,234"] * 29 + ["1,5"], ";", ()),
        (["1,234"] * 29 + ["0,234"], ";", ()),
        (['"1,234"'] * 29 + ['"1,234.5"'], ",", ()),
        (["985"] * 15 + ["1,000"] * 15, ";", ()),
    ],
)
def test_a_mark_that_may_be_one_of_thousands_is_doubted(cells, separator, doubts):
    assert parse_csv(table(("month", MONTHS), ("x", cells), separator=separator)).doubts == doubts


def test_other_doubts_are_told_too():
    split = parse_csv(table(("", MONTHS), ("", ["1,5"] * 30), header=False))
    assert split.doubts == ("Commas were taken to stand between columns; if 1,5 is one number, put semicolons between columns.",)
    short = parse_csv(table(("month", [f"01.{m[5:]}.{m[2:4]}" for m in MONTHS]), ("x", VALUES)))
    assert short.doubts == ("Years of two digits were taken to lie between 1969 and 2068.",)
    assert parse_csv(PLAIN).doubts == ()


@pytest.mark.parametrize(
    ("years", "sentence"),
    [([*range(1900, 1930), *range(1933, 1950)], "1933"), ([*range(1900, 1931), *range(1930, 1950)], "1930")],
    ids=["gap", "twice"],
)
@pytest.mark.parametrize("header", [True, False])
def test_years_with_a_gap_or_twice_are_complained_of_and_not_learned(years, sentence, header):
    rows = [f"{year};{at}" for at, year in enumerate(years)]
    with pytest.raises(InvalidSeries, match=sentence):
        parse_csv("\n".join([*(["saison;wert"] if header else []), *rows]).encode())


def test_more_columns_than_are_taken():
    many = [("month", MONTHS), *((f"c{at}", VALUES) for at in range(10))]
    reading = parse_csv(table(*many))
    assert reading.series.values.shape == (30, 8)
    assert reading.left_out == ("Beyond 8 columns: 'c8', 'c9'.",)
    with pytest.raises(InvalidSeries, match="Choose 1 to 8 columns, not 10"):
        parse_csv(table(*many), columns=[name for name, _ in many[1:]])


def test_empty_lines_between_all_points_are_no_gaps():
    lines = "value\n\n" + "\n\n".join(map(str, VALUES)) + "\n\n\n"
    assert len(parse_csv(lines.encode()).series.values) == len(VALUES)


def test_names_that_stand_there_twice_are_told_apart():
    assert parse_csv(table(("x", VALUES), ("x", VALUES), ("x", VALUES))).series.columns == ("x", "x (2)", "x (3)")


def without(at: int, cells: list) -> list:
    return cells[:at] + cells[at + 1 :]


def instead(at: int, cells: list, cell: object) -> list:
    return [*cells[:at], cell, *cells[at + 1 :]]


def weeks(first: str) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in pd.date_range(first, periods=15, freq="7D")]


BAD = {
    "empty": (b"", "The file is empty: it needs a line for each point."),
    "blank": (b"\n \n\n", "The file is empty: it needs a line for each point."),
    "only a comment": (b"# nothing\n", "The file is empty: it needs a line for each point."),
    "binary": (b"\x00\x01\x02" * 50, "This file is not text (perhaps a spreadsheet): save it as CSV and try again."),
    "a spreadsheet": (b"PK\x03\x04 rest", "This file is not text (perhaps a spreadsheet): save it as CSV and try again."),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00", "This file is not text (perhaps a spreadsheet): save it as CSV and try again."),
    "too large": (b"1\n" * 2**20, "The file has 2.0 MB; at most 1 MB are read."),
    "too few": (table(("x", VALUES[:19])), "19 points are too few: a series has 20 to 2,000."),
    "one number": (b"5\n", "1 point is too few: a series has 20 to 2,000."),
    "only a header": (b"month,sales\n", "No column holds numbers: write one point a line, such as 1949-01,112."),
    "a short text": (b"all happy\nfamilies are alike\n", "No column holds numbers: write one point a line, such as 1949-01,112."),
    "too many": (table(("x", list(range(2001)))), "2,001 points are too many: a series has at most 2,000."),
    "far too many": (b"1\n" * 5000, "5,000 lines are too many: a series has at most 2,000 points."),
    "text": (b"all happy\nfamilies are alike\n" * 20, "No column holds numbers: write one point a line, such as 1949-01,112."),
    "words in numbers": (
        table(("month", MONTHS), ("sales", instead(4, VALUES, "many"))), "Line 6 (2000-03): 'many' in column 'sales' is not a number.",
    ),
    "an empty line in one column": (
        table(("x", instead(4, VALUES, ""))), "Line 6 is empty: fill the gap, or delete the line if no point is missing there.",
    ),
    "infinite": (
        table(("month", MONTHS), ("sales", instead(4, VALUES, "inf"))), "Line 6 (2000-03): 'inf' in column 'sales' is not a number.",
    ),
    "a hole": (
        table(("month", MONTHS), ("sales", instead(4, VALUES, "NA"))),
        "Line 6 (2000-03) has no value in column 'sales': fill the gap, or leave the column out.",
    ),
    "a gap": (
        table(("month", without(4, MONTHS)), ("sales", without(4, VALUES))),
        "Between '2000-02' and '2000-04' 1 point is missing: fill the gap, or keep the lines on one side of it.",
    ),
    "a gap among American dates": (
        table(("month", without(4, [f"{m[5:]}/01/{m[:4]}" for m in MONTHS])), ("sales", without(4, VALUES))),
        "Between '02/01/2000' and '04/01/2000' 1 point is missing: fill the gap, or keep the lines on one side of it.",
    ),
    "a long gap": (
        table(("month", without(4, without(4, MONTHS))), ("sales", VALUES[2:])),
        "Between '2000-02' and '2000-05' 2 points are missing: fill the gap, or keep the lines on one side of it.",
    ),
    "a year twice": (
        table(("year", [1990, *range(1990, 2019)]), ("x", VALUES)),
        "The time '1990' stands there twice: every time may have one line only.",
    ),
    "twice": (
        table(("month", instead(4, MONTHS, MONTHS[3])), ("sales", VALUES)),
        "The time '2000-02' stands there twice: every time may have one line only.",
    ),
    "out of order": (
        table(("month", [*MONTHS[:4], MONTHS[5], MONTHS[4], *MONTHS[6:]]), ("sales", VALUES)),
        "The times are out of order: '2000-03' comes after '2000-04'. Sort the lines by time.",
    ),
    "uneven": (
        table(("day", weeks("2020-01-01") + weeks("2020-04-11")), ("x", VALUES)),
        "The times are not evenly spaced: between '2020-04-08' and '2020-04-11' the step is another than elsewhere.",
    ),
    "no such day": (
        table(("date", instead(4, [f"{m}-01" for m in MONTHS], "2000-02-30")), ("x", VALUES)),
        "Line 6: '2000-02-30' is not a time like the others of column 'date', such as '1999-11-01'.",
    ),
    "no time": (table(("date", instead(4, MONTHS, "")), ("x", VALUES)), "Line 6 has no time in column 'date': every point needs one."),
    "a ragged line": (
        PLAIN + b",7", "Line 31 has 3 columns, but line 1 has 2: every line needs as many.",
    ),
    "decimal commas between commas": (
        table(("month", MONTHS), ("sales", comma([value + 0.5 for value in VALUES]))),
        f"Line 2 has 3 columns, but line 1 has 2: {RAGGED[True]}",
    ),
    "dates with a comma": (
        table(("month", [f"{pd.Timestamp(m):%B %d, %Y}" for m in MONTHS]), ("sales", VALUES)),
        f"Line 2 has 3 columns, but line 1 has 2: {RAGGED[True]}",
    ),
    "two currencies": (
        table(("month", MONTHS), ("sales", instead(4, ["$5"] * 30, "€5"))),
        "Column 'sales' has numbers with '$' and others with '€': write all of them in one unit.",
    ),
    "percent and not": (
        table(("month", MONTHS), ("sales", instead(4, ["5%"] * 30, "0.05"))),
        "Column 'sales' has numbers with '%' and others without: write all of them in one unit.",
    ),
    "far too wide": (table(*((f"c{at}", VALUES) for at in range(101))), "The file has 101 columns; at most 100 are read."),
    "huge": (table(("x", instead(4, VALUES, "1e300"))), "Every value must be a finite number between -1e+15 and 1e+15."),
    "beyond numbers": (table(("x", instead(4, VALUES, "1e999"))), "Every value must be a finite number between -1e+15 and 1e+15."),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_gets_one_sentence(case):
    content, sentence = BAD[case]
    with pytest.raises(InvalidSeries) as refused:
        parse_csv(content)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("time", "columns", "sentence"),
    [
        ("week", None, "There is no column 'week'; the columns are 'month', 'sales'."),
        (None, ["price"], "There is no column 'price'; the columns are 'month', 'sales'."),
        (None, ["month"], "The column 'month' holds the times: it cannot be a value, too."),
        (None, [], "Choose 1 to 8 columns, not 0."),
        ("sales", ["sales"], "The column 'sales' holds the times: it cannot be a value, too."),
        ("", ["month"], "Line 2: '1999-11' in column 'month' is not a number."),
    ],
)
def test_a_choice_that_cannot_be_gets_one_sentence(time, columns, sentence):
    with pytest.raises(InvalidSeries) as refused:
        parse_csv(PLAIN, time, columns)
    assert str(refused.value) == sentence


def check_harmless(content: bytes) -> None:
    """A series of finite numbers, or one sentence."""
    words = ""
    try:
        assert np.isfinite(parse_csv(content).series.values).all()
    except InvalidSeries as refused:
        words = str(refused)
    assert "\n" not in words
    assert len(words) < 1000


@given(st.binary(max_size=400))
def test_no_bytes_do_harm(content):
    check_harmless(content)


CELLS = [
    *("1", "2.5", "1,5", "1e5", "x", "", "NA", "1999", "2000-01", "01.02.2003", "Jan 2000", '"', "12:30", "²", "1_0"),
    *("$5", "5 %", "1\u00a0234", "Q1 2000", "-", "€", "01.02.03"),
]


@given(st.lists(st.lists(st.sampled_from(CELLS), min_size=1, max_size=3), min_size=18, max_size=40), st.sampled_from(",;\t| "))
def test_no_table_does_harm(rows, separator):
    check_harmless("\n".join(separator.join(row) for row in rows).encode())


def test_the_largest_file_is_read_quickly():
    wide = table(("time", [f"{d:%Y-%m-%d %H:%M}" for d in pd.date_range("2000-01-01", periods=limits.SERIES_POINTS, freq="h")]),
                 *((f"c{at}", [f"{t * at:.3f}" for t in range(limits.SERIES_POINTS)]) for at in range(8)))  # fmt: skip
    assert len(wide) < limits.CSV_BYTES
    assert parse_csv(wide).series.values.shape == (limits.SERIES_POINTS, 8)
