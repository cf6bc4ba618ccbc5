"""The pixel loops in NumPy: what runs where the compiled ones could not be built.

Invariant: integers only, so each function gives exactly the bytes of its twin in `_kernel.c`
(tested); the compiled ones are four to eight times cheaper. Arrays may have strided rows; within a
row elements are adjacent.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from onetake.video.weights import (
    C_BIAS,
    CB_WEIGHTS,
    CHROMA_BITS,
    CR_WEIGHTS,
    LUMA_BITS,
    RECOLOUR_BITS,
    Y_BIAS,
    Y_WEIGHTS,
    Recolouring,
)

__all__ = ["REVISION", "blend", "convert", "recolour", "shrink", "weigh"]

REVISION = 2
"""Of these functions' arguments and results; `_kernel.c` holds the same number. To be raised with
every change of either, so that a compiled module left over from before is not used."""

Word = TypeVar("Word", np.uint16, np.uint32)

BLOCK_PX = 48 * 1024
"""Pixels converted at once. Much fewer and Python's own cost per call shows (2x at 8 rows of
1080p), many more and the five work arrays leave the second-level cache (measured 1.2x at 4K)."""


def convert(
    pixels: NDArray[np.uint8], luma: NDArray[np.uint8], chroma: NDArray[np.uint8], /
) -> None:
    """Convert BGRA `pixels`, uint8 (height, width, 4), to NV12 as `convert.py` defines it:
    `luma` (height, width) and `chroma` (height/2, width/2, 2), both written."""
    height, width = luma.shape
    rows = max(2, BLOCK_PX // width & ~1)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        _convert_block(pixels[top:bottom], luma[top:bottom], chroma[top // 2 : bottom // 2])


def blend(
    under: NDArray[np.uint8],
    keep: NDArray[np.uint16],
    add: NDArray[np.uint16],
    out: NDArray[np.uint8],
    /,
) -> None:
    """Write (under * keep + add) >> 8 to `out`, all (height, width). The sum must fit 16 bits;
    `under` and `out` may be the same array."""
    mixed = under * keep
    mixed += add
    mixed >>= np.uint16(8)
    out[:] = mixed


def weigh(
    values: NDArray[np.uint8],
    show: NDArray[np.uint16],
    fill: NDArray[np.uint16],
    add: NDArray[np.uint16],
    mirror: int,
    /,
) -> None:
    """Write values * show + fill to `add`, all (height, width). The sum must fit 16 bits.

    `mirror`: 0 = as it is; 1 = the values of a row from right to left; 2 = the same with pairs
    (Cb, Cr) kept together.
    """
    if mirror:
        height, width = values.shape
        values = values.reshape(height, width // mirror, mirror)[:, ::-1].reshape(height, width)
    np.multiply(values, show, out=add)
    add += fill


def recolour(luma: NDArray[np.uint8], chroma: NDArray[np.uint8], numbers: Recolouring, /) -> None:
    """Turn Y'CbCr of another matrix or range into BT.709 limited, in place: `luma` (height, width)
    and `chroma` (height/2, width/2, 2)."""
    y_gain, y_bias, y_cb, y_cr, *mix = numbers
    cb, cr = (chroma[..., index].astype(np.int32) - 128 for index in range(2))
    offset = cb * y_cb + cr * y_cr + y_bias
    mixed = luma * np.int32(y_gain)
    mixed += np.repeat(np.repeat(offset, 2, axis=0), 2, axis=1)
    mixed >>= RECOLOUR_BITS
    np.clip(mixed, 0, 255, out=luma, casting="unsafe")
    bias = (128 << RECOLOUR_BITS) + (1 << RECOLOUR_BITS - 1)
    for index in range(2):
        own = (cb * mix[2 * index] + cr * mix[2 * index + 1] + bias) >> RECOLOUR_BITS
        np.clip(own, 0, 255, out=chroma[..., index], casting="unsafe")


def shrink(
    values: NDArray[np.uint8],
    rows: tuple[NDArray[np.int32], NDArray[np.int16]],
    columns: tuple[NDArray[np.int32], NDArray[np.int16]],
    out: NDArray[np.uint8],
    /,
) -> None:
    """Write weighted means of `values`, uint8 (h, w, 1 or 2), to `out` (n_rows, n_columns, 1 or 2).

    `rows` and `columns` are `area.Taps`: int32 (n,), the first value of each output, and int16
    (n, taps), weights that sum to 256. Both arrays may have any strides, but the two values of a
    column of `values` must be as far apart as the columns. Rounded once, at the end.
    """
    first, weights = rows
    sums = values[first] * _standing(weights[:, 0], np.uint16)
    for tap in range(1, weights.shape[1]):
        sums += values[first + tap] * _standing(weights[:, tap], np.uint16)
    first, weights = columns
    # The axis that is picked from comes first: whole rows are copied, not single values.
    sums = np.ascontiguousarray(sums.swapaxes(0, 1))
    mixed = sums[first] * _standing(weights[:, 0], np.uint32)
    for tap in range(1, weights.shape[1]):
        mixed += sums[first + tap] * _standing(weights[:, tap], np.uint32)
    mixed += np.uint32(1 << 15)
    mixed >>= np.uint32(16)
    out[:] = mixed.swapaxes(0, 1)


def _standing(weights: NDArray[np.int16], word: type[Word]) -> NDArray[Word]:
    """Return one weight for each row of an array of three dimensions."""
    return weights.astype(word)[:, np.newaxis, np.newaxis]


def _convert_block(
    pixels: NDArray[np.uint8], luma: NDArray[np.uint8], chroma: NDArray[np.uint8], /
) -> None:
    """Convert a block small enough for the cache: shapes (h, w, 4), (h, w), (h/2, w/2, 2)."""
    # One 32-bit word a pixel: whole-word arithmetic runs in SIMD, single bytes of four do not.
    words: NDArray[np.uint32] = pixels.view("<u4")[..., 0]
    byte = np.uint32(0xFF)
    blue = words & byte
    green = words >> np.uint32(8) & byte
    red = words >> np.uint32(16) & byte
    total = green * np.uint32(Y_WEIGHTS[1])
    total += blue * np.uint32(Y_WEIGHTS[0])
    total += red * np.uint32(Y_WEIGHTS[2])
    total += np.uint32(Y_BIAS)
    total >>= np.uint32(LUMA_BITS)
    luma[:] = total
    sums = _block_sums(blue), _block_sums(green), _block_sums(red)
    for index, weights in enumerate((CB_WEIGHTS, CR_WEIGHTS)):
        mixed = sums[0] * np.int32(weights[0])
        mixed += sums[1] * np.int32(weights[1])
        mixed += sums[2] * np.int32(weights[2])
        mixed += np.int32(C_BIAS)
        mixed >>= np.int32(CHROMA_BITS)
        chroma[..., index] = mixed


def _block_sums(channel: NDArray[np.uint32]) -> NDArray[np.int32]:
    """Return the sums of 2x2 blocks: uint32 (h, w) -> int32 (h/2, w/2), each 0..1020."""
    rows = channel[::2] + channel[1::2]
    return (rows[:, ::2] + rows[:, 1::2]).view(np.int32)
