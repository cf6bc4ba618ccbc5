"""Frames out of pictures that a system lends, counted, so that it never runs out of them.

Invariant: nothing of the system's is kept but the picture a `Frame` lends, and `Frame.release` lets
go of that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from onetake.model.media import Frame, PixelFormat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Lender"]

MOST_LENT = 3
"""Most pictures of one device that may be out at a time. ScreenCaptureKit has 8; the compositor
keeps 1, the encoder up to 2, a preview 1, and 1 is on its way. More lent stalls the stream; fewer
drops frames in every hiccup."""


class Lender:
    """Makes frames of one device and counts those that are out.

    `frame` is called on the device's thread; a frame's `release` on any.

    Args:
        native: the format of the system's own pictures.
        copied: copies a picture into BGRA, (height, width, 4); None = lend it as it is.
    """

    def __init__(
        self, native: PixelFormat, copied: Callable[[object], NDArray[np.uint8]] | None
    ) -> None:
        self._native = native
        self._copied = copied
        self._out: set[int] = set()  # adding and discarding a number is atomic
        self._last_ns = -1
        self._number = 0
        self.dropped = 0
        """Pictures not handed over because too many were out."""

    def frame(self, pts_ns: int, image: object, size_px: tuple[int, int]) -> Frame | None:
        """Return a frame, or None when too many are out. None for `image` makes a beat."""
        if image is None:
            if pts_ns <= self._last_ns:
                return None
            self._last_ns = pts_ns
            return Frame(pts_ns, 0, 0, None, self._native, damage=())
        if len(self._out) >= MOST_LENT:
            self.dropped += 1
            return None
        pts_ns = self._last_ns = max(pts_ns, self._last_ns + 1)
        if self._copied is not None:
            return Frame(pts_ns, *size_px, self._copied(image), PixelFormat.BGRA)
        frame = Frame(pts_ns, *size_px, image, self._native)
        self._number += 1
        number = self._number
        self._out.add(number)

        def release() -> None:
            frame.image = None  # the last reference gives the picture back
            self._out.discard(number)

        frame.release = release
        return frame
