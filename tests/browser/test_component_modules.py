"""The component's own modules, called in a real Chromium: frames, history, colours, layout, truncation, numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from core.truncation import TBPTT
from dashboard.component.assets import version
from dashboard.live.frames import FORGET, VERSION, Map, Picture, body, linear_codes, log_codes
from dashboard.live.ranges import Scale
from tests.serving import Server

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def blank(browser: Browser, server: Server) -> Iterator[Page]:
    """A page of the server's origin without any of our scripts."""
    page = browser.new_page()
    page.goto(f"{server.url}/_stcore/health")
    yield page
    page.close()


@pytest.fixture
def run(blank: Page) -> Run:
    """Call a JavaScript function (module, argument) -> JSON value with one of the component's modules."""

    def run(module: str, function: str, argument: object = None) -> Any:
        return blank.evaluate(f"async (argument) => ({function})(await import('/explorer/{version()}/{module}'), argument)", argument)

    return run


def frame(rows: list[tuple[float, ...]] | None = None) -> bytes:
    """A frame with a state, a lag matrix and loss points."""
    states = np.array([[-1.0, 0.5, np.nan], [0.25, 1.0, np.inf]])
    lag = np.array([[1e-2, np.nan, np.nan], [1e-9, np.nan, np.nan], [1e-3, 0.0, 1.0]])
    kept = np.tri(3, dtype=bool)
    kept[2, 0] = False
    there = np.tri(3, dtype=bool)
    linear, decades = Scale("linear", -1.0, 1.0), Scale("log10", -6.0, 0.0)
    maps = [Map("h", linear_codes(states, linear), linear), Map("lag", log_codes(lag, kept, decades, there), decades)]
    header_bytes, block = body({"axis": 3, "iteration": 7, "words": "ü ← 字"}, maps)
    tail = np.array(rows or [(7.0, 1.5, 3.0, 1.0, 1 / 3, 0.0)], dtype="<f8").tobytes()
    return Picture(1, 3, 7, header_bytes, block).frame(tail)


DECODE = """({ decode, valueOf }, bytes) => {
    const { header, maps, tail, replayed } = decode(new Uint8Array(bytes).buffer);
    const values = (name) => Array.from(maps[name].codes, (code) => valueOf(code, maps[name].scale));
    return { words: header.words, shape: maps.lag.shape, h: values("h"), lag: values("lag"), tail: Array.from(tail), replayed };
}"""


def test_a_frame_of_the_server_is_read_to_half_a_code(run: Run) -> None:
    seen = run("frame.js", DECODE, list(frame()))
    assert seen["words"] == "ü ← 字"
    assert seen["shape"] == [3, 3]
    assert seen["h"][2] is None
    assert seen["h"][5] == "broken"
    assert [v for v in seen["h"] if isinstance(v, float | int)] == pytest.approx([-1, 0.5, 0.25, 1], abs=1 / 65531)
    assert seen["tail"] == [7, 1.5, 3, 1, 1 / 3, 0]
    assert not seen["replayed"]


def test_absent_cut_floor_not_finite_and_value_stay_five_things(run: Run) -> None:
    lag = run("frame.js", DECODE, list(frame()))["lag"]
    assert lag[1] is None
    assert lag[6] == "cut"
    assert lag[3] == lag[7] == "floor"
    assert lag[4] == "broken"
    assert [lag[0], lag[8]] == pytest.approx([1e-2, 1.0], rel=1e-3)


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        (b"BPTT", "at least 24 bytes"),
        (b"GIF8" + bytes(20), "do not start with BPTT"),
        (b"BPTT\x09\x00" + bytes(18), f"version {VERSION}, not 9"),
        (frame()[:-8], "but has"),
    ],
)
def test_bytes_that_are_no_frame_are_refused_in_words(run: Run, block: bytes, sentence: str) -> None:
    refuse = "({ decode }, bytes) => { try { decode(new Uint8Array(bytes).buffer); } catch (reason) { return reason.message; } }"
    assert sentence in run("frame.js", refuse, list(block))


