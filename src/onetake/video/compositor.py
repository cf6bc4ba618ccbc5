"""The portable compositor: screen below, camera above, on one canvas that lives for the take.

Invariant: beneath the overlay the canvas is the bare screen. The pixels under the overlay are set
aside before it is laid on and put back before the screen is touched again, so hiding the camera
shows exactly the bytes that were there, and unchanged screen is never read or converted again.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Overlay, Rect, union
from onetake.model.media import Frame, PixelFormat
from onetake.video.blend import Patch, lay_on, make_patch
from onetake.video.canvas import Canvas, part_of
from onetake.video.convert import convert_rect
from onetake.video.masks import Masks, make_masks
from onetake.video.overlay import Layout, Look, lay_out
from onetake.video.scale import Picture, Scaler

__all__ = ["CpuCompositor"]

MAX_DAMAGE_RECTS = 32
"""Rectangles converted one by one; more are taken together as one that holds them all. Each costs
some 50 µs of its own: hundreds of tiny ones would cost more than the whole picture."""


class CpuCompositor:
    """`platforms.contract.Compositor` for any machine. One thread only.

    Args:
        size_px: (width, height) of the output, even.
        overlay: what the overlay looks like at first; later `compose` says.
    """

    def __init__(self, size_px: tuple[int, int], overlay: Overlay | None = None) -> None:
        self._canvas = Canvas(*size_px)
        self._overlay = overlay or Overlay()
        self._screen_scaler = Scaler()
        self._camera_scaler = Scaler()
        self._screen_px: tuple[int, int] | None = None
        self._camera: Picture | None = None
        self._masks: tuple[Look, Masks] | None = None
        self._patch: tuple[Layout, Picture, Patch] | None = None
        self._aside: tuple[Rect, NDArray[np.uint8], NDArray[np.uint8]] | None = None
        self._laid: tuple[Layout, Patch] | None = None

    @property
    def changed(self) -> list[Rect]:
        """Where the image differs from when it was encoded last, at most."""
        return self._canvas.changed

    def screen(self, frame: Frame) -> None:
        """Take in what changed on the screen and release the frame.

        A picture of another size than the output (the display mode changed in mid-take) is scaled
        to fit and centred on black.
        """
        try:
            if frame.image is not None and not frame.is_idle:
                self._take_screen(frame)
        finally:
            frame.release()

    def camera(self, frame: Frame | None) -> None:
        """Take in the newest camera picture and release it; None = no camera any more.

        What the overlay last composed shows of it is scaled; if the next one shows more or has
        another size, it is scaled once more, until the camera delivers again.
        """
        if frame is None:
            self._camera = None
            return
        try:
            if frame.image is not None:
                layout = lay_out(self._overlay, self._size_px, (frame.width_px, frame.height_px))
                self._camera = self._camera_scaler.scale(frame, *layout.scaled_px, layout.crop)
        finally:
            frame.release()

    def compose(self, overlay: Overlay) -> object:
        """Return the canvas, an `av.VideoFrame`, with the camera laid over it if it is visible."""
        self._overlay = overlay
        if not overlay.is_visible or self._camera is None:
            self._uncover()
            return self._canvas.frame
        layout = lay_out(overlay, self._size_px, self._camera.source_px)
        patch = self._ready_patch(layout)
        if self._laid is None or patch is not self._laid[1]:
            self._lay_on(layout, patch)
        return self._canvas.frame

    @property
    def _size_px(self) -> tuple[int, int]:
        return self._canvas.width_px, self._canvas.height_px

    def _take_screen(self, frame: Frame) -> None:
        """Draw the picture's changed parts onto the bare canvas."""
        size_px = frame.width_px, frame.height_px
        damage = frame.damage
        if size_px != self._screen_px:
            self._uncover()
            self._canvas.blacken()
            self._screen_px = size_px
            damage = None
        is_native = (size_px[0] & ~1, size_px[1] & ~1) == self._size_px
        if is_native and frame.pixel_format is PixelFormat.BGRA:
            pixels = cast("NDArray[np.uint8]", frame.image)
            for rect in _even_rects(damage, self._canvas.rect):
                self._uncover_within(rect)
                convert_rect(pixels, self._canvas, rect)
        else:
            self._uncover()
            self._draw_scaled(frame)

    def _draw_scaled(self, frame: Frame) -> None:
        """Draw a picture of another size or format into the middle of the canvas."""
        rect = _fitted((frame.width_px, frame.height_px), self._size_px)
        picture = self._screen_scaler.scale(frame, rect.width_px, rect.height_px)
        luma, chroma = self._canvas.part(rect)
        luma[:] = picture.y
        chroma[:] = picture.uv

    def _ready_patch(self, layout: Layout) -> Patch:
        """Return the camera picture weighted for `layout`; made once per picture and layout."""
        assert self._camera is not None
        if not self._camera.shows(layout.scaled_px, layout.crop):
            self._camera = self._camera_scaler.rescale(self._camera, layout.scaled_px, layout.crop)
        if self._patch and self._patch[0] == layout and self._patch[1] is self._camera:
            return self._patch[2]
        if self._masks is None or self._masks[0] != layout.look:
            self._masks = layout.look, make_masks(layout.look)
        former = self._patch[2] if self._patch and self._patch[0] == layout else None
        patch = make_patch(layout, self._masks[1], self._camera, former)
        self._patch = layout, self._camera, patch
        return patch

    def _lay_on(self, layout: Layout, patch: Patch) -> None:
        """Blend `patch` into its place, from the bare pixels set aside before."""
        roi = layout.roi
        if self._aside and self._aside[0] != roi:
            self._uncover()
        # With another picture in the same place its shadow stays as it is.
        area = layout.picture if self._laid and self._laid[0] == layout else roi
        luma, chroma = self._canvas.part(area)
        if self._aside is None:
            self._aside = roi, luma.copy(), chroma.copy()
        within = Rect(area.x_px - roi.x_px, area.y_px - roi.y_px, area.width_px, area.height_px)
        bare_luma, bare_chroma = part_of(self._aside[1], self._aside[2], within)
        patch_within = patch.part(within)
        lay_on(bare_luma, patch_within.luma, luma)
        lay_on(bare_chroma, patch_within.chroma, chroma)
        self._laid = layout, patch

    def _uncover_within(self, rect: Rect) -> None:
        """Uncover the screen if the overlay touches `rect`."""
        if self._aside and self._aside[0].intersection(rect):
            self._uncover()

    def _uncover(self) -> None:
        """Put the bare screen pixels back where the overlay lies."""
        if self._aside is None:
            return
        roi, bare_luma, bare_chroma = self._aside
        luma, chroma = self._canvas.part(roi)
        luma[:] = bare_luma
        chroma[:] = bare_chroma
        self._aside = self._laid = None


