"""Notices that the recorder gets too little of the processor. Pure.

Pictures that nobody was there to grab are missing without ever having been dropped, so no counter
shows them; what shows is that a thread that does little is late with it, again and again.
"""

from __future__ import annotations

from collections import deque

from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.session.messages import Starved

__all__ = ["StarvationWatch"]

LATE_NS = 80 * NS_PER_MS
"""What is over this much too late counts. Shorter: an ordinary busy machine counts, whose threads
queue for tens of ms. Longer: a picture at 15 fps is missing and nothing counts."""

WINDOW_NS = 3 * NS_PER_S
"""Over how long delays are counted. Shorter: a machine that hardly runs at all is late too seldom.
Longer: hiccups add up."""

MANY = 4
"""Delays within the window that are told. Fewer: a machine that is stopped once a second, a disk
that is slow each time it is asked, and a standstill, which is told by itself, pass for this. More:
told late."""

MANY_NS = NS_PER_S
"""Delay within the window that is told: a third of it. Less: the hiccups of a shared machine are
told. More: a recorder that runs every other moment is not."""

MOST_ONE_NS = 450 * NS_PER_MS
"""One delay counts for no more. More: a standstill and what is late behind it are told."""

CALM_NS = 3 * NS_PER_S
"""So long without a delay, and it is over. Shorter: one hard time is reported in pieces. Longer:
the report counts what lies between two of them."""

AGAIN_NS = 30 * NS_PER_S
"""Least time between two warnings; more often is noise nobody reads."""


class StarvationWatch:
    """Told when something should have happened and when it did; one thread."""

    def __init__(self) -> None:
        self._late: deque[tuple[int, int, int]] = deque()
        """(due, done, counted) of each delay in the window."""
        self._not_before_ns = 0
        self._span_ns: tuple[int, int] | None = None
        """From where to where it goes on by now."""
        self._told_ns: int | None = None

    @property
    def is_starved(self) -> bool:
        """Whether it is going on."""
        return self._span_ns is not None

    def note(self, due_ns: int, host_ns: int) -> Starved | None:
        """Take in that what should have been over by `due_ns` was over at `host_ns`; return what
        there is to say of it, its beginning (withheld when told shortly before) or its end."""
        is_late = host_ns - due_ns >= LATE_NS
        if self._span_ns is not None:
            from_ns, until_ns = self._span_ns
            self._span_ns = (from_ns, host_ns if is_late else until_ns)
            return self.end() if host_ns - self._span_ns[1] > CALM_NS else None
        if is_late:
            self._late.append((due_ns, host_ns, min(host_ns - due_ns, MOST_ONE_NS)))
        while self._late and host_ns - self._late[0][1] > WINDOW_NS:
            self._late.popleft()
        if len(self._late) < MANY or sum(counted for _, _, counted in self._late) < MANY_NS:
            return None
        self._span_ns = (max(self._late[0][0], self._not_before_ns), host_ns)
        if self._told_ns is not None and host_ns - self._told_ns < AGAIN_NS:
            return None
        self._told_ns = host_ns
        return Starved(*self._span_ns, is_over=False)

    def told_otherwise(self, until_ns: int) -> None:
        """Let no span begin before `until_ns`: up to there it is in the report already."""
        self._not_before_ns = until_ns

    def end(self) -> Starved | None:
        """Let it be over; return the whole span if it was going on."""
        span_ns, self._span_ns = self._span_ns, None
        self._late.clear()
        return None if span_ns is None else Starved(*span_ns, is_over=True)
