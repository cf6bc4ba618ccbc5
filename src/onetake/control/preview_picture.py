"""Pictures for people who watch from elsewhere: JPEG and PNG from the take's preview.

Invariant: nothing here runs on a thread of the take.
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onetake.control.controller import Controller

__all__ = ["fitted_size_px", "fresh_picture", "jpeg", "png", "scaled"]

JPEG_QSCALE = 5
"""FFmpeg's quantiser of the preview, 2 (best) to 31: 5 is 13 KiB for 640x360 of a desktop; text
stays readable. Lower doubles the bytes, higher smears letters."""


_LOOK_S = 0.01
"""How often a new picture is looked for; they come at most every 83 ms."""


def jpeg(picture: NDArray[np.uint8], qscale: int = JPEG_QSCALE) -> bytes:
    """Return the picture (uint8 RGB, shape (height, width, 3)) as a JPEG file.

    Args:
        qscale: quantiser, 2 (best) to 31 (smallest).
    """
    frame = _frame(picture).reformat(format="yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.options = {"qmin": str(qscale), "qmax": str(qscale), "strict": "-1"}
    return _encoded(encoder, frame)


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return the picture (uint8 RGB, shape (height, width, 3)) as a PNG file."""
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    return _encoded(encoder, _frame(picture))


def scaled(picture: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the picture (uint8 RGB, shape (height, width, 3)) in another size, as a copy."""
    width_px, height_px = size_px
    frame = _frame(picture).reformat(width=width_px, height=height_px, interpolation="AREA")
    return np.asarray(frame.to_ndarray(), dtype=np.uint8)


def fresh_picture(
    controller: Controller, max_width_px: int, timeout_s: float
) -> NDArray[np.uint8] | None:
    """Return a picture of now, uint8 RGB (height, width, 3); the latest there is when no new one
    comes in time, None when nothing is recorded. Blocks; never call it on a network thread."""
    before = controller.preview(max_width_px)
    give_up_s = time.monotonic() + timeout_s
    while controller.is_recording and time.monotonic() < give_up_s:
        picture = controller.latest_preview()
        if picture is not None and picture is not before:
            return picture
        time.sleep(_LOOK_S)
    return before


def fitted_size_px(
    size_px: tuple[int, int], width_px: int | None, height_px: int | None
) -> tuple[int, int]:
    """Return the largest size with the same shape that fits into the given box; None = any."""
    share = min(
        1.0 if width_px is None else width_px / size_px[0],
        1.0 if height_px is None else height_px / size_px[1],
    )
    if width_px is None and height_px is None:
        share = 1.0
    elif width_px is None:
        share = (height_px or 1) / size_px[1]
    elif height_px is None:
        share = width_px / size_px[0]
    return max(2, round(size_px[0] * share)), max(2, round(size_px[1] * share))


def _frame(picture: NDArray[np.uint8]) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")


def _encoded(encoder: av.VideoCodecContext, frame: av.VideoFrame) -> bytes:
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt = frame.format.name
    encoder.time_base = Fraction(1, 30)
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
