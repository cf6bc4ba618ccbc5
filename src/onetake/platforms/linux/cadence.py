"""When the next picture is due: an even grid on the monotonic clock.

Invariant: picture n is due at start + n/fps, computed, never summed, so the cadence does not drift
by the rounding of a period (x11grab's truncated 33 333 us drift by 10 ppm). A late tick skips the
ones it missed: a burst of catching-up frames would show the same picture several times.
"""

from __future__ import annotations

from onetake.model.units import NS_PER_S

__all__ = ["Cadence"]


class Cadence:
    """A grid of `fps` ticks a second that starts at `start_ns`. Pure: it is told the time."""

    def __init__(self, start_ns: int, fps: int) -> None:
        self._start_ns = start_ns
        self._fps = fps
        self._tick = 0
        self.skipped = 0
        """Ticks that were missed."""

    def next_due_ns(self, now_ns: int) -> int:
        """Return the next tick after `now_ns` and after the tick returned before."""
        passed = (now_ns - self._start_ns) * self._fps // NS_PER_S
        tick = max(self._tick + 1, passed + 1)
        self.skipped += tick - self._tick - 1
        self._tick = tick
        return self._start_ns + tick * NS_PER_S // self._fps
