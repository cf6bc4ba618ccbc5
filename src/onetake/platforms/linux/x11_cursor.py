"""The mouse pointer, which X keeps out of the screen's pixels, asked for and drawn by us."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect

__all__ = ["Cursor", "draw_cursor", "parse_cursor"]

_HEADER = struct.Struct("=8xhhHHHHI8x")
"""The GetCursorImage reply of XFIXES (fixesproto 6.0): x, y, width, height, hot spot, serial."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the pointer is and what it looks like.

    Attributes:
        area: its rectangle in pixels of the whole display, hot spot already subtracted.
        serial: changes with the shape.
        pixels: uint8, shape (height, width, 4), BGRA, colour premultiplied by alpha.
    """

    area: Rect
    serial: int
    pixels: NDArray[np.uint8]

    def is_same_as(self, other: Cursor | None) -> bool:
        """Whether drawing it would give the same picture."""
        return other is not None and self.area == other.area and self.serial == other.serial


def parse_cursor(reply: Any) -> Cursor:
    """Return the cursor of a raw GetCursorImage reply (bytes-like, header included)."""
    x_px, y_px, width_px, height_px, hot_x_px, hot_y_px, serial = _HEADER.unpack_from(reply)
    size = width_px * height_px * 4
    pixels = np.frombuffer(reply, dtype=np.uint8, count=size, offset=_HEADER.size)
    area = Rect(x_px - hot_x_px, y_px - hot_y_px, width_px, height_px)
    return Cursor(area, serial, pixels.reshape(height_px, width_px, 4))


def draw_cursor(image: NDArray[np.uint8], cursor: Cursor, origin_px: tuple[int, int]) -> None:
    """Lay the cursor over `image`, whose top left corner is `origin_px` of the display.

    Args:
        image: uint8, shape (height, width, 4), BGRX; changed in place.
        cursor: what to draw; the part outside the image is cut off.
        origin_px: (x, y) of the image on the display.
    """
    whole = Rect(*origin_px, image.shape[1], image.shape[0])
    seen = cursor.area.intersection(whole)
    if seen is None:
        return
    top, left = seen.y_px - cursor.area.y_px, seen.x_px - cursor.area.x_px
    pixels = cursor.pixels[top : top + seen.height_px, left : left + seen.width_px]
    row, column = seen.y_px - origin_px[1], seen.x_px - origin_px[0]
    below = image[row : row + seen.height_px, column : column + seen.width_px]
    cover = 255 - pixels[..., 3:].astype(np.uint16)
    # (x * 257 + 257) >> 16 is x / 255 rounded, exact for products of two bytes.
    kept = ((below[..., :3] * cover) * np.uint32(257) + 257 >> 16).astype(np.uint16)
    below[..., :3] = np.minimum(kept + pixels[..., :3], 255)
