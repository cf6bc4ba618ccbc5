"""The screen's colours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.video.making import exact, gradient, noise, text_like

from onetake.model.geometry import Rect
from onetake.video.canvas import Canvas
from onetake.video.convert import convert_rect


@pytest.mark.parametrize("make", [text_like, gradient, noise])
def test_colours_are_within_one_code_value_of_exact_bt709(make):
    """Text, gradients and noise come out as float BT.709 says, to the nearest code value."""
    picture = make(322, 182)
    canvas = Canvas(322, 182)
    convert_rect(picture, canvas, canvas.rect)
    luma, chroma = exact(picture)
    # 0.5 is rounding itself; the weights' 15 bits add less than 0.02.
    assert np.abs(canvas.y - luma).max() <= 0.52
    assert np.abs(canvas.uv - chroma).max() <= 0.52


def test_every_colour_of_the_cube_is_within_one_code_value():
    """No colour is converted worse than the others."""
    steps = np.arange(0, 256, 5, np.uint8)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colours = np.stack([blue, green, red, red], axis=-1).reshape(-1, 1, 4)
    # Each colour as a 2x2 block, so that chroma is its own.
    picture = np.ascontiguousarray(np.repeat(np.repeat(colours, 2, axis=0), 2, axis=1))
    canvas = Canvas(2, picture.shape[0])
    convert_rect(picture, canvas, canvas.rect)
    luma, chroma = exact(picture)
    assert np.abs(canvas.y - luma).max() <= 0.52
    assert np.abs(canvas.uv - chroma).max() <= 0.52


def test_greys_have_no_colour_and_the_ends_are_exact():
    """Grey is exactly 128/128, black 16, white 235: a screen is mostly greys."""
    picture = np.repeat(np.arange(256, dtype=np.uint8), 8).reshape(256, 2, 4)
    picture = np.ascontiguousarray(np.repeat(picture, 2, axis=0))
    canvas = Canvas(2, 512)
    convert_rect(picture, canvas, canvas.rect)
    assert (canvas.uv == 128).all()
    assert (canvas.y[0, 0], canvas.y[-1, 0]) == (16, 235)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_rectangles_give_the_bytes_of_the_whole_and_touch_nothing_else(data):
    """Converting a rectangle writes exactly what converting everything would, and only there."""
    half_width, half_height = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    left, top = (
        data.draw(st.integers(0, half_width - 1)),
        data.draw(st.integers(0, half_height - 1)),
    )
    right = data.draw(st.integers(left + 1, half_width))
    bottom = data.draw(st.integers(top + 1, half_height))
    rect = Rect(2 * left, 2 * top, 2 * (right - left), 2 * (bottom - top))
    picture = noise(2 * half_width, 2 * half_height)
    whole, part = (Canvas(2 * half_width, 2 * half_height) for _ in range(2))
    convert_rect(picture, whole, whole.rect)
    convert_rect(picture, part, rect)
    for mine, full, blank in zip(part.part(rect), whole.part(rect), (16, 128), strict=True):
        assert (mine == full).all()
        mine[:] = blank
    assert (part.y == 16).all()
    assert (part.uv == 128).all()


def test_strided_and_read_only_pictures_are_read_in_place():
    """A region of a larger screen, not writable, converts as a copy of it would."""
    large = noise(300, 200)
    region = large[11:151, 31:231]
    region.flags.writeable = False
    strided, copied = Canvas(200, 140), Canvas(200, 140)
    convert_rect(region, strided, strided.rect)
    convert_rect(region.copy(), copied, copied.rect)
    assert (strided.y == copied.y).all()
    assert (strided.uv == copied.uv).all()
