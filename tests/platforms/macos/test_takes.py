"""Whole takes of the real engine on the simulated Mac.

The simulated writer saves exactly what was appended to it as a real MP4, so each take is judged by
`onetake.proof.check`: the same rules as for any other file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.fake.signals import MIC_HZ, SYSTEM_HZ
from tests.platforms.macos.fake.world import DisplaySpec
from tests.platforms.macos.making import back_end, onsets_of_light, onsets_of_sound, until

from onetake.engine.recorder import Recorder
from onetake.errors import OnetakeError, PermissionDenied
from onetake.model.commands import Pause, Resume, SetMute, ShowCamera, Split
from onetake.model.devices import Role
from onetake.model.events import FileChanged, Finished, SourceChanged, Warned
from onetake.model.settings import Settings
from onetake.proof.check import check
from onetake.proof.results import CheckReport, Fault, PathOffsets, Severity

MOST_OFFSET_MS = 1.0
"""How far a chirp may lie from its flash. The stand-in's stamps are exact, the pattern resolves
0.1 ms; what is left is rounding to samples and ticks."""

pytestmark = pytest.mark.slow

SYNC_FAULTS = {
    Fault.OFFSET,
    Fault.OFFSET_STEP,
    Fault.OFFSET_UNSTEADY,
    Fault.DRIFT,
    Fault.PTS_ORDER,
    Fault.PTS_DUPLICATE,
    Fault.TRACK_SHORT,
    Fault.TRACK_LATE,
    Fault.AUDIO_STAMP_GAP,
    Fault.AUDIO_CLICK,
    Fault.AUDIO_WRONG_SPEED,
}
"""What no take may have, whatever its devices do."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the engine remembers of devices away from the user's."""
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.fixture
def show(mac: Mac) -> Mac:
    """The Mac, with the test pattern on its screen and in its air."""
    mac.show_pattern()
    return mac


@dataclass
class Taken:
    """A finished take."""

    finished: Finished | None
    error: OnetakeError | None
    events: list[Any]
    path: Path
    began_ns: int

    @property
    def report(self) -> CheckReport:
        """What is true of the file."""
        return check(self.path)

    def warnings(self) -> list[str]:
        """Codes of all warnings."""
        return [event.code for event in self.events if isinstance(event, Warned)]

    def states(self, role: Role) -> list[str]:
        """How a source did over time."""
        changes = [e for e in self.events if isinstance(e, SourceChanged) and e.role is role]
        return [str(change.state) for change in changes]


def record(
    tmp_path: Path, seconds: float, during: Callable[[Any], None] | None = None, **wishes: Any
) -> Taken:
    """Record for about `seconds`, let `during` make things happen, and finish."""
    path = tmp_path / "take.mp4"
    settings = Settings(output=str(path), **{"camera": "none", **wishes})
    recorder = Recorder(platforms=[back_end("platform").MacPlatform()])
    take = recorder.start(settings)
    heard = take.subscribe()
    begun_s = time.monotonic()
    if during is not None:
        during(take)
    while time.monotonic() < begun_s + seconds and not take.is_ended:
        time.sleep(0.02)
    take.stop()
    finished, error = None, None
    try:
        finished = take.wait(30)
    except OnetakeError as failed:
        error = failed
    events = _drained(heard)
    return Taken(finished, error, events, path, take.started_event.t0_ns)


def _drained(subscription: Any) -> list[Any]:
    events = []
    while (event := subscription.get(0.05)) is not None:
        events.append(event)
    return events


def _paths(report: CheckReport) -> dict[str, PathOffsets]:
    return {path.path: path for path in report.offsets}


def in_sync(report: CheckReport, *, roles: tuple[str, ...] = ("system", "mic")) -> None:
    """Hold the file against the sync rules: nothing early, late, short, out of order or doubled."""
    wrong = [finding for finding in report.findings if finding.severity is not Severity.NOTE]
    assert [f.message for f in wrong if f.fault in SYNC_FAULTS] == []
    for role in roles:
        path = _paths(report)[role]
        worst = max(abs(offset_ms) for _, offset_ms in path.offsets_ms)
        assert worst < MOST_OFFSET_MS, (role, path.offsets_ms)


