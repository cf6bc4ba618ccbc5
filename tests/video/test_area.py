"""Shrinking by area."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter
from hypothesis import given
from hypothesis import strategies as st
from tests.video.making import filled, gradient, noise, planes, text_like

from onetake.model.geometry import Rect
from onetake.video.area import can_shrink, shrink, taps, thinned

FORMATS = ["yuyv422", "uyvy422", "nv12"]
FORMATS += [f"yuv{range_}4{grid}p" for range_ in ("", "j") for grid in ("20", "22", "44")]


def picture(name, bgra):
    """Return BGRA pixels as a frame of this format."""
    return av.VideoFrame.from_ndarray(bgra, "bgra").reformat(format=name)


def blank(width, height):
    return np.zeros((height, width), np.uint8), np.zeros((height // 2, width // 2, 2), np.uint8)


def shrunk(image, scaled_px, crop=None):
    crop = crop or Rect(0, 0, *scaled_px)
    out = blank(crop.width_px, crop.height_px)
    shrink(image, scaled_px, crop, *out)
    return out


def by_swscale(image, scaled_px):
    """Return luma and chroma as swscale's area filter makes them, without a change of colours."""
    full = 2 if image.format.name.startswith("yuvj") else 1
    scaled = VideoReformatter().reformat(
        image, *scaled_px, "nv12",
        src_colorspace=5, dst_colorspace=5, src_color_range=full, dst_color_range=full,
        interpolation=Interpolation.AREA,
    )  # fmt: skip
    return planes(scaled)


def psnr_db(one, other):
    error = ((one.astype(float) - other) ** 2).mean()
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("make", [text_like, gradient, noise])
def test_it_is_what_swscale_makes(name, make):
    """The same filter as swscale's: text, ramps and noise differ by its rounding only."""
    image = picture(name, make(320, 180))
    for scaled_px in ((144, 82), (160, 90), (318, 180), (60, 34)):
        for ours, theirs in zip(
            shrunk(image, scaled_px), by_swscale(image, scaled_px), strict=True
        ):
            # Below: its weights sum to 4096 but are rounded in both passes.
            assert psnr_db(ours, theirs) > 50, (scaled_px, psnr_db(ours, theirs))


@pytest.mark.parametrize("name", FORMATS)
def test_the_order_of_values_is_read_right(name):
    """Luma, Cb and Cr of one colour come out as exactly what the format stores, at every ratio."""
    image = filled(name, (200, 60, 30), 98, 66)
    for scaled_px in ((98, 66), (96, 66), (50, 30), (12, 8), (4, 4)):
        luma, chroma = shrunk(image, scaled_px)
        assert (luma == 200).all()
        assert (chroma == (60, 30)).all()


@pytest.mark.parametrize("name", FORMATS)
def test_a_part_is_cut_out_of_the_whole(name):
    """A crop made alone is the same bytes as the crop of the whole."""
    image = picture(name, noise(130, 98))
    luma, chroma = shrunk(image, (58, 44))
    for crop in (Rect(6, 0, 44, 44), Rect(0, 10, 58, 12), Rect(56, 42, 2, 2), Rect(0, 0, 2, 44)):
        x, y, right, bottom = crop.x_px, crop.y_px, crop.right_px, crop.bottom_px
        part = shrunk(image, (58, 44), crop)
        assert (part[0] == luma[y:bottom, x:right]).all()
        assert (part[1] == chroma[y // 2 : bottom // 2, x // 2 : right // 2]).all()


@pytest.mark.parametrize("name", ["yuyv422", "nv12", "yuvj422p"])
@pytest.mark.parametrize("scaled_px", [(144, 80), (160, 90), (110, 62), (40, 22)])
def test_nothing_is_moved(name, scaled_px):
    """A square's centre, in luma and in chroma, is where it belongs, to 0.05 output pixels."""
    bgra = np.zeros((180, 320, 4), np.uint8)
    bgra[60:120, 130:230] = (40, 60, 255, 255)
    image = picture(name, bgra)
    luma, chroma = shrunk(image, scaled_px)
    for plane, size in (
        (luma, scaled_px),
        (chroma[..., 1], (scaled_px[0] // 2, scaled_px[1] // 2)),
    ):
        mass = plane.astype(float) - plane[0, 0]
        down, right = ((np.arange(n) + 0.5) for n in plane.shape)
        centre = (mass.sum(0) @ right / mass.sum(), mass.sum(1) @ down / mass.sum())
        assert centre[0] == pytest.approx(180 * size[0] / 320, abs=0.05)
        assert centre[1] == pytest.approx(90 * size[1] / 180, abs=0.05)


def test_it_knows_what_it_cannot():
    """Enlarging, odd sizes, ten bits, grey and RGB are swscale's."""

    def able(name, size, scaled_px):
        return can_shrink(av.VideoFrame(*size, name), scaled_px)

    assert able("yuyv422", (64, 48), (64, 48))
    assert not able("yuyv422", (64, 48), (66, 48))
    assert not able("yuyv422", (64, 48), (64, 50))
    assert not able("yuv420p", (65, 48), (32, 24))
    assert not able("yuv420p", (64, 47), (32, 24))
    assert not able("yuv420p", (660, 48), (20, 24))
    for name in ("yuv420p10le", "gray", "bgra", "rgb24", "p010le"):
        assert not able(name, (64, 48), (32, 24))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("height", [2, 8, 22, 64, 66])
def test_a_thinned_picture_is_all_of_it(name, height):
    """Some rows only, but from top to bottom and copied: what came from it is where it belongs."""
    image = picture(name, gradient(98, 66))
    image.colorspace, image.color_range = 1, 2
    some = thinned(image, height)
    assert (some.width, some.height, some.format.name) == (98, height, name)
    assert (some.colorspace, some.color_range) == (1, 2)
    wanted = shrunk(image, (50, 34 if height > 34 else height))
    for plane in image.planes:
        plane.update(bytes(plane.buffer_size))
    got = shrunk(some, (50, 34 if height > 34 else height))
    assert np.abs(got[0].astype(int) - wanted[0]).max() <= 9
    assert np.abs(got[1].astype(int) - wanted[1]).max() <= 9


@given(
    count=st.integers(1, 4000), scaled=st.floats(0, 1), start=st.floats(0, 1), share=st.floats(0, 1)
)
def test_weights_are_the_area_covered(count, scaled, start, share):
    """Each output's weights sum to 256 and are, to one of those, what it covers of each value."""
    scaled = max(1, count // 32, round(count * scaled))
    begin = min(int(start * scaled), scaled - 1)
    length = max(1, min(20, int(share * (scaled - begin))))
    low, high, (first, weights) = taps(count, scaled, begin, length)
    assert 0 <= low < high <= count
    assert (weights.sum(axis=1) == 256).all()
    assert (weights >= 0).all()
    assert first.min() == 0
    assert first.max() + weights.shape[1] == high - low
    at = low + first[:, None] + np.arange(weights.shape[1])
    left = (begin + np.arange(length))[:, None] * count / scaled
    right = (begin + np.arange(length) + 1)[:, None] * count / scaled
    covered = np.clip(np.minimum(at + 1, right) - np.maximum(at, left), 0, None)
    assert np.abs(weights - covered * 256 * scaled / count).max() <= 1.001