def _even_rects(damage: tuple[Rect, ...] | None, canvas: Rect) -> list[Rect]:
    """Return what to convert: the damage grown to even edges and cut at the canvas."""
    if damage is None:
        return [canvas]
    rects = [even for rect in damage if (even := _evened(rect, canvas))]
    if len(rects) > MAX_DAMAGE_RECTS:
        rects = [union(rects)]
    covered_px = sum(rect.width_px * rect.height_px for rect in rects)
    return [canvas] if covered_px >= canvas.width_px * canvas.height_px else rects


def _evened(rect: Rect, canvas: Rect) -> Rect | None:
    """Return the smallest rectangle of even edges that holds what of `rect` is on the canvas, which
    begins at (0, 0) and is even; None = nothing."""
    x_px, y_px = max(rect.x_px & ~1, 0), max(rect.y_px & ~1, 0)
    width_px = min(rect.right_px + 1 & ~1, canvas.width_px) - x_px
    height_px = min(rect.bottom_px + 1 & ~1, canvas.height_px) - y_px
    return Rect(x_px, y_px, width_px, height_px) if width_px > 0 and height_px > 0 else None


def _fitted(size_px: tuple[int, int], output_px: tuple[int, int]) -> Rect:
    """Return the even rectangle in the middle of the output that keeps the picture's aspect."""
    scale = min(output_px[0] / size_px[0], output_px[1] / size_px[1])
    width_px = min(max(2, round(size_px[0] * scale / 2) * 2), output_px[0])
    height_px = min(max(2, round(size_px[1] * scale / 2) * 2), output_px[1])
    x_px, y_px = (output_px[0] - width_px) // 2 & ~1, (output_px[1] - height_px) // 2 & ~1
    return Rect(x_px, y_px, width_px, height_px)
