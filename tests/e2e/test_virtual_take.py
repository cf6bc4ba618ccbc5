"""Real files from virtual takes, decoded with PyAV: what must hold of what the user gets.

Bounds: a picture's time is exact to the tick of the file (1/90000 s), a sound to one sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.measure import chirp_error_samples, events_ns, flash_positions_ns

from onetake.model.commands import Command, Pause, Resume, SetMute, ShowCamera
from onetake.model.devices import Role
from onetake.model.settings import Settings, Tracks
from onetake.model.units import NS_PER_S
from onetake.testing.virtual import VirtualTake, record_virtual

pytestmark = pytest.mark.slow

TICK_NS = NS_PER_S // 90_000 + 1
AAC_FRAME = 1024
FRAME_NS = NS_PER_S // 30 + TICK_NS
LUMA_STEP = 4

SOURCES = {
    Role.SCREEN: "synthetic:screen?size=640x360",
    Role.SYSTEM: "synthetic:system",
    Role.MIC: "synthetic:mic",
    Role.CAMERA: "synthetic:camera?size=320x240",
}
MUTE_MIC_S, MUTE_SYSTEM_S, HIDE_S = (2.35, 4.6), (5.6, 7.7), (3.21, 6.543)
TOGGLES: list[tuple[float, Command]] = [
    (MUTE_MIC_S[0], SetMute(Role.MIC, True)),
    (MUTE_MIC_S[1], SetMute(Role.MIC, False)),
    (MUTE_SYSTEM_S[0], SetMute(Role.SYSTEM, True)),
    (MUTE_SYSTEM_S[1], SetMute(Role.SYSTEM, False)),
    (HIDE_S[0], ShowCamera(False)),
    (HIDE_S[1], ShowCamera(True)),
]


@dataclass(frozen=True)
class Decoded:
    """A file, decoded."""

    frames: list[tuple[int, NDArray[np.uint8]]]
    """(position in ns, luma of every fourth pixel), in order."""
    sound: list[NDArray[np.float32]]
    """Left channel of each track, from position 0 on."""
    video_end_ns: int


def decode(path: Path) -> Decoded:
    """Decode everything."""
    with av.open(str(path)) as container:
        frames, end_ns = [], 0
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            at_ns = round(frame.pts * frame.time_base * NS_PER_S)
            luma = frame.to_ndarray()[: frame.height : LUMA_STEP, ::LUMA_STEP]
            frames.append((at_ns, luma.copy()))
            end_ns = at_ns + round(frame.duration * frame.time_base * NS_PER_S)
    return Decoded(frames, [decode_sound(path, n) for n in range(track_count(path))], end_ns)


def track_count(path: Path) -> int:
    """Return the number of audio tracks."""
    with av.open(str(path)) as container:
        return len(container.streams.audio)


def decode_sound(path: Path, number: int) -> NDArray[np.float32]:
    """Return a track's left channel, each frame where its own time stamp says."""
    pieces, expected = [], 0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=number):
            assert frame.pts == expected, "a gap in the sound"
            samples = frame.to_ndarray()[0]
            expected += len(samples)
            pieces.append(samples)
    return np.concatenate(pieces)


def record(path: Path, *commands: tuple[float, Command], duration_s: float) -> VirtualTake:
    """Record a take into a file."""
    return record_virtual(sources=SOURCES, commands=commands, duration_s=duration_s, path=str(path))


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> tuple[VirtualTake, Decoded]:
    """A take of ten seconds in which everything is toggled once, and its file."""
    path = tmp_path_factory.mktemp("virtual") / "take.mp4"
    return record(path, *TOGGLES, duration_s=10.0), decode(path)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Decoded:
    """The same ten seconds without a camera, nothing toggled."""
    path = tmp_path_factory.mktemp("bare") / "take.mp4"
    sources = {role: device for role, device in SOURCES.items() if role is not Role.CAMERA}
    record_virtual(sources=sources, duration_s=10.0, path=str(path))
    return decode(path)


