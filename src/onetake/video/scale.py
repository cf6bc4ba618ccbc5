"""Any picture PyAV can read, scaled to NV12, BT.709, limited range.

For cameras (each picture once, whatever they deliver) and for screens whose size is not the
output's. Invariant: what comes out is owned by the caller and shares nothing with what was lent,
and its pixels are BT.709 limited whatever the tags of the source say its own are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from onetake.model.media import Frame, PixelFormat
from onetake.video.canvas import tag_bt709, views

__all__ = ["Picture", "Scaler"]


@dataclass(frozen=True, slots=True)
class Picture:
    """An owned NV12 picture, BT.709 limited."""

    frame: av.VideoFrame
    y: NDArray[np.uint8]
    """Luma, shape (height, width)."""
    uv: NDArray[np.uint8]
    """Chroma, shape (height/2, width/2, 2), Cb before Cr."""
    source_px: tuple[int, int]
    """(width, height) of the picture it was made from: its aspect."""


class Scaler:
    """Scales pictures of one source. Keeps the scaler's tables between calls. One thread."""

    def __init__(self) -> None:
        # A reformatter of its own: `VideoFrame.reformat` builds the tables anew for every frame.
        self._reformatter = VideoReformatter()

    def scale(self, frame: Frame, width_px: int, height_px: int) -> Picture:
        """Return the picture of `frame` at an even size. Does not release the frame.

        Untagged Y'CbCr is taken for BT.601 limited (or full for the yuvj formats): that is what
        webcams deliver and what FFmpeg assumes.
        """
        picture = self._to_nv12(_lent(frame), width_px, height_px)
        return Picture(*picture, source_px=(frame.width_px, frame.height_px))

    def rescale(self, picture: Picture, width_px: int, height_px: int) -> Picture:
        """Return `picture` at another even size, until a new one comes from the camera."""
        rescaled = self._to_nv12(picture.frame, width_px, height_px)
        return Picture(*rescaled, source_px=picture.source_px)

    def _to_nv12(
        self, image: av.VideoFrame, width_px: int, height_px: int
    ) -> tuple[av.VideoFrame, NDArray[np.uint8], NDArray[np.uint8]]:
        # Without the destination's matrix and range swscale writes BT.601. AREA: the cheapest
        # filter that averages every source pixel in when shrinking (bilinear aliases text).
        scaled = self._reformatter.reformat(
            image,
            width_px,
            height_px,
            "nv12",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.AREA,
            threads=1,
        )
        if scaled is image:
            # Nothing to do, so PyAV hands the lent frame itself back: take a copy of its pixels.
            scaled = av.VideoFrame(width_px, height_px, "nv12")
            tag_bt709(scaled)
            for own, lent in zip(views(scaled), views(image), strict=True):
                own[:] = lent
        return scaled, *views(scaled)


def _lent(frame: Frame) -> av.VideoFrame:
    """Return the frame's image as PyAV sees it, without copying a pixel."""
    if frame.pixel_format is PixelFormat.BGRA:
        return av.VideoFrame.from_numpy_buffer(cast("NDArray[np.uint8]", frame.image), "bgra")
    if isinstance(frame.image, av.VideoFrame):
        return frame.image
    raise TypeError(f"the portable compositor cannot read {frame.pixel_format} pictures")