def test_the_tape_is_bounded_and_loses_no_spike(run: Run) -> None:
    seen = run(
        "tape.js",
        """({ Tape }) => {
        const tape = new Tape(64);
        const row = (i) => [i, i === 4321 ? 99 : 1, i === 77 ? 0.001 : 5, 1, i % 4 ? 1 : 0.2, 0];
        for (let i = 1; i <= 10000; i++) tape.extend(new Float64Array(row(i)));
        const peak = Math.max(...tape.lossHigh.subarray(0, tape.bins)), dip = Math.min(...tape.normLow.subarray(0, tape.bins));
        const points = tape.points.subarray(0, tape.bins).reduce((a, b) => a + b);
        return { bins: tape.bins, peak, dip, points, last: tape.last[tape.bins - 1], share: tape.shareClipped };
    }""",
    )
    assert seen["bins"] <= 64
    assert seen == seen | {"peak": 99, "dip": 0.001, "points": 10000, "last": 10000, "share": 0.25}


def test_the_tape_forgets_at_a_restart_and_takes_no_point_twice(run: Run) -> None:
    rows = [1.0, 2.0, 1, 1, 1, 0] * 2 + [2.0, 3.0, 1, 1, 1, 0]
    forget = [None if np.isnan(x) else x for x in FORGET]
    fill = """({ Tape }, rows) => {
        const tape = new Tape(8);
        tape.extend(Float64Array.from(rows, (x) => x ?? NaN));
        return [tape.bins, tape.iteration];
    }"""
    assert run("tape.js", fill, rows) == [2, 2]
    assert run("tape.js", fill, rows + forget) == [0, 0]
    assert run("tape.js", fill, rows + forget + [1.0, 9.0, 1, 1, 1, 0]) == [1, 1]


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 3), (3, 3), (2, 5), (4, 10), (12, 12), (7, 30)])
def test_the_drawn_boundary_is_the_engines(run: Run, k1: int, k2: int) -> None:
    reach = TBPTT(k1, k2).reach(11)
    first = run("truncation.js", "({ firstReached }, k) => Array.from({ length: 11 }, (_, s) => firstReached(s, k))", {"k1": k1, "k2": k2})
    assert first == [int(np.flatnonzero(row)[0]) for row in reach]


def test_full_truncation_has_no_boundary(run: Run) -> None:
    full = "({ staircase }) => [staircase(0, 9, { k1: null, k2: null }), staircase(0, 9, { k1: 9, k2: 9 })]"
    assert run("truncation.js", full) == [[], []]


def test_the_boundary_begins_at_the_first_row(run: Run) -> None:
    chunks = {"k1": 3, "k2": 3}
    assert run("truncation.js", "({ staircase }, k) => staircase(0, 9, k)", chunks) == [[0, 0], [0, 3], [3, 3], [3, 6], [6, 6], [6, 9]]
    assert run("truncation.js", "({ staircase }, k) => staircase(5, 9, k)", chunks) == [[3, 0], [3, 1], [6, 1], [6, 4]]
    assert run("truncation.js", "({ staircase }, k) => staircase(8, 9, k)", chunks) == [[6, 0], [6, 1]]


