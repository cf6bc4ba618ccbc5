"""Every seeded fault is found by its name, and nothing is found in good files."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest
from tests.proof.making import (
    RATE_HZ,
    Image,
    Recipe,
    Samples,
    frame_times,
    make,
    pattern_sound,
    remux,
    tone,
)

from onetake.errors import ExitCode, InvalidRecording
from onetake.model import pattern
from onetake.model.commands import SetMute
from onetake.model.devices import Role
from onetake.model.events import ControlChanged
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.proof.check import check, exit_code, main
from onetake.proof.results import CheckReport, Fault, Severity, Verdict

pytestmark = pytest.mark.slow


def degrading(report: CheckReport) -> set[Fault]:
    """Return the names of everything that changes the verdict."""
    return {finding.fault for finding in report.findings if finding.severity is not Severity.NOTE}


def assert_good(report: CheckReport, *, offset_ms: float = 0.2) -> None:
    """A good file: nothing found, and both paths measured right."""
    assert report.findings == [] or degrading(report) == set(), report.findings
    assert report.verdict is Verdict.GOOD
    assert exit_code(report) == ExitCode.OK
    paths = {path.path: path for path in report.offsets}
    assert set(paths) == {"system", "mic", "mic-system"}
    for path in report.offsets:
        assert abs(path.median_ms) <= offset_ms, path
        assert abs(path.worst_ms) <= offset_ms + 0.5, path
        assert path.missing == 0
    assert abs(paths["mic-system"].median_ms) < 0.02


# --- good files ---------------------------------------------------------------------------------

VP8 = {"video_codec": "libvpx", "video_options": {"cpu-used": "8", "deadline": "realtime"}}
GOOD: dict[str, tuple[str, Recipe]] = {
    "mp4": ("a.mp4", Recipe()),
    "fragmented": (
        "a.mp4",
        Recipe(container_options={"movflags": "frag_keyframe+delay_moov+empty_moov"}),
    ),
    "faststart": ("a.mp4", Recipe(container_options={"movflags": "faststart"})),
    "b-frames": ("a.mp4", Recipe(video_options={"preset": "veryfast", "bf": "3"})),
    "strong compression": ("a.mp4", Recipe(size=(640, 360), video_options={"crf": "35"})),
    "mkv": ("a.mkv", Recipe()),
    "mkv with pcm": ("a.mkv", Recipe(audio_codec="pcm_s16le")),
    "mov with mpeg4": (
        "a.mov",
        Recipe(video_codec="mpeg4", video_options={}, video_time_base=Fraction(1, 30_000)),
    ),
    "transport stream": ("a.ts", Recipe()),
    "flac": ("a.mkv", Recipe(audio_codec="flac")),
    "full range": ("a.mp4", Recipe(pix_fmt="yuvj420p")),
    "4:4:4": ("a.mp4", Recipe(pix_fmt="yuv444p")),
    "10 bit": ("a.mp4", Recipe(pix_fmt="yuv420p10le")),
    "4:3": ("a.mp4", Recipe(size=(640, 480))),
    "24 fps": ("a.mp4", Recipe(times_ns=frame_times(24, 7))),
    "25 fps": ("a.mp4", Recipe(times_ns=frame_times(25, 7))),
    "29.97 fps": ("a.mp4", Recipe(times_ns=frame_times(30000 / 1001, 7), seconds=7.007)),
    "60 fps": ("a.mp4", Recipe(times_ns=frame_times(60, 7))),
    "15 fps": ("a.mp4", Recipe(times_ns=frame_times(15, 7))),
    "regular": ("a.mp4", Recipe(schedule_id=0)),
    "ms stamps": ("a.mp4", Recipe(video_time_base=Fraction(1, 1000))),
}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_found_in_good_files(name: str, tmp_path: Path) -> None:
    """A good file of any container, codec and frame rate has no finding and its offset is 0."""
    file_name, recipe = GOOD[name]
    report = check(make(tmp_path / file_name, recipe))
    is_rounded = file_name.endswith(".mkv") or name == "ms stamps"
    assert_good(report, offset_ms=0.6 if is_rounded else 0.15)
    resolution_ms = max(path.resolution_ms for path in report.offsets)
    assert resolution_ms <= (1.15 if is_rounded else 0.15)


def test_webm_is_measured_to_its_rounding(tmp_path: Path) -> None:
    """WebM rounds stamps to 1 ms and Opus begins 6.5 ms early: half a millisecond stays."""
    report = check(make(tmp_path / "a.webm", Recipe(audio_codec="libopus", **VP8)))
    assert_good(report, offset_ms=0.6)


def test_variable_frame_rate(tmp_path: Path) -> None:
    """Irregular frame intervals disturb neither the offsets nor the verdict."""
    rng = np.random.default_rng(4)
    steps = rng.integers(8, 120, size=200) * NS_PER_MS
    times_ns = [0, *(int(time) for time in np.cumsum(steps) if time < 7 * NS_PER_S)]
    report = check(make(tmp_path / "a.mp4", Recipe(times_ns=times_ns)))
    assert degrading(report) <= {Fault.TRACK_SHORT}
    for path in report.offsets:
        assert abs(path.median_ms) < 0.15
    assert report.frames is not None
    assert not report.frames.is_constant


@pytest.mark.parametrize("corner", range(4))
def test_overlay_in_a_corner(corner: int, tmp_path: Path) -> None:
    """A moving camera picture over 40 % of the height in any corner does not disturb."""
    rng = np.random.default_rng(corner)

    def paint(index: int, image: Image) -> None:
        height, width = int(image.shape[0] * 0.4), int(image.shape[0] * 0.4 * 4 / 3)
        noise = rng.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
        camera = np.kron(noise, np.ones((8, 8, 1), dtype=np.uint8))[:height, :width]
        rows = slice(0, height) if corner < 2 else slice(-height, None)
        columns = slice(0, width) if corner % 2 else slice(-width, None)
        image[rows, columns] = camera

    assert_good(check(make(tmp_path / "a.mp4", Recipe(paint=paint))))


def test_other_sound_does_not_disturb(tmp_path: Path) -> None:
    """With pink noise and a tone under the chirps the offsets stay true to 0.2 ms."""
    rng = np.random.default_rng(5)
    noise = np.cumsum(rng.standard_normal((7 * RATE_HZ, 1)), axis=0)
    noise -= np.apply_along_axis(
        lambda column: np.convolve(column, np.ones(480) / 480, mode="same"), 0, noise
    )
    noise *= 0.05 / noise.std()
    sound = pattern_sound(7) + tone(7, 997) + noise.astype(np.float32)
    report = check(make(tmp_path / "a.mp4", Recipe(sound=sound)))
    assert degrading(report) == set()
    for path in report.offsets:
        assert abs(path.median_ms) < 0.2
        assert path.events >= 6


def test_pauses_leave_no_trace(tmp_path: Path) -> None:
    """Where a recorder paused, picture and sound go on together: no finding, offset 0."""
    parts = [(0.0, 3.5), (5.25, 8.15), (20.0, 24.4)]
    sound, drawn_ns = [], []
    whole = pattern_sound(25)
    for start_s, end_s in parts:
        sound.append(whole[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)])
        drawn_ns += [
            round(start_s * NS_PER_S) + time_ns for time_ns in frame_times(30, end_s - start_s)
        ]
    times_ns = [round(index * NS_PER_S / 30) for index in range(len(drawn_ns))]
    recipe = Recipe(times_ns=times_ns, drawn_ns=drawn_ns, sound=np.concatenate(sound))
    report = check(make(tmp_path / "a.mp4", recipe))
    assert degrading(report) == set()
    for path in report.offsets:
        assert abs(path.worst_ms) < 0.15
        assert path.events >= 9


def test_real_screen_is_measured_by_its_freshest_pictures(tmp_path: Path) -> None:
    """On a screen redrawn every 4 ms a frame is up to 4 ms old; the offset is true to 0.5 ms."""
    rng = np.random.default_rng(6)
    times_ns = [time_ns + int(rng.integers(0, 9 * NS_PER_MS)) for time_ns in frame_times(30, 20)]
    drawn_ns = [time_ns // (4 * NS_PER_MS) * 4 * NS_PER_MS for time_ns in times_ns]
    recipe = Recipe(times_ns=times_ns, drawn_ns=drawn_ns, seconds=20)
    report = check(make(tmp_path / "a.mp4", recipe))
    assert degrading(report) == set()
    for path in report.offsets[:2]:
        assert abs(path.median_ms) <= 0.5
        assert path.std_ms <= 0.3


# --- shifted and drifting sound -----------------------------------------------------------------


@pytest.mark.parametrize("shift_ms", [40, -40])
@pytest.mark.parametrize("path_name", ["system", "mic"])
def test_shifted_sound(shift_ms: int, path_name: str, tmp_path: Path) -> None:
    """One path 40 ms off is found, with its size and sign, and the other one is not blamed."""
    schedule = pattern.EventSchedule(3)
    shifts = {"system": 0, "mic": 0, path_name: shift_ms}
    count = 12 * RATE_HZ
    mono = sum(
        render(schedule, -shifts[name] * NS_PER_MS, count, RATE_HZ)
        for name, render in (("system", pattern.system_sound), ("mic", pattern.mic_sound))
    )
    sound = np.repeat(mono[:, None], 2, axis=1)
    report = check(make(tmp_path / "a.mp4", Recipe(sound=sound, seconds=12)))
    assert degrading(report) == {Fault.OFFSET}
    assert exit_code(report) == ExitCode.DEGRADED
    paths = {path.path: path for path in report.offsets}
    assert paths[path_name].median_ms == pytest.approx(shift_ms, abs=0.15)
    sign = 1 if path_name == "mic" else -1
    assert paths["mic-system"].median_ms == pytest.approx(sign * shift_ms, abs=0.02)


def test_shift_in_the_container(tmp_path: Path) -> None:
    """Sound whose stamps (edit list) begin 40 ms late is late for a player, and is found."""
    report = check(make(tmp_path / "a.mp4", Recipe(audio_start_s=0.04)))
    assert degrading(report) == {Fault.OFFSET}
    # FFmpeg's muxer rounds the first audio packet's edit to 1 ms.
    assert report.offsets[0].median_ms == pytest.approx(40, abs=1.1)


@pytest.mark.parametrize("ppm", [300, -300])
def test_drifting_sound(ppm: int, tmp_path: Path) -> None:
    """A microphone that runs away by 300 ppm is found, and its drift is right within the error."""
    sound = pattern_sound(40, mic_ppm=ppm)
    recipe = Recipe(sound=sound, seconds=40, times_ns=frame_times(15, 40), size=(320, 240))
    report = check(make(tmp_path / "a.mp4", recipe))
    assert degrading(report) == {Fault.DRIFT}
    paths = {path.path: path for path in report.offsets}
    for name, expected in (("system", 0.0), ("mic", ppm * 3.6), ("mic-system", ppm * 3.6)):
        drift, unsure = paths[name].drift_ms_per_hour, paths[name].drift_uncertainty_ms_per_hour
        assert drift is not None
        assert unsure is not None
        assert abs(drift - expected) <= unsure
        assert unsure < 10


@pytest.mark.parametrize(("lost_s", "schedule_id"), [(1.0, 3), (0.7, 3), (0.3, 0)])
def test_packed_sound(lost_s: float, schedule_id: int, tmp_path: Path) -> None:
    """Sound that was lost and closed up is found as a step of the offset and a short track."""
    whole = pattern_sound(20, schedule_id=schedule_id)
    cut = round(10.5 * RATE_HZ)
    sound = np.concatenate([whole[:cut], whole[cut + round(lost_s * RATE_HZ) :]])
    recipe = Recipe(sound=sound, seconds=20, schedule_id=schedule_id)
    report = check(make(tmp_path / "a.mp4", recipe))
    found = degrading(report)
    assert {Fault.OFFSET_STEP, Fault.TRACK_SHORT} <= found
    assert found <= {Fault.OFFSET_STEP, Fault.TRACK_SHORT, Fault.OFFSET, Fault.BEEPS_MISSING}
    step = next(item for item in report.findings if item.fault is Fault.OFFSET_STEP)
    assert step.at_s == pytest.approx(10.5, abs=1.4)
    assert f"{-lost_s * 1000:+.1f} ms" in step.message


@pytest.mark.parametrize("made_hz", [16_000, 44_100])
def test_wrong_speed(made_hz: int, tmp_path: Path) -> None:
    """16 kHz or 44.1 kHz samples written as 48 kHz are found as sound at the wrong speed."""
    sound = pattern_sound(12, rate_hz=made_hz)
    report = check(make(tmp_path / "a.mp4", Recipe(sound=sound, seconds=12)))
    assert {Fault.AUDIO_WRONG_SPEED, Fault.TRACK_SHORT} <= degrading(report)
    message = next(
        item.message for item in report.findings if item.fault is Fault.AUDIO_WRONG_SPEED
    )
    assert f"{48_000 / made_hz:.3f} times too fast" in message


# --- holes and silence --------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["aac", "libopus", "flac"])
@pytest.mark.parametrize("length_ms", [12, 40, 150])
def test_hole(codec: str, length_ms: int, tmp_path: Path) -> None:
    """A hole of zeros inside sound is found at its place, through lossy codecs as well."""
    sound = pattern_sound(7) + tone(7, 523)
    start = round(4.321 * RATE_HZ)
    sound[start : start + length_ms * RATE_HZ // 1000] = 0
    suffix = "mp4" if codec == "aac" else "mkv"
    report = check(make(tmp_path / f"a.{suffix}", Recipe(sound=sound, audio_codec=codec)))
    assert degrading(report) == {Fault.AUDIO_HOLE}
    hole = report.sound[0].holes[0]
    assert hole.start_s == pytest.approx(4.321, abs=0.006)
    assert (hole.end_s - hole.start_s) * 1000 == pytest.approx(length_ms, abs=8)


def test_lost_audio_packets(tmp_path: Path) -> None:
    """Packets that are missing from the middle of the audio track leave a jump of the stamps."""

    def lose(packets: list[av.Packet]) -> list[av.Packet]:
        audio = [packet for packet in packets if packet.stream.type == "audio"]
        lost = audio[200:203]
        return [packet for packet in packets if packet not in lost]

    good = make(tmp_path / "good.mp4", Recipe())
    report = check(remux(good, tmp_path / "a.mp4", lose))
    assert Fault.AUDIO_STAMP_GAP in degrading(report)
    gap = next(item for item in report.findings if item.fault is Fault.AUDIO_STAMP_GAP)
    assert "64.0 ms" in gap.message
    assert gap.at_s == pytest.approx(199 * 1024 / RATE_HZ, abs=0.03)


def test_mute_ramps_are_no_holes(tmp_path: Path) -> None:
    """A tone that is muted for 200 ms with ramps of 10 ms has no hole."""
    sound = tone(7, 523)
    start, length, ramp = 3 * RATE_HZ, RATE_HZ // 5, RATE_HZ // 100
    x = np.linspace(0, 1, ramp, dtype=np.float32)
    fade = (1 - x**3 * (10 - 15 * x + 6 * x * x))[:, None]
    sound[start : start + ramp] *= fade
    sound[start + ramp : start + length - ramp] = 0
    sound[start + length - ramp : start + length] *= fade[::-1]
    report = check(make(tmp_path / "a.mp4", Recipe(sound=sound + pattern_sound(7))))
    assert degrading(report) == set()


def test_silent_track(tmp_path: Path) -> None:
    """A track of zeros is found."""
    sound = np.zeros((7 * RATE_HZ, 2), dtype=np.float32)
    report = check(make(tmp_path / "a.mp4", Recipe(sound=sound)))
    assert degrading(report) == {Fault.AUDIO_SILENT}
    assert report.sound[0].peak_db is None
    assert any("beeps are not heard" in sentence for sentence in report.unknowns)


# --- stamps and lengths -------------------------------------------------------------------------


def _restamp(change: Callable[[int, int], int]) -> Callable[[list[av.Packet]], list[av.Packet]]:
    """Change the PTS of video packet n; the DTS move out of the way, as muxers demand."""

    def apply(packets: list[av.Packet]) -> list[av.Packet]:
        number = 0
        for packet in packets:
            if packet.stream.type == "video":
                step = packet.duration
                packet.pts, number = change(number, packet.pts), number + 1
                packet.dts -= 10 * step
        return packets

    return apply


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda n, pts: pts - 9000 * (n == 100), Fault.PTS_ORDER),
        (lambda n, pts: pts - 3000 * (n == 100), Fault.PTS_DUPLICATE),
    ],
)
def test_bad_stamps(change: Callable[[int, int], int], fault: Fault, tmp_path: Path) -> None:
    """Stamps of pictures that go backwards or repeat are found."""
    good = make(tmp_path / "good.mp4", Recipe())
    report = check(remux(good, tmp_path / "a.mp4", _restamp(change)))
    assert fault in degrading(report)
    assert degrading(report) <= {fault, Fault.PTS_DUPLICATE}


def test_short_audio(tmp_path: Path) -> None:
    """An audio track that ends a second early is found."""
    report = check(make(tmp_path / "a.mp4", Recipe(sound=pattern_sound(6))))
    assert degrading(report) == {Fault.TRACK_SHORT}
    assert report.end_difference_ms == pytest.approx(-1000, abs=1)


def test_short_video(tmp_path: Path) -> None:
    """A video track that ends a second early is found."""
    report = check(make(tmp_path / "a.mp4", Recipe(seconds=6, sound=pattern_sound(7))))
    assert degrading(report) == {Fault.TRACK_SHORT}
    assert report.end_difference_ms == pytest.approx(1000, abs=1)


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("a.mp4", Recipe(container_options={"movflags": "faststart"})),
        (
            "a.mp4",
            Recipe(
                container_options={"movflags": "frag_keyframe+empty_moov"},
                video_options={"preset": "ultrafast", "g": "30", "bf": "0"},
            ),
        ),
        ("a.mkv", Recipe()),
    ],
    ids=["faststart", "fragmented", "mkv"],
)
def test_truncated(name: str, recipe: Recipe, tmp_path: Path) -> None:
    """A file cut at two thirds is broken, and what is left of it is still measured."""
    path = make(tmp_path / name, recipe)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)
    report = check(path)
    assert report.verdict is Verdict.BROKEN
    assert exit_code(report) == ExitCode.FAILURE
    assert Fault.TRUNCATED in degrading(report)
    assert report.offsets[0].median_ms == pytest.approx(0, abs=0.6)


def test_truncated_before_the_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file whose index was never written cannot be read: an error with a hint, exit 1."""
    path = make(tmp_path / "a.mp4", Recipe(seconds=3))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(InvalidRecording) as raised:
        check(path)
    assert "repair" in raised.value.hint
    assert main([str(path)]) == ExitCode.FAILURE
    assert "cannot be read" in capsys.readouterr().err


