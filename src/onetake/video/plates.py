"""The overlay's mask, border and shadow as pictures, for a compositor that blends on a GPU.

    out = camera * mask + (screen * (1 - plate's alpha) + plate) * (1 - mask)

Invariant: they say the same as the portable compositor's weights, rounded to 8 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onetake.video.canvas import BLACK_LUMA, WHITE_LUMA
from onetake.video.masks import FULL, make_masks
from onetake.video.overlay import Look

__all__ = ["draw_plates"]


def draw_plates(look: Look) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return mask and plate of `look`: uint8 BGRA, shape (height + 2 * margin, width + 2 * margin,
    4), the plate premultiplied with its alpha; the caller's own."""
    weights = make_masks(look).luma
    keep, show, fill = (w.astype(np.float64) for w in (weights.keep, weights.show, weights.fill))
    rest = FULL - keep - show
    border = (fill - FULL / 2 - rest * BLACK_LUMA) / (WHITE_LUMA - BLACK_LUMA)
    below = np.maximum(FULL - show, 1)  # the part of a pixel that the camera leaves
    white, alpha = border / below, np.where(show < FULL, 1 - keep / below, 0)
    mask = np.repeat((show / FULL)[:, :, None], 4, axis=2)
    plate = np.stack([white, white, white, alpha], axis=2)
    return _bytes(mask), _bytes(plate)


def _bytes(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
