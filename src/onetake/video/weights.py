"""The numbers of the conversion from BGRA to Y'CbCr, BT.709, limited range, in fixed point.

    Y  =  16 + 219/255 (0.2126 R + 0.7152 G + 0.0722 B)
    Cb = 128 + 224/255 (B - Y') / 1.8556        Y' = 0.2126 R + 0.7152 G + 0.0722 B
    Cr = 128 + 224/255 (R - Y') / 1.5748        of the mean of 2x2 pixels (centre-sited)

(ITU-R BT.709-6, 3.2 to 3.5.) `_kernel.c` holds the same numbers; a test compares what they give.
"""

from __future__ import annotations

__all__ = [
    "CB_WEIGHTS",
    "CHROMA_BITS",
    "CR_WEIGHTS",
    "C_BIAS",
    "LUMA_BITS",
    "Y_BIAS",
    "Y_WEIGHTS",
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
