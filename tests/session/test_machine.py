"""The session: what follows what, without a thread or a clock."""

from __future__ import annotations

import pytest

from onetake.errors import InvalidState, UsageError
from onetake.model.commands import (
    Marker,
    MoveOverlay,
    Pause,
    Resume,
    SetGain,
    SetMute,
    ShowCamera,
    Stop,
    SwitchDevice,
    TimedCommand,
)
from onetake.model.devices import Role
from onetake.model.events import (
    ControlChanged,
    SourceChanged,
    SourceState,
    StateChanged,
    TakeState,
    Warned,
)
from onetake.model.settings import Settings
from onetake.model.take_report import degraded_spans
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.session.machine import SCREEN_WAIT_NS, SOURCE_WAIT_NS, Session, step
from onetake.session.messages import (
    Apply,
    Begin,
    BeginStop,
    CommandReceived,
    DiskRunsOut,
    Effect,
    Finalised,
    OpenWriter,
    Publish,
    SourceDelivered,
    SourceLost,
    Stalled,
    Starved,
    SwitchSource,
    Tick,
    TimelineStarted,
    TookFailure,
)

T0_NS = 10 * NS_PER_S
ALL = frozenset(Role)


def events_of(effects: list[Effect]) -> list[object]:
    return [effect.event for effect in effects if isinstance(effect, Publish)]


def starting(requested: frozenset[Role] = ALL, settings: Settings | None = None) -> Session:
    session, _ = step(Session.of(settings or Settings(), requested), Begin(T0_NS - NS_PER_S))
    return session


def running(settings: Settings | None = None) -> Session:
    session = starting(settings=settings)
    for role in Role:
        session, _ = step(session, SourceDelivered(role, "id", T0_NS - 1))
    session, _ = step(session, TimelineStarted(T0_NS))
    return session


def command(session: Session, what: object, after_ns: int = 0) -> tuple[Session, list[Effect]]:
    return step(session, CommandReceived(TimedCommand(T0_NS + after_ns, what)))  # type: ignore[arg-type]


def test_writer_opens_once_when_everybody_has_delivered() -> None:
    """The writer is started exactly once, when the last requested source has delivered."""
    session = starting()
    opened = []
    for role in [*Role, Role.MIC]:
        session, effects = step(session, SourceDelivered(role, "id", T0_NS))
        opened.append(sum(isinstance(effect, OpenWriter) for effect in effects))
    assert opened == [0, 0, 0, 1, 0]


def test_a_take_begins_where_everybody_has_something() -> None:
    """Sound stamped ahead of now is waited for; a stamp that is far off, for 0.3 s."""
    for ahead_ns, waited_ns in ((80, 80), (-40, 0), (10_000, 300)):
        session = starting(frozenset((Role.SCREEN, Role.SYSTEM)))
        session, _ = step(session, SourceDelivered(Role.SCREEN, "id", T0_NS, T0_NS))
        first_ns = T0_NS + ahead_ns * NS_PER_MS
        _, effects = step(session, SourceDelivered(Role.SYSTEM, "id", T0_NS, first_ns))
        assert OpenWriter(T0_NS + waited_ns * NS_PER_MS) in effects


def test_late_sources_are_left_behind_after_three_seconds() -> None:
    """A take starts without a slow camera after 3 s, and says so."""
    session = starting()
    for role in (Role.SCREEN, Role.SYSTEM, Role.MIC):
        session, _ = step(session, SourceDelivered(role, "id", T0_NS))
    session, effects = step(session, Tick(session.begun_ns + SOURCE_WAIT_NS - 1))
    assert effects == []
    session, effects = step(session, Tick(session.begun_ns + SOURCE_WAIT_NS))
    assert isinstance(effects[0], OpenWriter)
    warned = [event for event in events_of(effects) if isinstance(event, Warned)]
    assert [(w.code, "camera" in w.message) for w in warned] == [("source-late", True)]


def test_no_take_starts_without_a_screen() -> None:
    """Without a picture there is no position 0: the take waits ten seconds and then fails."""
    session = starting()
    session, _ = step(session, SourceDelivered(Role.MIC, "id", T0_NS))
    session, effects = step(session, Tick(session.begun_ns + SCREEN_WAIT_NS - 1))
    assert effects == []
    session, effects = step(session, Tick(session.begun_ns + SCREEN_WAIT_NS))
    assert isinstance(effects[-1], BeginStop)
    assert session.stop_reason == "device-unavailable"


