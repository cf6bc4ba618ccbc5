"""Whole takes on the virtual clock: what must hold of every take, whatever is done to it."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.measure import chirp_error_samples, events_ns, flash_positions_ns

from onetake.errors import DeviceUnavailable, InvalidState
from onetake.model.commands import (
    Command,
    Marker,
    MoveOverlay,
    Pause,
    Resume,
    SetGain,
    SetMute,
    ShowCamera,
    SwitchDevice,
)
from onetake.model.devices import Role
from onetake.model.events import SourceChanged, SourceState, Warned
from onetake.model.geometry import Anchor, Overlay
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_MS, NS_PER_S, first_sample_at_or_after, ns_from_sample
from onetake.testing.memory_writer import MemoryWriter
from onetake.testing.virtual import VirtualTake, record_virtual

pytestmark = pytest.mark.slow

SMALL = {
    Role.SCREEN: "synthetic:screen?size=160x90",
    Role.SYSTEM: "synthetic:system",
    Role.MIC: "synthetic:mic",
    Role.CAMERA: "synthetic:camera?size=64x48",
}
PLAIN = Settings(overlay=Overlay(shadow=0.0, height=0.4))
FRAME_NS = NS_PER_S // 30 + 1
RAMP_SAMPLES = 480
"""A mute takes 10 ms."""


def record(
    *commands: tuple[float, Command],
    duration_s: float = 2.0,
    without: tuple[Role, ...] = (),
    wish: Settings = PLAIN,
    **changed: str,
) -> VirtualTake:
    """Record a small take; `changed` replaces devices by role."""
    sources = {role: changed.get(role.value, device) for role, device in SMALL.items()}
    sources = {role: device for role, device in sources.items() if role not in without}
    return record_virtual(wish, sources=sources, commands=commands, duration_s=duration_s)


@cache
def reference(duration_s: float = 2.0, without: tuple[Role, ...] = ()) -> VirtualTake:
    """Return a take in which nothing is done."""
    return record(duration_s=duration_s, without=without)


def pattern_ns(take: VirtualTake) -> int:
    """Return the pattern's position at position 0."""
    return take.t0_ns - take.epoch_ns


def assert_whole(take: VirtualTake, *, fps: float = 30.0) -> None:
    """Check that sound and pictures cover the whole take without a gap."""
    memory = take.memory
    assert memory.sample_count == first_sample_at_or_after(take.end_ns)
    assert memory.positions_ns[0] == 0
    gaps = [after - before for before, after in pairwise([*memory.positions_ns, take.end_ns])]
    assert max(gaps) <= NS_PER_S // 2 + NS_PER_S / fps
    # The end is rounded up to a sample of the sound.
    assert take.end_ns - memory.positions_ns[-1] <= NS_PER_S / fps + NS_PER_S / 48_000 + 1


def test_flash_and_chirps_lie_on_their_instants() -> None:
    """Each flash begins at the nanosecond of its event, each chirp within
    one sample of it: half of one is what a sound without drift may be held off by."""
    take = record(duration_s=10.3)
    expected = events_ns(pattern_ns(take), take.end_ns)
    assert len(expected) == 10
    frames = [(frame.position_ns, frame.luma) for frame in take.memory.frames]
    assert flash_positions_ns(frames) == expected
    sound = take.memory.audio()[:, 0]
    for role in (Role.SYSTEM, Role.MIC):
        for event_ns in expected:
            assert abs(chirp_error_samples(sound, role, event_ns, pattern_ns(take))) <= 0.6


def test_length_is_exact() -> None:
    """Sound is as long as the take to the sample, and the last frame ends with it."""
    for duration_s in (0.5, 1.0, 2.0007, 3.21):
        take = record(duration_s=duration_s)
        assert take.end_ns == ns_from_sample(first_sample_at_or_after(round(duration_s * 1e9)))
        assert_whole(take)


def test_same_arguments_same_take() -> None:
    """Two takes of the same arguments are equal, to the bit."""
    first, second = record(), record()
    assert np.array_equal(first.memory.audio(), second.memory.audio())
    assert first.memory.positions_ns == second.memory.positions_ns
    for a, b in zip(first.memory.frames, second.memory.frames, strict=True):
        assert np.array_equal(a.luma, b.luma)


