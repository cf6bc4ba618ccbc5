"""Where the camera sits on the output and which part of its picture is shown.

Invariant: whatever the overlay asks for and however small the output is, every rectangle that
leaves this module has even edges and lies inside the output, because chroma is stored in 2x2
blocks and nothing beyond the canvas may be written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from onetake.model.geometry import Anchor, Overlay, Rect, Shape

__all__ = ["Layout", "Look", "lay_out"]

EDGE_MARGIN = 0.02
"""Distance of a corner overlay from the edges, share of the output height. Smaller touches window
borders and screen corners; larger covers more of what is being shown."""

MIN_HEIGHT, MAX_HEIGHT = 0.05, 1.0
"""Bounds of `Overlay.height`: below it nobody can be recognised, above it nothing fits."""

MAX_BORDER = 0.1
"""Bound of `Overlay.border`; a wider one would leave nothing of the camera."""

ROUNDING = 0.12
"""Corner radius of the rounded shape, share of the overlay's shorter side. Smaller reads as a
plain rectangle, larger cuts into faces."""

SHADOW_BLUR = 0.025
"""How far the shadow fades out, share of the output height. Smaller looks like a hard edge, larger
dims the screen visibly around the overlay (and costs blending area)."""

SHADOW_DROP = 0.006
"""How far the shadow is moved down, share of the output height: light comes from above."""

MIN_ASPECT, MAX_ASPECT = 0.5, 2.4
"""Aspects kept as they are; a camera beyond them is cropped at the centre. A panorama or a broken
format description would otherwise become a stripe."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the masks depend on: everything but the place. Hashable, the key of the mask cache."""

    width_px: int
    height_px: int
    """Size of the picture, border included. Even."""
    shape: Shape
    radius_px: float
    """Corner radius; for the circle half its height."""
    border_px: float
    shadow: float
    """Opacity of the shadow, 0..1."""
    blur_px: float
    drop_px: float
    margin_px: int
    """How far the shadow reaches beyond the picture on each side. Even."""


@dataclass(frozen=True, slots=True)
class Layout:
    """An overlay made concrete for one output size and one camera. All rectangles are even."""

    look: Look
    picture: Rect
    """Where the picture lies on the canvas, border included; inside the canvas."""
    roi: Rect
    """All that the overlay may change: picture and shadow, cut at the canvas."""
    scaled_px: tuple[int, int]
    """Size (width, height) to which the whole camera picture is scaled, each >= the picture's."""
    crop: Rect
    """The part of the scaled camera picture that is shown; as large as `picture`."""
    is_mirrored: bool


@lru_cache(maxsize=16)
def lay_out(overlay: Overlay, output_px: tuple[int, int], camera_px: tuple[int, int]) -> Layout:
    """Return where a camera picture of size `camera_px` goes on an output of size `output_px`.

    Both sizes are (width, height), the output's even and >= 2, the camera's >= 1. Values outside
    their bounds are clamped, never refused: a drag must not be able to break a take. Remembers the
    last results: it is asked for every frame and changes with a command.
    """
    output_width, output_height = output_px
    width_px, height_px = _picture_size(overlay, output_px, camera_px)
    x_px, y_px = _top_left(overlay, output_px, (width_px, height_px))
    picture = Rect(x_px, y_px, width_px, height_px)
    look = _look(overlay, output_height, width_px, height_px)
    around = Rect(
        x_px - look.margin_px,
        y_px - look.margin_px,
        width_px + 2 * look.margin_px,
        height_px + 2 * look.margin_px,
    )
    roi = around.intersection(Rect(0, 0, output_width, output_height)) or picture
    scaled_px = _cover(camera_px, (width_px, height_px))
    crop = Rect(
        _even((scaled_px[0] - width_px) / 2),
        _even((scaled_px[1] - height_px) / 2),
        width_px,
        height_px,
    )
    return Layout(look, picture, roi, scaled_px, crop, overlay.is_mirrored)


