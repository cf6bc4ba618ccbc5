"""What waits to be written to one client. A reader that stalls costs itself, nobody else.

Invariant: bounded. When it fills, meters and previews go first, then the oldest events; answers to
requests are never dropped, but a client with too many unread answers is said to be overfull, and
its requests are not read any further (or it is disconnected).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import IntEnum

__all__ = ["LIMIT_BYTES", "Importance", "Outbox"]

LIMIT_BYTES = 1 << 20
"""Most bytes waiting for one client: 1 MiB is some 5000 events, minutes of a stalled reader. Less
loses state changes of one that redraws slowly, more lets a dead one hold memory."""


class Importance(IntEnum):
    """What goes first when there is no room."""

    PASSING = 0
    """Meters, previews: the next one is better anyway."""
    EVENT = 1
    ANSWER = 2


class Outbox:
    """A bounded queue of encoded messages. `put` and `get` from any thread.

    Args:
        limit_bytes: most bytes that wait.
        on_put: called after each put, on the putting thread; must not block. For writers that do
            not wait in `get`.
    """

    def __init__(
        self, limit_bytes: int = LIMIT_BYTES, on_put: Callable[[], None] | None = None
    ) -> None:
        self._limit_bytes = limit_bytes
        self._on_put = on_put
        self._waiting: dict[Importance, deque[tuple[int, bytes]]] = {
            importance: deque() for importance in Importance
        }
        """(number, message) by importance: what is dropped first is found without looking at the
        rest, so a full outbox costs no more than an empty one."""
        self._number = 0
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_closed = False
        self.dropped = 0
        """Messages dropped so far."""

    def put(self, message: bytes, importance: Importance) -> bool:
        """Queue a message; returns False when it was dropped, or nothing could make room."""
        with self._changed:
            if self._is_closed:
                return False
            has_room = self._make_room(len(message), importance)
            if has_room or importance is Importance.ANSWER:
                self._waiting[importance].append((self._number, message))
                self._number += 1
                self._bytes += len(message)
                self._changed.notify_all()
            else:
                self.dropped += 1
        if self._on_put is not None:
            self._on_put()
        return has_room

    def get(self, timeout_s: float | None = None) -> bytes | None:
        """Return the next message, or None after `timeout_s`, or when closed and empty."""
        with self._changed:
            oldest = self._oldest()
            if oldest is None and not self._is_closed:
                self._changed.wait(timeout_s)
                oldest = self._oldest()
            if oldest is None:
                return None
            _, message = oldest.popleft()
            self._bytes -= len(message)
            self._changed.notify_all()
            return message

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait until the client has read enough to be worth answering; False after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._bytes < self._limit_bytes or self._is_closed, timeout_s
            )

    @property
    def is_overfull(self) -> bool:
        """Whether more than the limit waits although everything droppable is gone."""
        return self._bytes > self._limit_bytes

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._is_closed

    def close(self) -> None:
        """Take nothing more; what waits can still be got."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _oldest(self) -> deque[tuple[int, bytes]] | None:
        """Return the queue whose first message was put first, None when all are empty."""
        filled = [queue for queue in self._waiting.values() if queue]
        return min(filled, key=lambda queue: queue[0][0], default=None)

    def _make_room(self, size: int, importance: Importance) -> bool:
        """Drop what is less important than, or as passing as, the new message. Under the lock."""
        for droppable in (Importance.PASSING, Importance.EVENT):
            queue = self._waiting[droppable]
            while queue and droppable <= importance and self._bytes + size > self._limit_bytes:
                _, message = queue.popleft()
                self._bytes -= len(message)
                self.dropped += 1
        return self._bytes + size <= self._limit_bytes
