"""Frames: what goes in comes out, absent, cut, below the floor and values stay four things, and bad bytes are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dashboard.live import frames
from dashboard.live.frames import ABSENT, BELOW, CUT, FIRST, FORGET, HEAD, LAST, NOT_FINITE, POINT, Map, Picture
from dashboard.live.ranges import Scale

grids = arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-1e3, 1e3) | st.just(np.nan))


def picture(maps: list[Map], **header: object) -> Picture:
    size, block = frames.body({"axis": 1, **header}, maps)
    return Picture(1, 1, 0, size, block)


@given(grids, st.sampled_from([1e-3, 1.0, 500.0]))
def test_linear_codes_keep_values_to_half_a_step_and_nan_apart(values, high):
    scale = Scale("linear", -high, high)
    codes = frames.linear_codes(values, scale)
    assert codes.dtype == "<u2"
    assert ((codes == ABSENT) == np.isnan(values)).all()
    step = 2 * high / (LAST - FIRST)
    np.testing.assert_allclose(frames.decoded(codes, scale), np.clip(values, -high, high), atol=step / 2 * (1 + 1e-6))


def test_the_ends_of_a_linear_scale_have_the_first_and_the_last_code():
    scale = Scale("linear", -1.0, 1.0)
    codes = frames.linear_codes(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), scale)
    assert codes.tolist() == [FIRST, FIRST, (FIRST + LAST + 1) // 2, LAST, LAST]


def test_what_is_not_finite_is_neither_absent_nor_the_end_of_a_scale():
    linear, decades = Scale("linear", -1.0, 1.0), Scale("log10", -6.0, 0.0)
    values, there = np.array([np.nan, np.nan, np.inf, 0.5]), np.array([True, False, True, True])
    assert frames.linear_codes(values, linear, there)[:3].tolist() == [NOT_FINITE, ABSENT, NOT_FINITE]
    assert frames.log_codes(values, np.ones(4, bool), decades, there)[:3].tolist() == [NOT_FINITE, ABSENT, NOT_FINITE]
    # What the truncation cuts is hatched, whatever it is; what does not exist cannot be cut.
    assert frames.log_codes(values, np.zeros(4, bool), decades, there).tolist() == [CUT, ABSENT, CUT, CUT]
    assert np.isnan(frames.decoded(frames.linear_codes(values, linear, there), linear)).tolist() == [True, True, True, False]


def test_absent_cut_vanished_and_small_are_four_things():
    nan = np.nan
    magnitudes = np.array([[0.1, nan, nan], [1e-3, 0.1, nan], [1e-9, 0.0, 10.0]])
    kept = np.array([[True, False, False], [False, True, False], [True, True, True]])
    codes = frames.log_codes(magnitudes, kept, Scale("log10", -5.0, 1.0))
    assert codes[0].tolist()[1:] == [ABSENT, ABSENT]
    assert codes[1, 0] == CUT
    assert codes[2].tolist() == [BELOW, BELOW, LAST]
    assert codes[0, 0] == codes[1, 1] == round(4 / 6 * (LAST - FIRST)) + FIRST
    assert np.isnan(frames.decoded(codes, Scale("log10", -5.0, 1.0))).sum() == 6


@given(arrays(float, (4, 4), elements=st.floats(1e-6, 1.0)))
def test_log_codes_keep_values_to_a_thousandth(magnitudes):
    scale = Scale("log10", -6.0, 0.0)
    codes = frames.log_codes(magnitudes, np.ones((4, 4), bool), scale)
    np.testing.assert_allclose(frames.decoded(codes, scale), magnitudes, rtol=1e-3)


def test_a_frame_comes_back_as_it_was():
    scale = Scale("linear", 0.0, 1.0)
    values = np.linspace(0, 1, 15).reshape(3, 5)
    maps = [
        Map("gate", frames.linear_codes(values, scale), scale, {"gate": "f"}),
        Map("share", np.arange(3, dtype="<f4"), about={"total": 3.0}),
        Map("next_token", np.arange(10, dtype="<u2").reshape(2, 5)),
    ]
    tail = np.array([FORGET, (1.0, 2.0, 3.0, 3.0, 1.0, 0.0)])
    block = picture(maps, words="größer → 1").frame(tail.astype("<f8").tobytes(), replayed=True)
    frame = frames.decode(block)
    assert frame.replayed
    assert frame.header["words"] == "größer → 1"
    assert [entry["name"] for entry in frame.header["arrays"]] == ["gate", "share", "next_token"]
    assert frame.header["arrays"][0]["scale"] == {"kind": "linear", "low": 0.0, "high": 1.0}
    np.testing.assert_allclose(frame.values["gate"], values, atol=1e-5)
    assert frame.values["share"].tolist() == [0, 1, 2]
    assert frame.codes["next_token"].shape == (2, 5)
    np.testing.assert_array_equal(frame.tail, tail)


@given(st.integers(0, 40), st.integers(1, 5))
def test_maps_and_arrays_start_at_multiples_of_eight(words, count):
    block = picture([Map(f"m{i}", np.ones(i, "<u2")) for i in range(1, count + 1)], words="x" * words).frame(b"")
    _, _, _, header, maps, rows, _ = HEAD.unpack_from(block)
    assert (HEAD.size + header) % 8 == maps % 8 == rows == 0
    assert all(entry["offset"] % 8 == 0 for entry in json.loads(block[HEAD.size : HEAD.size + header])["arrays"])


def test_numbers_that_json_does_not_know_become_null():
    assert frames.plain({"loss": float("nan"), "books": {"a": float("inf")}, "x": [1.0, 2], "ok": True}) == {
        "loss": None, "books": {"a": None}, "x": [1.0, 2], "ok": True,
    }  # fmt: skip
    assert frames.decode(picture([], loss=float("nan")).frame(b"")).header["loss"] is None


@pytest.mark.parametrize(
    "spoil",
    [lambda block: b"", lambda block: b"JUNK" + block[4:], lambda block: block[:4] + b"\x63\0" + block[6:], lambda block: block[:-1]],
    ids=["nothing", "magic", "version", "cut short"],
)
def test_other_bytes_are_refused(spoil):
    block = picture([Map("h", np.ones((2, 2), "<u2"))]).frame(bytes(8 * len(POINT)))
    with pytest.raises(ValueError, match="frame"):
        frames.decode(spoil(block))