def _picture_size(
    overlay: Overlay, output_px: tuple[int, int], camera_px: tuple[int, int]
) -> tuple[int, int]:
    """Return the even (width, height) of the picture, shrunk to fit into the output."""
    aspect = 1.0
    if overlay.shape is not Shape.CIRCLE:
        aspect = min(max(camera_px[0] / camera_px[1], MIN_ASPECT), MAX_ASPECT)
    wanted = _clamped(overlay.height, MIN_HEIGHT, MAX_HEIGHT, Overlay().height) * output_px[1]
    height = min(wanted, output_px[1], output_px[0] / aspect)
    width_px = min(max(2, _even(height * aspect + 1)), output_px[0])
    height_px = min(max(2, _even(height + 1)), output_px[1])
    if overlay.shape is Shape.CIRCLE:
        width_px = height_px = min(width_px, height_px)
    return width_px, height_px


def _top_left(
    overlay: Overlay, output_px: tuple[int, int], picture_px: tuple[int, int]
) -> tuple[int, int]:
    """Return the even (x, y) of the picture's corner, clamped so that it stays on the output."""
    free_x, free_y = output_px[0] - picture_px[0], output_px[1] - picture_px[1]
    margin_px = EDGE_MARGIN * output_px[1]
    if overlay.anchor is Anchor.FREE:
        x = _clamped(overlay.x, 0.0, 1.0, 0.5) * output_px[0] - picture_px[0] / 2
        y = _clamped(overlay.y, 0.0, 1.0, 0.5) * output_px[1] - picture_px[1] / 2
    else:
        is_left = overlay.anchor in (Anchor.TOP_LEFT, Anchor.BOTTOM_LEFT)
        is_top = overlay.anchor in (Anchor.TOP_LEFT, Anchor.TOP_RIGHT)
        # An output hardly larger than the overlay has no room for the margin on both sides.
        margin_x, margin_y = min(margin_px, free_x / 2), min(margin_px, free_y / 2)
        x = margin_x if is_left else free_x - margin_x
        y = margin_y if is_top else free_y - margin_y
    return _even(min(max(x, 0), free_x) + 0.5), _even(min(max(y, 0), free_y) + 0.5)


def _look(overlay: Overlay, output_height_px: int, width_px: int, height_px: int) -> Look:
    """Return all that the masks depend on, in pixels."""
    shadow = _clamped(overlay.shadow, 0.0, 1.0, 0.0)
    blur_px = SHADOW_BLUR * output_height_px if shadow > 0 else 0.0
    drop_px = SHADOW_DROP * output_height_px if shadow > 0 else 0.0
    radius_px = 0.0
    if overlay.shape is Shape.CIRCLE:
        radius_px = height_px / 2
    elif overlay.shape is Shape.ROUNDED:
        radius_px = ROUNDING * min(width_px, height_px)
    border_px = _clamped(overlay.border, 0.0, MAX_BORDER, 0.0) * output_height_px
    return Look(
        width_px=width_px,
        height_px=height_px,
        shape=overlay.shape,
        radius_px=radius_px,
        border_px=min(border_px, min(width_px, height_px) / 2),
        shadow=shadow,
        blur_px=blur_px,
        drop_px=drop_px,
        margin_px=_even(math.ceil(blur_px + drop_px) + 1) if shadow > 0 else 0,
    )


def _cover(camera_px: tuple[int, int], picture_px: tuple[int, int]) -> tuple[int, int]:
    """Return the smallest even size of the camera's aspect that covers the picture."""
    scale = max(picture_px[0] / camera_px[0], picture_px[1] / camera_px[1])
    # Rounded to the nearest even size: at most one pixel of aspect is lost, none is left uncovered.
    width_px = max(picture_px[0], _even(camera_px[0] * scale + 1))
    height_px = max(picture_px[1], _even(camera_px[1] * scale + 1))
    return width_px, height_px


def _clamped(value: float, low: float, high: float, fallback: float) -> float:
    """Return `value` within [low, high]; `fallback` for what is no number."""
    return min(max(value, low), high) if math.isfinite(value) else fallback


def _even(value: float) -> int:
    """Return the largest even integer that is not above `value`."""
    return math.floor(value) & ~1
