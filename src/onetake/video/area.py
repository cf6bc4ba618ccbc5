"""Which pictures the loop `shrink` can make smaller, and the numbers it does it by.

Most cameras deliver 8-bit Y'CbCr larger than it is shown. Invariant: every output value is the
mean of the source it covers, each plane in its own grid, chroma in the middle of its pixels; so a
part is the same bytes whether it is made alone or cut out of the whole.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.video import pixels

__all__ = ["Taps", "can_shrink", "shrink", "taps", "thinned"]

MAX_RATIO = 32
"""How much smaller at most. Chroma of 4:2:2 then has 64 weights of 4 in 256, wrong by an eighth at
most; with smaller ones single source rows would begin to weigh nothing."""

_PACKED = {"yuyv422": (0, 1), "uyvy422": (1, 0)}
"""Where in a packed format luma and chroma begin."""

_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})

_KNOWN = _PLANAR | _PACKED.keys() | {"nv12"}

Values = NDArray[np.uint8]
"""A plane, or what belongs together of a packed one: (height, width, 1), or 2 for Cb and Cr."""


class Taps(NamedTuple):
    """How the outputs along one axis are made of source values; read-only, in one piece."""

    first: NDArray[np.int32]
    """Shape (n,): the first source value of each output."""
    weights: NDArray[np.int16]
    """Shape (n, taps): of the values from there on, in 256ths; each row sums to 256."""


def can_shrink(image: av.VideoFrame, scaled_px: tuple[int, int]) -> bool:
    """Whether `shrink` can make this picture as small: 8-bit Y'CbCr of even size, no enlarging."""
    name, (width_px, height_px) = image.format.name, (image.width, image.height)
    # A negative line size is a picture stored upside down.
    return (
        name in _KNOWN
        and width_px % 2 == height_px % 2 == 0
        and scaled_px[0] <= width_px <= scaled_px[0] * MAX_RATIO
        and scaled_px[1] <= height_px <= scaled_px[1] * MAX_RATIO
        and all(plane.line_size > 0 for plane in image.planes)
    )


def shrink(
    image: av.VideoFrame, scaled_px: tuple[int, int], crop: Rect, luma: Values, chroma: Values
) -> None:
    """Write the part `crop` (even edges) of `image` scaled to `scaled_px`, in its own colours.

    `luma` (height, width) and `chroma` (height/2, width/2, 2) are as large as the crop. To be asked
    of what `can_shrink` only.
    """
    half_px = scaled_px[0] // 2, scaled_px[1] // 2
    half = Rect(crop.x_px // 2, crop.y_px // 2, crop.width_px // 2, crop.height_px // 2)
    of_luma, of_chroma = _values(image)
    _shrink_plane(of_luma, scaled_px, crop, luma[..., np.newaxis])
    if len(of_chroma) == 1:
        _shrink_plane(of_chroma[0], half_px, half, chroma)
        return
    for index, values in enumerate(of_chroma):
        _shrink_plane(values, half_px, half, chroma[..., index : index + 1])


def thinned(image: av.VideoFrame, height_px: int) -> av.VideoFrame:
    """Return a copy of `height_px` (even, at most all) evenly spaced rows of `image`, in its own
    format and colours: all of the picture, for a fraction of the reading."""
    copy = av.VideoFrame(image.width, height_px, image.format.name)
    copy.colorspace, copy.color_range = image.colorspace, image.color_range
    for lent, own in zip(image.planes, copy.planes, strict=True):
        length = min(lent.line_size, own.line_size)
        rows, chosen = _rows(lent, length, lent.height), _middle_rows(lent.height, own.height)
        if rows.flags.c_contiguous:  # else `take` would copy all of them first
            np.take(rows, chosen, 0, _rows(own, length, own.height), "clip")
        else:
            _rows(own, length, own.height)[:] = rows[chosen]
    return copy


@lru_cache(maxsize=32)
def _middle_rows(count: int, groups: int) -> NDArray[np.int64]:
    """Return the middle row of each of as many equal groups of `count` rows."""
    return (2 * np.arange(groups) + 1) * count // (2 * groups)


@lru_cache(maxsize=32)
def taps(count: int, scaled: int, start: int, length: int) -> tuple[int, int, Taps]:
    """Return how outputs `start` to `start + length` of `scaled` <= `count` are made: the range of
    source values they need, and the taps within it."""
    outputs = np.arange(start, start + length, dtype=np.int64)
    # In units of one `scaled`th of a source value everything is an integer.
    left, right = outputs * count, (outputs + 1) * count
    first = left // scaled
    most = int((-(-right // scaled) - first).max())
    first = np.minimum(first, count - most)
    edges = (first[:, np.newaxis] + np.arange(most + 1)) * scaled
    covered = np.clip(edges, left[:, np.newaxis], right[:, np.newaxis]) - left[:, np.newaxis]
    # The edges are rounded, not the widths: so the widths sum to 256.
    weights = np.diff((covered * 512 + count) // (2 * count), axis=1)
    low, high = int(first[0]), int(first[-1]) + most
    numbers = Taps((first - low).astype(np.int32), np.ascontiguousarray(weights, np.int16))
    for array in numbers:
        array.flags.writeable = False
    return low, high, numbers


def _shrink_plane(values: Values, scaled: tuple[int, int], crop: Rect, out: Values) -> None:
    """Write the part `crop` of `values` scaled to (width, height) `scaled`."""
    height, width = values.shape[:2]
    top, bottom, rows = taps(height, scaled[1], crop.y_px, crop.height_px)
    left, right, columns = taps(width, scaled[0], crop.x_px, crop.width_px)
    pixels.shrink(values[top:bottom, left:right], rows, columns, out)


def _values(image: av.VideoFrame) -> tuple[Values, list[Values]]:
    """Return luma and, together or one by one, Cb and Cr, without copying."""
    width_px, height_px = image.width, image.height
    if image.format.name in _PACKED:
        luma_at, chroma_at = _PACKED[image.format.name]
        packed = _rows(image.planes[0], 2 * width_px, height_px)
        luma = packed.reshape(height_px, width_px, 2)[..., luma_at : luma_at + 1]
        return luma, [packed.reshape(height_px, width_px // 2, 4)[..., chroma_at::2]]
    luma = _rows(image.planes[0], width_px, height_px)[..., np.newaxis]
    if image.format.name == "nv12":
        both = _rows(image.planes[1], width_px, height_px // 2)
        return luma, [both.reshape(height_px // 2, width_px // 2, 2)]
    chroma = [_rows(plane, plane.width, plane.height) for plane in image.planes[1:]]
    return luma, [values[..., np.newaxis] for values in chroma]


def _rows(plane: av.video.plane.VideoPlane, length: int, height: int) -> Values:
    """Return a plane's bytes, uint8 (height, length), rows strided by its line size."""
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return lines[:height, :length]
