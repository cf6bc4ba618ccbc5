"""Camera pictures waiting for their moment.

Invariant: a picture is shown by the frame whose time it fits, not by the next one to be made: the
newest whose stamp, moved by the camera's offset, is not later than the frame. Every picture put in
is released exactly once, here or by whom it was given to.
"""

from __future__ import annotations

from collections import deque

from onetake.model.media import Frame

__all__ = ["CameraQueue"]

MAX_WAITING = 32
"""Pictures held. An offset of 500 ms at 60 frames a second needs 30; more would only hold the
camera's buffers. When full, the newest is replaced, so that the oldest still come in time."""


class CameraQueue:
    """Camera pictures in order of their stamps. One thread.

    Args:
        offset_ns: added to each stamp; positive shows the camera later.
    """

    def __init__(self, offset_ns: int = 0) -> None:
        self._offset_ns = offset_ns
        self._waiting: deque[Frame] = deque()

    @property
    def next_ns(self) -> int | None:
        """Host time from which the oldest waiting picture can be shown; None when none waits."""
        return self._due_ns(self._waiting[0]) if self._waiting else None

    def put(self, frame: Frame) -> None:
        """Take a picture over. One that is not newer than the last is dropped."""
        if self._waiting and frame.pts_ns <= self._waiting[-1].pts_ns:
            frame.release()
            return
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.pop().release()
        self._waiting.append(frame)

    def has_for(self, host_ns: int) -> bool:
        """Whether a picture can be shown by a frame at `host_ns`."""
        next_ns = self.next_ns
        return next_ns is not None and next_ns <= host_ns

    def take_for(self, host_ns: int) -> Frame | None:
        """Hand over the newest picture for a frame at `host_ns`; the caller releases it."""
        self.drop_superseded(host_ns)
        return self._waiting.popleft() if self.has_for(host_ns) else None

    def drop_superseded(self, host_ns: int) -> None:
        """Release every picture that a newer one replaces at `host_ns`."""
        while len(self._waiting) > 1 and self._due_ns(self._waiting[1]) <= host_ns:
            self._waiting.popleft().release()

    def clear(self) -> None:
        """Release everything."""
        while self._waiting:
            self._waiting.popleft().release()

    def _due_ns(self, frame: Frame) -> int:
        return frame.pts_ns + self._offset_ns