@pytest.mark.parametrize("role", [Role.MIC, Role.SYSTEM])
@pytest.mark.parametrize("at_s", [0.5, 0.777_777_7, 1.0])
def test_a_mute_lands_on_its_sample(role: Role, at_s: float) -> None:
    """Until 10 ms before the command's sample nothing differs; from it on this source is gone and
    the other untouched; after the unmute everything is as if nothing had been done."""
    off, on = at_s, 1.4
    take = record((off, SetMute(role, True)), (on, SetMute(role, False)))
    sound, untouched = take.memory.audio(), reference().memory.audio()
    other = reference(without=(role,)).memory.audio()
    first = first_sample_at_or_after(round(off * NS_PER_S))
    last = first_sample_at_or_after(round(on * NS_PER_S))
    faded = first - RAMP_SAMPLES
    assert np.array_equal(sound[:faded], untouched[:faded])
    muted = slice(first, last)
    assert np.abs(sound[muted] - other[muted]).max() < 1e-6
    assert np.array_equal(sound[last + RAMP_SAMPLES :], untouched[last + RAMP_SAMPLES :])
    if role is Role.MIC:
        differs = np.flatnonzero(np.abs(sound - untouched).max(axis=1) > 1e-7)
        assert differs[0] - faded < 48
        assert [c.position_ns for c in take.controls] == [round(off * 1e9), round(on * 1e9)]


def test_a_muted_microphone_is_exactly_silent() -> None:
    """With nothing else to hear, muted samples are zeros, and only those."""
    take = record((0.6, SetMute(Role.MIC, True)), without=(Role.SYSTEM, Role.CAMERA))
    sound = take.memory.audio()
    first = first_sample_at_or_after(600 * NS_PER_MS)
    assert not sound[first:].any()
    assert np.abs(sound[first - 4800 : first]).max() > 0.01


def test_a_gain_lands_on_its_sample() -> None:
    """A gain change is not heard before its sample, and is the gain asked for 10 ms after it."""
    take = record((0.5, SetGain(Role.MIC, -20.0)), without=(Role.SYSTEM, Role.CAMERA))
    sound = take.memory.audio()
    untouched = reference(without=(Role.SYSTEM, Role.CAMERA)).memory.audio()
    assert np.array_equal(sound[:24_000], untouched[:24_000])
    after = slice(24_000 + RAMP_SAMPLES, None)
    assert np.allclose(sound[after], untouched[after] / 10, atol=1e-6)


@pytest.mark.parametrize("at_ns", [500_000_000, 999_999_990, 1_000_000_000, 1_010_000_001])
def test_hiding_the_camera_lands_on_its_frame(at_ns: int) -> None:
    """Frames before the command show the camera as ever, the first one not before it and all
    later ones the bare screen, to the pixel; cadence and stamps stay the same."""
    take = record((at_ns / NS_PER_S, ShowCamera(False)))
    with_camera = {f.position_ns: f.luma for f in reference().memory.frames}
    bare = {f.position_ns: f.luma for f in reference(without=(Role.CAMERA,)).memory.frames}
    assert take.memory.positions_ns == reference().memory.positions_ns
    shown = 0
    for frame in take.memory.frames:
        expected = with_camera if frame.position_ns < at_ns else bare
        assert np.array_equal(frame.luma, expected[frame.position_ns])
        shown += not np.array_equal(frame.luma, bare[frame.position_ns])
    assert shown == sum(position_ns < at_ns for position_ns in with_camera)


def test_a_pause_takes_out_both_alike() -> None:
    """What was captured in a pause is in neither track; what comes after it is as aligned."""
    take = record((1.1, Pause()), (2.35, Resume()), duration_s=5.0)
    assert take.end_ns == 3_750 * NS_PER_MS
    assert_whole(take)
    frames = [(frame.position_ns, frame.luma) for frame in take.memory.frames]
    later_ns = pattern_ns(take) + 1_250 * NS_PER_MS
    expected = [at for at in events_ns(later_ns, take.end_ns) if at > 1_100 * NS_PER_MS]
    assert [at for at in flash_positions_ns(frames) if at > 1_100 * NS_PER_MS] == expected
    sound = take.memory.audio()[:, 0]
    assert len(expected) == 3
    for event_ns in expected:
        assert abs(chirp_error_samples(sound, Role.MIC, event_ns, later_ns)) <= 1


