"""The part of a take that exists once the size of the screen is known: lanes, writer, threads."""

from __future__ import annotations

from collections.abc import Callable

from onetake.audio.lane import AudioLane
from onetake.clock import Clock
from onetake.engine.encoder_pace import EncoderPace
from onetake.engine.inlets import Inlets
from onetake.engine.lane_queue import Arm, End
from onetake.engine.lane_threads import AudioLaneThread, VideoLaneThread, WriterThread
from onetake.engine.monitor import Monitor
from onetake.engine.plan import Plan
from onetake.engine.preview import PreviewTap
from onetake.engine.readings import Readings
from onetake.engine.take_files import TakeFiles
from onetake.errors import OutputFailed
from onetake.model.commands import Split, TimedCommand
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.events import Warned
from onetake.model.media import AudioBlock, StampKind
from onetake.model.units import NS_PER_S
from onetake.video.lane import VideoLane

__all__ = ["Wiring"]

LANE_END_S = 60.0
"""How long a lane may take to work off its queue at the end; a healthy one needs milliseconds."""


class Wiring:
    """Builds and ends the lanes and their threads. The take's thread only, but for `write_video`.

    Args:
        flush: writes the journal, on the writer's thread.
        on_heard: shown each block of sound as it arrives, on the audio lane's thread.
        tell: told what a person should know of the encoder, on the video lane's thread.
        on_started: told t0 when the first frame was accepted, on the video lane's thread.
        on_error: told what a lane or the writer died of, on its thread.
    """

    def __init__(
        self,
        plan: Plan,
        files: TakeFiles,
        *,
        size_px: tuple[int, int],
        inlets: Inlets,
        clock: Clock,
        flush: Callable[[], None],
        on_heard: Callable[[Role, AudioBlock], None],
        tell: Callable[[Warned], None],
        monitor: Monitor,
        preview: PreviewTap,
        readings: Readings,
        on_started: Callable[[int], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.size_px = size_px
        self._inlets = inlets
        self._frames = monitor.frames
        self._preview = preview
        self._on_error = on_error
        self._light = monitor.light
        limit_s = plan.settings.duration_s
        self._limit_ns = None if limit_s is None else round(limit_s * NS_PER_S)
        self.files = files
        self._parts = files.parts
        self._compositor = plan.compositor(size_px)
        self.video = VideoLane(plan.settings, self._compositor, self._write_video)
        self._pace = EncoderPace(
            self._parts,
            clock,
            count_behind=lambda: inlets.video.dropped[Role.SCREEN],
            note=self.video.encoder_changed,
            tell=tell,
        )
        # What the stamps mean is known when the device is open; the lane is told with its news.
        kinds = {role: StampKind.CAPTURE for role in AUDIO_ROLES if role in plan.devices}
        self.audio = AudioLane(plan.settings, kinds)
        self._lanes: list[VideoLaneThread | AudioLaneThread] = [
            VideoLaneThread(
                self.video,
                inlets.video,
                clock,
                readings=readings,
                on_started=on_started,
                on_error=on_error,
            ),
            AudioLaneThread(
                self.audio,
                inlets.audio,
                clock,
                parts=self._parts,
                readings=readings,
                on_heard=on_heard,
                on_error=on_error,
            ),
        ]
        self._writer_thread = WriterThread(self._parts, flush, on_error)
        for lane in self._lanes:
            lane.start()

    def arm(self, not_before_ns: int) -> None:
        """Accept the next screen frame, from this host time on, as the first one. After the first
        file was opened."""
        self._writer_thread.start()
        self._inlets.video.put(Arm(not_before_ns))

    def split_at(self, host_ns: int) -> None:
        """Let a frame begin at exactly this host time, ahead of now, where a new file begins."""
        self._inlets.video.put(TimedCommand(host_ns, Split()))

    def end(self, end_host_ns: int) -> None:
        """Let the audio lane end there, wait for both lanes, and let the writer write it all. The
        video lane had its `End` at the very moment of the stop."""
        self._inlets.audio.put(End(end_host_ns))
        self._writer_thread.hurry()
        for lane in self._lanes:
            if not lane.join(LANE_END_S):
                self._on_error(OutputFailed("encoding did not end in time"))
        if not self._writer_thread.finish_up(LANE_END_S):
            self._on_error(OutputFailed("the disk did not take the end of the file in time"))

    def abandon(self, now_ns: int) -> None:
        """Let the lanes end without a file."""
        for inlet in (self._inlets.video, self._inlets.audio):
            inlet.put(End(now_ns))
        for lane in self._lanes:
            lane.join(1.0)

    def _write_video(self, position_ns: int, image: object) -> bool:
        """Give a composed picture to the writer. On the video lane's thread."""
        if self._limit_ns is not None and position_ns >= self._limit_ns:
            return True  # Past the wanted duration, which the take's thread notices a moment later.
        self._light.see(position_ns, image)
        self._preview.offer(image, self._compositor)
        if not self._parts.is_ready_for_video():
            self._frames.count_dropped()
            return False
        self._pace.write(position_ns, image)
        self._frames.count_written()
        return True