def test_a_plain_take(show: Mac, tmp_path: Path) -> None:
    """Stamps up to 20 ms ahead, planar sound that begins 40 ms early, a microphone 300 ppm fast, a
    camera on a clock of its own: every chirp lies on its flash."""
    show.mics[0].drift_ppm = 300.0
    show.session_ppm, show.session_offset_s = -250.0, 77.0

    def during(take: Any) -> None:
        take.request_preview(80)
        assert until(lambda: take.preview() is not None)
        assert take.preview().shape == (45, 80, 3)

    taken = record(tmp_path, 6, during, camera="default")
    assert taken.error is None
    report = taken.report
    in_sync(report)
    assert len(_paths(report)["mic"].offsets_ms) >= 4
    assert show.streams_started == 1
    assert show.stalled_frames == 0
    assert taken.finished is not None
    assert taken.finished.verdict == "good"


def test_a_session_clock_that_drifts(show: Mac, tmp_path: Path) -> None:
    """A microphone through AVFoundation, stamped by a clock 77 s and 250 ppm away from the host's:
    converted block by block, every chirp lies on its flash."""
    show.session_ppm, show.session_offset_s = 250.0, -77.0
    taken = record(tmp_path, 6, mic="avf:MIC-1")
    assert taken.error is None
    assert "mic-fallback" not in taken.warnings()
    in_sync(taken.report)


def test_appended_timeline(show: Mac, tmp_path: Path) -> None:
    """What reaches the writer: strictly increasing ticks, sound counted without a gap, both ending
    with the session."""
    record(tmp_path, 3)
    writer = show.writers[0]
    video, audio = writer._inputs
    ticks = [frame.ticks for frame in video._frames]
    assert ticks[0] == 0
    assert all(a < b for a, b in pairwise(ticks))
    position = 0
    for stamp, count in audio._times:
        assert stamp == position
        position += count
    assert position / 48_000 == pytest.approx(writer._end_s, abs=1 / 48_000)
    assert writer._end_s - ticks[-1] / 90_000 < 0.3


def test_controls_land_on_their_frame_and_sample(show: Mac, tmp_path: Path) -> None:
    """Mute, pause and the overlay work through this back-end: the muted microphone is digital
    silence, the pause is not in the file, and sync holds on both sides."""

    def during(take: Any) -> None:
        time.sleep(1.5)
        take.send(SetMute(Role.MIC, is_muted=True))
        take.send(ShowCamera(is_visible=False))
        time.sleep(1.5)
        take.send(SetMute(Role.MIC, is_muted=False))
        take.send(ShowCamera(is_visible=True))
        time.sleep(1.2)
        take.send(Pause())
        time.sleep(0.7)
        take.send(Resume())

    show.overlap_every = 7
    taken = record(tmp_path, 7.5, during, camera="default")
    assert taken.error is None
    report = taken.report
    in_sync(report)
    with av.open(str(taken.path)) as container:
        chapters = [chapter["metadata"]["title"] for chapter in container.chapters()]
    # Two commands in the same millisecond share a chapter.
    assert " · ".join(chapters).split(" · ") == [
        *("Start", "Microphone muted", "Camera hidden"),
        *("Microphone live", "Camera shown", "Paused"),
    ]
    assert [span.role for span in report.muted] == ["mic"]
    assert report.muted[0].is_clean is not False


def test_stamps_that_overlap_after_a_resume(show: Mac, tmp_path: Path) -> None:
    """Stamps that step back by 0.2 to 1.9 ms never reach the writer, which would fail one append
    later."""
    show.overlap_every = 3
    taken = record(tmp_path, 3)
    assert taken.error is None
    assert show.writers[0].status() == 2
    in_sync(taken.report)


