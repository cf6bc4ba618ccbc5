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

from onetake.model.geometry import Rect
from onetake.model.media import Frame, PixelFormat
from onetake.video import area, pixels
from onetake.video.canvas import part_of, tag_bt709, views
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


COARSE = 6
"""How many rows less than the scaled picture has are kept of the whole, beside a cropped picture.
Smaller numbers cost time with every picture, larger ones show stripes for the moment in which the
overlay suddenly shows more of it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What an overlay shows of a picture: owned, NV12, BT.709 limited."""

    frame: av.VideoFrame
    """The pixels; may reach beyond the crop."""
    place: Rect
    """Which part of the scaled picture `frame` is; even edges."""
    scaled_px: tuple[int, int]
    """(width, height) the whole picture is scaled to."""
    crop: Rect
    """The part of the scaled picture that is shown; even edges, within `place`."""
    source_px: tuple[int, int]
    """(width, height) of the picture it was made from: its aspect."""
    y: NDArray[np.uint8]
    """Luma of the crop, shape (height, width): a view."""
    uv: NDArray[np.uint8]
    """Chroma of the crop, shape (height/2, width/2, 2), Cb before Cr: a view."""
    coarse: av.VideoFrame | None = None
    """Some rows of the whole source, as it came; None where `frame` is all of it."""

    def shows(self, scaled_px: tuple[int, int], crop: Rect) -> bool:
        """Whether it is what an overlay of this layout shows."""
        return self.scaled_px == scaled_px and self.crop == crop