LIGHTNESS = """({ Palette, channels, blend }, [theme, kind]) => {
    const palette = new Palette(theme), light = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const at = (i) => blend(palette.colours[kind], i / 64).map((v) => light(v / 255));
    return Array.from({ length: 65 }, (_, i) => { const [r, g, b] = at(i); return 0.2126 * r + 0.7152 * g + 0.0722 * b; });
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_magnitudes_change_lightness_steadily_and_signs_leave_zero_alike(run: Run, theme: str) -> None:
    """Lightness alone carries the order, whatever hues an eye can tell apart."""
    steps = np.diff(run("palette.js", LIGHTNESS, [theme, "sequential"]))
    assert (np.sign(steps) == (-1 if theme == "light" else 1)).all()
    signed = np.array(run("palette.js", LIGHTNESS, [theme, "diverging"]))
    away = np.diff(signed[32:]) * (-1 if theme == "light" else 1)
    assert (away > 0).all()
    assert (np.diff(signed[32::-1]) * (-1 if theme == "light" else 1) > 0).all()


def test_zero_is_the_middle_of_every_signed_scale(run: Run) -> None:
    centre = """({ Palette }) => ["light", "dark"].map((theme) => {
        const palette = new Palette(theme);
        const at = (low, high) => palette.table({ kind: "linear", low, high })[4 + Math.round((65531 * -low) / (high - low))];
        return [at(-1, 1), at(-2, 2), at(-1, 3), at(-0.01, 0.001)];
    })"""
    for colours in run("palette.js", centre):
        channels = np.array([[(colour >> shift) & 255 for shift in (0, 8, 16)] for colour in colours])
        assert np.abs(channels - channels[0]).max() <= 4


@pytest.mark.parametrize(
    ("widths", "available", "mode"),
    [
        ([52] * 10, 600, "flat"),
        ([52] * 10, 330, "steep"),
        ([30] * 60, 600, "sparse"),
        ([30] * 512, 600, "sparse"),
        ([30] * 512, 300, "sparse"),
        ([40] + [9] * 43 + [40], 680, "mixed"),
        ([9], 600, "flat"),
    ],
)
def test_columns_fill_the_width_and_labels_never_overlap(run: Run, widths: list[int], available: int, mode: str) -> None:
    shape = run("axis.js", "({ layout }, wanted) => layout(wanted)", {"widths": widths, "available": available})
    assert shape["plot"] == pytest.approx(max(available, len(widths)))
    assert shape["mode"] == mode
    if mode != "flat":
        assert shape["every"] * shape["column"] >= 13


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.83, "0.830"),
        (3.14159, "3.14"),
        (1.0, "1.00"),
        (123.456, "123"),
        (98765.4, "98800"),
        (0, "0"),
        (0.00012345, "1.23e\u22124"),
        (-0.5, "\u22120.500"),
        (1e-16, "1.00e\u221216"),
    ],
)
def test_numbers_have_three_significant_digits(run: Run, value: float, text: str) -> None:
    assert run("numbers.js", "({ short }, value) => short(value)", value) == text


def test_a_value_gets_no_more_digits_than_its_code_knows(run: Run) -> None:
    known = "({ known }, [value, uncertainty]) => known(value, uncertainty)"
    assert run("numbers.js", known, [0.5, 1e-5]) == "0.500"
    assert run("numbers.js", known, [0.0012, 1e-5]) == "0.0012"
    assert run("numbers.js", known, [1e-6, 1e-5]) == "< 1e\u22125"


def test_every_word_of_a_translation_replaces_its_english_one(run: Run) -> None:
    words = run("words.js", "({ inWords }) => inWords({ transport: { play: 'Los' } })")
    assert words["transport"]["play"] == "Los"
    assert words["transport"]["pause"] == "Pause"
    assert json.dumps(words)


def test_a_map_of_32_by_32_is_drawn_in_less_than_a_third_of_a_millisecond(run: Run) -> None:
    median = run(
        "heatmap.js",
        """async ({ Heatmap }) => {
        const map = new Heatmap(document.createElement("canvas")), table = new Uint32Array(65536).fill(0xff112233);
        const codes = Uint16Array.from({ length: 1024 }, () => Math.random() * 65535), times = [];
        for (let i = 0; i < 200; i++) {
            const start = performance.now();
            for (let n = 0; n < 10; n++) map.draw(codes, [32, 32], table);
            times.push((performance.now() - start) / 10);
        }
        return times.sort((a, b) => a - b)[100];
    }""",
    )
    assert median < 0.3


def test_pages_load_the_same_modules_in_one_file(run: Run) -> None:
    bundled = run("modules.js", "({ default: modules }) => Object.entries(modules).map(([name, held]) => [name, Object.keys(held).sort()])")
    assert len(bundled) > 40
    for name, exported in bundled:
        if name.endswith(".js"):
            assert run(name, "(held) => Object.keys(held).sort()") == exported, name