COMMANDS = st.one_of(
    st.builds(SetMute, st.sampled_from([Role.MIC, Role.SYSTEM]), st.booleans()),
    st.builds(SetGain, st.sampled_from([Role.MIC, Role.SYSTEM]), st.floats(-30, 6)),
    st.builds(ShowCamera, st.booleans()),
    st.builds(MoveOverlay, anchor=st.sampled_from(Anchor), height=st.floats(0.1, 0.6)),
    st.just(Pause()),
    st.builds(Marker, st.text(max_size=3)),
)
TOGGLES = st.lists(st.tuples(st.floats(0, 1.2, allow_nan=False), COMMANDS), max_size=14)


@settings(deadline=None, max_examples=40)
@given(TOGGLES, st.floats(0.4, 1.3))
def test_no_gap_for_any_toggling(toggles: list[tuple[float, Command]], duration_s: float) -> None:
    """Whatever is toggled whenever, sound and pictures are gapless, of one length, and each
    command is answered with its own position (every second Pause is a Resume)."""
    commands: list[tuple[float, Command]] = []
    is_paused = False
    for at_s, command in sorted(toggles, key=lambda toggle: toggle[0]):
        if isinstance(command, Pause):
            commands.append((at_s, Resume() if is_paused else Pause()))
            is_paused = not is_paused
        else:
            commands.append((at_s, command))
    commands = [(at_s, command) for at_s, command in commands if at_s < duration_s - 1e-3]
    take = record(*commands, duration_s=duration_s)
    timeline = take.session.timeline
    assert timeline is not None
    if take.end_ns > 0:
        assert_whole(take)
    told = [(control.command, control.position_ns) for control in take.controls]
    expected = [
        (command, max(0, timeline.position_ns(take.t0_ns + round(at_s * NS_PER_S))))
        for at_s, command in commands
    ]
    assert told == expected


@st.composite
def troubles(draw: st.DrawFn, role: Role) -> str:
    """Draw an id of a device that comes late, goes away, comes back, drifts or jitters."""
    options = [f"seed={draw(st.integers(0, 9))}"]
    if draw(st.booleans()):
        options.append(f"delay_s={draw(st.floats(0, 1.5))}")
    elif draw(st.booleans()):
        # A screen that is gone before the take starts is no take.
        lost_at_s = draw(st.floats(3.2, 5.0) if role is Role.SCREEN else st.floats(0.05, 1.5))
        options.append(f"lost_at_s={lost_at_s}")
        if draw(st.booleans()):
            options.append(f"back_at_s={lost_at_s + draw(st.floats(0.05, 1.0))}")
    if role in (Role.MIC, Role.SYSTEM):
        options.append(f"rate={draw(st.sampled_from([16_000, 44_100, 48_000, 96_000]))}")
        options.append(f"drift_ppm={draw(st.integers(-500, 500))}")
        options.append(f"jitter_ms={draw(st.sampled_from([0, 1, 5]))}")
        options.append(f"stamps={draw(st.sampled_from(['capture', 'arrival']))}")
        options.append(f"block_ms={draw(st.sampled_from([5, 10, 40]))}")
        options.append(f"latency_ms={draw(st.sampled_from([0, 5, 200]))}")
    elif role is Role.CAMERA:
        options += ["size=64x48", f"fps={draw(st.sampled_from([5, 15, 30, 60]))}"]
        options.append(f"latency_ms={draw(st.sampled_from([0, 5, 120]))}")
    else:
        options += ["size=160x90", f"static_head_s={draw(st.floats(0, 1))}"]
        options.append(f"beats={draw(st.integers(0, 1))}")
    return f"synthetic:{role}?{'&'.join(options)}"


@settings(deadline=None, max_examples=30)
@given(
    st.fixed_dictionaries({role: troubles(role) for role in Role}),
    st.lists(st.booleans(), max_size=60),
    st.floats(0.3, 2.0),
)
def test_no_gap_whatever_the_devices_do(
    devices: dict[Role, str], is_ready: list[bool], duration_s: float
) -> None:
    """Late, lost, drifting, jittering, still or slow devices and a busy disk: the sound is gapless
    to the sample of the end, and pictures go on in order."""
    writer = MemoryWriter(is_ready=is_ready)
    take = record_virtual(PLAIN, sources=devices, duration_s=duration_s, writer=writer)
    assert writer.sample_count == first_sample_at_or_after(take.end_ns)
    # All sources may be gone, which ends the take early; it is whole all the same.
    assert writer.sample_count <= first_sample_at_or_after(round(duration_s * NS_PER_S))
    if not is_ready and take.end_ns > 0:
        assert_whole(take)