def test_a_late_source_joins_with_a_warning() -> None:
    """A source that comes after t0 is told with its position."""
    session = starting()
    for role in (Role.SCREEN, Role.SYSTEM, Role.MIC):
        session, _ = step(session, SourceDelivered(role, "id", T0_NS))
    session, _ = step(session, Tick(session.begun_ns + SOURCE_WAIT_NS))
    session, _ = step(session, TimelineStarted(T0_NS))
    session, effects = step(session, SourceDelivered(Role.CAMERA, "id", T0_NS + NS_PER_S))
    assert session.sources[Role.CAMERA] is SourceState.LIVE
    assert any(
        isinstance(event, Warned) and event.position_ns == NS_PER_S for event in events_of(effects)
    )


def test_a_command_is_applied_and_told_at_its_position() -> None:
    """A command reaches the lanes and everybody who listens, with one and the same position."""
    session, effects = command(running(), SetMute(Role.MIC, is_muted=True), 5 * NS_PER_S)
    assert session.is_muted[Role.MIC]
    assert isinstance(effects[0], Apply)
    assert effects[0].position_ns == 5 * NS_PER_S
    assert events_of(effects) == [ControlChanged(SetMute(Role.MIC, True), 5 * NS_PER_S)]


def test_mute_lead_moves_the_mute_but_not_the_unmute() -> None:
    """With a lead a mute begins before the key; an unmute never does."""
    session = running(Settings(mute_lead_ms=200))
    session, effects = command(session, SetMute(Role.MIC, is_muted=True), NS_PER_S)
    assert effects[0].position_ns == 800 * NS_PER_MS  # type: ignore[union-attr]
    _, effects = command(session, SetMute(Role.MIC, is_muted=False), 2 * NS_PER_S)
    assert effects[0].position_ns == 2 * NS_PER_S  # type: ignore[union-attr]


def test_pause_takes_its_time_out_of_every_position() -> None:
    """After a pause of 3 s positions are 3 s behind the host time."""
    session, effects = command(running(), Pause(), 2 * NS_PER_S)
    assert session.state is TakeState.PAUSED
    assert events_of(effects)[0] == StateChanged(TakeState.PAUSED, 2 * NS_PER_S)
    assert session.position_ns(T0_NS + 4 * NS_PER_S) == 2 * NS_PER_S
    session, _ = command(session, Resume(), 5 * NS_PER_S)
    assert session.position_ns(T0_NS + 6 * NS_PER_S) == 3 * NS_PER_S


@pytest.mark.parametrize(
    ("prepare", "what", "code"),
    [
        ([], Resume(), "not-paused"),
        ([Pause()], Pause(), "already-paused"),
        ([Stop()], Pause(), "not-recording"),
        ([Stop()], SetMute(Role.MIC, is_muted=True), "not-recording"),
    ],
)
def test_a_command_that_does_not_fit_is_refused(
    prepare: list[object], what: object, code: str
) -> None:
    """Commands that make no sense in a state are refused by name and change nothing."""
    session = running()
    for before in prepare:
        session, _ = command(session, before)
    with pytest.raises(InvalidState) as caught:
        command(session, what)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "what",
    [
        SetMute(Role.SCREEN, is_muted=True),
        SetGain(Role.MIC, 40.0),
        SetGain(Role.MIC, float("nan")),
        MoveOverlay(x=1.5),
    ],
)
def test_nonsense_values_are_refused(what: object) -> None:
    """A value outside its range is refused rather than applied."""
    with pytest.raises(UsageError):
        command(running(), what)


