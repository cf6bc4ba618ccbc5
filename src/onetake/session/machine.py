"""What a take is doing and what has to happen next: a pure state machine.

    idle ─Begin─▶ starting ─(all sources delivered, or 3 s)─▶ OpenWriter
    starting ─TimelineStarted─▶ recording
    recording ◀─Pause/Resume─▶ paused;  recording, paused ─Stop─▶ stopping ─Finalised─▶ finished
    any ─Failed─▶ failed

`step(session, event)` returns the next session and the effects the engine has to carry out, in
order. No threads, no clock, no I/O: the same events always give the same effects. Control state
(mutes, gains, overlay) lives here and nowhere else; adapters read it through the snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import assert_never

from onetake.errors import InvalidState, UsageError
from onetake.model.commands import (
    Command,
    Marker,
    MoveOverlay,
    Pause,
    Resume,
    SetGain,
    SetMute,
    SetOverlay,
    ShowCamera,
    Split,
    Stop,
    SwitchDevice,
    TimedCommand,
    changed_overlay,
)
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.events import (
    ControlChanged,
    SourceChanged,
    SourceState,
    StateChanged,
    TakeState,
    Warned,
)
from onetake.model.geometry import Overlay
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.session.messages import (
    Apply,
    Begin,
    BeginStop,
    CommandReceived,
    DiskRunsOut,
    Effect,
    Finalised,
    OpenNextPart,
    OpenWriter,
    PartFailed,
    Publish,
    SessionEvent,
    SourceDelivered,
    SourceLost,
    Stalled,
    Starved,
    SwitchSource,
    Tick,
    TimelineStarted,
    TookFailure,
)
from onetake.timeline.timeline import Timeline

__all__ = ["GAIN_DB_MAX", "GAIN_DB_MIN", "SCREEN_WAIT_NS", "SOURCE_WAIT_NS", "Session", "step"]

SOURCE_WAIT_NS = 3 * NS_PER_S
"""How long a take waits for slow sources before it starts without them. Shorter: a webcam that
needs 2 s to warm up is missing from each take's start; longer: a dead one delays every take."""

SCREEN_WAIT_NS = 10 * NS_PER_S
"""How long a take waits for its screen, without which there is no position 0. Shorter gives up on
an X server that is being restarted; longer keeps somebody waiting in front of nothing."""

SOUND_AHEAD_NS = 300 * NS_PER_MS
"""How long a take waits for the sound that a device stamps ahead of now. Shorter than a sink's
buffer (80 ms and more), and the file begins in silence; longer, and a wrong stamp delays it."""

GAIN_DB_MIN = -100.0
"""Quietest gain in dB that is not a mute; the same floor the obs-websocket protocol has."""

GAIN_DB_MAX = 26.0
"""Loudest gain in dB; more only makes the limiter work."""


@dataclass(frozen=True, slots=True)
class Session:
    """The state of one take. A value: `step` returns the next one."""

    settings: Settings
    requested: frozenset[Role]
    """Roles that have a device."""

    state: TakeState = TakeState.IDLE
    begun_ns: int = 0
    is_writer_opened: bool = False
    complete_from_ns: int = 0
    """Host time from which every source that has delivered has something."""
    timeline: Timeline | None = None
    end_host_ns: int | None = None
    sources: dict[Role, SourceState] = field(default_factory=dict)
    overlay: Overlay = field(default_factory=Overlay)
    is_muted: dict[Role, bool] = field(default_factory=dict)
    gain_db: dict[Role, float] = field(default_factory=dict)
    stop_reason: str = ""
    """Why it ended: `asked`, `duration`, `all-sources-gone`, `disk-full`, or an error's code."""
    failure: str = ""
    """What the file died of, in words; empty when nothing failed."""

    @classmethod
    def of(cls, settings: Settings, requested: frozenset[Role]) -> Session:
        """Return the session of a take that has not begun."""
        return cls(
            settings=settings,
            requested=requested,
            sources=dict.fromkeys(requested, SourceState.STARTING),
            overlay=settings.overlay,
            is_muted={Role.MIC: settings.is_mic_muted, Role.SYSTEM: settings.is_system_muted},
            gain_db={Role.MIC: settings.mic_gain_db, Role.SYSTEM: settings.system_gain_db},
        )

    @property
    def is_running(self) -> bool:
        """Whether the timeline exists and the take has not ended."""
        return self.state in (TakeState.RECORDING, TakeState.PAUSED)

    def position_ns(self, host_ns: int) -> int:
        """Return the position of `host_ns`, 0 before the start, the end after the stop."""
        if self.timeline is None:
            return 0
        if self.end_host_ns is not None:
            host_ns = min(host_ns, self.end_host_ns)
        return max(0, self.timeline.position_ns(host_ns))


