"""Lets a still screen rest: after a while without a change it is asked ten times a second only.

What changes is told by the server unasked (damage, the pointer's shape, the display's mode; the
pointer's motion while one listens for it), so waiting for the connection is enough.

    still for half a second ──▶ listen for the pointer, one more tick ──▶ rest, a beat every 100 ms
    anything arrives ──▶ the very next tick of the grid, as if there had been no rest

Invariant: no picture is later than it would be without a rest; only beats are left out.
"""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.platforms.linux.x11_changes import ScreenChanges
from onetake.platforms.linux.x11_server import POLL_S, XServer

if TYPE_CHECKING:
    from onetake.clock import Clock

__all__ = ["BEAT_NS", "REST_AFTER_NS", "Rest"]

REST_AFTER_NS = 500 * NS_PER_MS
"""How long a screen must have been still before it rests, in ns. Shorter: who types goes in and
out of it; longer saves less of a screen on which a clock ticks."""

BEAT_NS = 100 * NS_PER_MS
"""Least distance of beats at rest, in ns. Longer: what is pressed shows late in a preview, and a
pointer that a program moves (which is told to nobody) late in the file; shorter saves less."""


class Rest:
    """Says how long to wait, and waits. On the source's thread.

    Args:
        server: connected.
        changes: what watches the screen.
        fps: ticks a second.
        clock: the host clock.
    """

    def __init__(self, server: XServer, changes: ScreenChanges, fps: int, clock: Clock) -> None:
        self._server = server
        self._changes = changes
        self._clock = clock
        self._ticks = max(1, fps * BEAT_NS // NS_PER_S)
        self._busy_ns = clock.now_ns()
        self._is_listening = False

    def ticks(self, *, is_still: bool) -> int:
        """Return how many ticks away the next look may be, after one that found this."""
        now_ns = self._clock.now_ns()
        if not is_still:
            self._disturb(now_ns)
        if now_ns - self._busy_ns < REST_AFTER_NS or self._ticks == 1:
            return 1
        if not self._changes.tells_all:
            return 1
        if not self._is_listening:
            # What moved before the server knew that we listen is seen at the next tick.
            self._listen(True)
            return 1
        return self._ticks

    def is_disturbed(self, due_ns: int, stop: Event) -> bool:
        """Wait until `due_ns`, a stop, or news from the server; return whether there is news.

        A stop is noticed within POLL_S. Raises as the connection does.
        """
        while not stop.is_set():
            if self._changes.has_news():
                self._disturb(self._clock.now_ns())
                return True
            left_s = (due_ns - self._clock.now_ns()) / NS_PER_S
            if left_s <= 0:
                return False
            self._server.wait_for_input(min(left_s, POLL_S))
        return False

    def _disturb(self, now_ns: int) -> None:
        self._busy_ns = now_ns
        if self._is_listening:
            self._listen(False)  # a mouse tells a thousand times a second

    def _listen(self, is_listening: bool) -> None:
        self._is_listening = is_listening
        self._changes.listen(is_listening)
