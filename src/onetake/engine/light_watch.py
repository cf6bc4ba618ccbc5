"""Notices a black picture while there is still time to do something about it.

A screen that is black for seconds is rarely meant: a permission was not given, the wrong display
was chosen, a graphics driver hides its windows from recorders.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onetake.model.units import NS_PER_MS, NS_PER_S

__all__ = ["LightWatch"]

BLACK_NS = 3 * NS_PER_S
"""Black for so long is told. Shorter: every fade to black in a film is told. Longer: half a minute
of talk is spoilt before anybody knows."""

LOOK_EVERY_NS = 500 * NS_PER_MS
"""How often a picture is looked at. More often costs CPU; less often notices later."""

LIGHT_LUMA = 24
"""A picture with a brighter pixel is not black: limited range has black at 16."""

Warn = Callable[[str, str, str], None]


class LightWatch:
    """Shown what goes into the file, on the video lane's thread; `has_seen_light` on any.

    Args:
        warn: told (code, message, hint).
    """

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._next_ns = 0
        self._dark_since_ns: int | None = None
        self._is_told = False
        self.has_seen_light = False
        """Whether any picture was brighter than black."""

    def see(self, position_ns: int, image: object) -> None:
        """Look at a picture, if it is time to; native pictures, which cannot be read, are let
        pass."""
        if self.has_seen_light and position_ns < self._next_ns:
            return
        self._next_ns = position_ns + LOOK_EVERY_NS
        is_bright = _is_bright(image)
        if is_bright is None:
            return
        if is_bright:
            self.has_seen_light = True
            self._dark_since_ns, self._is_told = None, False
            return
        if self._dark_since_ns is None:
            self._dark_since_ns = position_ns
        if not self._is_told and position_ns - self._dark_since_ns >= BLACK_NS:
            self._is_told = True
            hint = "check which screen is recorded, and whether this program may see it"
            self._warn("screen-black", "the picture has been black for seconds", hint)


def _is_bright(image: object) -> bool | None:
    """Whether a portable picture shows anything but black, by every eighth pixel of every eighth
    row; None for native pictures."""
    import av

    if not isinstance(image, av.VideoFrame):
        return None
    plane = image.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return bool(rows[: image.height : 8, : image.width : 8].max(initial=0) > LIGHT_LUMA)