# --- picture ------------------------------------------------------------------------------------


def test_black_picture(tmp_path: Path) -> None:
    """Three seconds of black are found at their place."""

    def paint(index: int, image: Image) -> None:
        if 90 <= index < 180:
            image[:] = 0

    report = check(make(tmp_path / "a.mp4", Recipe(paint=paint)))
    assert degrading(report) == {Fault.BLACK_PICTURE}
    assert report.picture is not None
    (span,) = report.picture.black
    assert (span.start_s, span.end_s) == pytest.approx((3.0, 6.0), abs=0.04)


def test_all_black(tmp_path: Path) -> None:
    """A file that is black from end to end is broken."""

    def paint(index: int, image: Image) -> None:
        image[:] = 0

    report = check(make(tmp_path / "a.mp4", Recipe(paint=paint)))
    assert report.verdict is Verdict.BROKEN
    assert Fault.BLACK_PICTURE in degrading(report)


@pytest.mark.parametrize("length_s", [0.5, 1.5])
def test_frozen_picture(length_s: float, tmp_path: Path) -> None:
    """A picture that stands still while the pattern goes on is found."""
    times_ns = frame_times(30, 7)
    stop_ns, go_ns = 4 * NS_PER_S, round((4 + length_s) * NS_PER_S)
    drawn_ns = [stop_ns if stop_ns <= time_ns < go_ns else time_ns for time_ns in times_ns]
    recipe = Recipe(times_ns=times_ns, drawn_ns=drawn_ns)
    report = check(make(tmp_path / "a.mp4", recipe))
    assert degrading(report) == {Fault.FROZEN_PICTURE}
    assert report.picture is not None
    (span,) = report.picture.frozen
    assert (span.start_s, span.end_s) == pytest.approx((4, 4 + length_s), abs=0.04)
    assert report.offsets[0].median_ms == pytest.approx(0, abs=0.15)


