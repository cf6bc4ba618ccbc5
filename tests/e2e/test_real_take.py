"""A take of real devices: X server, sound server, network camera; judged by the decoded file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.e2e.command import environment, run
from tests.stage.ffmpeg_camera import ffmpeg_camera
from tests.stage.processes import require
from tests.stage.sound import SoundServer
from tests.stage.stage import FAST_MIC_HZ, Stage, stage
from tests.stage.witness import Witness
from tests.stage.xserver import Screen

import onetake
from onetake.file.report import read_report
from onetake.model.devices import Role
from onetake.model.geometry import Overlay
from onetake.model.settings import Settings
from onetake.proof.check import check
from onetake.proof.results import CheckReport, Fault, PathOffsets, Severity
from onetake.video.overlay import lay_out

pytestmark = [pytest.mark.real, pytest.mark.slow]

SECONDS = 20.0
"""Length of the take in s."""

MUTES_S = {"mic": (4.0, 7.0), "system": (9.0, 12.0), "camera": (14.0, 17.0)}
"""When each is off, in s of the take: events come every 0.9 to 1.3 s, so two or three fall in."""

OFFSET_MS = 3.0
"""Bound of the median of each path; sync is promised to 3 ms."""

TICK_S = 1 / 90_000
"""What a picture's time is rounded to in the file."""

GAP_EDGE_S = 0.1
"""How far from a moment in which the machine stood still a gap may lie: until the pattern's next
picture is drawn and grabbed."""

CLOCK_PPM = 30.0
"""How near the microphone's rate is to be known after the take: a millisecond in half a minute."""

MOST_UNSURE_PPM = 25.0
"""How unsure of it the report may say to be. Usually 6; some seconds in which the server's stamps
are off by a millisecond make it 20, and then four times that is what may be expected."""

P95_MS = 6.0
STD_MS = 1.0


def offsets_of(report: CheckReport, path: str) -> PathOffsets:
    """Return the measured offsets of one path."""
    (found,) = [offsets for offsets in report.offsets if offsets.path == path]
    return found


def wait_until(take: onetake.Take, position_s: float) -> None:
    """Wait until the take is this long."""
    while (now_s := take.snapshot().position_ns / 1e9) < position_s:
        time.sleep(min(0.05, max(0.001, position_s - now_s)))


