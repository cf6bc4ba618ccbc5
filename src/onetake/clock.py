"""The host clock: integer nanoseconds of the monotonic clock that every stamp refers to.

Only the edges (platforms, engine) hold a clock; the pure rooms are handed times as values.
`CLOCK_MONOTONIC` is what V4L2, PipeWire and the portal stamp with, and on macOS
`time.monotonic_ns` shares the mach base of CoreMedia's host clock.
"""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "HostClock", "VirtualClock"]


class Clock(Protocol):
    """Tells the host time."""

    def now_ns(self) -> int:
        """Return the host time in ns. Any thread."""
        ...


class HostClock:
    """The machine's monotonic clock."""

    def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC in ns."""
        return time.monotonic_ns()


class VirtualClock:
    """A clock that moves only when told: makes hours of take run in seconds, and repeatably.

    Single-threaded use only.
    """

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Return the virtual time in ns."""
        return self._now_ns

    def advance_to(self, now_ns: int) -> None:
        """Move forward to `now_ns`; going back is a bug in the test and raises ValueError."""
        if now_ns < self._now_ns:
            raise ValueError(f"the clock cannot go back from {self._now_ns} to {now_ns}")
        self._now_ns = now_ns