MUTES = st.lists(st.floats(0.02, 1.15, allow_nan=False), min_size=1, max_size=12, unique=True)


@settings(deadline=None, max_examples=25)
@given(MUTES)
def test_muted_spans_are_zeros_and_others_untouched(times_s: list[float]) -> None:
    """For any mutes and unmutes: exact zeros from each mute to the unmute, and from 10 ms after
    each unmute to 10 ms before the mute exactly what was heard."""
    without = (Role.SYSTEM, Role.CAMERA)
    times_s = sorted(times_s)
    commands = [(at, SetMute(Role.MIC, number % 2 == 0)) for number, at in enumerate(times_s)]
    sound = record(*commands, duration_s=1.2, without=without).memory.audio()
    untouched = reference(1.2, without).memory.audio()
    edges = [first_sample_at_or_after(round(at * NS_PER_S)) for at in times_s]
    faded = edges[0] - RAMP_SAMPLES
    assert np.array_equal(sound[:faded], untouched[:faded])
    for number, (begin, end) in enumerate(pairwise([*edges, len(sound)])):
        if number % 2 == 0:
            assert not sound[begin:end].any()
        else:
            is_last = end == len(sound)
            settled = slice(begin + RAMP_SAMPLES, end if is_last else max(0, end - RAMP_SAMPLES))
            assert np.array_equal(sound[settled], untouched[settled])


@pytest.mark.parametrize("beats", ["1", "0"])
def test_a_static_screen_still_fills_the_file(beats: str) -> None:
    """Nothing moves for the first and last 4 s, and the screen says so or says nothing at all:
    the file is as long as the take, with a frame at least twice a second."""
    screen = f"synthetic:screen?size=160x90&static_head_s=4&static_from_s=6&beats={beats}"
    take = record(duration_s=10.0, screen=screen, without=(Role.CAMERA,))
    assert take.end_ns == 10 * NS_PER_S
    assert_whole(take)
    moving = [p for p in take.memory.positions_ns if 4.2e9 < p < 5.8e9]
    assert len(moving) > 40


def test_a_moving_camera_goes_on_over_a_static_screen() -> None:
    """Where the screen stands still, frames come at the camera's pace."""
    screen = "synthetic:screen?size=160x90&static_from_s=0.5&beats=0"
    take = record(duration_s=3.0, screen=screen)
    assert_whole(take)
    still = [p for p in take.memory.positions_ns if 1e9 < p < 2.8e9]
    assert 48 <= len(still) <= 56


def test_a_camera_that_never_delivers_is_waited_for_and_named() -> None:
    """The take starts 3 s later without it, says so, and shows the bare screen."""
    take = record(camera="synthetic:camera?never=1")
    assert 3.0 <= (take.t0_ns - take.session.begun_ns) / NS_PER_S < 3.1
    warnings = [event for event in take.events if isinstance(event, Warned)]
    assert [(w.code, "camera" in w.message) for w in warnings] == [("source-late", True)]
    assert_whole(take)
    assert take.video.camera_pictures == 0


def test_a_late_camera_joins() -> None:
    """A camera that comes after 4 s is in the picture from then on, without a change of cadence."""
    take = record(camera="synthetic:camera?size=64x48&delay_s=4", duration_s=3.0)
    joined = [
        event.position_ns
        for event in take.events
        if isinstance(event, SourceChanged) and event.role is Role.CAMERA
    ]
    assert len(joined) == 1
    assert 0.5e9 < joined[0] < 1.5e9
    assert take.video.camera_pictures > 30
    assert_whole(take)


def test_without_a_picture_there_is_no_take() -> None:
    """A screen that never delivers is an error, not an endless wait."""
    with pytest.raises(DeviceUnavailable):
        record(screen="synthetic:screen?never=1")


