"""The three threads between the queues and the file: video lane, audio lane, writer.

    queue ─▶ video-lane: compose, encode ─┐
    queue ─▶ audio-lane: mix, encode ─────┴▶ packets ─▶ writer: mux to disk

The lanes hold all policy and are pure; these threads only take items out, hand them over in order
and tell the time. A stalled disk blocks the writer thread alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from onetake.audio.lane import AudioLane
from onetake.clock import Clock
from onetake.engine.lane_queue import Arm, Captured, End, Item, LaneQueue, SourceNews, StartAt
from onetake.engine.parts import PartChain
from onetake.engine.readings import Readings
from onetake.model.commands import TimedCommand
from onetake.model.devices import Role
from onetake.model.media import AudioBlock, Frame
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.video.lane import VideoLane

__all__ = ["AudioLaneThread", "LaneThread", "VideoLaneThread", "WriterThread"]

WAIT_S = 0.1
"""How long a lane waits for an item before it looks at the clock. Longer delays the repeat of a
static picture; shorter wakes an idle machine for nothing."""

PICTURE_WAIT_S = 0.12
"""The same for the picture lane: a little longer than what lies between the beats of a screen that
rests (100 ms). Shorter wakes it twice for each; longer delays what a silent screen shows."""

WAIT_AT_END_S = 0.01
"""The same for the writer while a take ends. Longer keeps whoever stopped it waiting, shorter wakes
an idle machine for nothing."""

TICK_LAG_NS = 50 * NS_PER_MS
"""How far behind the clock a tick is. A picture that was stamped just now is still on its way
(ScreenCaptureKit delivers up to 20 ms late); with less lag a repeat could overtake it."""

START_WITHOUT_BEAT_NS = 250 * NS_PER_MS
"""A static screen that sends no beats starts the take from its last picture after this long."""

ADVANCE_EVERY_NS = 100 * NS_PER_MS
"""How often the mixer renders. More often costs calls, less often encodes in bursts."""

PROVISIONAL_EVERY_NS = 250 * NS_PER_MS
"""How often the end that is not mixed for good is written, while it is long. More often costs: it
is up to two seconds of mixing and AAC each time. Less often: a kill costs more than a second."""

PROVISIONAL_SPARING = 4
"""At most a quarter of the time goes into it: ten seconds may wait for a rough clock, on a machine
that has other work. Smaller: the mixer gets late. Larger: a kill costs more than a second."""

READ_EVERY_NS = 2 * NS_PER_S
"""How often a lane's statistics are made for others to read. They take a millisecond or two."""

STALL_NS = NS_PER_S
"""A lane that did not run for this long was stopped, or starved. Shorter: an ordinary slow moment
of a busy machine counts. Longer: sound that waits in the system would be called missing."""

SETTLE_NS = NS_PER_S
"""How long the sound that waited in the system meanwhile may take to come in before the lane goes
on mixing. Shorter writes silence in its place; longer only delays the file."""

BATCH_LIMIT = 500
"""Most items taken in before the mixer renders, so that a long backlog cannot starve it."""