def test_lost_frames(tmp_path: Path) -> None:
    """Half a second without a new picture is found where the pattern says that it moved."""
    times_ns = [time for time in frame_times(30, 7) if not 5 * 10**9 <= time < 5.5 * 10**9]
    report = check(make(tmp_path / "a.mp4", Recipe(times_ns=times_ns)))
    assert degrading(report) == {Fault.FRAME_GAP}


# --- the report beside the file -----------------------------------------------------------------


def _with_mutes(path: Path, spans: dict[Role, tuple[float, float]]) -> None:
    controls = [
        ControlChanged(SetMute(role, is_muted), round(at_s * NS_PER_S))
        for role, (start_s, end_s) in spans.items()
        for is_muted, at_s in ((True, start_s), (False, end_s))
    ]
    body = msgspec.json.encode({"schema_version": 1, "controls": controls})
    path.with_name(f"{path.stem}.onetake.json").write_bytes(body)


def _muted_sound(
    spans: dict[Role, tuple[float, float]], *, leak_db: float | None = None
) -> Samples:
    schedule = pattern.EventSchedule(3)
    mono = np.zeros(12 * RATE_HZ, dtype=np.float32)
    for role, render in ((Role.SYSTEM, pattern.system_sound), (Role.MIC, pattern.mic_sound)):
        source = render(schedule, 0, len(mono), RATE_HZ)
        if role in spans:
            start_s, end_s = spans[role]
            part = slice(round(start_s * RATE_HZ), round(end_s * RATE_HZ))
            source[part] *= 0 if leak_db is None else 10 ** (leak_db / 20)
        mono += source
    return np.repeat(mono[:, None], 2, axis=1)


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.MIC])
def test_muted_span_is_clean(role: Role, tmp_path: Path) -> None:
    """A span that is really muted is said to be clean, with how much could hide in it."""
    spans = {role: (3.0, 8.0)}
    path = make(tmp_path / "a.mp4", Recipe(sound=_muted_sound(spans), seconds=12))
    _with_mutes(path, spans)
    report = check(path)
    assert degrading(report) == set(), report.findings
    (span,) = report.muted
    assert span.is_clean
    assert span.probes >= 3
    assert span.residual_db is not None
    assert span.residual_db < -40


