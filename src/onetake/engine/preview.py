"""Small pictures of what goes into the file, made only while somebody looks.

A picture is made on the video lane's thread, because only there the canvas holds still; it costs
under a millisecond and happens at most `PREVIEWS_PER_S` times a second, and only after a request.
Images that do hold still (a native compositor's) are made small on the thread of whoever looks.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from onetake.clock import Clock
from onetake.errors import OnetakeError
from onetake.model.units import NS_PER_S
from onetake.platforms.contract import Shrinker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PREVIEWS_PER_S", "PreviewTap"]

PREVIEWS_PER_S = 12
"""Most previews a second: enough to see movement; more costs the encoder's CPU."""


class PreviewTap:
    """`request` and `latest` from any thread, `offer` on the video lane's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wanted_width_px = 0
        self._next_ns = 0
        self._reformatter: Any = None
        self._latest: NDArray[np.uint8] | None = None
        self._waiting: tuple[Shrinker, object, int] | None = None
        """The newest native image that was wanted, and how wide at most."""

    def request(self, max_width_px: int) -> None:
        """Ask for one picture of at most this width, soon."""
        self._wanted_width_px = max_width_px

    def latest(self) -> NDArray[np.uint8] | None:
        """Return the newest picture, uint8 RGB (height, width, 3), never written to again; None
        before the first."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            shrinker, image, width_px = waiting
            with contextlib.suppress(OnetakeError):  # no memory for a preview is no reason to fail
                self._latest = shrinker.small_copy(image, width_px)
        return self._latest

    def offer(self, image: object, compositor: object = None) -> None:
        """Make a preview of a composed picture if one is wanted. `compositor` has made it, and is
        asked for a copy where nobody else can read it."""
        width_px, now_ns = self._wanted_width_px, self._clock.now_ns()
        if not width_px or now_ns < self._next_ns:
            return
        self._wanted_width_px = 0
        self._next_ns = now_ns + NS_PER_S // PREVIEWS_PER_S
        import av
        from av.video.reformatter import VideoReformatter

        if not isinstance(image, av.VideoFrame):
            if isinstance(compositor, Shrinker):
                self._waiting = (compositor, image, width_px)
            return
        if self._reformatter is None:
            self._reformatter = VideoReformatter()
        scale = min(1.0, width_px / image.width)
        small = self._reformatter.reformat(
            image,
            width=max(2, round(image.width * scale)),
            height=max(2, round(image.height * scale)),
            format="rgb24",
        )
        self._latest = small.to_ndarray()
