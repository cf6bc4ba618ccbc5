"""The camera laid over a part of the canvas, in fixed point.

    out = (screen * keep + camera * show + fill + 128) >> 8

Invariant: the weights sum to 256, so nothing exceeds 16 bits and untouched pixels keep their exact
value. Blending Y'CbCr equals blending R'G'B', because one is an affine map of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.video.masks import Masks, PlaneMask
from onetake.video.overlay import Layout
from onetake.video.scale import Picture

__all__ = ["Patch", "blend_plane", "make_patch"]


@dataclass(frozen=True, slots=True)
class Patch:
    """A camera picture ready to be laid on, for the region of interest of one layout."""

    keep_y: NDArray[np.uint16]
    """Weight of the screen, shape (height, width) of the region, 0..256."""
    add_y: NDArray[np.uint16]
    """Camera, border and shadow, weighted, plus the rounding 128; same shape."""
    keep_uv: NDArray[np.uint16]
    """Shape (height/2, width/2, 1): both chroma values share the weight."""
    add_uv: NDArray[np.uint16]
    """Shape (height/2, width/2, 2)."""


def make_patch(layout: Layout, masks: Masks, picture: Picture) -> Patch:
    """Return `picture` cropped, mirrored and weighted; `picture` is as large as
    `layout.scaled_px`."""
    crop = layout.crop
    y = picture.y[crop.y_px : crop.bottom_px, crop.x_px : crop.right_px]
    uv = picture.uv[crop.y_px // 2 : crop.bottom_px // 2, crop.x_px // 2 : crop.right_px // 2]
    if layout.is_mirrored:
        y, uv = y[:, ::-1], uv[:, ::-1]
    margin = layout.look.margin_px
    keep_y, add_y = _weighted(masks.luma, y, margin, _window(layout, 1))
    window = _window(layout, 2)
    sides = [_weighted(masks.chroma, uv[..., i], margin // 2, window) for i in range(2)]
    keep_uv = sides[0][0][..., None]
    return Patch(keep_y, add_y, keep_uv, np.stack([add for _, add in sides], axis=-1))


def blend_plane(
    under: NDArray[np.uint8],
    keep: NDArray[np.uint16],
    add: NDArray[np.uint16],
    out: NDArray[np.uint8],
) -> None:
    """Write (under * keep + add) >> 8 to `out`; `under` and `out` may be the same array."""
    mixed = under * keep
    mixed += add
    mixed >>= np.uint16(8)
    out[:] = mixed


def _window(layout: Layout, divisor: int) -> Rect:
    """Return the region of interest within the masks, whose origin is picture minus margin."""
    left = layout.picture.x_px - layout.look.margin_px
    top = layout.picture.y_px - layout.look.margin_px
    roi = layout.roi
    return Rect(
        (roi.x_px - left) // divisor,
        (roi.y_px - top) // divisor,
        roi.width_px // divisor,
        roi.height_px // divisor,
    )


def _weighted(
    mask: PlaneMask, values: NDArray[np.uint8], margin: int, window: Rect
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return (keep, add) of one plane, cut to the window."""
    height, width = values.shape
    inner = slice(margin, margin + height), slice(margin, margin + width)
    add = mask.fill + np.uint16(128)
    add[inner] += values * mask.show[inner]
    cut = slice(window.y_px, window.bottom_px), slice(window.x_px, window.right_px)
    return mask.keep[cut], add[cut]
