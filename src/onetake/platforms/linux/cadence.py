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

    def next_due_ns(self, now_ns: int, ticks: int = 1) -> int:
        """Return the tick that is `ticks` after the one returned before, or, if that has passed,
        the next one after `now_ns`. Those in between are left out on purpose."""
        tick = max(self._tick + ticks, self._passed(now_ns) + 1)
        self.skipped += tick - self._tick - ticks
        self._tick = tick
        return self._start_ns + tick * NS_PER_S // self._fps

    def sooner_ns(self, now_ns: int) -> int:
        """Return the next tick after `now_ns` in place of the later one returned before; if that
        one has passed, it is it."""
        self._tick = min(self._tick, self._passed(now_ns) + 1)
        return self._start_ns + self._tick * NS_PER_S // self._fps

    def _passed(self, now_ns: int) -> int:
        return (now_ns - self._start_ns) * self._fps // NS_PER_S
