"""How much of each pixel is screen, camera, border and shadow.

The shapes are signed distance functions, so the coverage of an edge pixel is computed, not sampled:
anti-aliased in one pass. (Rounded box and circle: the usual exact distance, Euclidean outside.)
Invariant: the weights of a pixel sum to exactly 256, so a uniform picture stays uniform, and a
pixel the overlay does not touch has weight 256 for the screen and comes out unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.video.canvas import BLACK_LUMA, NEUTRAL_CHROMA, WHITE_LUMA
from onetake.video.overlay import Look

__all__ = ["FULL", "Masks", "PlaneMask", "make_masks"]

FULL = 256
"""Weight of "all of it", 8 fractional bits: 255 * 256 + 128 still fits 16 bits."""


@dataclass(frozen=True, slots=True)
class PlaneMask:
    """Weights of one plane over picture and margin: out = (screen*keep + camera*show + fill) >> 8.

    All uint16, read-only.
    """

    keep: NDArray[np.uint16]
    """Weight of the screen, 0..256, shape (height, width)."""
    show: NDArray[np.uint16]
    """Weight of the camera, 0..256, same shape."""
    fill: NDArray[np.uint16]
    """Border and shadow, already multiplied with their code values, and the half that rounds to
    nearest, same shape."""


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of one `Look`, both planes."""

    luma: PlaneMask
    chroma: PlaneMask
    """Half the height; each weight, the mean of the 2x2 block it colours, stands twice: for Cb and
    for Cr, as they lie in memory."""


def make_masks(look: Look) -> Masks:
    """Return the masks of `look`: luma (height + 2*margin, width + 2*margin), chroma half as
    high."""
    width_px = look.width_px + 2 * look.margin_px
    height_px = look.height_px + 2 * look.margin_px
    x = np.arange(width_px, dtype=np.float32) + np.float32(0.5 - width_px / 2)
    y = (np.arange(height_px, dtype=np.float32) + np.float32(0.5 - height_px / 2))[:, None]
    distance = _distance(look, x, y)
    covered = np.clip(0.5 - distance, 0, 1)
    shown = np.clip(0.5 - (distance + np.float32(look.border_px)), 0, 1)
    kept = 1 - covered
    if look.shadow > 0:
        kept *= 1 - np.float32(look.shadow) * _shadow(look, x, y)
    border = covered - shown
    luma = _plane(kept, shown, border, BLACK_LUMA, WHITE_LUMA)
    halves = (_halved(kept), _halved(shown), _halved(border))
    return Masks(luma, _plane(*halves, NEUTRAL_CHROMA, NEUTRAL_CHROMA))


def _distance(look: Look, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the signed distance in pixels to the picture's outline, negative inside."""
    radius = np.float32(look.radius_px)
    out_x = np.abs(x) - np.float32(look.width_px / 2) + radius
    out_y = np.abs(y) - np.float32(look.height_px / 2) + radius
    outside = np.hypot(np.maximum(out_x, 0), np.maximum(out_y, 0))
    inside = np.minimum(np.maximum(out_x, out_y), 0)
    return np.asarray(outside + inside - radius, np.float32)


def _shadow(look: Look, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the strength of the shadow, 0..1: the shape moved down, fading out smoothly."""
    distance = _distance(look, x, y - np.float32(look.drop_px))
    blur = np.float32(max(look.blur_px, 0.5))
    fade = np.clip((blur - distance) / (2 * blur), 0, 1)
    return np.asarray(fade * fade * (3 - 2 * fade), np.float32)


def _halved(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the means of 2x2 blocks, each twice in a row."""
    rows = weight[::2] + weight[1::2]
    return np.repeat((rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25), 2, axis=1)


def _plane(
    kept: NDArray[np.float32],
    shown: NDArray[np.float32],
    border: NDArray[np.float32],
    shadow_code: int,
    border_code: int,
) -> PlaneMask:
    """Quantise weights so that screen + camera + border + shadow = 256 in every pixel."""
    keep = np.rint(kept * FULL).astype(np.int32)
    show = np.minimum(np.rint(shown * FULL).astype(np.int32), FULL - keep)
    edge = np.minimum(np.rint(border * FULL).astype(np.int32), FULL - keep - show)
    dark = FULL - keep - show - edge
    fill = edge * border_code + dark * shadow_code + FULL // 2
    return PlaneMask(_frozen(keep), _frozen(show), _frozen(fill))


def _frozen(values: NDArray[np.int32]) -> NDArray[np.uint16]:
    """Return the values as read-only uint16."""
    small = values.astype(np.uint16)
    small.flags.writeable = False
    return small
