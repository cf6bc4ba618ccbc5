"""How long the disk will last, and when the take has to end because of it. Pure.

A full disk is met before it is full: the take is ended cleanly while there is room to finish it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from onetake.model.units import NS_PER_S

__all__ = ["RESERVE_BYTES", "WARN_MINUTES", "DiskState", "DiskWatch"]

RESERVE_BYTES = 16 << 20
"""Room that is never written into: finishing an 8 h take needs about 10 MB for its index. Smaller
risks a file that cannot be finished; larger refuses small disks for nothing."""

RESERVE_S = 10.0
"""The reserve is at least this many seconds of the current bit rate: what other threads may still
have in memory when the stop comes."""

WARN_MINUTES = 10.0
"""Warn when less than this is left: time enough to delete something without stopping."""

STALL_NS = 3 * NS_PER_S
"""A disk that takes nothing for so long hangs: sound alone is written twice a second. Shorter warns
of a disk that only spins up; longer leaves less of the minute that fits into memory."""

WINDOW_NS = 20 * NS_PER_S
"""The bit rate is that of the last 20 s: shorter jumps with every scene, longer answers late."""


@dataclass(frozen=True, slots=True)
class DiskState:
    """What is known of the disk now."""

    free_bytes: int = 0
    minutes_left: float | None = None
    """None while the bit rate is not known yet."""
    is_low: bool = False
    is_full: bool = False
    is_stalled: bool = False
    """Whether it has taken nothing for `STALL_NS`."""


class DiskWatch:
    """Told (time, free bytes, bytes written) about once a second; one thread."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque()
        self._grown_ns = 0
        self._grown_bytes = -1
        self.state = DiskState()

    def update(
        self, host_ns: int, free_bytes: int, written_bytes: int, *, is_paused: bool = False
    ) -> DiskState:
        """Take a measurement in and return what follows from it. Paused, nothing is written."""
        # Looked at so late, it is not the disk that stood still but we.
        is_late = bool(self._seen) and host_ns - self._seen[-1][0] > STALL_NS
        if written_bytes != self._grown_bytes or is_paused or is_late:
            self._grown_ns, self._grown_bytes = host_ns, written_bytes
        self._seen.append((host_ns, written_bytes))
        while host_ns - self._seen[0][0] > WINDOW_NS:
            self._seen.popleft()
        first_ns, first_bytes = self._seen[0]
        seconds = (host_ns - first_ns) / NS_PER_S
        rate = (written_bytes - first_bytes) / seconds if seconds >= 1.0 else 0.0
        reserve_bytes = max(RESERVE_BYTES, rate * RESERVE_S)
        usable_bytes = max(0.0, free_bytes - reserve_bytes)
        minutes_left = usable_bytes / rate / 60.0 if rate > 0.0 else None
        self.state = DiskState(
            free_bytes,
            minutes_left,
            is_low=minutes_left is not None and minutes_left < WARN_MINUTES,
            is_full=free_bytes <= reserve_bytes,
            is_stalled=host_ns - self._grown_ns >= STALL_NS,
        )
        return self.state