_Step = tuple[Session, list[Effect]]


def step(session: Session, event: SessionEvent) -> _Step:
    """Return the next session and what has to be done. Raises InvalidState or UsageError for a
    command that does not fit; the session is unchanged then."""
    match event:
        case Begin():
            begun = replace(session, begun_ns=event.host_ns)
            return _enter(begun, TakeState.STARTING, event.host_ns)
        case SourceDelivered():
            return _source_delivered(session, event)
        case SourceLost():
            return _source_lost(session, event)
        case TimelineStarted():
            started = replace(session, timeline=Timeline.starting_at(event.t0_ns))
            return _enter(started, TakeState.RECORDING, event.t0_ns)
        case CommandReceived():
            return _command(session, event.timed)
        case Tick():
            return _tick(session, event.host_ns)
        case Stalled() | Starved():
            return _held_up(session, event)
        case TookFailure():
            return _failed(session, event)
        case PartFailed():
            return _part_failed(session, event)
        case DiskRunsOut():
            return _disk_runs_out(session, event.host_ns)
        case Finalised():
            ended = TakeState.FAILED if session.failure else TakeState.FINISHED
            return _enter(session, ended, session.end_host_ns or 0)
        case _:
            assert_never(event)


def _enter(session: Session, state: TakeState, host_ns: int) -> _Step:
    entered = replace(session, state=state)
    return entered, [Publish(StateChanged(state, entered.position_ns(host_ns)))]


def _source_delivered(session: Session, event: SourceDelivered) -> _Step:
    before = session.sources.get(event.role)
    first_ns = min(event.first_ns, event.host_ns + SOUND_AHEAD_NS)
    live = replace(
        session,
        sources={**session.sources, event.role: SourceState.LIVE},
        complete_from_ns=max(session.complete_from_ns, first_ns),
    )
    position_ns = live.position_ns(event.host_ns)
    changed = SourceChanged(event.role, SourceState.LIVE, event.device_id, position_ns)
    effects: list[Effect] = [Publish(changed)]
    if before is SourceState.STARTING and session.is_running:
        message = f"{event.role} joined {position_ns / NS_PER_S:.1f} s late"
        effects.append(Publish(Warned("source-late", message, position_ns=position_ns)))
    if _everybody_delivered(live):
        opened, more = _open_writer(live)
        return opened, effects + more
    return live, effects


def _everybody_delivered(session: Session) -> bool:
    states = (session.sources[role] for role in session.requested)
    return all(state is SourceState.LIVE for state in states)


def _open_writer(session: Session) -> _Step:
    if session.is_writer_opened or session.state is not TakeState.STARTING:
        return session, []
    return replace(session, is_writer_opened=True), [OpenWriter(session.complete_from_ns)]


def _source_lost(session: Session, event: SourceLost) -> _Step:
    if session.sources.get(event.role) is SourceState.LOST:
        return session, []  # One more attempt in vain: told once, however long it takes.
    lost = replace(session, sources={**session.sources, event.role: SourceState.LOST})
    position_ns = lost.position_ns(event.host_ns)
    changed = SourceChanged(
        event.role, SourceState.LOST, event.device_id, position_ns, event.reason
    )
    effects: list[Effect] = [Publish(changed)]
    gone = all(lost.sources[role] is SourceState.LOST for role in lost.requested)
    if gone and lost.is_running:
        message = "all sources are gone; the take ends here"
        effects.append(Publish(Warned("all-sources-gone", message, position_ns=position_ns)))
        stopped, more = _begin_stop(lost, event.host_ns, "all-sources-gone")
        return stopped, effects + more
    return lost, effects