def test_a_still_screen(mac: Mac, tmp_path: Path) -> None:
    """A screen that changes only with the flashes costs few frames; the file is as long as the
    take, and light and sound are together."""
    mac.is_static = True
    taken = record(tmp_path, 4.5, lambda take: mac.schedule(1.0, 1.3, 3))
    video, audio = mac.writers[0]._inputs
    end_s = mac.writers[0]._end_s
    true = [(e.start_ns - taken.began_ns) / 1e9 for e in mac.events]
    lit = onsets_of_light([(f.time_s, f.luma) for f in video._frames])
    samples = np.concatenate(audio._sound)[:, 0]
    assert len(video._frames) < 60
    assert end_s - video._frames[-1].time_s < 1.1
    for seen_s, true_s in zip(lit, true, strict=True):
        assert 0 <= seen_s - true_s < 1 / 30 + 0.021
    for tone_hz in (SYSTEM_HZ, MIC_HZ):
        for heard_s, true_s in zip(onsets_of_sound(samples, tone_hz), true, strict=True):
            assert abs(heard_s - true_s) < 0.0015


def test_sound_that_comes_only_when_something_plays(show: Mac, tmp_path: Path) -> None:
    """Without callbacks in silence the holes are filled, and every chirp is where it belongs."""
    show.is_silent_without_sound = True
    taken = record(tmp_path, 6)
    assert taken.error is None
    in_sync(taken.report)


def test_tap_that_changes_its_format(show: Mac, tmp_path: Path) -> None:
    """A route change in mid-take, 48 to 16 kHz, costs a short hole and no offset."""

    def during(take: Any) -> None:
        time.sleep(2.5)
        show.mics[0].rate_hz = 16_000
        show.change_route()

    taken = record(tmp_path, 7, during)
    assert taken.error is None
    assert "mic-fallback" in taken.warnings()
    in_sync(taken.report)


def test_denied_screen_refuses_the_take(show: Mac, tmp_path: Path) -> None:
    """-3801 is PermissionDenied with exit code 3, and no file is left."""
    show.has_screen_grant = False
    with pytest.raises(PermissionDenied) as caught:
        record(tmp_path, 1, screen="display:1", system_audio="mac:system")
    assert caught.value.exit_code == 3
    assert not (tmp_path / "take.mp4").exists()


def test_the_systems_stop_button_is_a_stop(show: Mac, tmp_path: Path) -> None:
    """-3817 ends the take as `stop` does, with a good file."""

    def during(take: Any) -> None:
        time.sleep(2.5)
        show.stop_streams(-3817)
        assert until(lambda: take.is_ended, 10)

    taken = record(tmp_path, 3, during)
    assert taken.error is None
    assert taken.finished is not None
    assert 2.2 < taken.finished.duration_s < 3.2
    in_sync(taken.report)


@pytest.mark.parametrize("death", ["told", "silent"])
def test_a_stream_that_dies_goes_on_in_the_same_timeline(
    show: Mac, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: str
) -> None:
    """-3821 and silent death: the last picture stays, silence fills the hole, a new stream joins
    the same file, and what comes after is in sync."""
    monkeypatch.setattr(back_end("screen"), "SILENT_DEATH_NS", 500_000_000)

    def during(take: Any) -> None:
        time.sleep(2.5)
        if death == "told":
            show.stop_streams(-3821)
        else:
            show.freeze_streams()
            show.displays.append(DisplaySpec(2, 100, 60, 1.0))

    taken = record(tmp_path, 8, during)
    assert taken.error is None
    assert show.streams_started == 2
    assert taken.states(Role.SCREEN)[-2:] == ["lost", "live"]
    assert taken.states(Role.SYSTEM)[-2:] == ["lost", "live"]
    report = taken.report
    in_sync(report)
    for path in _paths(report).values():
        times = [time_s for time_s, _ in path.offsets_ms]
        assert max(times) > 5, "nothing was heard after the new stream"


