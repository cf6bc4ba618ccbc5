"""Screen pixels (BGRA) into the canvas, rectangle by rectangle.

Invariant: the result of a pixel depends on its own 2x2 block only, in integers (see `weights`), so
converting the damaged rectangles gives exactly the bytes that converting everything would.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.video import pixels
from onetake.video.canvas import Canvas

__all__ = ["convert_rect"]


def convert_rect(bgra: NDArray[np.uint8], canvas: Canvas, rect: Rect) -> None:
    """Convert `rect` of `bgra` to the same place of `canvas`.

    `bgra` is uint8 (height, width, 4), at least as large as the rectangle's right bottom corner,
    pixels adjacent, rows may be strided; alpha is ignored. `rect` has even edges and lies inside
    the canvas. Borrowed for the time of the call only.
    """
    luma, chroma = canvas.part(rect)
    area = bgra[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px]
    pixels.convert(area, luma, chroma)
