"""Screen pixels (BGRA) into the canvas: NV12, BT.709, limited range, rectangle by rectangle.

    Y  =  16 + 219/255 (0.2126 R + 0.7152 G + 0.0722 B)
    Cb = 128 + 224/255 (B - Y') / 1.8556        Y' = 0.2126 R + 0.7152 G + 0.0722 B
    Cr = 128 + 224/255 (R - Y') / 1.5748        of the mean of 2x2 pixels (centre-sited)

(ITU-R BT.709-6, 3.2 to 3.5.) Invariant: the result of a pixel depends on its own 2x2 block only,
in integers of 15 fractional bits, so converting the damaged rectangles gives exactly the bytes that
converting everything would, and every implementation of `convert_rect` gives the same bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.video.canvas import BLACK_LUMA, NEUTRAL_CHROMA, Canvas

__all__ = ["CB_WEIGHTS", "CR_WEIGHTS", "FRACTION_BITS", "Y_WEIGHTS", "convert_rect"]

FRACTION_BITS = 15
"""Fractional bits of the weights. More would not fit the signed 16-bit lanes of SIMD multipliers;
with these the error before rounding stays below 0.01 code values."""

Y_WEIGHTS = (2032, 20127, 5983)
"""Luma weights of (B, G, R), 15 fractional bits. They sum to 28142 = 219/255, so white is 235."""

CB_WEIGHTS = (14392, -11094, -3298)
"""Cb weights of (B, G, R). They sum to 0, so every grey is exactly 128."""

CR_WEIGHTS = (-1320, -13072, 14392)
"""Cr weights of (B, G, R). They sum to 0, so every grey is exactly 128."""

_BLOCK_PX = 48 * 1024
"""Pixels converted at once. Much fewer and Python's own cost per call shows (2x at 8 rows of
1080p), many more and the five work arrays leave the second-level cache (measured 1.2x at 4K)."""


def convert_rect(bgra: NDArray[np.uint8], canvas: Canvas, rect: Rect) -> None:
    """Convert `rect` of `bgra` to the same place of `canvas`.

    `bgra` is uint8 (height, width, 4), at least as large as the rectangle's right bottom corner,
    pixels adjacent, rows may be strided; alpha is ignored. `rect` has even edges and lies inside
    the canvas. Borrowed for the time of the call only.
    """
    luma, chroma = canvas.part(rect)
    pixels = bgra[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px]
    rows = max(2, _BLOCK_PX // rect.width_px & ~1)
    for top in range(0, rect.height_px, rows):
        bottom = min(top + rows, rect.height_px)
        _convert_block(pixels[top:bottom], luma[top:bottom], chroma[top // 2 : bottom // 2])


def _convert_block(
    pixels: NDArray[np.uint8], luma: NDArray[np.uint8], chroma: NDArray[np.uint8]
) -> None:
    """Convert a block small enough for the cache: shapes (h, w, 4), (h, w), (h/2, w/2, 2)."""
    # One 32-bit word a pixel: whole-word arithmetic runs in SIMD, single bytes of four do not.
    words: NDArray[np.uint32] = pixels.view("<u4")[..., 0]
    byte = np.uint32(0xFF)
    blue = words & byte
    green = words >> np.uint32(8) & byte
    red = words >> np.uint32(16) & byte
    total = green * np.uint32(Y_WEIGHTS[1])
    total += blue * np.uint32(Y_WEIGHTS[0])
    total += red * np.uint32(Y_WEIGHTS[2])
    total += np.uint32((BLACK_LUMA << FRACTION_BITS) + (1 << FRACTION_BITS - 1))
    total >>= np.uint32(FRACTION_BITS)
    luma[:] = total
    sums = _block_sums(blue), _block_sums(green), _block_sums(red)
    for index, weights in enumerate((CB_WEIGHTS, CR_WEIGHTS)):
        # The sum of four pixels carries two more fractional bits.
        bits = FRACTION_BITS + 2
        mixed = sums[0] * np.int32(weights[0])
        mixed += sums[1] * np.int32(weights[1])
        mixed += sums[2] * np.int32(weights[2])
        mixed += np.int32((NEUTRAL_CHROMA << bits) + (1 << bits - 1))
        mixed >>= np.int32(bits)
        chroma[..., index] = mixed


def _block_sums(channel: NDArray[np.uint32]) -> NDArray[np.int32]:
    """Return the sums of 2x2 blocks: uint32 (h, w) -> int32 (h/2, w/2), each 0..1020."""
    rows = channel[::2] + channel[1::2]
    return (rows[:, ::2] + rows[:, 1::2]).view(np.int32)
