"""Records a take on the virtual clock: minutes in seconds, the same bytes every time.

    scripts ──┐
    commands ─┼─▶ in order of delivery ─▶ session, video lane, audio lane ─▶ writer
    ticks ────┘

Invariant: one thread, no real clock; everything else is what a real take runs: the same session,
lanes, compositor and writer. What goes in is a pure function of the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onetake.audio.lane import AudioLane
from onetake.clock import VirtualClock
from onetake.engine.lane_threads import START_WITHOUT_BEAT_NS, TICK_LAG_NS
from onetake.engine.take import TAIL_WAIT_NS
from onetake.errors import DeviceUnavailable, UsageError
from onetake.model.commands import Command, Marker, Stop, TimedCommand
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.events import ControlChanged, Event, SourceState
from onetake.model.media import AudioBlock, Frame, StampKind
from onetake.model.report import SourceStatistics
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_MS, NS_PER_S, ns_from_sample
from onetake.model.video_report import VideoStatistics
from onetake.platforms.contract import Writer
from onetake.session.machine import Session, step
from onetake.session.messages import (
    Apply,
    Begin,
    BeginStop,
    CommandReceived,
    Effect,
    Finalised,
    OpenNextPart,
    OpenWriter,
    Publish,
    SessionEvent,
    SourceDelivered,
    SourceLost,
    SwitchSource,
    Tick,
    TimelineStarted,
)
from onetake.testing.memory_writer import MemoryWriter
from onetake.testing.script_queue import Due, Play, ScriptQueue
from onetake.video.compositor import CpuCompositor
from onetake.video.lane import VideoLane

__all__ = ["DEFAULT_SOURCES", "Play", "VirtualTake", "record_virtual"]

DEFAULT_SOURCES: Mapping[Role, str] = {role: f"synthetic:{role}" for role in Role}
"""All four synthetic devices, well behaved."""

_TICK_NS = 20 * NS_PER_MS
"""How often the lanes are told the time; the engine does so at least every 100 ms."""

_GIVE_UP_NS = 60 * NS_PER_S
"""A take that has not started after this long never will: its screen is gone."""

_START_NS = 1_000 * NS_PER_S + 300 * NS_PER_MS
"""Host time at which the sources are opened: not 0 and no whole second, so that nobody who confuses
host time, position and pattern gets away with it."""


@dataclass(slots=True)
class VirtualTake:
    """A finished take and everything that was said of it."""

    writer: Writer
    size_px: tuple[int, int]
    t0_ns: int
    """Host time of position 0."""
    epoch_ns: int
    """Host time of position 0 of the synthetic pattern: a whole second."""
    end_ns: int
    """Position of the end."""
    session: Session
    video: VideoStatistics
    audio: dict[Role, SourceStatistics]
    events: list[Event] = field(default_factory=list)

    @property
    def controls(self) -> list[ControlChanged]:
        """The control changes, in the order in which they were given."""
        return [event for event in self.events if isinstance(event, ControlChanged)]

    @property
    def memory(self) -> MemoryWriter:
        """The writer, when it was a MemoryWriter."""
        assert isinstance(self.writer, MemoryWriter)
        return self.writer


def record_virtual(
    settings: Settings | None = None,
    *,
    sources: Mapping[Role, str | Play] = DEFAULT_SOURCES,
    commands: Sequence[TimedCommand | tuple[float, Command]] = (),
    duration_s: float,
    writer: Writer | None = None,
    path: str | None = None,
    start_ns: int = _START_NS,
    stamp_kinds: Mapping[Role, StampKind] | None = None,
) -> VirtualTake:
    """Record `duration_s` and return what came of it.

    Args:
        settings: of the take; None = the defaults. Device fields are not looked at.
        sources: for each role a synthetic id or a script.
        commands: what is asked for, by host time, or by seconds of host time after t0 (which is
            the position as long as nothing was paused).
        duration_s: host time from t0 to the stop, pauses included.
        writer: where to; None = an Mp4Writer on `path`, or a MemoryWriter without one.
        start_ns: host time at which the sources are opened.
        stamp_kinds: of the scripts' sound; ids say their own. Default: capture.

    Raises DeviceUnavailable when the screen never delivers a picture or goes away for good before
    the take starts, InvalidState or UsageError for a command that does not fit, and what the writer
    raises.
    """
    settings = settings or Settings()
    scripts = ScriptQueue(settings, start_ns, stamp_kinds or {})
    for role, source in sources.items():
        scripts.open(role, source, start_ns)
    size_px = scripts.screen_size_px()
    if writer is None and path is not None:
        from onetake.file.mp4 import Mp4Writer

        writer = Mp4Writer(path, size_px=size_px, settings=settings, warn=lambda *_: None)
    recorder = _Recorder(settings, scripts, size_px, writer or MemoryWriter(settings))
    return recorder.record(commands, round(duration_s * NS_PER_S))


class _Recorder:
    """Does in one thread what the engine does in several."""

    def __init__(
        self, settings: Settings, scripts: ScriptQueue, size_px: tuple[int, int], writer: Writer
    ) -> None:
        self._scripts = scripts
        self._size_px = size_px
        self._writer = writer
        self._clock = VirtualClock(scripts.start_ns)
        self._video = VideoLane(settings, CpuCompositor(size_px), self._write_video)
        kinds = {role: scripts.kinds[role] for role in AUDIO_ROLES if role in scripts.kinds}
        self._audio = AudioLane(settings, kinds)
        self._session = Session.of(settings, frozenset(scripts.ids))
        self._events: list[Event] = []
        self._armed_ns: int | None = None
        self._has_picture = False
        self._end_host_ns: int | None = None
        self._heard_ns: dict[Role, int] = {}
        self._commands: list[tuple[int, Command]] = []

    def record(
        self, commands: Sequence[TimedCommand | tuple[float, Command]], duration_ns: int
    ) -> VirtualTake:
        """Record until the stop and finish the file."""
        start_ns = self._clock.now_ns()
        self._step(Begin(start_ns))
        self._scripts.add(start_ns, None)
        for command in commands:
            if isinstance(command, TimedCommand):
                self._give(command)
            else:
                self._commands.append((round(command[0] * NS_PER_S), command[1]))
        self._commands.append((duration_ns, Stop()))
        while not self._is_over():
            due = self._scripts.next()
            self._clock.advance_to(due.host_ns)
            self._take_in(due)
            self._scripts.done(due)
        return self._finish()

    def _take_in(self, due: Due) -> None:
        match due.what:
            case None:
                self._tick(due.host_ns)
            case TimedCommand():
                self._step(CommandReceived(due.what))
            case SourceState():
                assert due.role is not None
                self._news(due.role, due.what, due.host_ns)
            case _:
                assert due.role is not None
                self._delivered(due.role, due.what, due.host_ns)

    def _tick(self, now_ns: int) -> None:
        if self._session.timeline is None and now_ns - self._scripts.start_ns > _GIVE_UP_NS:
            raise DeviceUnavailable("the take never started: its screen is gone")
        self._step(Tick(now_ns))
        waited_ns = 0 if self._armed_ns is None else now_ns - self._armed_ns
        if waited_ns > START_WITHOUT_BEAT_NS and self._has_picture:
            self._start(now_ns - TICK_LAG_NS)
        if self._end_host_ns is None:
            self._video.tick(now_ns - TICK_LAG_NS)
        self._mix(now_ns)
        self._scripts.add(now_ns + _TICK_NS, None)

    def _delivered(self, role: Role, what: Frame | AudioBlock, now_ns: int) -> None:
        if self._session.sources[role] is not SourceState.LIVE:
            self._news(role, SourceState.LIVE, now_ns)
        if isinstance(what, AudioBlock):
            length_ns = len(what.samples) * NS_PER_S // what.rate_hz
            self._heard_ns[role] = what.stamp_ns + length_ns
            self._audio.feed(role, what)
        elif self._end_host_ns is not None:
            what.release()
        elif role is Role.CAMERA:
            self._video.camera(what)
        else:
            self._screen(what)

    def _screen(self, frame: Frame) -> None:
        pts_ns = frame.pts_ns
        self._has_picture = self._has_picture or frame.image is not None
        self._video.screen(frame)
        if self._armed_ns is not None and self._has_picture:
            self._start(pts_ns)

    def _start(self, t0_ns: int) -> None:
        self._armed_ns = None
        self._video.start(t0_ns)
        self._audio.start(t0_ns)
        self._step(TimelineStarted(t0_ns))
        for offset_ns, command in self._commands:
            self._give(TimedCommand(t0_ns + offset_ns, command))

    def _give(self, timed: TimedCommand) -> None:
        """Put a command in, to be received at its own time, or now when that has passed."""
        self._scripts.add(max(timed.host_ns, self._clock.now_ns()), timed)

    def _news(self, role: Role, state: SourceState, now_ns: int) -> None:
        device_id = self._scripts.ids[role]
        if role in AUDIO_ROLES:
            kind = self._scripts.kinds[role] if state is SourceState.LIVE else None
            self._audio.source_changed(role, state, now_ns, kind)
        if state is SourceState.LIVE:
            self._step(SourceDelivered(role, device_id, now_ns))
            return
        if role is Role.CAMERA:
            self._video.camera(None)
        self._step(SourceLost(role, device_id, now_ns, "its script says so"))

    def _step(self, event: SessionEvent) -> None:
        self._session, effects = step(self._session, event)
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Publish():
                self._events.append(effect.event)
            case Apply():
                self._video.apply(effect.timed)
                self._audio.apply(effect.timed)
                if isinstance(effect.timed.command, Marker):
                    self._writer.add_chapter(effect.position_ns, effect.timed.command.label)
            case OpenWriter():
                self._writer.start()
                self._armed_ns = self._clock.now_ns()
            case SwitchSource():
                self._scripts.open(effect.role, effect.device_id, self._clock.now_ns())
            case OpenNextPart():
                raise UsageError("a virtual take has one file", hint="leave out Split")
            case BeginStop():
                # As in the engine: at once, whatever sound is still on its way.
                self._end_host_ns = effect.end_host_ns
                self._video.finish(effect.end_host_ns)

    def _mix(self, now_ns: int) -> None:
        if self._session.timeline is not None:
            for block in self._audio.advance(now_ns):
                self._writer.write_audio(block.tracks)
            self._writer.pump(0)

    def _write_video(self, position_ns: int, image: object) -> bool:
        if not self._writer.is_ready_for_video():
            return False
        self._writer.write_video(position_ns, image)
        return True

    def _is_over(self) -> bool:
        """Whether the stop was given and the sound up to it has arrived."""
        if self._end_host_ns is None:
            return False
        if self._clock.now_ns() >= self._end_host_ns + TAIL_WAIT_NS:
            return True
        live = (role for role in AUDIO_ROLES if self._session.sources.get(role) is SourceState.LIVE)
        return all(self._heard_ns.get(role, 0) >= self._end_host_ns for role in live)

    def _finish(self) -> VirtualTake:
        timeline, end_host_ns = self._session.timeline, self._end_host_ns
        if timeline is None or end_host_ns is None:
            raise DeviceUnavailable("the take ended before its first picture")
        for block in self._audio.finish(end_host_ns):
            self._writer.write_audio(block.tracks)
        end_ns = ns_from_sample(timeline.sample_at(end_host_ns))
        while self._writer.pump(0):
            pass
        self._writer.finish(end_ns)
        self._step(Finalised())
        return VirtualTake(
            writer=self._writer,
            size_px=self._size_px,
            t0_ns=timeline.t0_ns,
            epoch_ns=self._scripts.epoch_ns,
            end_ns=end_ns,
            session=self._session,
            video=self._video.statistics(),
            audio=self._audio.statistics(),
            events=self._events,
        )