def test_a_screen_that_is_gone_before_the_start_is_no_take() -> None:
    """A screen that goes away while others are waited for ends in an error, not in a wait."""
    screen = "synthetic:screen?size=160x90&lost_at_s=0.1"
    with pytest.raises(DeviceUnavailable):
        record(screen=screen, camera="synthetic:camera?never=1")


def test_a_drifting_microphone_stays_aligned() -> None:
    """A microphone 208 ppm fast with 1 ms of jitter, uncorrected 12.5 ms off after a minute,
    stays within 0.5 ms of the pattern."""
    take = record(
        duration_s=60.0,
        mic="synthetic:mic?drift_ppm=208&jitter_ms=1&seed=3",
        without=(Role.CAMERA,),
    )
    sound = take.memory.audio()[:, 0]
    expected = events_ns(pattern_ns(take), take.end_ns)
    assert len(expected) >= 59
    errors_ms = [
        chirp_error_samples(sound, Role.MIC, event_ns, pattern_ns(take)) / 48
        for event_ns in expected
    ]
    assert max(map(abs, errors_ms)) < 0.5
    assert take.memory.sample_count == 60 * 48_000


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_any_rate_is_aligned(rate: int) -> None:
    """Devices of other rates lie on the timeline as exactly, to one sample of the output."""
    take = record(
        duration_s=4.0,
        mic=f"synthetic:mic?rate={rate}&drift_ppm=-80",
        system=f"synthetic:system?rate={rate}&channels=1",
        without=(Role.CAMERA,),
    )
    sound = take.memory.audio()[:, 0]
    for role in (Role.MIC, Role.SYSTEM):
        for event_ns in events_ns(pattern_ns(take), take.end_ns):
            assert abs(chirp_error_samples(sound, role, event_ns, pattern_ns(take))) <= 1


def test_a_lost_microphone_leaves_silence_and_comes_back_aligned() -> None:
    """While it is away there is silence, the take goes on, and later chirps are in place."""
    take = record(
        duration_s=7.0,
        mic="synthetic:mic?lost_at_s=2.5&back_at_s=4.1",
        without=(Role.CAMERA, Role.SYSTEM),
    )
    states = [
        (event.state, event.position_ns)
        for event in take.events
        if isinstance(event, SourceChanged) and event.role is Role.MIC
    ]
    assert [state for state, _ in states] == [
        SourceState.LIVE,
        SourceState.LOST,
        SourceState.LIVE,
    ]
    sound = take.memory.audio()[:, 0]
    away = slice(round(2.6 * 48_000), round(4.0 * 48_000))
    assert not sound[away].any()
    after = [at for at in events_ns(pattern_ns(take), take.end_ns) if at > 4.3e9]
    assert len(after) >= 2
    for event_ns in after:
        assert abs(chirp_error_samples(sound, Role.MIC, event_ns, pattern_ns(take))) <= 1
    assert_whole(take)


def test_a_lost_camera_uncovers_the_screen() -> None:
    """Half a second after the camera went away its picture is gone."""
    take = record(camera="synthetic:camera?size=64x48&lost_at_s=1", duration_s=2.0)
    bare = {f.position_ns: f.luma for f in reference(without=(Role.CAMERA,)).memory.frames}
    last = take.memory.frames[-1]
    assert np.array_equal(last.luma, bare[last.position_ns])
    assert_whole(take)


def test_a_switched_microphone_is_aligned() -> None:
    """Another device in mid-take, with another rate and clock, joins the same timeline."""
    take = record(
        (2.0, SwitchDevice(Role.MIC, "synthetic:mic?rate=16000&drift_ppm=150&seed=5")),
        duration_s=5.0,
        without=(Role.CAMERA, Role.SYSTEM),
    )
    sound = take.memory.audio()[:, 0]
    after = [at for at in events_ns(pattern_ns(take), take.end_ns) if at > 2.2e9]
    assert len(after) == 3
    for event_ns in after:
        assert abs(chirp_error_samples(sound, Role.MIC, event_ns, pattern_ns(take))) <= 1


def test_markers_become_chapters() -> None:
    """A marker is a chapter at its position."""
    take = record((0.5, Marker("here")), duration_s=1.0)
    assert take.memory.chapters == [(500 * NS_PER_MS, "here")]


def test_what_does_not_fit_is_refused() -> None:
    """The session's refusals come through to the test."""
    with pytest.raises(InvalidState):
        record((0.5, Resume()))
