"""Counts the frames that reached the file, and how many of them in the last second."""

from __future__ import annotations

from collections import deque

from onetake.clock import Clock
from onetake.model.units import NS_PER_S

__all__ = ["FrameCounter"]

_MOST = 500
"""Frames remembered for the rate: two seconds at the highest frame rate."""


class FrameCounter:
    """Counted on the video lane's thread, read on any."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times_ns: deque[int] = deque(maxlen=_MOST)
        self.written = 0
        """Frames given to the writer."""
        self.dropped = 0
        """Frames the writer was not ready for."""

    def count_written(self) -> None:
        """A frame went to the writer."""
        self.written += 1
        self._times_ns.append(self._clock.now_ns())

    def count_dropped(self) -> None:
        """The writer was not ready."""
        self.dropped += 1

    def per_second(self) -> float:
        """Return how many frames were written during the last second."""
        since_ns = self._clock.now_ns() - NS_PER_S
        return float(sum(1 for time_ns in tuple(self._times_ns) if time_ns > since_ns))