class LaneThread:
    """A thread that works a queue until its `End` item. Owner: the take."""

    def __init__(
        self,
        name: str,
        queue: LaneQueue,
        clock: Clock,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._on_error = on_error
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  top of a thread: the take ends with a file
            self._on_error(error)
        finally:
            self._queue.drain()

    def _work(self) -> None:
        raise NotImplementedError


class VideoLaneThread(LaneThread):
    """Drives the video lane.

    Args:
        on_started: told t0 as soon as the first frame was accepted; on this thread.
    """

    def __init__(
        self,
        lane: VideoLane,
        queue: LaneQueue,
        clock: Clock,
        *,
        readings: Readings,
        on_started: Callable[[int], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        super().__init__("video-lane", queue, clock, on_error)
        self._lane = lane
        self._readings = readings
        self._next_reading_ns = 0
        self._on_started = on_started
        self._has_picture = False
        self._armed_ns: int | None = None
        self._not_before_ns = 0
        self._last_tick_ns = 0

    def _work(self) -> None:
        while True:
            item = self._queue.get(PICTURE_WAIT_S)
            if isinstance(item, End):
                self._lane.finish(item.end_host_ns)
                self._readings.video = self._lane.statistics()
                return
            if item is not None:
                self._take_in(item)
            self._tick_when_idle(item)

    def _take_in(self, item: Item) -> None:
        match item:
            case Captured(role=Role.SCREEN, what=Frame() as frame):
                self._screen(frame)
            case Captured(role=Role.CAMERA, what=Frame() as frame):
                self._lane.camera(frame)
            case Arm():
                self._armed_ns = max(self._clock.now_ns(), item.not_before_ns)
                self._not_before_ns = item.not_before_ns
            case SourceNews(role=Role.CAMERA, stamp_kind=None):
                self._lane.camera(None)
            case TimedCommand():
                self._lane.apply(item)
            case _:
                pass

    def _screen(self, frame: Frame) -> None:
        pts_ns = frame.pts_ns
        self._has_picture = self._has_picture or frame.image is not None
        self._lane.screen(frame)
        is_armed = self._armed_ns is not None and pts_ns >= self._not_before_ns
        if is_armed and self._has_picture:
            self._start(pts_ns)

    def _start(self, t0_ns: int) -> None:
        self._armed_ns = None
        self._lane.start(t0_ns)
        self._on_started(t0_ns)

    def _tick_when_idle(self, item: Item | None) -> None:
        now_ns = self._clock.now_ns()
        is_due = now_ns - self._last_tick_ns >= 2 * TICK_LAG_NS
        if item is not None and (len(self._queue) > 0 or not is_due):
            return
        self._last_tick_ns = now_ns
        if now_ns >= self._next_reading_ns:
            self._next_reading_ns = now_ns + READ_EVERY_NS
            self._readings.video = self._lane.statistics()
        waited_ns = 0 if self._armed_ns is None else now_ns - self._armed_ns
        if waited_ns > START_WITHOUT_BEAT_NS and self._has_picture:
            self._start(now_ns - TICK_LAG_NS)
        self._lane.tick(now_ns - TICK_LAG_NS)


class AudioLaneThread(LaneThread):
    """Drives the audio lane and hands what it mixed to the writer.

    Args:
        parts: the files of the take.
        on_heard: shown each block as it arrives, for meters and warnings; on this thread.
    """

    def __init__(
        self,
        lane: AudioLane,
        queue: LaneQueue,
        clock: Clock,
        *,
        parts: PartChain,
        readings: Readings,
        on_heard: Callable[[Role, AudioBlock], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        super().__init__("audio-lane", queue, clock, on_error)
        self._lane = lane
        self._readings = readings
        self._next_reading_ns = 0
        self._next_provisional_ns = 0
        self._parts = parts
        self._on_heard = on_heard
        self._seen_ns = 0

    def _work(self) -> None:
        next_ns = 0
        looked_ns = self._clock.now_ns()
        while True:
            end = self._take_in_waiting()
            if end is not None:
                for block in self._lane.finish(end.end_host_ns):
                    self._parts.write_audio(block.tracks)
                self._readings.sources = self._lane.statistics()
                return
            now_ns = self._clock.now_ns()
            self._read(now_ns)
            if now_ns - looked_ns > STALL_NS:
                next_ns = now_ns + SETTLE_NS
            looked_ns = now_ns
            if now_ns >= next_ns:
                next_ns = now_ns + ADVANCE_EVERY_NS
                # Behind with the queue: what is in it has happened but is not known yet.
                known_ns = self._seen_ns if len(self._queue) else now_ns
                for block in self._lane.advance(known_ns):
                    self._parts.write_audio(block.tracks)
                if known_ns == now_ns:
                    self._write_provisional(now_ns)

    def _write_provisional(self, now_ns: int) -> None:
        """Leave what is not mixed for good at the end of the file, while that is much."""
        if now_ns < self._next_provisional_ns or not self._parts.wants_provisional:
            return
        rest = self._lane.rest(now_ns)
        if rest is not None:
            self._parts.write_provisional(rest)
        taken_ns = self._clock.now_ns() - now_ns
        self._next_provisional_ns = now_ns + max(
            PROVISIONAL_EVERY_NS, taken_ns * PROVISIONAL_SPARING
        )

    def _read(self, now_ns: int) -> None:
        """Leave what the lane knows where others may read it."""
        readings = self._readings
        readings.levels = self._lane.levels()
        if now_ns >= self._next_reading_ns:
            self._next_reading_ns = now_ns + READ_EVERY_NS
            readings.drift_ppm = self._lane.drift_ppm()
            readings.alignment_error_ms = self._lane.alignment_error_ms()
            readings.sources = self._lane.statistics()

    def _take_in_waiting(self) -> End | None:
        """Take in what waits, at most a batch; return the end when it came."""
        wait_s = WAIT_S / 2
        for _ in range(BATCH_LIMIT):
            item = self._queue.get(wait_s)
            wait_s = 0.0
            match item:
                case None:
                    return None
                case End():
                    return item
                case Captured(role=role, what=AudioBlock() as block):
                    self._seen_ns = max(self._seen_ns, block.arrival_ns)
                    self._on_heard(role, block)
                    self._lane.feed(role, block)
                case StartAt():
                    self._lane.start(item.t0_ns)
                case SourceNews(role=Role.MIC | Role.SYSTEM):
                    self._lane.source_changed(item.role, item.state, item.host_ns, item.stamp_kind)
                case TimedCommand():
                    self._lane.apply(item)
                case _:
                    pass
        return None


class WriterThread:
    """Writes what is encoded. Owner: the take; ends after `finish_up`, when nothing is left.

    Args:
        flush: writes the journal; called about ten times a second.
    """

    def __init__(
        self, parts: PartChain, flush: Callable[[], None], on_error: Callable[[Exception], None]
    ) -> None:
        self._parts = parts
        self._flush = flush
        self._on_error = on_error
        self._is_ending = threading.Event()
        self._wait_s = WAIT_S
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def hurry(self) -> None:
        """Look out for the end more often: the lanes are about to end."""
        self._wait_s = WAIT_AT_END_S

    def finish_up(self, timeout_s: float) -> bool:
        """Write what is left and end; whether it ended in time. After both lanes have ended."""
        self._is_ending.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while self._parts.pump(self._wait_s) or not self._is_ending.is_set():
                self._flush()
            self._flush()
        except Exception as error:  # noqa: BLE001  top of a thread: the take ends with a file
            self._on_error(error)