def overlay_spread(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (time in s, spread of the luma where the camera lies) of each frame."""
    times, spreads = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rect = lay_out(Overlay(), (stream.width, stream.height), (640, 360)).picture
        for frame in container.decode(stream):
            plane = frame.planes[0]
            luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            part = luma[rect.y_px + 20 : rect.bottom_px - 20, rect.x_px + 20 : rect.right_px - 20]
            times.append(float(frame.time or 0.0))
            spreads.append(float(part.std()))
    return np.array(times), np.array(spreads)


@dataclass(frozen=True)
class Taken:
    """The one file that the tests look at."""

    path: Path
    told: dict[str, tuple[float, float]]
    """When each was muted or hidden, and live again, as the commands said: s of the take."""
    stalls_s: list[tuple[float, float]]
    """Spans of the take in which the machine stood still, the stage with it."""


def record_all(path: Path, machine: Witness) -> Taken:
    """Record all four sources and use every control."""
    told: dict[str, tuple[float, float]] = {}
    begin_ns = time.monotonic_ns()
    with stage(1280, 720) as there, there.environment(), ffmpeg_camera() as url:
        take = onetake.record(
            path,
            screen=there.screen_id,
            system_audio=there.system_id,
            mic=there.mic_id,
            camera=url,
            duration_s=SECONDS,
        )
        with take:
            for name, (off_s, on_s) in MUTES_S.items():
                control = getattr(take, name)
                wait_until(take, off_s)
                off = control.hide() if name == "camera" else control.mute()
                wait_until(take, on_s)
                on = control.show() if name == "camera" else control.unmute()
                told[name] = (off, on)
            take.wait()
    own = read_report(path)
    assert own is not None
    stalls = machine.stalls(begin_ns)
    stalls_s = [tuple((at_ns - own.t0_ns) / 1e9 for at_ns in stall) for stall in stalls]
    return Taken(path, told, [(start_s, end_s) for start_s, end_s in stalls_s if end_s > 0])


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory, machine: Witness) -> Taken:
    """Record, once more if the machine stood still meanwhile, three times at most."""
    require("Xvfb", "pulseaudio", "ffmpeg")
    for _ in range(3):
        found = record_all(tmp_path_factory.mktemp("take") / "real.mp4", machine)
        if not found.stalls_s:
            break
    return found


@pytest.fixture(scope="module")
def report(taken: Taken) -> CheckReport:
    """What `onetake check` says of the take."""
    return check(taken.path)


@pytest.mark.parametrize("path", ["system", "mic"])
def test_sound_and_picture_are_together(report: CheckReport, path: str) -> None:
    """Flash to beep in the decoded file: median within 3 ms, 95 % within 6, spread under 1."""
    offsets = offsets_of(report, path)
    assert offsets.events >= 10
    assert abs(offsets.median_ms) <= OFFSET_MS
    assert offsets.p95_ms <= P95_MS
    assert offsets.std_ms <= STD_MS


def test_microphone_and_system_sound_are_together(report: CheckReport) -> None:
    """The two sounds lie within 3 ms of each other."""
    assert abs(offsets_of(report, "mic-system").median_ms) <= OFFSET_MS


@pytest.mark.parametrize(("muted", "other"), [("mic", "system"), ("system", "mic")])
def test_a_muted_span_holds_none_of_its_source(
    report: CheckReport,
    taken: Taken,
    muted: str,
    other: str,
) -> None:
    """While one source is muted its beeps are not in the file, and the other's all are."""
    spans = [span for span in report.muted if span.role == muted]
    assert len(spans) == 1
    assert spans[0].start_s == pytest.approx(taken.told[muted][0], abs=1e-6)
    assert spans[0].end_s == pytest.approx(taken.told[muted][1], abs=1e-6)
    assert spans[0].probes >= 2
    assert spans[0].is_clean
    assert offsets_of(report, muted).missing >= 2
    assert not [f for f in report.findings if f.fault.value == "muted-not-silent"]
    assert offsets_of(report, other).events > offsets_of(report, muted).events - 3


def test_a_hidden_camera_shows_the_bare_screen(taken: Taken) -> None:
    """From the first frame at or after the command to the last before, no camera is seen."""
    times_s, spreads = overlay_spread(taken.path)
    # A frame made for the command itself lies at its instant, rounded to the file's tick.
    off_s, on_s = (at_s - TICK_S / 2 for at_s in taken.told["camera"])
    is_hidden = (times_s >= off_s) & (times_s < on_s)
    is_shown = (times_s > 1.0) & ~is_hidden
    assert is_hidden.sum() >= 80
    assert np.all(spreads[is_hidden] < 6.0), spreads[is_hidden].max()
    assert np.all(spreads[is_shown] > 20.0), spreads[is_shown].min()


def test_both_tracks_are_whole_and_end_together(report: CheckReport) -> None:
    """Both tracks last as long as asked and end within one frame of each other."""
    ends = [track.end_s for track in report.tracks if track.kind in ("video", "audio")]
    assert ends == pytest.approx([SECONDS, SECONDS], abs=1 / 30)
    assert report.end_difference_ms is not None
    assert abs(report.end_difference_ms) <= 1000 / 30


def test_the_whole_file_is_good(report: CheckReport, taken: Taken) -> None:
    """`onetake check` finds nothing wrong with a take of real devices, but that no picture came
    while the machine stood still."""
    assert report.frames is not None
    gaps = [
        gap
        for gap in report.frames.gaps
        if not any(
            start_s < gap.end_s + GAP_EDGE_S and end_s > gap.start_s - GAP_EDGE_S
            for start_s, end_s in taken.stalls_s
        )
    ]
    assert gaps == []
    found = [finding for finding in report.findings if finding.fault is not Fault.FRAME_GAP]
    assert all(finding.severity is Severity.NOTE for finding in found), found


def test_a_static_screen_still_gives_a_full_length_file(
    x_screen: Screen, sound_server: SoundServer, tmp_path: Path
) -> None:
    """A screen on which nothing ever moves gives a whole file that a player can seek in."""
    path = tmp_path / "static.mp4"
    with onetake.record(
        path,
        screen=x_screen.device_id,
        system_audio="default",
        mic="none",
        duration_s=5.0,
    ) as take:
        take.wait()
    found = check(path)
    ends = [track.end_s for track in found.tracks]
    assert ends == pytest.approx([5.0, 5.0], abs=1 / 30)
    assert found.frames is not None
    assert found.frames.interval_max_ms <= 600.0


def test_an_odd_region_is_recorded_even(real_stage: Stage, tmp_path: Path) -> None:
    """A region with odd edges gives an even picture, one pixel smaller at most."""
    path = tmp_path / "region.mp4"
    ran = run(
        "record",
        str(path),
        "--json",
        "--duration=1.5",
        "--region=101,51,641x481",
        f"--screen={real_stage.screen_id}",
        "--mic=none",
        "--system-audio=none",
        env=environment(tmp_path, **real_stage.env),
    )
    assert ran.code == 0, ran
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (640, 480)


def test_settings_of_the_take_stand_in_the_report(taken: Taken) -> None:
    """The report beside the file names the devices and every control."""
    found = read_report(taken.path)
    assert found is not None
    assert isinstance(found.settings, Settings)
    assert len(found.controls) == 6
    mic = found.sources[Role.MIC]
    assert mic.clock_ppm_uncertainty is not None
    assert mic.clock_ppm_uncertainty < MOST_UNSURE_PPM
    true_ppm = (FAST_MIC_HZ / 48_000 - 1) * 1e6
    assert abs(mic.clock_ppm - true_ppm) < max(CLOCK_PPM, 4 * mic.clock_ppm_uncertainty)