def _tick(session: Session, host_ns: int) -> _Step:
    if session.state is TakeState.STARTING and host_ns - session.begun_ns >= SOURCE_WAIT_NS:
        return _start_without_the_late(session, host_ns)
    limit_s = session.settings.duration_s
    if session.state is TakeState.RECORDING and session.timeline and limit_s is not None:
        limit_ns = round(limit_s * NS_PER_S)
        if session.position_ns(host_ns) >= limit_ns:
            return _begin_stop(session, session.timeline.host_ns(limit_ns), "duration")
    return session, []


def _start_without_the_late(session: Session, host_ns: int) -> _Step:
    if session.sources.get(Role.SCREEN) is not SourceState.LIVE:
        if host_ns - session.begun_ns < SCREEN_WAIT_NS:
            return session, []
        message = "the screen delivers nothing, so there is no take"
        return _failed(session, TookFailure("device-unavailable", message, host_ns))
    if session.is_writer_opened:
        return session, []
    opened, effects = _open_writer(session)
    for role in sorted(session.requested):
        if session.sources[role] is not SourceState.LIVE:
            message = f"{role} has delivered nothing yet; recording starts without it"
            hint = "it joins as soon as it delivers; check the device, or choose another one"
            effects.append(Publish(Warned("source-late", message, hint)))
    return opened, effects


def _held_up(session: Session, event: Stalled | Starved) -> _Step:
    """Tell of a time in which nothing ran, or not enough, so that nobody grabbed the screen."""
    from_ns, to_ns = session.position_ns(event.from_ns), session.position_ns(event.host_ns)
    if isinstance(event, Starved):
        message = "the computer gives the recorder too little processor time; pictures may be lost"
        if event.is_over:
            return session, _screen_missed(session, from_ns, to_ns, message)
        return session, [Publish(Warned("starved", message, "close other programs", from_ns))]
    if session.state is not TakeState.RECORDING:
        return session, []
    message = f"the recorder was kept from running for {(to_ns - from_ns) / NS_PER_S:.1f} s"
    hint = "the picture stands still there; sound that waited in the system is kept"
    told = Publish(Warned("stalled", message, hint, from_ns))
    return session, [told, *_screen_missed(session, from_ns, to_ns, message)]


def _screen_missed(session: Session, from_ns: int, to_ns: int, reason: str) -> list[Effect]:
    """Say that nobody was there to grab the screen for a time."""
    if session.sources.get(Role.SCREEN) is not SourceState.LIVE:
        return []
    lost = SourceChanged(Role.SCREEN, SourceState.LOST, session.settings.screen, from_ns, reason)
    back = SourceChanged(Role.SCREEN, SourceState.LIVE, session.settings.screen, to_ns)
    return [Publish(lost), Publish(back)]


def _failed(session: Session, event: TookFailure) -> _Step:
    if session.state in (TakeState.STOPPING, TakeState.FINISHED, TakeState.FAILED):
        return replace(session, failure=session.failure or event.message), []
    failed = replace(session, failure=event.message)
    return _begin_stop(failed, event.host_ns, event.code)


def _part_failed(session: Session, event: PartFailed) -> _Step:
    if not session.is_running:
        return _failed(session, TookFailure("output-failed", event.message, event.host_ns))
    hint = "the take goes on in a new file; 'onetake repair' mends the old one if need be"
    told = Warned("file-failed", event.message, hint, session.position_ns(event.host_ns))
    return session, [Publish(told), OpenNextPart(event.message)]


