"""The one picture everything is drawn into, kept for the whole take.

Invariant: the planes are written in place and the frame is handed to the encoder again and again;
the encoders copy it before their call returns (measured for x264, x265 and SVT-AV1), so nothing is
allocated or copied for a frame that did not change.
"""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.video.changes import Changes

__all__ = ["BLACK_LUMA", "NEUTRAL_CHROMA", "WHITE_LUMA", "Canvas", "part_of", "tag_bt709", "views"]

BLACK_LUMA = 16
"""Code value of black in limited range (ITU-R BT.709-6, 8 bit)."""

WHITE_LUMA = 235
"""Code value of white in limited range."""

NEUTRAL_CHROMA = 128
"""Code value of no colour."""


class Canvas:
    """An NV12 picture, BT.709, limited range, with its planes as arrays.

    Owns the frame; `y` and `uv` are views into it and live as long as the canvas. Whoever writes
    takes the views of `part`: the frame tells the encoder where nothing was written. One thread.
    """

    def __init__(self, width_px: int, height_px: int) -> None:
        if width_px < 2 or height_px < 2 or width_px % 2 or height_px % 2:
            raise ValueError(f"a canvas needs even sizes of at least 2, not {width_px}x{height_px}")
        self.width_px, self.height_px = width_px, height_px
        self.frame = av.VideoFrame(width_px, height_px, "nv12")
        tag_bt709(self.frame)
        self.y, self.uv = views(self.frame)
        self._changes = Changes(self.frame)
        self.blacken()

    @property
    def rect(self) -> Rect:
        """The whole canvas."""
        return Rect(0, 0, self.width_px, self.height_px)

    @property
    def changed(self) -> list[Rect]:
        """Where somebody wrote since the frame was encoded, in whole blocks."""
        return self._changes.rects()

    def blacken(self) -> None:
        """Paint everything black."""
        luma, chroma = self.part(self.rect)
        luma[:] = BLACK_LUMA
        chroma[:] = NEUTRAL_CHROMA

    def part(self, rect: Rect) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the planes within `rect` (even edges, inside the canvas) as writable views:
        luma (height, width) and chroma (height/2, width/2, 2), Cb before Cr. What lies there counts
        as changed until the frame is encoded, so write at once."""
        self._changes.add(rect)
        return part_of(self.y, self.uv, rect)


def part_of(
    luma: NDArray[np.uint8], chroma: NDArray[np.uint8], rect: Rect
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return views of what planes like those of `views` show within `rect`, of even edges."""
    x, y, right, bottom = rect.x_px, rect.y_px, rect.right_px, rect.bottom_px
    return luma[y:bottom, x:right], chroma[y // 2 : bottom // 2, x // 2 : right // 2]


def tag_bt709(frame: av.VideoFrame) -> None:
    """Say on the frame what its pixels are: BT.709, limited range."""
    frame.colorspace = Colorspace.ITU709
    frame.color_range = ColorRange.MPEG
    frame.color_primaries = ColorPrimaries.BT709
    frame.color_trc = ColorTrc.BT709


def views(frame: av.VideoFrame) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return an NV12 frame's planes without copying: luma (height, width) and chroma
    (height/2, width/2, 2), both uint8, rows strided by the frame's line size."""
    luma, chroma = frame.planes
    width_px, height_px = frame.width, frame.height
    # The plane's own line size: `from_numpy_buffer` misplaces the chroma of heights 4n+2.
    y = np.frombuffer(memoryview(luma), np.uint8).reshape(-1, luma.line_size)[:height_px, :width_px]
    uv = np.frombuffer(memoryview(chroma), np.uint8).reshape(-1, chroma.line_size)[
        : height_px // 2, :width_px
    ]
    return y, uv.reshape(height_px // 2, width_px // 2, 2)
