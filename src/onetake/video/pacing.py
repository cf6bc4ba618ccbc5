"""When an output frame is due. Pure decisions; host times in, causes out.

    beat (a screen frame, changed or idle) ──▶ on_beat ──▶ a frame at the beat's own PTS
    no beats (a static ScreenCaptureKit stream) ─▶ due ──▶ a frame at the instant of what happened

Invariant: a frame is due for a reason (something to show, or half a second without one), never
twice for the same one, and positions of frames strictly increase.
"""

from __future__ import annotations

from enum import StrEnum

from onetake.model.units import NS_PER_MS, NS_PER_S

__all__ = ["KEEP_ALIVE_NS", "LAG_NS", "MIN_STEP_NS", "Cause", "Pacer", "silence_after_ns"]

KEEP_ALIVE_NS = 500 * NS_PER_MS
"""Longest time without a frame. Longer, and the muxer holds sound back (measured: a killed take
loses it); shorter costs encoding for nothing."""

MIN_STEP_NS = NS_PER_MS // 10
"""Least distance of two frames. The file counts in 1/90000 s = 11 µs; frames closer than that would
share a time. Larger would lose real frames of fast screens."""

LAG_NS = 50 * NS_PER_MS
"""How far behind the latest known host time a frame between beats is made. A screen picture may
arrive this much after its stamp; shorter, and a repeat overtakes it (its stamp then comes too
late); longer delays the file of a static screen for nothing."""

_LONGEST_BEAT_NS = 100 * NS_PER_MS
"""Frame interval assumed for sources slower than 10 frames a second: what they do not show must
still appear in time."""

_LONGEST_SILENCE_NS = 250 * NS_PER_MS
"""A screen without a beat for this long sends none, however slow its frame rate."""


class Cause(StrEnum):
    """Why a frame is made."""

    START = "start"
    SCREEN = "screen"
    CAMERA = "camera"
    OVERLAY = "overlay"
    RESUME = "resume"
    REPEAT = "repeat"
    STOP = "stop"


def silence_after_ns(frame_interval_ns: int) -> int:
    """Return how long after its last beat a screen counts as silent, at this frame interval."""
    return max(LAG_NS, min(2 * frame_interval_ns, _LONGEST_SILENCE_NS))


class Pacer:
    """Remembers what the file shows and says when it must show more. One thread.

    Args:
        fps: most frames a second.
    """

    def __init__(self, fps: int) -> None:
        self.frame_interval_ns = min(NS_PER_S // max(fps, 1), _LONGEST_BEAT_NS)
        self.last_position_ns: int | None = None
        """Position of the last written frame."""
        self.changed_ns = 0
        """Host time of the last change: no frame from now on may lie before it."""
        self._written_ns = 0
        self._attempted_ns = 0
        self._beat_ns = 0
        self._stale: tuple[int, Cause] | None = None
        self._is_stale_counted = False

    @property
    def is_stale(self) -> bool:
        """Whether something changed that no frame in the file shows yet."""
        return self._stale is not None

    def is_overdue(self, host_ns: int) -> bool:
        """Whether a frame at `host_ns` would come more than half a second after the last one."""
        return host_ns - self._written_ns > KEEP_ALIVE_NS

    def change(self, host_ns: int, cause: Cause) -> None:
        """Remember that something changed at `host_ns`; the first of several counts."""
        if self._stale is None:
            self._stale = host_ns, cause
        self.changed_ns = max(self.changed_ns, host_ns)
        self._is_stale_counted = False

    def on_beat(self, host_ns: int, *, has_camera: bool) -> Cause | None:
        """Return why the beat at `host_ns` is a frame, or None when it is not.

        `has_camera`: a visible camera picture not later than the beat has not been shown yet.
        """
        self._beat_ns = max(self._beat_ns, host_ns)
        if self._stale is not None:
            return self._stale[1]
        if has_camera:
            return Cause.CAMERA
        # One interval early: the next beat would be too late.
        if host_ns - self._written_ns >= KEEP_ALIVE_NS - self.frame_interval_ns:
            return Cause.REPEAT
        return None

    def due(self, camera_ns: int | None) -> tuple[int, Cause]:
        """Return the host time of the next frame if no beat comes, and why.

        `camera_ns`: stamp of the next visible camera picture not shown yet, if there is one.
        """
        # Three quarters: a camera as fast as the screen must keep its own stamps despite jitter.
        earliest_ns = max(self._beat_ns, self._attempted_ns) + 3 * self.frame_interval_ns // 4
        earliest_ns = max(earliest_ns, self.changed_ns)
        due = max(self._written_ns + KEEP_ALIVE_NS, earliest_ns), Cause.REPEAT
        if camera_ns is not None and max(camera_ns, earliest_ns) < due[0]:
            due = max(camera_ns, earliest_ns), Cause.CAMERA
        if self._stale is not None and max(self._stale[0], earliest_ns) <= due[0]:
            due = max(self._stale[0], earliest_ns), self._stale[1]
        return due

    def can_follow(self, position_ns: int) -> bool:
        """Whether a frame at `position_ns` lies far enough after the last written one."""
        return self.last_position_ns is None or position_ns >= self.last_position_ns + MIN_STEP_NS

    def written(self, host_ns: int, position_ns: int) -> None:
        """Remember that a frame of everything up to `host_ns` is in the file."""
        self._written_ns = self._attempted_ns = host_ns
        self.last_position_ns = position_ns
        self._stale = None

    def skipped(self, host_ns: int) -> None:
        """Remember that a frame at `host_ns` would have come before what is in the file (a pause
        that was heard of late); what it should show is still to be shown."""
        self._attempted_ns = max(self._attempted_ns, host_ns)

    def refused(self, host_ns: int, cause: Cause) -> bool:
        """Remember that the writer had no room; return whether this is a picture dropped, rather
        than a repeat or one more attempt for the same picture."""
        self._attempted_ns = host_ns
        if cause is Cause.REPEAT or (self._stale is not None and self._is_stale_counted):
            return False
        self._stale = self._stale or (host_ns, cause)
        self._is_stale_counted = True
        return True