def _disk_runs_out(session: Session, host_ns: int) -> _Step:
    if not session.is_running:
        return session, []
    message = "the disk is almost full; the take ends here"
    hint = "free some room, or record to another disk"
    position_ns = session.position_ns(host_ns)
    told = Publish(Warned("disk-full", message, hint, position_ns))
    stopped, effects = _begin_stop(session, host_ns, "disk-full")
    return stopped, [told, *effects]


def _begin_stop(session: Session, host_ns: int, reason: str) -> _Step:
    # A stop from before the first frame's PTS (ScreenCaptureKit stamps run ahead) ends there.
    end_ns = host_ns if session.timeline is None else max(host_ns, session.timeline.t0_ns)
    ending = replace(session, end_host_ns=end_ns, stop_reason=reason)
    stopping, effects = _enter(ending, TakeState.STOPPING, end_ns)
    return stopping, [*effects, BeginStop(end_ns)]


def _command(session: Session, timed: TimedCommand) -> _Step:
    command = timed.command
    _refuse_unfit(session, command)
    position_ns = session.position_ns(_effective_ns(session, timed))
    match command:
        case Stop():
            return _begin_stop(session, timed.host_ns, "asked")
        case Split():
            return session, [Publish(ControlChanged(command, position_ns)), OpenNextPart("")]
        case SwitchDevice():
            switched = replace(
                session,
                requested=session.requested | {command.role},
                sources={**session.sources, command.role: SourceState.STARTING},
            )
            told = Publish(ControlChanged(command, position_ns))
            return switched, [SwitchSource(command.role, command.device_id), told]
        case _:
            changed, effects = _changed(session, timed)
            told = Publish(ControlChanged(command, position_ns))
            return changed, [Apply(timed, position_ns), *effects, told]


def _effective_ns(session: Session, timed: TimedCommand) -> int:
    if isinstance(timed.command, SetMute) and timed.command.is_muted:
        return timed.host_ns - round(session.settings.mute_lead_ms * NS_PER_MS)
    return timed.host_ns


def _changed(session: Session, timed: TimedCommand) -> _Step:
    """Return the session with the command's change in it."""
    command = timed.command
    match command:
        case SetMute():
            is_muted = {**session.is_muted, command.role: command.is_muted}
            return replace(session, is_muted=is_muted), []
        case SetGain():
            gain_db = {**session.gain_db, command.role: command.gain_db}
            return replace(session, gain_db=gain_db), []
        case ShowCamera() | SetOverlay() | MoveOverlay():
            return replace(session, overlay=changed_overlay(session.overlay, command)), []
        case Pause():
            assert session.timeline is not None
            paused = replace(session, timeline=session.timeline.pause(timed.host_ns))
            return _enter(paused, TakeState.PAUSED, timed.host_ns)
        case Resume():
            assert session.timeline is not None
            resumed = replace(session, timeline=session.timeline.resume(timed.host_ns))
            return _enter(resumed, TakeState.RECORDING, timed.host_ns)
        case _:
            return session, []


_UNTIL_THE_END = (TakeState.STARTING, TakeState.RECORDING, TakeState.PAUSED)


def _refuse_unfit(session: Session, command: Command) -> None:
    state = session.state
    if state not in _UNTIL_THE_END:
        raise InvalidState(f"the take is {state}, it takes no commands", code="not-recording")
    match command:
        case Pause() if state is TakeState.PAUSED:
            raise InvalidState("the take is paused already", code="already-paused")
        case Resume() if state is TakeState.RECORDING:
            raise InvalidState("the take is not paused", code="not-paused")
        case Pause() | Resume() | Marker() | Split() if not session.is_running:
            raise InvalidState("the take has not started yet", code="not-recording")
        case SetMute() | SetGain() if command.role not in AUDIO_ROLES:
            raise UsageError(f"{command.role} makes no sound", hint="choose mic or system")
        case SetGain() if not GAIN_DB_MIN <= command.gain_db <= GAIN_DB_MAX:
            raise UsageError(
                f"a gain of {command.gain_db:g} dB is out of range",
                hint=f"choose {GAIN_DB_MIN:g} to {GAIN_DB_MAX:g} dB",
            )
        case _:
            return
