"""The video lane: from pictures and commands in order to frames at exact positions.

    screen ──▶ canvas ─┐  commands ─▶ agenda (by host time)
    camera ──▶ queue ──┴─▶ pacing ─▶ compose(overlay) ─▶ write(position, image)

Invariant: a command shows in the first frame whose PTS is not earlier than it and in no frame
before; a frame's position is its PTS on the timeline, whatever happens to the frames around it.
One thread drives a lane; nothing here reads a clock.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

from onetake.errors import UsageError
from onetake.model.commands import (
    MoveOverlay,
    Pause,
    Resume,
    SetOverlay,
    ShowCamera,
    Split,
    TimedCommand,
    changed_overlay,
)
from onetake.model.geometry import Overlay
from onetake.model.media import Frame
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.model.video_report import VideoStatistics
from onetake.platforms.contract import Compositor
from onetake.timeline.timeline import Timeline
from onetake.video.camera_queue import CameraQueue
from onetake.video.counts import VideoCounts
from onetake.video.pacing import LAG_NS, MIN_STEP_NS, Cause, Pacer, silence_after_ns

__all__ = ["VideoLane"]


class VideoLane:
    """Turns what the engine hands over, in order, into frames. One thread only.

    Args:
        settings: `fps`, `overlay` and `camera_offset_ms` matter here.
        compositor: draws; used by this lane alone.
        write: given (position_ns, image), returns False when the writer is not ready; the frame
            then counts as dropped and what it showed appears with the next one.
    """

    def __init__(
        self, settings: Settings, compositor: Compositor, write: Callable[[int, object], bool]
    ) -> None:
        self._compositor = compositor
        self._write = write
        self._overlay = settings.overlay
        self._cameras = CameraQueue(round((settings.camera_offset_ms or 0.0) * NS_PER_MS))
        self._has_camera = False
        self._composed: Overlay | None = None
        self._pacer = Pacer(settings.fps)
        self._silence_ns = silence_after_ns(NS_PER_S // max(settings.fps, 1))
        self._counts = VideoCounts()
        self._agenda: list[TimedCommand] = []
        self._timeline: Timeline | None = None
        self._known_ns = 0
        self._beat_ns = 0
        self._screen_pts_ns: int | None = None
        self._frame_ns = 0
        self._boundary_ns: int | None = None

    @property
    def overlay(self) -> Overlay:
        """The overlay as the commands that have taken effect left it."""
        return self._overlay

    def statistics(self) -> VideoStatistics:
        """Return the counts so far."""
        return self._counts.statistics()

    def encoder_changed(self, position_ns: int, is_cheaper: bool) -> None:
        """Count that from this position on the encoder does less work, or its usual work again."""
        self._counts.count_encoder(position_ns, is_cheaper=is_cheaper)

    def start(self, t0_ns: int) -> None:
        """Begin the take: position 0, at host time `t0_ns`, shows the canvas as it is."""
        self._timeline = Timeline.starting_at(t0_ns)
        self._beat_ns = t0_ns
        self._know(t0_ns)
        self._obey_until(t0_ns)
        self._pacer.on_beat(t0_ns, has_camera=False)
        self._emit(t0_ns, Cause.START)

    def screen(self, frame: Frame) -> None:
        """Take a screen picture or a beat; after `start` it may become a frame at its PTS."""
        pts_ns, is_idle = frame.pts_ns, frame.is_idle
        self._know(pts_ns)
        if self._timeline is None:
            self._screen_pts_ns = pts_ns
            self._compositor.screen(frame)
            return
        self._advance(min(self._horizon_ns(), pts_ns - MIN_STEP_NS))
        is_rested = pts_ns - self._beat_ns >= self._silence_ns
        if (is_rested or self._pacer.is_overdue(pts_ns)) and not self._timeline.is_paused:
            # Too late to be the next frame for what happened since the beat before, or for the half
            # second without one; nor can a picture from before it be still on its way.
            self._advance(pts_ns - MIN_STEP_NS)
        self._obey_until(pts_ns)
        if self._boundary_ns is not None and pts_ns - self._boundary_ns >= MIN_STEP_NS:
            # The boundary shows what was on the screen then: before this picture is drawn.
            self._emit_boundary()
        self._compositor.screen(frame)
        self._beat(pts_ns, is_idle=is_idle)

    def camera(self, frame: Frame | None) -> None:
        """Take a camera picture; None = the camera is gone, its overlay with it."""
        if frame is None:
            self._cameras.clear()
            self._compositor.camera(None)
            if self._has_camera and self._overlay.is_visible:
                self._pacer.change(self._known_ns, Cause.CAMERA)
            self._has_camera = False
            return
        # Its stamp does not tell the time: a camera whose clock is ahead would make frames that the
        # screen has not reached yet.
        self._cameras.put(frame)
        if self._timeline is None:
            self._cameras.drop_superseded(self._known_ns - 4 * LAG_NS)
        else:
            self._advance(self._horizon_ns())
            self._cameras.drop_superseded(max(self._horizon_ns(), self._frame_ns))

    def apply(self, timed: TimedCommand) -> None:
        """Take a command; it shows in the first frame from its host time on that is not written
        yet. Commands may come slightly late or out of order."""
        match timed.command:
            case ShowCamera() | SetOverlay() | MoveOverlay() | Pause() | Resume() | Split():
                insort(self._agenda, timed, key=lambda entry: entry.host_ns)
            case _:
                return
        self._know(timed.host_ns)
        if self._timeline is not None:
            self._obey_until(self._beat_ns)
            self._emit_boundary()
            self._advance(self._horizon_ns())

    def tick(self, now_ns: int) -> None:
        """Learn that it is `now_ns`: what a silent screen does not trigger is written now. To be
        called at least every 120 ms unless the screen beats."""
        self._know(now_ns)
        if self._timeline is not None:
            self._advance(self._horizon_ns())

    def finish(self, end_host_ns: int) -> None:
        """Write what is still to be shown and a last frame one interval before the end, so that
        the last frame is no longer than the others. Releases all pictures."""
        if self._timeline is not None:
            self._know(end_host_ns)
            self._advance(end_host_ns - MIN_STEP_NS)
            if not self._timeline.is_paused:
                # In a pause the canvas shows what must not be in the file.
                self._emit_last(end_host_ns)
        self._cameras.clear()

    def _know(self, host_ns: int) -> None:
        """Remember the latest host time heard of."""
        self._known_ns = max(self._known_ns, host_ns)

    def _horizon_ns(self) -> int:
        """Return until when frames are made without a beat: nothing while the screen beats."""
        is_silent = self._known_ns - self._beat_ns >= self._silence_ns
        return self._known_ns - LAG_NS if is_silent else self._beat_ns

    def _advance(self, until_ns: int) -> None:
        """Do everything that falls due up to `until_ns` without a beat, in order of time."""
        assert self._timeline is not None
        while True:
            command_ns = self._agenda[0].host_ns if self._agenda else None
            due_ns, cause = self._pacer.due(self._visible_camera_ns())
            if self._boundary_ns is not None and command_ns != self._boundary_ns:
                self._emit_boundary()
            elif command_ns is not None and (
                command_ns == self._boundary_ns
                or (command_ns <= until_ns and (self._timeline.is_paused or command_ns <= due_ns))
            ):
                self._obey(self._agenda.pop(0))
            elif due_ns <= until_ns and not self._timeline.is_paused:
                self._emit(due_ns, cause)
            else:
                return

    def _obey_until(self, host_ns: int) -> None:
        """Obey the commands up to and including `host_ns`, without making frames for them."""
        while self._agenda and self._agenda[0].host_ns <= host_ns:
            self._obey(self._agenda.pop(0))

    def _obey(self, timed: TimedCommand) -> None:
        """Let a command take effect."""
        if self._boundary_ns is not None and self._boundary_ns < timed.host_ns:
            self._emit_boundary()
        if isinstance(timed.command, Pause | Resume | Split):
            self._turn(timed)
            return
        try:
            overlay = changed_overlay(self._overlay, timed.command)
        except UsageError:
            return  # Refused where it was given; a picture must not end for it.
        if overlay == self._overlay:
            return
        if overlay.is_visible or self._overlay.is_visible:
            self._pacer.change(timed.host_ns, Cause.OVERLAY)
        self._overlay = overlay
        self._counts.overlay_changes += 1

    def _turn(self, timed: TimedCommand) -> None:
        """Pause or resume, or begin a new file."""
        if self._timeline is None:
            return
        if isinstance(timed.command, Split):
            if not self._timeline.is_paused:
                self._boundary_ns = timed.host_ns
        elif isinstance(timed.command, Pause):
            self._timeline = self._timeline.pause(timed.host_ns)
        elif self._timeline.is_paused:
            self._timeline = self._timeline.resume(timed.host_ns)
            self._boundary_ns = self._timeline.spans[-1].start_host_ns

    def _beat(self, pts_ns: int, *, is_idle: bool) -> None:
        """Make a frame of the beat at `pts_ns` if there is a reason for one."""
        assert self._timeline is not None
        if not is_idle:
            self._pacer.change(pts_ns, Cause.SCREEN)
        is_advancing = self._screen_pts_ns is None or pts_ns > self._screen_pts_ns
        self._screen_pts_ns = max(pts_ns, self._screen_pts_ns or pts_ns)
        if not is_advancing or pts_ns <= self._frame_ns:
            self._counts.non_monotone_pts += 1
            self._emit_boundary()
            return
        self._beat_ns = max(self._beat_ns, pts_ns)
        cause = self._pacer.on_beat(pts_ns, has_camera=self._has_new_camera(pts_ns))
        if self._boundary_ns is not None:
            self._emit_boundary()
        elif cause is not None and self._timeline.contains(pts_ns):
            self._emit(pts_ns, cause)

    def _has_new_camera(self, host_ns: int) -> bool:
        return self._overlay.is_visible and self._cameras.has_for(host_ns)

    def _visible_camera_ns(self) -> int | None:
        return self._cameras.next_ns if self._overlay.is_visible else None

    def _emit_boundary(self) -> None:
        """Make the frame at the very instant of the last resume, if it is still to be made."""
        if self._boundary_ns is not None:
            boundary_ns, self._boundary_ns = self._boundary_ns, None
            self._emit(boundary_ns, Cause.RESUME)

    def _emit_last(self, end_host_ns: int) -> None:
        """Make the frame at the stop, and one for what the file does not show yet."""
        assert self._timeline is not None
        end_ns = self._timeline.position_ns(end_host_ns)
        last_ns = self._pacer.last_position_ns or 0
        position_ns = end_ns - self._pacer.frame_interval_ns
        if self._pacer.is_stale:
            # Half way to the end, but not before it happened.
            changed_ns = self._timeline.position_ns(self._pacer.changed_ns)
            position_ns = min(max((last_ns + end_ns) // 2, changed_ns), end_ns - MIN_STEP_NS)
        if position_ns <= end_ns - MIN_STEP_NS and self._pacer.can_follow(position_ns):
            self._emit(self._timeline.host_ns(position_ns), Cause.STOP)

    def _emit(self, host_ns: int, cause: Cause) -> None:
        """Compose and write the frame of `host_ns`, unless the file is already past it."""
        assert self._timeline is not None
        position_ns = self._timeline.position_ns(host_ns)
        if not self._pacer.can_follow(position_ns):
            self._pacer.skipped(host_ns)
            return
        if self._overlay.is_visible and (picture := self._cameras.take_for(host_ns)):
            if self._composed != self._overlay:
                # A compositor scales the picture when it comes, for the overlay it knows.
                self._compositor.compose(self._overlay)
            self._compositor.camera(picture)
            self._has_camera = True
            self._counts.camera_pictures += 1
        image = self._compositor.compose(self._overlay)
        self._composed = self._overlay
        self._frame_ns = max(self._frame_ns, host_ns)
        if self._write(position_ns, image):
            is_repeat = cause in (Cause.REPEAT, Cause.STOP) and not self._pacer.is_stale
            self._pacer.written(host_ns, position_ns)
            self._counts.count_frame(position_ns, is_repeat=is_repeat)
        elif self._pacer.refused(host_ns, cause):
            self._counts.count_drop(position_ns)