def test_commands_before_the_first_frame_land_at_zero() -> None:
    """A mute or hide given while the devices open holds from position 0."""
    session, effects = command(starting(), ShowCamera(is_visible=False), -NS_PER_S // 2)
    assert not session.overlay.is_visible
    assert effects[0].position_ns == 0  # type: ignore[union-attr]
    with pytest.raises(InvalidState):
        command(session, Marker())


def test_duration_ends_the_take_exactly() -> None:
    """A duration counts what is in the file, not the pauses, and ends exactly there."""
    session = running(Settings(duration_s=4.0))
    session, _ = command(session, Pause(), 1 * NS_PER_S)
    session, _ = command(session, Resume(), 3 * NS_PER_S)
    session, effects = step(session, Tick(T0_NS + 6 * NS_PER_S - 1))
    assert effects == []
    _, effects = step(session, Tick(T0_NS + 6 * NS_PER_S + 30 * NS_PER_MS))
    assert effects[-1] == BeginStop(T0_NS + 6 * NS_PER_S)


def test_all_sources_gone_ends_the_take() -> None:
    """When nothing is left to record, the take ends and keeps its file."""
    session = running()
    for role in Role:
        session, effects = step(session, SourceLost(role, "id", T0_NS + NS_PER_S, "unplugged"))
    assert isinstance(effects[-1], BeginStop)
    assert session.state is TakeState.STOPPING


def test_a_lost_source_is_told_once() -> None:
    """However often it is tried in vain, a loss is one event, so that hours of it stay readable."""
    session, first = step(running(), SourceLost(Role.MIC, "id", T0_NS + NS_PER_S, "gone"))
    session, again = step(session, SourceLost(Role.MIC, "id", T0_NS + 2 * NS_PER_S, "still gone"))
    assert len(events_of(first)) == 1
    assert again == []


def test_a_time_in_which_nothing_ran_is_told_with_its_place() -> None:
    """A stopped or starved recorder has a hole in its picture, from the last look to the next."""
    _, effects = step(running(), Stalled(T0_NS + NS_PER_S, T0_NS + 6 * NS_PER_S))
    warned, lost, back = events_of(effects)
    assert isinstance(warned, Warned)
    assert (warned.code, warned.position_ns) == ("stalled", NS_PER_S)
    assert isinstance(lost, SourceChanged)
    assert isinstance(back, SourceChanged)
    assert (lost.state, lost.position_ns) == (SourceState.LOST, NS_PER_S)
    assert (back.state, back.position_ns) == (SourceState.LIVE, 6 * NS_PER_S)


def test_too_little_processor_time_is_told_and_its_span_kept() -> None:
    """It is told as soon as it is noticed, and stands as a span of missing pictures afterwards."""
    session, effects = step(running(), Starved(T0_NS + NS_PER_S, T0_NS + 2 * NS_PER_S, False))
    (warned,) = events_of(effects)
    assert isinstance(warned, Warned)
    assert (warned.code, warned.position_ns) == ("starved", NS_PER_S)
    _, effects = step(session, Starved(T0_NS + NS_PER_S, T0_NS + 6 * NS_PER_S, True))
    changes = [event for event in events_of(effects) if isinstance(event, SourceChanged)]
    (span,) = degraded_spans(changes, 9 * NS_PER_S)
    assert (span.role, span.position_ns, span.length_ns) == (Role.SCREEN, NS_PER_S, 5 * NS_PER_S)


def test_a_failed_writer_ends_the_take_as_failed() -> None:
    """A failure stops the take once; its state is failed when the file is closed."""
    session, effects = step(running(), TookFailure("output-failed", "disk", T0_NS + NS_PER_S))
    assert isinstance(effects[-1], BeginStop)
    session, effects = step(session, TookFailure("output-failed", "again", T0_NS + NS_PER_S))
    assert effects == []
    session, _ = step(session, Finalised())
    assert session.state is TakeState.FAILED
    assert (session.failure, session.stop_reason) == ("disk", "output-failed")


def test_a_disk_that_runs_out_ends_the_take_cleanly() -> None:
    """Before the disk is full the take ends, says why, and has not failed."""
    session, effects = step(running(), DiskRunsOut(T0_NS + NS_PER_S))
    assert [e.code for e in events_of(effects) if isinstance(e, Warned)] == ["disk-full"]
    assert session.stop_reason == "disk-full"
    session, _ = step(session, Finalised())
    assert session.state is TakeState.FINISHED


def test_switching_a_device_waits_for_the_new_one() -> None:
    """A switched role is starting again, and the engine is told to fill it."""
    session, effects = command(running(), SwitchDevice(Role.MIC, "pulse:other"))
    assert effects[0] == SwitchSource(Role.MIC, "pulse:other")
    assert session.sources[Role.MIC] is SourceState.STARTING
