"""The numbers of the conversions to Y'CbCr, BT.709, limited range, in fixed point.

    Y  =  16 + 219/255 (0.2126 R + 0.7152 G + 0.0722 B)
    Cb = 128 + 224/255 (B - Y') / 1.8556        Y' = 0.2126 R + 0.7152 G + 0.0722 B
    Cr = 128 + 224/255 (R - Y') / 1.5748        of the mean of 2x2 pixels (centre-sited)

(ITU-R BT.709-6, 3.2 to 3.5.) `_kernel.c` holds the same numbers; a test compares what they give.
"""

from __future__ import annotations

__all__ = [
    "BT601",
    "BT709",
    "CB_WEIGHTS",
    "CHROMA_BITS",
    "CR_WEIGHTS",
    "C_BIAS",
    "LUMA_BITS",
    "RECOLOUR_BITS",
    "Y_BIAS",
    "Y_WEIGHTS",
    "Recolouring",
    "recolouring",
]

LUMA_BITS = 15
"""Fractional bits of the weights. More would not fit the signed 16-bit lanes of SIMD multipliers;
with these the error before rounding stays below 0.02 code values."""

CHROMA_BITS = LUMA_BITS + 2
"""Fractional bits of a chroma sum: that of four pixels carries two more."""

Y_WEIGHTS = (2032, 20127, 5983)
"""Luma weights of (B, G, R). They sum to 28142 = 219/255, so white is 235."""

CB_WEIGHTS = (14392, -11094, -3298)
"""Cb weights of (B, G, R). They sum to 0, so every grey is exactly 128."""

CR_WEIGHTS = (-1320, -13072, 14392)
"""Cr weights of (B, G, R). They sum to 0, so every grey is exactly 128."""

Y_BIAS = (16 << LUMA_BITS) + (1 << LUMA_BITS - 1)
"""Black's code value and the half that rounds to nearest."""

C_BIAS = (128 << CHROMA_BITS) + (1 << CHROMA_BITS - 1)
"""No colour's code value and the half that rounds to nearest."""

RECOLOUR_BITS = 14
"""Fractional bits of the numbers that change matrix and range: with full-range input a product
stays below 2^23, the error before rounding below 0.02 code values."""

BT709 = (0.2126, 0.0722)
"""Weights of R and B in luma (ITU-R BT.709-6, 3.2)."""

BT601 = (0.299, 0.114)
"""Weights of R and B in luma (ITU-R BT.601-7, 2.5.1): webcams, JPEG, standard definition."""

Recolouring = tuple[int, int, int, int, int, int, int, int]
"""(y_gain, y_bias, y_cb, y_cr, cb_cb, cb_cr, cr_cb, cr_cr), 14 fractional bits:
y' = (y y_gain + (cb-128) y_cb + (cr-128) y_cr + y_bias) >> 14, cb' and cr' likewise about 128."""


def recolouring(matrix: tuple[float, float], *, is_full_range: bool) -> Recolouring:
    """Return the numbers that turn Y'CbCr of `matrix` (weights of R and B) into BT.709 limited.

    Greys stay greys, so luma's gain depends on the range alone, and chroma takes nothing of luma.
    """
    kr, kb = matrix
    # R = Y + r_of_cr Cr, B = Y + b_of_cb Cb, G = Y + g_of_cb Cb + g_of_cr Cr (BT.601-7, BT.709-6).
    b_of_cb, r_of_cr = 2 - 2 * kb, 2 - 2 * kr
    g_of_cb, g_of_cr = -kb * b_of_cb / (1 - kr - kb), -kr * r_of_cr / (1 - kr - kb)
    red, blue = BT709
    y_cb = blue * b_of_cb + (1 - red - blue) * g_of_cb
    y_cr = red * r_of_cr + (1 - red - blue) * g_of_cr
    per_cb, per_cr = 1 / (2 - 2 * blue), 1 / (2 - 2 * red)
    # Limited range has 219 steps of luma and 224 of chroma, full range 255 of both.
    y_scale, c_scale = (219 / 255, 224 / 255) if is_full_range else (1.0, 1.0)
    y_per_c = 219 / 255 if is_full_range else 219 / 224
    y_gain = _fixed(y_scale)
    black = 0 if is_full_range else 16
    half = 1 << RECOLOUR_BITS - 1
    return (
        y_gain,
        (16 << RECOLOUR_BITS) + half - y_gain * black,
        _fixed(y_cb * y_per_c),
        _fixed(y_cr * y_per_c),
        _fixed((b_of_cb - y_cb) * per_cb * c_scale),
        _fixed(-y_cr * per_cb * c_scale),
        _fixed(-y_cb * per_cr * c_scale),
        _fixed((r_of_cr - y_cr) * per_cr * c_scale),
    )


def _fixed(value: float) -> int:
    return round(value * (1 << RECOLOUR_BITS))
