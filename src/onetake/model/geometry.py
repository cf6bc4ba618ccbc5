"""Rectangles in pixels and the look of the camera overlay."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from onetake.errors import UsageError

__all__ = ["Anchor", "Overlay", "Rect", "Shape", "region_from_text", "union"]


class Rect(msgspec.Struct, frozen=True):
    """A rectangle in pixels; `x_px, y_px` is its top left corner."""

    x_px: int
    y_px: int
    width_px: int
    height_px: int

    @property
    def right_px(self) -> int:
        """First column to the right of the rectangle."""
        return self.x_px + self.width_px

    @property
    def bottom_px(self) -> int:
        """First row below the rectangle."""
        return self.y_px + self.height_px

    def intersection(self, other: Rect) -> Rect | None:
        """Return the area both rectangles share, or None when they share none."""
        x_px, y_px = max(self.x_px, other.x_px), max(self.y_px, other.y_px)
        width_px = min(self.right_px, other.right_px) - x_px
        height_px = min(self.bottom_px, other.bottom_px) - y_px
        return Rect(x_px, y_px, width_px, height_px) if width_px > 0 and height_px > 0 else None


def union(rects: list[Rect]) -> Rect:
    """Return the smallest rectangle that holds all of `rects`, one at least."""
    x_px, y_px = min(rect.x_px for rect in rects), min(rect.y_px for rect in rects)
    right_px, bottom_px = max(rect.right_px for rect in rects), max(r.bottom_px for r in rects)
    return Rect(x_px, y_px, right_px - x_px, bottom_px - y_px)


def region_from_text(text: str) -> Rect:
    """Return the rectangle of `X,Y,WxH`. Raises UsageError."""
    found = re.fullmatch(r"(\d{1,6}),(\d{1,6}),(\d{1,6})x(\d{1,6})", text.strip())
    if found is None:
        raise UsageError(
            f"'{text}' is no region", hint="write it as X,Y,WxH, for example 0,0,1280x720"
        )
    return Rect(*(int(number) for number in found.groups()))


class Anchor(StrEnum):
    """Where the overlay sits: one of the corners, or free (`Overlay.x`, `Overlay.y`)."""

    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"
    FREE = "free"


class Shape(StrEnum):
    """The outline of the camera picture."""

    RECTANGLE = "rectangle"
    ROUNDED = "rounded"
    CIRCLE = "circle"


class Overlay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the camera is laid over the screen. Sizes are shares of the output height."""

    is_visible: bool = True
    """Show the camera."""
    anchor: Anchor = Anchor.BOTTOM_RIGHT
    """Corner of the picture, or free (see x and y)."""
    x: float = 0.5
    """Centre of the overlay as a share of the output width (0..1); only with anchor `free`."""
    y: float = 0.5
    """Centre of the overlay as a share of the output height (0..1); only with anchor `free`."""
    height: float = 0.25
    """Height of the overlay as a share of the output height (0.05..1)."""
    shape: Shape = Shape.ROUNDED
    """Outline of the camera picture."""
    border: float = 0.004
    """Width of the white border as a share of the output height; 0 = none."""
    shadow: float = 0.5
    """Opacity of the soft shadow, 0 = none."""
    is_mirrored: bool = True
    """Show the camera as in a mirror."""
