"""The camera laid over a part of the canvas, in fixed point.

    out = (screen * keep + camera * show + fill) >> 8        fill holds the rounding half, too

Invariant: the weights sum to 256, so nothing exceeds 16 bits and untouched pixels keep their exact
value. Blending Y'CbCr equals blending R'G'B', because one is an affine map of the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.video import pixels
from onetake.video.masks import Masks, PlaneMask
from onetake.video.overlay import Layout
from onetake.video.scale import Picture

__all__ = ["Patch", "PlanePatch", "lay_on", "make_patch"]


class PlanePatch(NamedTuple):
    """One plane of a camera picture ready to be laid on. Both uint16, shape (height, width)."""

    keep: NDArray[np.uint16]
    """Weight of the screen, 0..256."""
    add: NDArray[np.uint16]
    """Camera, border and shadow, weighted, and the rounding half."""


class Patch(NamedTuple):
    """A camera picture ready to be laid on, for the region of interest of one layout."""

    luma: PlanePatch
    chroma: PlanePatch
    """Cb and Cr in turn: half the height, the full width."""

    def part(self, rect: Rect) -> Patch:
        """Return views of what lies within `rect`, of even edges, of the region of interest."""
        rows, columns = slice(rect.y_px, rect.bottom_px), slice(rect.x_px, rect.right_px)
        half = slice(rect.y_px // 2, rect.bottom_px // 2)
        luma, chroma = self.luma, self.chroma
        return Patch(
            PlanePatch(luma.keep[rows, columns], luma.add[rows, columns]),
            PlanePatch(chroma.keep[half, columns], chroma.add[half, columns]),
        )


def make_patch(
    layout: Layout, masks: Masks, picture: Picture, former: Patch | None = None
) -> Patch:
    """Return `picture`, which shows the `crop` of `layout.scaled_px`, mirrored and weighted.

    `former` is a patch of the very same layout that nobody needs any more: its arrays are written
    again, which spares copying what lies around the picture.
    """
    flat = picture.uv.reshape(picture.uv.shape[0], -1)
    luma, chroma = (former.luma, former.chroma) if former else (None, None)
    return Patch(
        _weighed(layout, masks.luma, picture.y, 1, luma),
        _weighed(layout, masks.chroma, flat, 2, chroma),
    )


def lay_on(under: NDArray[np.uint8], patch: PlanePatch, out: NDArray[np.uint8]) -> None:
    """Blend a plane over `under` into `out`, uint8, of the patch's shape, or for chroma
    (height, width/2, 2)."""
    shape = patch.keep.shape
    pixels.blend(under.reshape(shape), patch.keep, patch.add, out.reshape(shape))


def _weighed(
    layout: Layout,
    mask: PlaneMask,
    values: NDArray[np.uint8],
    row_step: int,
    former: PlanePatch | None,
) -> PlanePatch:
    """Return one plane, cut to the region of interest; `row_step` luma rows make one of it."""
    margin, picture, roi = layout.look.margin_px, layout.picture, layout.roi
    # The masks begin at the picture's corner minus the margin.
    window = Rect(
        roi.x_px - picture.x_px + margin,
        (roi.y_px - picture.y_px + margin) // row_step,
        roi.width_px,
        roi.height_px // row_step,
    )
    cut = slice(window.y_px, window.bottom_px), slice(window.x_px, window.right_px)
    height, width = values.shape
    top = margin // row_step
    inner = slice(top, top + height), slice(margin, margin + width)
    add = mask.fill[cut].copy() if former is None else former.add
    inside = (
        slice(top - window.y_px, top - window.y_px + height),
        slice(margin - window.x_px, margin - window.x_px + width),
    )
    mirror = row_step if layout.is_mirrored else 0
    pixels.weigh(values, mask.show[inner], mask.fill[inner], add[inside], mirror)
    return PlanePatch(mask.keep[cut], add)
