"""The audio lane end to end, on simulated devices with a known truth."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onetake.audio.gain import RAMP
from onetake.audio.lane import BOUND_NS, LOOK_AHEAD_NS, QUANTUM, AudioLane
from onetake.model.commands import Marker, Pause, Resume, SetGain, SetMute, TimedCommand
from onetake.model.devices import Role
from onetake.model.events import SourceState
from onetake.model.media import AudioBlock, StampKind
from onetake.model.settings import Settings, Tracks
from onetake.testing.clocksim import (
    ClockScript,
    DeviceLog,
    Jitter,
    lose_blocks,
    simulate,
    stall,
)
from onetake.testing.lanesim import PlayedTake, StateChange, play
from onetake.testing.soundtruth import broadband, broadband_delays_s, silence, tone, tone_errors_s
from onetake.timeline.timeline import Timeline

NS = 1_000_000_000
SAMPLE_S = 1 / 48_000
START_NS = ClockScript().start_ns


def steady(times_s: np.ndarray) -> np.ndarray:
    """A constant: whatever the gain does to it can be read off."""
    return np.full((len(times_s), 1), 0.25, np.float32)


def _at(seconds: float) -> int:
    return START_NS + round(seconds * NS)


def _pause(begin_s: float, end_s: float) -> list[TimedCommand]:
    return [TimedCommand(_at(begin_s), Pause()), TimedCommand(_at(end_s), Resume())]


def _mute(seconds: float, role: Role = Role.MIC, *, is_muted: bool = True) -> TimedCommand:
    return TimedCommand(_at(seconds), SetMute(role, is_muted))


def _timeline(t0_s: float, commands: list[TimedCommand]) -> Timeline:
    timeline = Timeline.starting_at(_at(t0_s))
    for timed in commands:
        if isinstance(timed.command, Pause):
            timeline = timeline.pause(timed.host_ns)
        elif isinstance(timed.command, Resume):
            timeline = timeline.resume(timed.host_ns)
    return timeline


def _assert_gapless(take: PlayedTake, samples: int) -> None:
    position = 0
    for block in take.blocks:
        assert block.first_sample == position
        assert {len(track) for track in block.tracks} == {len(block.tracks[0])}
        position += len(block.tracks[0])
    assert position == samples


@pytest.mark.parametrize(
    ("rate_hz", "ppm"),
    [(48_000, 0), (48_000, 500), (48_000, -500), (44_100, 300), (16_000, 208), (96_000, -120)],
)
def test_exact_stamps_align_to_a_hundredth_of_a_sample(rate_hz: int, ppm: float) -> None:
    """With exact stamps every sample lies within 0.01 sample of where it was heard."""
    script = ClockScript(duration_s=9, rate_hz=rate_hz, block_frames=rate_hz // 100, ppm=ppm)
    take = play({Role.MIC: (simulate(script), tone)}, t0_s=1.0123, end_s=8.0)
    mix = take.track()
    _assert_gapless(take, round((8.0 - 1.0123) * 48_000 + 0.5))
    assert np.abs(tone_errors_s(mix, take.t0_s)[:-1]).max() < 0.01 * SAMPLE_S


def test_system_sound_on_the_host_clock_passes_to_the_bit() -> None:
    """System sound that shows no drift is not resampled: the same bits, on whole samples."""
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.5, 0.5, (480_000, 2)).astype(np.float32)

    def played(times_s: np.ndarray) -> np.ndarray:
        return noise[np.rint(times_s * 48_000).astype(int)]

    log = simulate(ClockScript(duration_s=9))
    mix = play({Role.SYSTEM: (log, played)}, t0_s=1.00001, end_s=8.0).track()
    length = len(mix) - 2000
    assert any(np.array_equal(mix[:length], noise[at : at + length]) for at in (48_000, 48_001))


def test_system_sound_that_drifts_is_corrected() -> None:
    """A null sink that runs 100 ppm fast is followed like any other device."""
    log = simulate(ClockScript(duration_s=12, ppm=100))
    mix = play({Role.SYSTEM: (log, tone)}, t0_s=1.0, end_s=11.0).track()
    assert np.abs(tone_errors_s(mix, 1.0)[:-1]).max() < 0.01 * SAMPLE_S


def test_thousand_commands_land_on_their_sample() -> None:
    """Mutes and unmutes at any instant: zeros from exactly the one to exactly the other."""
    rng = np.random.default_rng(2)
    times_s = 1.1 + np.cumsum(rng.uniform(0.0205, 0.08, 1000))
    commands = [_mute(at_s, is_muted=index % 2 == 0) for index, at_s in enumerate(times_s)]
    end_s = float(times_s[-1]) + 1
    log = simulate(ClockScript(duration_s=end_s + 1, ppm=-80, block_frames=960))
    take = play({Role.MIC: (log, steady)}, t0_s=1.0, end_s=end_s, events=commands)
    mix = take.track()[:, 0]
    timeline = Timeline.starting_at(_at(1.0))
    for timed in commands:
        sample = timeline.sample_at(timed.host_ns)
        if timed.command.is_muted:  # type: ignore[union-attr]
            assert mix[sample - RAMP] == pytest.approx(0.25, abs=1e-5)
            assert mix[sample - 1] > 0
            assert mix[sample] == 0
        else:
            assert mix[sample] == 0
            assert mix[sample + 1] > 0


def test_mute_lead_begins_earlier() -> None:
    """With a lead of 50 ms the mute begins 50 ms before the key, the unmute does not."""
    log = simulate(ClockScript(duration_s=6))
    commands = [_mute(2.0), _mute(3.0, is_muted=False)]
    settings = Settings(mute_lead_ms=50)
    take = play({Role.MIC: (log, steady)}, t0_s=1.0, end_s=5.0, events=commands, settings=settings)
    mix = take.track()[:, 0]
    zeros = np.flatnonzero(mix == 0)
    assert (zeros[0], zeros[-1]) == (48_000 - 2400, 96_000)


def test_muted_source_leaves_the_other_untouched() -> None:
    """While the microphone is muted the mix is the system sound, bit for bit, and a take whose
    microphone is muted throughout is the same as one without it."""
    logs = {
        Role.SYSTEM: (simulate(ClockScript(duration_s=7, ppm=90, seed=2)), broadband),
        Role.MIC: (simulate(ClockScript(duration_s=7, ppm=-208)), tone),
    }
    separate = Settings(tracks=Tracks.SEPARATE)
    commands = [_mute(2.0), _mute(4.0, is_muted=False)]
    take = play(logs, t0_s=1.0, end_s=6.0, events=commands, settings=separate)
    mix, mic, system = (take.track(index) for index in range(3))
    muted = slice(48_000, 3 * 48_000)
    assert np.array_equal(mix[muted], system[muted])
    assert np.abs(mic[muted]).max() > 0.4
    assert not np.array_equal(mix[: muted.start], system[: muted.start])
    muted_take = play(logs, t0_s=1.0, end_s=6.0, settings=Settings(is_mic_muted=True))
    alone = play({Role.SYSTEM: logs[Role.SYSTEM]}, t0_s=1.0, end_s=6.0)
    assert np.array_equal(muted_take.track(), alone.track())
    plain = play(logs, t0_s=1.0, end_s=6.0, settings=separate)
    assert np.array_equal(plain.track(2), system)


def test_gain_in_mid_take() -> None:
    """A gain command changes the level at its sample and nothing before."""
    log = simulate(ClockScript(duration_s=6))
    command = TimedCommand(_at(2.5), SetGain(Role.MIC, -20.0))
    mix = play({Role.MIC: (log, steady)}, t0_s=1.0, end_s=5.0, events=[command]).track()[:, 0]
    sample = round(1.5 * 48_000)
    assert np.allclose(mix[:sample], 0.25, atol=1e-5)
    assert np.allclose(mix[sample + RAMP : -2000], 0.025, atol=1e-6)


def test_fifty_pauses_add_no_offset() -> None:
    """After fifty pauses the sound is still within 0.01 sample of its place."""
    commands: list[TimedCommand] = []
    for index in range(50):
        begin_s = 1.5 + 0.2 * index + 0.001234 * index
        commands += _pause(begin_s, begin_s + 0.0777)
    log = simulate(ClockScript(duration_s=17, ppm=300))
    take = play({Role.MIC: (log, tone)}, t0_s=1.0, end_s=16.0, events=commands)
    timeline = _timeline(1.0, commands)
    mix = take.track()
    _assert_gapless(take, timeline.sample_at(_at(16.0)))
    first = timeline.sample_at(commands[-1].host_ns) + 480
    host_s = (timeline.host_ns_of_sample(first) - START_NS) / NS
    errors = tone_errors_s(mix[first:-2400], host_s)
    assert np.abs(errors).max() < 0.01 * SAMPLE_S


def test_nothing_of_a_pause_is_heard() -> None:
    """Noise inside pauses and silence outside gives a file of exact zeros, at any drift."""
    commands = _pause(2.0, 2.5) + _pause(3.0, 3.0004) + _pause(4.0, 5.0)
    timeline = _timeline(1.0, commands)
    rng = np.random.default_rng(5)

    def only_in_pauses(times_s: np.ndarray) -> np.ndarray:
        inside = [at_s > 1.1 and not timeline.contains(_at(float(at_s))) for at_s in times_s]
        wave = rng.uniform(-0.9, 0.9, len(times_s)) * inside
        return wave.astype(np.float32)[:, None]

    log = simulate(ClockScript(duration_s=8, ppm=-400))
    take = play({Role.MIC: (log, only_in_pauses)}, t0_s=1.0, end_s=7.0, events=commands)
    assert not take.track().any()


def test_pause_boundary_does_not_click() -> None:
    """Around a pause the sound fades: no step between samples beyond that of the tone itself."""
    commands = _pause(2.0003, 2.5101)
    log = simulate(ClockScript(duration_s=6, ppm=120))
    mix = play({Role.MIC: (log, tone)}, t0_s=1.0, end_s=5.0, events=commands).track()[:, 0]
    bends = np.abs(np.diff(mix.astype(np.float64), n=2))
    calm = bends[10_000:40_000].max()
    assert bends[40_000:60_000].max() < 1.2 * calm
    boundary = round(1.0003 * 48_000)
    assert np.abs(mix[boundary - 5 : boundary + 5]).max() < 0.01


def test_mute_during_a_pause_is_there_when_it_ends() -> None:
    """Muted while paused: after the pause not a single sample of the source is heard."""
    commands = [*_pause(2.0, 3.0)[:1], _mute(2.5), *_pause(2.0, 3.0)[1:]]
    log = simulate(ClockScript(duration_s=6))
    mix = play({Role.MIC: (log, steady)}, t0_s=1.0, end_s=5.0, events=commands).track()
    assert not mix[48_000:].any()
    assert mix[47_000].all()


_DEVICES = st.tuples(
    st.floats(-500, 500),
    st.sampled_from([(16_000, 160), (44_100, 441), (48_000, 1024)]),
    st.sampled_from([(Jitter.NONE, 0.0), (Jitter.GAUSS, 1e-4), (Jitter.UNIFORM, 5e-3)]),
    st.lists(st.tuples(st.floats(0.5, 3.5), st.integers(1, 30), st.booleans()), max_size=2),
)
_WORDS = ("pause", "resume", "mute mic", "unmute mic", "mute system", "unmute system", "gain")
_COMMANDS = st.lists(st.tuples(st.floats(1.0, 4.0), st.sampled_from(_WORDS)), max_size=14)


def _device(
    ppm: float,
    rate: tuple[int, int],
    jitter: tuple[Jitter, float],
    faults: list[tuple[float, int, bool]],
) -> DeviceLog:
    script = ClockScript(4.5, *rate, ppm, jitter=jitter[0], jitter_s=jitter[1])
    log = simulate(script)
    for at_s, size, is_loss in faults:
        log = lose_blocks(log, at_s, size) if is_loss else stall(log, at_s, size / 10)
    return log


def _commands(words: list[tuple[float, str]]) -> list[TimedCommand]:
    said = {
        "pause": Pause(),
        "resume": Resume(),
        "mute mic": SetMute(Role.MIC, True),
        "unmute mic": SetMute(Role.MIC, False),
        "mute system": SetMute(Role.SYSTEM, True),
        "unmute system": SetMute(Role.SYSTEM, False),
        "gain": SetGain(Role.SYSTEM, -3.0),
    }
    return [TimedCommand(_at(at_s), said[word]) for at_s, word in sorted(words)]


@given(_DEVICES, _DEVICES, _COMMANDS)
@settings(deadline=None, max_examples=12)
def test_any_script_gives_a_gapless_take(
    system_device: tuple, mic_device: tuple, words: list[tuple[float, str]]
) -> None:
    """Any drifts, losses, stalls, pauses and mutes: exact length, finite, bounded, mute = exact
    zeros of that source, and the other source bit-identical to the take without the mute."""
    logs = {
        Role.SYSTEM: (_device(*system_device), tone),
        Role.MIC: (_device(*mic_device), steady),
    }
    commands = _commands(words)
    timeline = _timeline(1.0, commands)

    def played(events: list[TimedCommand]) -> PlayedTake:
        separate = Settings(tracks=Tracks.SEPARATE)
        return play(logs, t0_s=1.0, end_s=4.2, events=events, settings=separate)

    take = played(commands)
    _assert_gapless(take, timeline.sample_at(_at(4.2)))
    mix, mic, system = (take.track(index) for index in range(3))
    assert np.isfinite(mix).all()
    assert np.abs(mix).max(initial=0) < 0.9
    muted = _muted_samples(commands, timeline, len(mix))
    without_mic = played([timed for timed in commands if not _is_mic_mute(timed)] + [_mute(1.0)])
    assert np.array_equal(mix[muted], without_mic.track()[muted])
    assert np.array_equal(without_mic.track(2), system)
    assert np.array_equal(without_mic.track(1), mic)


def _is_mic_mute(timed: TimedCommand) -> bool:
    return isinstance(timed.command, SetMute) and timed.command.role is Role.MIC


def _muted_samples(commands: list[TimedCommand], timeline: Timeline, count: int) -> np.ndarray:
    """Return where the microphone is muted."""
    muted = np.zeros(count, bool)
    since: int | None = None
    for timed in filter(_is_mic_mute, commands):
        sample = timeline.sample_at(timed.host_ns)
        if timed.command.is_muted and since is None:  # type: ignore[union-attr]
            since = sample
        elif not timed.command.is_muted and since is not None:  # type: ignore[union-attr]
            muted[since:sample] = True
            since = None
    if since is not None:
        muted[since:] = True
    return muted


@pytest.mark.parametrize("length_s", [0.3, 1.5])
def test_stall_within_the_look_ahead_is_not_heard(length_s: float) -> None:
    """Sound that comes 1.5 s late, all at once, is where it belongs."""
    log = stall(simulate(ClockScript(duration_s=12, ppm=300)), 5.0, length_s)
    take = play({Role.MIC: (log, broadband)}, t0_s=1.0, end_s=11.0)
    delays, likeness = broadband_delays_s(take.track(), 1.0)
    assert likeness[:-1].min() > 0.99
    assert np.abs(delays[:-1]).max() < 5e-6
    statistics = take.lane.statistics()[Role.MIC]
    assert statistics.realignments == []
    assert all(fill.position_ns > 9.9e9 for fill in statistics.fills)


@pytest.mark.parametrize(("jitter_s", "most_behind_s"), [(0.0, 0.7), (0.1e-3, 0.7), (10e-3, 2.2)])
def test_calm_sources_are_mixed_half_a_second_late(jitter_s: float, most_behind_s: float) -> None:
    """What is not mixed is lost with the process: half a second where stamps can be trusted, two
    seconds where a loss could hide among them."""
    script = ClockScript(duration_s=20, ppm=300, jitter=Jitter.UNIFORM, jitter_s=jitter_s)
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(1.0))
    behind_s = []
    for block in simulate(script).blocks(steady):
        lane.feed(Role.MIC, block)
        lane.advance(block.arrival_ns)
        behind_s.append((block.arrival_ns - _at(1.0) - lane.position_ns) / NS)
    assert max(behind_s[1400:]) <= most_behind_s
    assert min(behind_s[1400:]) > most_behind_s - 0.25


@pytest.mark.parametrize("lost_s", [0.1, 0.7, 1.5])
def test_a_loss_nobody_declares_is_seen_before_it_is_mixed(lost_s: float) -> None:
    """What comes behind a silent loss waits until it is known where it belongs."""
    log = stall(simulate(ClockScript(duration_s=14, ppm=300)), 5.0, lost_s, lost_s=lost_s)
    take = play({Role.MIC: (log, broadband)}, t0_s=1.0, end_s=13.0)
    delays, likeness = broadband_delays_s(take.track(), 1.0)
    whole = likeness[:-1] > 0.99
    assert (~whole).sum() <= lost_s * 10 + 3
    assert np.abs(delays[:-1][whole]).max() < 0.01e-3
    statistics = take.lane.statistics()[Role.MIC]
    (change,) = statistics.realignments
    assert change.length_ns == pytest.approx(lost_s * 1e9, abs=11e6)
    assert statistics.late_ms < 0.1


def test_a_mute_with_a_lead_finds_its_samples() -> None:
    """The lane stays as far behind as a mute may reach back."""
    log = simulate(ClockScript(duration_s=10))
    lead = Settings(mute_lead_ms=800.0)
    take = play({Role.MIC: (log, steady)}, t0_s=1.0, end_s=9.0, settings=lead, events=[_mute(5.0)])
    mix = take.track()[:, 0]
    begin = round((5.0 - 1.0 - 0.8) * 48_000)
    assert mix[begin - RAMP] == pytest.approx(0.25, abs=1e-3)
    assert not mix[begin : begin + 48_000].any()


@pytest.mark.parametrize("is_declared", [False, True])
def test_loss_is_silence_of_its_length(is_declared: bool) -> None:
    """250 ms lost are 250 ms of silence with soft edges, and what follows is in its place."""
    log = lose_blocks(
        simulate(ClockScript(duration_s=12, ppm=300)), 5.0, 25, is_declared=is_declared
    )
    take = play({Role.MIC: (log, broadband)}, t0_s=1.0, end_s=11.0)
    mix = take.track()
    silent = np.flatnonzero(np.abs(mix[: 9 * 48_000, 0]) == 0)
    assert 11_500 < len(silent) < 12_000
    delays, likeness = broadband_delays_s(mix, 1.0)
    whole = likeness[:-1] > 0.99
    assert (~whole).sum() <= 5
    assert np.abs(delays[:-1][whole]).max() < 0.01e-3
    statistics = take.lane.statistics()[Role.MIC]
    (change,) = statistics.realignments
    assert change.reason == ("declared" if is_declared else "lost")
    assert change.length_ns == pytest.approx(250e6, abs=0.2e6)
    assert change.position_ns == pytest.approx(4.0e9, abs=20e6)


def test_dead_source_holds_nothing_longer_than_the_bound() -> None:
    """A live source that stops delivering delays the output to four seconds, no more."""
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    log = simulate(ClockScript(duration_s=5))
    lane.start(_at(1.0))
    emitted = 0
    blocks = list(log.blocks(steady))
    for now_s in np.arange(0.0, 20.0, 0.05):
        while blocks and blocks[0].arrival_ns <= _at(now_s):
            lane.feed(Role.MIC, blocks.pop(0))
        emitted += sum(len(block.tracks[0]) for block in lane.advance(_at(now_s)))
        due = now_s - 1.0 - BOUND_NS / NS - 0.2
        assert emitted >= min(due, 19) * 48_000
    assert emitted <= (20 - 1 - LOOK_AHEAD_NS / NS) * 48_000


def test_lost_source_holds_nothing() -> None:
    """Once a source is known to be lost the output is two seconds behind again."""
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(1.0))
    for block in simulate(ClockScript(duration_s=5)).blocks(steady):
        lane.feed(Role.MIC, block)
    lane.source_changed(Role.MIC, SourceState.LOST, _at(5.1))
    lane.advance(_at(9.0))
    assert lane.position_ns > (9.0 - 1.0 - 2.2) * NS


def test_reconnected_source_is_another_clock() -> None:
    """A device that comes back with another clock and rate is in its place within a sample."""
    first = simulate(ClockScript(duration_s=5, ppm=300))
    again = simulate(ClockScript(duration_s=6, rate_hz=44_100, block_frames=441, ppm=-250))
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(1.0))
    out = []
    blocks = list(first.blocks(broadband))
    for block in again.blocks(lambda times_s: broadband(times_s + 7.0)):
        blocks.append(
            AudioBlock(
                block.stamp_ns + 7 * NS, block.samples, block.rate_hz, block.arrival_ns + 7 * NS
            )
        )
    is_lost = False
    for block in blocks:
        if block.arrival_ns > _at(6.0) and not is_lost:
            is_lost = True
            lane.source_changed(Role.MIC, SourceState.LOST, _at(5.5))
            lane.source_changed(Role.MIC, SourceState.LIVE, _at(7.0), StampKind.CAPTURE)
        lane.feed(Role.MIC, block)
        out += lane.advance(block.arrival_ns)
    out += lane.finish(_at(12.5))
    mix = np.concatenate([block.tracks[0] for block in out])
    delays, likeness = broadband_delays_s(mix, 1.0)
    times_s = 1.0 + 0.1 * np.arange(len(delays))
    for low_s, high_s in ((1.0, 4.8), (7.1, 12.3)):
        part = (times_s >= low_s) & (times_s < high_s)
        assert likeness[part].min() > 0.99
        assert np.abs(delays[part]).max() < 0.5 * SAMPLE_S
    assert not mix[round(4.05 * 48_000) : round(5.95 * 48_000)].any()
    (fill,) = (fill for fill in lane.statistics()[Role.MIC].fills if fill.length_ns > 1e9)
    assert fill.length_ns == pytest.approx(2e9 + 300e-6 * 5e9, abs=1e4)


@pytest.mark.parametrize(
    ("jitter", "jitter_s", "hole_s"),
    [(Jitter.NONE, 0.0, 0.2), (Jitter.GAUSS, 1e-3, 0.0), (Jitter.GAUSS, 1e-3, 0.1)],
)
def test_rate_change_is_believed_block_by_block(
    jitter: Jitter, jitter_s: float, hole_s: float
) -> None:
    """48 k to 16 k and back, as a headset does: right speed, right place, at most 0.25 s silent."""
    blocks, begin_s = [], 0.0
    for rate_hz, ppm in ((48_000, 220.0), (16_000, -220.0), (48_000, 220.0)):
        script = ClockScript(
            duration_s=5,
            rate_hz=rate_hz,
            block_frames=rate_hz // 100,
            ppm=ppm,
            jitter=jitter,
            jitter_s=jitter_s,
            start_ns=_at(begin_s),
        )
        later_s = begin_s
        blocks += list(
            simulate(script).blocks(lambda times_s, by_s=later_s: broadband(times_s + by_s))
        )
        begin_s += 5 + hole_s
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(1.0))
    out = []
    for block in blocks:
        lane.feed(Role.MIC, block)
        out += lane.advance(block.arrival_ns)
    out += lane.finish(_at(begin_s - hole_s))
    mix = np.concatenate([block.tracks[0] for block in out])
    delays, likeness = broadband_delays_s(mix, 1.0)
    assert (likeness[:-1] < 0.9).sum() <= 2 * (round(hole_s * 10) + 1)
    assert np.abs(delays[:-1][likeness[:-1] > 0.9]).max() < 0.5e-3
    changes = lane.statistics()[Role.MIC].rate_changes
    assert [(change.from_hz, change.to_hz) for change in changes] == [
        (48_000, 16_000),
        (16_000, 48_000),
    ]
    assert all(change.silence_ns <= 0.25 * NS for change in changes)


def test_late_joiner_is_silence_until_it_comes() -> None:
    """A source that starts three seconds into the take is heard from then on, in its place."""
    system = simulate(ClockScript(duration_s=9, ppm=50))
    mic = simulate(ClockScript(duration_s=5, start_ns=_at(4.0), ppm=-100))
    blocks = [(block.arrival_ns, Role.SYSTEM, block) for block in system.blocks(silence)]
    blocks += [
        (block.arrival_ns, Role.MIC, block)
        for block in mic.blocks(lambda times_s: broadband(times_s + 4.0))
    ]
    lane = AudioLane(Settings(), dict.fromkeys((Role.SYSTEM, Role.MIC), StampKind.CAPTURE))
    lane.start(_at(1.0))
    out = []
    for arrival_ns, role, block in sorted(blocks, key=lambda entry: entry[0]):
        lane.feed(role, block)
        out += lane.advance(arrival_ns)
    out += lane.finish(_at(8.8))
    mix = np.concatenate([block.tracks[0] for block in out])
    assert not mix[: 3 * 48_000 - 33].any()  # 32 samples: the kernel's reach
    delays, likeness = broadband_delays_s(mix, 1.0)
    assert likeness[31:-3].min() > 0.99
    assert np.abs(delays[31:-3]).max() < 0.01 * SAMPLE_S + 2e-6


def test_offset_moves_a_source_later() -> None:
    """A microphone offset of +20 ms puts its sound 20 ms later."""
    log = simulate(ClockScript(duration_s=7, ppm=30))
    settings_ = Settings(mic_offset_ms=20.0)
    mix = play({Role.MIC: (log, broadband)}, t0_s=1.0, end_s=6.0, settings=settings_).track()
    delays, _ = broadband_delays_s(mix, 1.0)
    assert delays[3:-3] == pytest.approx(0.020, abs=2e-6)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_are_laid_out(channels: int) -> None:
    """Mono is heard on both sides, of many channels the first two; mixed blocks are no matter."""
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(0.5))
    out = []
    for index, block in enumerate(simulate(ClockScript(duration_s=5)).blocks(steady)):
        count = channels if index % 2 else 2
        samples = np.repeat(block.samples, count, axis=1)
        if count > 1:
            samples = samples * np.linspace(1, -1, count, dtype=np.float32)
            samples[:, 1] = -0.125
        lane.feed(Role.MIC, AudioBlock(block.stamp_ns, samples, 48_000, block.arrival_ns))
        out += lane.advance(block.arrival_ns)
    mix = np.concatenate([block.tracks[0] for block in out])
    assert mix.shape[1] == 2
    assert np.abs(mix[4800:-4800, 0] - 0.25).max() < 1e-4
    right = -0.125 if channels > 1 else None
    if right is not None:
        assert np.abs(mix[4800:-4800, 1] - right).max() < 1e-4


def test_what_is_no_number_is_silence() -> None:
    """NaN and infinity from a driver reach neither the mix nor its neighbours for long."""
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(0.5))
    out = []
    for index, block in enumerate(simulate(ClockScript(duration_s=5)).blocks(steady)):
        samples = block.samples
        if index % 50 == 0:
            samples = samples.copy()
            samples[7], samples[9] = np.nan, np.inf
        lane.feed(Role.MIC, AudioBlock(block.stamp_ns, samples, 48_000, block.arrival_ns))
        out += lane.advance(block.arrival_ns)
    mix = np.concatenate([block.tracks[0] for block in out])
    assert np.isfinite(mix).all()
    assert np.abs(mix).max() < 0.6


def test_without_sources_there_is_silence() -> None:
    """No audio role at all still gives a track of the right length."""
    lane = AudioLane(Settings(), {})
    assert lane.advance(_at(9.0)) == []
    lane.start(_at(1.0))
    blocks = lane.advance(_at(4.0))
    blocks += lane.finish(_at(4.5))
    mix = np.concatenate([block.tracks[0] for block in blocks])
    assert mix.shape == (round(3.5 * 48_000), 2)
    assert not mix.any()


def test_output_comes_in_whole_quanta() -> None:
    """Every block but the last ones of a take is a multiple of 20 ms."""
    log = simulate(ClockScript(duration_s=6, ppm=77))
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(0.777))
    for block in log.blocks(steady):
        lane.feed(Role.MIC, block)
        for mixed in lane.advance(block.arrival_ns):
            assert len(mixed.tracks[0]) % QUANTUM == 0
            assert len(mixed.tracks[0]) <= 48_000


def test_long_pause_keeps_no_sound() -> None:
    """Sound of a pause is forgotten while it lasts: memory does not grow."""
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(0.5))
    lane.apply(TimedCommand(_at(1.0), Pause()))
    log = simulate(ClockScript(duration_s=60, block_frames=4800))
    for block in log.blocks(steady):
        lane.feed(Role.MIC, block)
        lane.advance(block.arrival_ns)
    ring = lane._tracks[Role.MIC]._segments[0].ring
    assert ring._data.shape[1] <= 8 * 48_000
    lane.apply(TimedCommand(_at(60.0), Resume()))
    assert lane.position_ns <= 0.5 * NS


def test_stamps_in_the_far_future_do_not_eat_memory() -> None:
    """A device whose stamps lie an hour ahead gives silence, and a bounded buffer."""
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(0.5))
    out = []
    for block in simulate(ClockScript(duration_s=90, block_frames=4800)).blocks(steady):
        ahead = AudioBlock(block.stamp_ns + 3600 * NS, block.samples, 48_000, block.arrival_ns)
        lane.feed(Role.MIC, ahead)
        out += lane.advance(block.arrival_ns)
    assert not any(block.tracks[0].any() for block in out)
    assert lane._tracks[Role.MIC]._segments[0].ring._data.shape[1] <= 80 * 48_000


def test_vague_start_waits_and_then_goes_on() -> None:
    """With +-10 ms of jitter the first output waits up to ten seconds, then it is 2 s behind."""
    script = ClockScript(duration_s=14, ppm=300, jitter=Jitter.UNIFORM, jitter_s=10e-3)
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(0.5))
    seen = {}
    for block in simulate(script).blocks(steady):
        lane.feed(Role.MIC, block)
        lane.advance(block.arrival_ns)
        seen[(block.arrival_ns - START_NS) // NS] = lane.position_ns / NS
    assert seen[4] == 0
    assert seen[12] > 12 - 0.5 - 2.2


def test_meters_are_not_late() -> None:
    """The live level shows what came in the last 50 ms, at the gain of the last command."""
    lane = AudioLane(Settings(), {Role.MIC: StampKind.CAPTURE})
    lane.start(_at(0.0))
    for block in simulate(ClockScript(duration_s=0.2)).blocks(steady):
        lane.feed(Role.MIC, block)
    assert lane.levels()[Role.MIC].peak_db == pytest.approx(-12.04, abs=0.01)
    lane.apply(_mute(0.2))
    level = lane.levels()[Role.MIC]
    assert (level.peak_db, level.input_peak_db) == (-120.0, pytest.approx(-12.04, abs=0.01))


def test_commands_of_other_rooms_are_ignored() -> None:
    """A marker does not concern the sound, nor does a mute of the screen."""
    log = simulate(ClockScript(duration_s=5))
    events = [
        TimedCommand(_at(2.0), Marker("here")),
        TimedCommand(_at(2.0), SetMute(Role.SCREEN, True)),
    ]
    plain = play({Role.MIC: (log, tone)}, t0_s=1.0, end_s=4.0)
    marked = play({Role.MIC: (log, tone)}, t0_s=1.0, end_s=4.0, events=events)
    assert np.array_equal(plain.track(), marked.track())


def test_unknown_role_is_taken_in_when_it_comes() -> None:
    """A source nobody announced is mixed in all the same."""
    log = simulate(ClockScript(duration_s=5))
    take = play({Role.MIC: (log, steady)}, t0_s=1.0, end_s=4.0, kinds={})
    assert np.abs(take.track()[4800:-4800] - 0.25).max() < 1e-4
    change = StateChange(_at(0.5), Role.SYSTEM, SourceState.LIVE, StampKind.ARRIVAL)
    take = play({Role.MIC: (log, steady)}, t0_s=1.0, end_s=4.0, kinds={}, events=[change])
    assert take.lane.statistics()[Role.SYSTEM].stamp_kind == "arrival"


def test_what_waited_in_a_stall_takes_little_memory_to_mix() -> None:
    """It is mixed in pieces: besides the outcome, 1.5 MB, hardly more than that for a moment."""
    roles = (Role.SYSTEM, Role.MIC)
    lane = AudioLane(Settings(), dict.fromkeys(roles, StampKind.CAPTURE))
    sound = np.random.default_rng(1).normal(0, 0.1, (960, 2)).astype(np.float32)

    def feed(first: int, end: int) -> int:
        for number in range(first, end):
            stamp_ns = START_NS + number * NS // 50
            for role in roles:
                lane.feed(role, AudioBlock(stamp_ns, sound, 48_000, stamp_ns))
        return START_NS + end * NS // 50

    feed(0, 1)
    lane.start(START_NS)
    for number in range(1, 200):
        lane.advance(feed(number, number + 1))
    now_ns = feed(200, 400)
    tracemalloc.start()
    try:
        blocks = lane.advance(now_ns)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(len(block.tracks[0]) for block in blocks) >= 190 * 960
    assert most < 3_800_000
