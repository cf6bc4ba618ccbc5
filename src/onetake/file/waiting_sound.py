"""Sound that waits for a writer which takes it only when it is ready.

Invariant: buffers go out in the order in which they came, whichever track they are for.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from onetake.errors import OutputFailed

__all__ = ["MOST_WAITING", "WaitingSound"]

MOST_WAITING = 1800
"""Most buffers that wait: a minute of three tracks, 70 MB. More is memory without bound; fewer
gives a file up that would have gone on."""

READY_POLL_S = 0.01
"""How often readiness is asked while sound waits for it."""

T = TypeVar("T")


class WaitingSound(Generic[T]):
    """`put` on the audio lane's thread, the rest on the writer's.

    Args:
        is_ready: whether the track of a buffer takes it now.
        append: gives a buffer to its track; what it raises ends the file.
    """

    def __init__(self, is_ready: Callable[[T], bool], append: Callable[[T], None]) -> None:
        self._is_ready = is_ready
        self._append = append
        self._waiting: deque[T] = deque()
        self._has_changed = threading.Condition()

    def __len__(self) -> int:
        """Return how many buffers wait."""
        return len(self._waiting)

    def put(self, buffers: Iterable[T]) -> None:
        """Let buffers wait. Raises OutputFailed when too many do."""
        with self._has_changed:
            self._waiting.extend(buffers)
            self._has_changed.notify()
            if len(self._waiting) > MOST_WAITING:
                raise OutputFailed("the encoder has taken nothing for too long")

    def wait(self, wait_s: float) -> None:
        """Wait until there is something, at most `wait_s`."""
        with self._has_changed:
            if not self._waiting:
                self._has_changed.wait(wait_s)

    def pour(self) -> bool:
        """Append what is taken. Returns False when there was nothing, or nothing was taken."""
        did_write = False
        while self._waiting and self._is_ready(self._waiting[0]):
            self._append(self._waiting.popleft())
            did_write = True
        if self._waiting and not did_write:
            time.sleep(READY_POLL_S)
        return did_write

    def drain(self, pump: Callable[[], bool], timeout_s: float) -> None:
        """Call `pump` until nothing waits any more. Raises OutputFailed after `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        while self._waiting:
            if not pump() and time.monotonic() > deadline_s:
                raise OutputFailed("the encoder did not take the last of the sound in time")
