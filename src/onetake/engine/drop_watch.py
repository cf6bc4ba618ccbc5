"""Notices that the machine is too slow for what was asked of it. Pure.

Pictures are dropped before they are encoded, never sound; a person can only choose fewer or smaller
pictures if somebody tells them in time.
"""

from __future__ import annotations

from collections import deque

from onetake.model.events import Warned
from onetake.model.units import NS_PER_S

__all__ = ["DropWatch"]

WINDOW_NS = 5 * NS_PER_S
"""Over how long drops are counted. Shorter: one hiccup is told. Longer: told late."""

MANY = 10
"""Drops within the window that are told: one in 15 at 30 fps, which is seen as stutter. Fewer: a
single slow moment is told. More: a slide show goes unnoticed."""

AGAIN_NS = 30 * NS_PER_S
"""Least time between two warnings; more often is noise nobody reads."""


class DropWatch:
    """Told (time, pictures dropped so far); one thread."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque()
        self._told_ns: int | None = None

    def update(self, host_ns: int, dropped: int) -> Warned | None:
        """Take a count in and return what it gives reason to say."""
        self._seen.append((host_ns, dropped))
        while host_ns - self._seen[0][0] > WINDOW_NS:
            self._seen.popleft()
        recent = dropped - self._seen[0][1]
        is_told = self._told_ns is not None and host_ns - self._told_ns < AGAIN_NS
        if recent < MANY or is_told:
            return None
        self._told_ns = host_ns
        return Warned(
            "pictures-dropped",
            f"the machine is too slow: {recent} pictures were dropped in the last seconds",
            "sound is not affected; close other programs, or record with fewer frames a second",
        )
