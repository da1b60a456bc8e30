"""Law 4: clipping changes a gradient by the stated factor or cut, and otherwise not a bit of it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from core.clipping import CLIPS, ClipReport

vectors = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=8).map(lambda x: torch.tensor(x, dtype=torch.float64))
thresholds = st.floats(1e-6, 1e6)


@given(vectors, thresholds)
def test_by_norm_scales_down_to_the_threshold(gradient, threshold):
    before = gradient.clone()
    report = CLIPS["norm"].apply(gradient, threshold)
    norm = before.norm().item()
    assert report.norm_before == norm
    assert report.share_clipped == 0.0
    if norm <= threshold:
        assert report == ClipReport(norm, norm, 1.0, 0.0)
        assert not report.clipped
        assert torch.equal(gradient, before)
    else:
        assert report.clipped
        assert report.factor == threshold / norm
        assert torch.equal(gradient, before * report.factor)
        assert report.norm_after == pytest.approx(threshold, rel=1e-12)
        assert gradient.norm().item() == pytest.approx(threshold, rel=1e-12)


@given(vectors)
def test_a_norm_equal_to_the_threshold_passes_bit_for_bit(gradient):
    norm = gradient.norm().item()
    assume(norm > 0)
    before = gradient.clone()
    assert CLIPS["norm"].apply(gradient, norm).factor == 1.0
    assert torch.equal(gradient, before)


@given(vectors, thresholds)
def test_by_norm_agrees_with_torch(gradient, threshold):
    """Torch divides by the norm plus 1e-6, and so scales a little below the threshold: 1e-6 / norm relative."""
    parameter = torch.zeros_like(gradient).requires_grad_()
    parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_([parameter], threshold).item()
    CLIPS["norm"].apply(gradient, threshold)
    torch.testing.assert_close(gradient, parameter.grad, rtol=1.1e-6 / max(norm, 1e-6), atol=0)


@given(vectors, thresholds)
def test_by_value_cuts_entries_and_leaves_the_others(gradient, threshold):
    before = gradient.clone()
    report = CLIPS["value"].apply(gradient, threshold)
    assert gradient.abs().max() <= threshold
    inside = before.abs() <= threshold
    assert torch.equal(gradient[inside], before[inside])
    assert torch.equal(gradient[~inside], threshold * before[~inside].sign())
    assert report.factor == 1.0
    assert report.share_clipped == (~inside).sum().item() / len(before)
    assert report.clipped == (not inside.all())
    assert report.norm_before == pytest.approx(math.hypot(*before.tolist()))
    assert report.norm_after == pytest.approx(math.hypot(*gradient.tolist()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1e-30, 1e20, 1e30])
def test_norms_hold_where_float32_has_no_squares(size: float, dtype: torch.dtype):
    gradient = torch.full((9,), size, dtype=dtype)
    for name, clip in CLIPS.items():
        clipped = gradient.clone()
        report = clip.apply(clipped, 1.0)
        assert report.norm_before == pytest.approx(3 * size)
        assert report.norm_after == pytest.approx(math.hypot(*clipped.tolist()))
        assert report.clipped == (name != "off" and size > 1)


@given(vectors, thresholds)
def test_off_leaves_everything(gradient, threshold):
    before = gradient.clone()
    norm = before.norm().item()
    assert CLIPS["off"].apply(gradient, threshold) == ClipReport(norm, norm)
    assert torch.equal(gradient, before)


@pytest.mark.parametrize("mode", CLIPS)
def test_clipping_only_ever_shrinks(mode):
    """The myth that it keeps gradients from vanishing."""
    gradient = torch.full((3,), 1e-9, dtype=torch.float64)
    report = CLIPS[mode].apply(gradient, 1.0)
    assert report.norm_after == report.norm_before < 1e-8


@pytest.mark.parametrize("mode", CLIPS)
def test_a_clip_works_in_place_and_in_float32(mode):
    gradient = torch.tensor([3.0, -4.0])
    CLIPS[mode].apply(gradient, 1.0)
    expected = {"off": [3, -4], "norm": [0.6, -0.8], "value": [1, -1]}[mode]
    torch.testing.assert_close(gradient, torch.tensor(expected, dtype=torch.float32), rtol=1e-6, atol=0)
