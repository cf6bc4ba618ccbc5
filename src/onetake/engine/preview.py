"""Small pictures of what goes into the file, made only while somebody looks.

A picture is made on the video lane's thread, because only there the canvas holds still; it costs
under a millisecond and happens at most `PREVIEWS_PER_S` times a second, and only after a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onetake.clock import Clock
from onetake.model.units import NS_PER_S

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

    def request(self, max_width_px: int) -> None:
        """Ask for one picture of at most this width, soon."""
        self._wanted_width_px = max_width_px

    def latest(self) -> NDArray[np.uint8] | None:
        """Return the newest picture, uint8 RGB (height, width, 3), never written to again; None
        before the first."""
        return self._latest

    def offer(self, image: object) -> None:
        """Make a preview of a composed picture if one is wanted. Native pictures (macOS) cannot be
        read here and are passed over."""
        width_px, now_ns = self._wanted_width_px, self._clock.now_ns()
        if not width_px or now_ns < self._next_ns:
            return
        self._wanted_width_px = 0
        self._next_ns = now_ns + NS_PER_S // PREVIEWS_PER_S
        import av
        from av.video.reformatter import VideoReformatter

        if not isinstance(image, av.VideoFrame):
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