class Scaler:
    """Scales pictures of one source. Keeps the scaler's tables between calls. One thread."""

    def __init__(self) -> None:
        # A reformatter of its own: `VideoFrame.reformat` builds the tables anew for every frame.
        self._reformatter = VideoReformatter()

    def scale(
        self, frame: Frame, width_px: int, height_px: int, crop: Rect | None = None
    ) -> Picture:
        """Return what `crop` (even edges; None: all) shows of `frame` scaled to an even size.
        Does not release the frame.

        Untagged Y'CbCr is taken for BT.601 limited (or full for the yuvj formats): that is what
        webcams deliver and what FFmpeg assumes.
        """
        scaled_px = width_px, height_px
        crop = crop or Rect(0, 0, width_px, height_px)
        return self._scaled(_lent(frame), (frame.width_px, frame.height_px), scaled_px, crop)

    def rescale(self, picture: Picture, scaled_px: tuple[int, int], crop: Rect) -> Picture:
        """Return `picture` for another layout, until a new one comes from the camera: less sharp,
        and where more of it is shown than was scaled, from the coarse whole."""
        place = _moved(picture, scaled_px)
        if picture.coarse is not None and not _covers(place, crop):
            return self._scaled(picture.coarse, picture.source_px, scaled_px, crop)
        size_px = max(place.width_px, crop.width_px), max(place.height_px, crop.height_px)
        x_px = min(max(crop.x_px - place.x_px, 0), size_px[0] - crop.width_px)
        y_px = min(max(crop.y_px - place.y_px, 0), size_px[1] - crop.height_px)
        place = Rect(crop.x_px - x_px, crop.y_px - y_px, *size_px)
        scaled = self._reformatted(picture.frame, size_px, _BT709_LIMITED)
        source_px, coarse = picture.source_px, picture.coarse
        return _picture(scaled, place, scaled_px, crop, source_px, coarse=coarse)

    def _scaled(
        self,
        image: av.VideoFrame,
        source_px: tuple[int, int],
        scaled_px: tuple[int, int],
        crop: Rect,
    ) -> Picture:
        """Return what `crop` shows of `image`, whose aspect is that of `source_px`."""
        colour = _colour_of(image)
        if colour is None:
            scaled = self._reformatted(image, scaled_px, _BT709_LIMITED)
        elif area.can_shrink(image, scaled_px):
            return _shrunk(image, colour, source_px, scaled_px, crop)
        else:
            # Only scaled by swscale: it would change the matrix by way of RGB, at two to three
            # times the cost. Changing the colours afterwards costs a twentieth of it.
            scaled = self._reformatted(image, scaled_px, colour, source=colour)
            _recolour(scaled, *views(scaled), colour)
        return _picture(scaled, Rect(0, 0, *scaled_px), scaled_px, crop, source_px)

    def _reformatted(
        self,
        image: av.VideoFrame,
        size_px: tuple[int, int],
        colour: _Colour,
        *,
        source: _Colour | None = None,
    ) -> av.VideoFrame:
        """Return `image` as NV12 of this size, matrix and range; `source` overrides its tags."""
        # Without the destination's matrix and range swscale writes BT.601. AREA: the cheapest
        # filter that averages every source pixel in when shrinking (bilinear aliases text).
        scaled = self._reformatter.reformat(
            image,
            *size_px,
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
            scaled = av.VideoFrame(*size_px, "nv12")
            tag_bt709(scaled)
            for own, lent in zip(views(scaled), views(image), strict=True):
                own[:] = lent
        return scaled


def _shrunk(
    image: av.VideoFrame,
    colour: _Colour,
    source_px: tuple[int, int],
    scaled_px: tuple[int, int],
    crop: Rect,
) -> Picture:
    """Return the crop by our own loop and, if it is not all, some rows of all of it."""
    coarse = None
    if crop != Rect(0, 0, *scaled_px):
        coarse = area.thinned(image, max(2, scaled_px[1] // COARSE & ~1))
    shown = av.VideoFrame(crop.width_px, crop.height_px, "nv12")
    luma, chroma = views(shown)
    area.shrink(image, scaled_px, crop, luma, chroma)
    _recolour(shown, luma, chroma, colour)
    return Picture(shown, crop, scaled_px, crop, source_px, luma, chroma, coarse)


def _picture(
    scaled: av.VideoFrame,
    place: Rect,
    scaled_px: tuple[int, int],
    crop: Rect,
    source_px: tuple[int, int],
    *,
    coarse: av.VideoFrame | None = None,
) -> Picture:
    """Return the picture whose pixels lie at `place`, with the views of the crop."""
    x_px, y_px = crop.x_px - place.x_px, crop.y_px - place.y_px
    luma, chroma = part_of(*views(scaled), Rect(x_px, y_px, crop.width_px, crop.height_px))
    return Picture(scaled, place, scaled_px, crop, source_px, luma, chroma, coarse)


def _recolour(
    scaled: av.VideoFrame, luma: NDArray[np.uint8], chroma: NDArray[np.uint8], colour: _Colour
) -> None:
    """Turn NV12 of `colour`, whose planes these are, into BT.709 limited, in place."""
    if colour != _BT709_LIMITED:
        pixels.recolour(luma, chroma, _numbers(colour))
    tag_bt709(scaled)


def _moved(picture: Picture, scaled_px: tuple[int, int]) -> Rect:
    """Return which part the picture's pixels are once all of it is scaled to `scaled_px`."""
    place = picture.place
    factors = scaled_px[0] / picture.scaled_px[0], scaled_px[1] / picture.scaled_px[1]
    x_px, right_px = (round(edge * factors[0] / 2) * 2 for edge in (place.x_px, place.right_px))
    y_px, bottom_px = (round(edge * factors[1] / 2) * 2 for edge in (place.y_px, place.bottom_px))
    return Rect(x_px, y_px, max(2, right_px - x_px), max(2, bottom_px - y_px))


def _covers(place: Rect, crop: Rect) -> bool:
    """Whether a picture lying at `place` shows all of `crop`, but for what rounding to even sizes
    takes away."""
    return (
        place.x_px - 2 <= crop.x_px
        and place.y_px - 2 <= crop.y_px
        and place.right_px + 2 >= crop.right_px
        and place.bottom_px + 2 >= crop.bottom_px
    )


def _colour_of(image: av.VideoFrame) -> _Colour | None:
    """Return matrix and range of a Y'CbCr picture, or None where swscale has to convert: RGB, grey
    and matrices other than BT.601 and BT.709."""
    name = image.format.name
    if not _has_chroma(name):
        return None
    space = _SPACES.get(image.colorspace)
    if space is None:
        return None
    is_full = image.color_range == ColorRange.JPEG or name.startswith("yuvj")
    return _Colour(space, ColorRange.JPEG if is_full else ColorRange.MPEG)


@cache
def _has_chroma(format_name: str) -> bool:
    """Whether a format is Y'CbCr: neither RGB nor grey."""
    picture_format = av.VideoFormat(format_name)
    return not picture_format.is_rgb and len(picture_format.components) >= 3


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