def band_db(sound: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    """Return the level of a frequency band in dB, full-scale sine = -3."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / 48_000)
    power = spectrum[(frequencies >= low_hz) & (frequencies < high_hz)].sum()
    return 10 * float(np.log10(power / len(sound) ** 2 * 16 / 3 + 1e-20))


def span(begin_s: float, end_s: float) -> slice:
    """Return the samples of a span, without the ramps and transients at its ends."""
    return slice(round((begin_s + 0.05) * 48_000), round((end_s - 0.05) * 48_000))


def test_flash_and_beep_coincide(take: tuple[VirtualTake, Decoded]) -> None:
    """Flash and beep of each second lie on its instant, to a tick and a sample of the file."""
    recorded, file = take
    pattern_ns = recorded.t0_ns - recorded.epoch_ns
    expected = events_ns(pattern_ns, recorded.end_ns)
    flashes = flash_positions_ns(file.frames)
    assert len(expected) == 10
    for event_ns in expected:
        assert min(abs(at_ns - event_ns) for at_ns in flashes) <= TICK_NS
        for role, (mute_s, unmute_s) in (
            (Role.MIC, MUTE_MIC_S),
            (Role.SYSTEM, MUTE_SYSTEM_S),
        ):
            if not mute_s - 0.1 < event_ns / NS_PER_S < unmute_s + 0.1:
                error = chirp_error_samples(file.sound[0], role, event_ns, pattern_ns)
                assert abs(error) <= 1


def test_lengths_agree(take: tuple[VirtualTake, Decoded]) -> None:
    """The sound is as long as the take to within an AAC frame, and the picture ends with it."""
    recorded, file = take
    assert recorded.end_ns == 10 * NS_PER_S
    assert 0 <= len(file.sound[0]) - 480_000 < AAC_FRAME
    assert abs(file.video_end_ns - recorded.end_ns) <= FRAME_NS
    positions_ns = [position_ns for position_ns, _ in file.frames]
    assert positions_ns[0] == 0
    assert all(0 < b - a <= NS_PER_S // 2 for a, b in pairwise(positions_ns))


def test_muted_spans_are_silent_and_the_other_is_untouched(
    take: tuple[VirtualTake, Decoded], bare: Decoded
) -> None:
    """In the decoded file a muted source is gone while the other's chirps are as loud as ever."""
    recorded, file = take
    sound, unmuted = file.sound[0], bare.sound[0]
    mic_off = span(*MUTE_MIC_S)
    for begin_s, end_s in ((2.9, 3.6), (3.8, 4.5)):  # between the chirps of the system sound
        assert np.abs(sound[span(begin_s, end_s)]).max() < 1e-4
        assert np.abs(unmuted[span(begin_s, end_s)]).max() > 0.05
    assert abs(band_db(sound[mic_off], 800, 1600) - band_db(unmuted[mic_off], 800, 1600)) < 0.5
    system_off = span(*MUTE_SYSTEM_S)
    assert band_db(sound[system_off], 800, 1600) < band_db(unmuted[system_off], 800, 1600) - 30
    for low_hz, high_hz in ((50, 700), (2400, 3600)):
        change_db = band_db(sound[system_off], low_hz, high_hz) - band_db(
            unmuted[system_off], low_hz, high_hz
        )
        assert abs(change_db) < 0.5
    assert recorded.controls[0].position_ns == round(MUTE_MIC_S[0] * NS_PER_S)


def test_camera_hidden_spans_show_the_bare_screen(
    take: tuple[VirtualTake, Decoded], bare: Decoded
) -> None:
    """From the first frame not before the command on, the corner of the overlay is the screen."""
    _, file = take
    bare_at = dict(bare.frames)
    shown = 0
    for position_ns, luma in file.frames:
        corner, expected = luma[-24:-6, -30:-6], bare_at[position_ns][-24:-6, -30:-6]
        difference = np.abs(corner.astype(int) - expected.astype(int)).mean()
        is_hidden = HIDE_S[0] * 1e9 <= position_ns < HIDE_S[1] * 1e9
        if is_hidden:
            assert difference < 8
        elif expected.mean() < 128:
            assert difference > 30
            shown += 1
    assert shown > 150


def test_pauses_keep_the_file_in_sync(tmp_path: Path) -> None:
    """After a pause flash and beep still lie on one instant, and the lengths still agree."""
    path = tmp_path / "paused.mp4"
    recorded = record(path, (1.15, Pause()), (2.42, Resume()), duration_s=6.0)
    file = decode(path)
    assert recorded.end_ns == round(4.73 * NS_PER_S)
    assert 0 <= len(file.sound[0]) - round(4.73 * 48_000) < AAC_FRAME
    assert abs(file.video_end_ns - recorded.end_ns) <= FRAME_NS
    pattern_ns = recorded.t0_ns - recorded.epoch_ns + round(1.27 * NS_PER_S)
    later = [at for at in events_ns(pattern_ns, recorded.end_ns) if at > 1.2e9]
    assert len(later) >= 3
    flashes = flash_positions_ns(file.frames)
    for event_ns in later:
        assert min(abs(at_ns - event_ns) for at_ns in flashes) <= TICK_NS
        error = chirp_error_samples(file.sound[0], Role.SYSTEM, event_ns, pattern_ns)
        assert abs(error) <= 1


def test_separate_tracks_are_aligned(tmp_path: Path) -> None:
    """Mix, microphone and system sound: three tracks of one length, each with its own chirps in
    place; a mute is heard in the mix alone."""
    path = tmp_path / "separate.mp4"
    recorded = record_virtual(
        Settings(tracks=Tracks.SEPARATE),
        sources=SOURCES,
        commands=[(0.5, SetMute(Role.MIC, True))],
        duration_s=4.0,
        path=str(path),
    )
    mix, mic, system = decode(path).sound
    assert len(mix) == len(mic) == len(system)
    pattern_ns = recorded.t0_ns - recorded.epoch_ns
    for event_ns in events_ns(pattern_ns, recorded.end_ns):
        assert abs(chirp_error_samples(mic, Role.MIC, event_ns, pattern_ns)) <= 1
        assert abs(chirp_error_samples(system, Role.SYSTEM, event_ns, pattern_ns)) <= 1
        assert abs(chirp_error_samples(mix, Role.SYSTEM, event_ns, pattern_ns)) <= 1
    assert band_db(mix[48_000:], 2400, 3600) < band_db(mic[48_000:], 2400, 3600) - 40


def test_a_static_screen_fills_the_file(tmp_path: Path) -> None:
    """Nothing moves for the first and last 4 s: the file is 10 s long in both tracks."""
    path = tmp_path / "static.mp4"
    screen = "synthetic:screen?size=320x180&static_head_s=4&static_from_s=6&beats=0"
    record_virtual(
        sources={Role.SCREEN: screen, Role.MIC: "synthetic:mic"}, duration_s=10.0, path=str(path)
    )
    file = decode(path)
    assert abs(file.video_end_ns - 10 * NS_PER_S) <= FRAME_NS
    assert 0 <= len(file.sound[0]) - 480_000 < AAC_FRAME
    assert file.frames[0][0] == 0
    assert all(b[0] - a[0] <= 0.54e9 for a, b in pairwise(file.frames))


def test_a_drifting_microphone_stays_aligned_in_the_file(tmp_path: Path) -> None:
    """208 ppm and 1 ms of jitter: in the decoded file every chirp is within 0.5 ms."""
    path = tmp_path / "drift.mp4"
    recorded = record_virtual(
        sources={
            Role.SCREEN: "synthetic:screen?size=160x90",
            Role.SYSTEM: "synthetic:system",
            Role.MIC: "synthetic:mic?drift_ppm=208&jitter_ms=1&seed=7&rate=44100",
        },
        duration_s=30.0,
        path=str(path),
    )
    sound = decode(path).sound[0]
    pattern_ns = recorded.t0_ns - recorded.epoch_ns
    for event_ns in events_ns(pattern_ns, recorded.end_ns):
        assert abs(chirp_error_samples(sound, Role.MIC, event_ns, pattern_ns)) <= 24
        assert abs(chirp_error_samples(sound, Role.SYSTEM, event_ns, pattern_ns)) <= 1
