"""Any picture PyAV can read, scaled to NV12, BT.709, limited range.

For cameras (each picture once, whatever they deliver) and for screens whose size is not the
output's. Invariant: what comes out is owned by the caller and shares nothing with what was lent,
and its pixels are BT.709 limited whatever the tags of the source say its own are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from onetake.model.media import Frame, PixelFormat
from onetake.video import pixels
from onetake.video.canvas import tag_bt709, views
from onetake.video.weights import BT601, BT709, Recolouring, recolouring

__all__ = ["Picture", "Scaler"]


class _Colour(NamedTuple):
    """What Y'CbCr values mean."""

    space: Colorspace
    range: ColorRange


_BT709_LIMITED = _Colour(Colorspace.ITU709, ColorRange.MPEG)

_SPACES = {
    1: Colorspace.ITU709,  # AVCOL_SPC_BT709
    2: Colorspace.ITU601,  # AVCOL_SPC_UNSPECIFIED
    5: Colorspace.ITU601,  # AVCOL_SPC_BT470BG
    6: Colorspace.ITU601,  # AVCOL_SPC_SMPTE170M
}
"""The matrix of a frame by FFmpeg's number for its tag; PyAV has no name for some of them."""


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
        image = _lent(frame)
        source_px = frame.width_px, frame.height_px
        colour = _colour_of(image)
        if colour is None:
            return self._picture(image, width_px, height_px, _BT709_LIMITED, source_px)
        # Only scaled by swscale: it would change the matrix by way of RGB, at two to three times
        # the cost. Changing the colours of the scaled picture afterwards costs a twentieth of it.
        picture = self._picture(image, width_px, height_px, colour, source_px, source=colour)
        if colour != _BT709_LIMITED:
            pixels.recolour(picture.y, picture.uv, _numbers(colour))
            tag_bt709(picture.frame)
        return picture

    def rescale(self, picture: Picture, width_px: int, height_px: int) -> Picture:
        """Return `picture` at another even size, until a new one comes from the camera."""
        return self._picture(picture.frame, width_px, height_px, _BT709_LIMITED, picture.source_px)

    def _picture(
        self,
        image: av.VideoFrame,
        width_px: int,
        height_px: int,
        colour: _Colour,
        source_px: tuple[int, int],
        *,
        source: _Colour | None = None,
    ) -> Picture:
        """Return `image` as NV12 of this size, matrix and range; `source` overrides its tags."""
        # Without the destination's matrix and range swscale writes BT.601. AREA: the cheapest
        # filter that averages every source pixel in when shrinking (bilinear aliases text).
        scaled = self._reformatter.reformat(
            image,
            width_px,
            height_px,
            "nv12",
            src_colorspace=None if source is None else source.space,
            src_color_range=None if source is None else source.range,
            dst_colorspace=colour.space,
            dst_color_range=colour.range,
            interpolation=Interpolation.AREA,
            threads=1,
        )
        if scaled is image:
            # Nothing to do, so PyAV hands the lent frame itself back: take a copy of its pixels.
            scaled = av.VideoFrame(width_px, height_px, "nv12")
            tag_bt709(scaled)
            for own, lent in zip(views(scaled), views(image), strict=True):
                own[:] = lent
        return Picture(scaled, *views(scaled), source_px=source_px)


def _colour_of(image: av.VideoFrame) -> _Colour | None:
    """Return matrix and range of a Y'CbCr picture, or None where swscale has to convert: RGB, grey
    and matrices other than BT.601 and BT.709."""
    picture_format = image.format
    if picture_format.is_rgb or len(picture_format.components) < 3:
        return None
    space = _SPACES.get(image.colorspace)
    if space is None:
        return None
    is_full = image.color_range == ColorRange.JPEG or picture_format.name.startswith("yuvj")
    return _Colour(space, ColorRange.JPEG if is_full else ColorRange.MPEG)


@cache
def _numbers(colour: _Colour) -> Recolouring:
    matrix = BT709 if colour.space == Colorspace.ITU709 else BT601
    return recolouring(matrix, is_full_range=colour.range == ColorRange.JPEG)


def _lent(frame: Frame) -> av.VideoFrame:
    """Return the frame's image as PyAV sees it, without copying a pixel."""
    if frame.pixel_format is PixelFormat.BGRA:
        return av.VideoFrame.from_numpy_buffer(cast("NDArray[np.uint8]", frame.image), "bgra")
    if isinstance(frame.image, av.VideoFrame):
        return frame.image
    raise TypeError(f"the portable compositor cannot read {frame.pixel_format} pictures")