def test_camera_and_microphone_unplugged_and_back(show: Mac, tmp_path: Path) -> None:
    """Both come back by themselves, on the same timeline; the screen never stops."""
    camera, mic = show.cameras[0], show.mics[0]

    def during(take: Any) -> None:
        time.sleep(2.5)
        show.unplug(camera.uid)
        show.unplug(mic.uid)
        time.sleep(0.7)
        show.cameras, show.mics = [camera], [mic]

    taken = record(tmp_path, 8, during, camera="default")
    assert taken.error is None
    for role in (Role.CAMERA, Role.MIC):
        assert taken.states(role)[-2:] == ["lost", "live"]
    assert taken.states(Role.SCREEN).count("lost") == 0
    in_sync(taken.report)


def test_writer_that_is_not_ready_for_two_seconds(show: Mac, tmp_path: Path) -> None:
    """Two seconds without readiness cost pictures, but no sound and no sync."""

    def during(take: Any) -> None:
        time.sleep(1.5)
        show.unready_until_ns = time.monotonic_ns() + 2_000_000_000

    taken = record(tmp_path, 7, during)
    assert taken.error is None
    assert taken.finished is not None
    audio = show.writers[0]._inputs[1]
    assert sum(len(s) for s in audio._sound) == round(taken.finished.duration_s * 48_000)
    report = taken.report
    # An event inside the freeze, or within the 0.6 s in which pictures vote on it, is not seen.
    for role in ("system", "mic"):
        seen = [o for t, o in _paths(report)[role].offsets_ms if not 0.8 < t < 4.3]
        assert seen
        assert max(abs(offset_ms) for offset_ms in seen) < MOST_OFFSET_MS


def test_failed_writer_costs_a_file_and_not_the_take(show: Mac, tmp_path: Path) -> None:
    """A writer that fails in mid-take is noticed at once: the take goes on in a new file of the
    same timeline, in sync, and what the old one's fragments hold is a file in sync."""

    def during(take: Any) -> None:
        time.sleep(5)
        show.fails_at_frame = 0

    taken = record(tmp_path, 10, during)
    assert taken.error is None
    assert [writer.status() for writer in show.writers] == [3, 2]
    (told,) = [event for event in taken.events if isinstance(event, FileChanged)]
    assert 4.5 < told.position_ns / 1e9 < 6.5
    assert "-16364" in told.reason
    in_sync(check(told.path))
    first = taken.report
    in_sync(first, roles=())
    assert min(track.end_s or 0 for track in first.tracks) >= 2


def test_split(show: Mac, tmp_path: Path) -> None:
    """A split closes one file and goes on in the next without losing a frame or a sample."""

    def during(take: Any) -> None:
        time.sleep(3)
        take.send(Split())

    taken = record(tmp_path, 7, during)
    assert taken.error is None
    assert [writer.status() for writer in show.writers] == [2, 2]
    first, second = (writer._inputs[1] for writer in show.writers)
    samples = [sum(len(s) for s in track._sound) for track in (first, second)]
    assert taken.finished is not None
    whole_s = show.writers[0]._end_s + taken.finished.duration_s
    assert sum(samples) == pytest.approx(whole_s * 48_000, abs=2)
    (told,) = [event for event in taken.events if isinstance(event, FileChanged)]
    in_sync(taken.report)
    in_sync(check(told.path))


def test_full_disk(show: Mac, tmp_path: Path) -> None:
    """-11807 ends the take as a full disk does."""
    show.writer_error = (-11807, -12784)

    def during(take: Any) -> None:
        time.sleep(2.5)
        show.fails_at_frame = 0
        assert until(lambda: take.is_ended, 15)

    taken = record(tmp_path, 1, during)
    assert taken.finished is not None
    assert taken.finished.stop_reason == "disk-full"
