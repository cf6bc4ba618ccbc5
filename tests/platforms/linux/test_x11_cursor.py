"""The pointer is laid over the picture as X would show it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.platforms.linux.x11_cursor import Cursor, draw_cursor, parse_cursor


def cursor_at(x_px: int, y_px: int, pixels: NDArray[np.uint8]) -> Cursor:
    """Return a cursor whose top left corner is at (x_px, y_px)."""
    return Cursor(Rect(x_px, y_px, pixels.shape[1], pixels.shape[0]), 1, pixels)


def test_blending_is_the_premultiplied_over_rule() -> None:
    """result = cursor + below * (255 - alpha) / 255, rounded, for every alpha and background."""
    alpha, below = np.meshgrid(np.arange(256), np.arange(256))
    pixels = np.zeros((256, 256, 4), dtype=np.uint8)
    pixels[..., 3] = alpha
    pixels[..., 0] = alpha // 2
    image = np.repeat(below[..., None], 4, axis=2).astype(np.uint8)
    draw_cursor(image, cursor_at(0, 0, pixels), (0, 0))
    exact = np.minimum(alpha // 2 + below * (255 - alpha) / 255, 255)
    assert np.abs(image[..., 0] - exact).max() <= 1.0
    assert (image[:, 0, 1] == np.arange(256)).all(), "a transparent pixel changes nothing"
    assert (image[:, 255, 1] == 0).all(), "an opaque pixel hides everything"


@pytest.mark.parametrize(("x_px", "y_px"), [(-3, -2), (7, 8), (-3, 8), (7, -2), (50, 50), (-9, 0)])
def test_a_cursor_at_the_edge_is_cut_off(x_px: int, y_px: int) -> None:
    """Only the part inside is drawn, at its place, and nothing is written outside."""
    pixels = np.full((4, 5, 4), 255, dtype=np.uint8)
    image = np.zeros((10, 10, 4), dtype=np.uint8)
    draw_cursor(image, cursor_at(100 + x_px, 200 + y_px, pixels), (100, 200))
    expected = np.zeros((10, 10), dtype=bool)
    for row in range(10):
        for column in range(10):
            inside = x_px <= column < x_px + 5 and y_px <= row < y_px + 4
            expected[row, column] = inside
    assert ((image[..., 0] == 255) == expected).all()


def test_the_reply_is_read_with_its_hot_spot() -> None:
    """The area begins at the pointer's position minus the hot spot."""
    pixels = np.arange(2 * 3 * 4, dtype=np.uint8)
    reply = struct.pack("=8xhhHHHHI8x", 100, -5, 3, 2, 1, 2, 77) + pixels.tobytes()
    cursor = parse_cursor(reply)
    assert cursor.area == Rect(99, -7, 3, 2)
    assert cursor.serial == 77
    assert (cursor.pixels == pixels.reshape(2, 3, 4)).all()
    assert cursor.is_same_as(cursor)
    assert not cursor.is_same_as(None)