@pytest.mark.parametrize("leak_db", [0, -20, -40])
@pytest.mark.parametrize("role", [Role.SYSTEM, Role.MIC])
def test_muted_span_that_is_not_silent(role: Role, leak_db: int, tmp_path: Path) -> None:
    """A muted source that is still there, even 40 dB down, is found."""
    spans = {role: (3.0, 8.0)}
    sound = _muted_sound(spans, leak_db=leak_db)
    path = make(tmp_path / "a.mp4", Recipe(sound=sound, seconds=12))
    _with_mutes(path, spans)
    report = check(path)
    assert degrading(report) == {Fault.MUTED_NOT_SILENT}
    (span,) = report.muted
    assert span.is_clean is False
    assert span.residual_db == pytest.approx(leak_db, abs=2)


def test_both_muted_is_digital_silence(tmp_path: Path) -> None:
    """Where both are muted every sample must be zero; a whisper of noise is found."""
    spans = {Role.SYSTEM: (3.0, 8.0), Role.MIC: (4.0, 9.0)}
    sound = _muted_sound(spans)
    path = make(tmp_path / "a.mp4", Recipe(sound=sound, seconds=12))
    _with_mutes(path, spans)
    report = check(path)
    assert degrading(report) == set()
    assert [span.is_exactly_silent for span in report.muted] == [True, True]

    rng = np.random.default_rng(1)
    whisper = sound + (1e-3 * rng.standard_normal(sound.shape)).astype(np.float32)
    make(path, Recipe(sound=whisper, seconds=12))
    assert degrading(check(path)) == {Fault.MUTED_NOT_SILENT}


def test_unmuted_beeps_that_are_missing(tmp_path: Path) -> None:
    """With a report that says "not muted", a beep that is not heard is a fault."""
    sound = _muted_sound({Role.MIC: (3.0, 8.0)})
    path = make(tmp_path / "a.mp4", Recipe(sound=sound, seconds=12))
    assert degrading(check(path)) == set()
    _with_mutes(path, {})
    assert degrading(check(path)) == {Fault.BEEPS_MISSING}


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"controls": 3}', b"\xff\xfe", b"[" * 9999])
def test_damaged_report(body: bytes, tmp_path: Path) -> None:
    """A report that cannot be read is said so and changes nothing else."""
    path = make(tmp_path / "a.mp4", Recipe(seconds=4))
    (tmp_path / "a.onetake.json").write_bytes(body)
    report = check(path)
    assert report.verdict is Verdict.GOOD
    assert [item.fault for item in report.findings if item.fault is Fault.REPORT_UNREADABLE]
