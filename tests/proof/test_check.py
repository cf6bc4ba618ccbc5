"""The check's own face: text, JSON, exit codes, takes of the recorder itself."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.proof.making import Recipe, make, pattern_sound

from onetake.errors import ExitCode
from onetake.model.commands import Pause, Resume, SetMute, ShowCamera
from onetake.model.devices import Role
from onetake.model.events import ControlChanged
from onetake.model.settings import Settings, Tracks
from onetake.model.take_report import Report, encode_report
from onetake.proof.check import check, exit_code, main, to_json, to_text
from onetake.proof.results import CheckReport, Fault, Severity, Verdict
from onetake.testing.virtual import VirtualTake, record_virtual

pytestmark = pytest.mark.slow


def test_text_states_resolution_and_what_is_not_known(tmp_path: Path) -> None:
    """Every offset in the text has its resolution, every drift its uncertainty."""
    text = to_text(check(make(tmp_path / "a.mp4", Recipe())))
    lines = [line for line in text.splitlines() if line.startswith("  sync")]
    assert len(lines) == 3
    for line in lines:
        assert re.search(r"median [+-]\d+\.\d\d ms, worst [+-]\d+\.\d\d ms over \d+ events", line)
        assert re.search(r"\(resolution [\d.]+ ms\)", line)
    drifts = [line for line in text.splitlines() if line.strip().startswith("drift")]
    assert all("±" in line for line in drifts)
    assert "untold   Mutes and other controls: no report lies beside the file." in text


def test_json_holds_the_whole_report(tmp_path: Path) -> None:
    """The JSON decodes into the same report; the first line of the text is the verdict."""
    report = check(make(tmp_path / "a.mp4", Recipe(seconds=3)))
    assert msgspec.json.decode(to_json(report), type=CheckReport) == report
    assert to_text(report).splitlines()[0].endswith("a.mp4: good")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 good, 5 degraded, 1 unreadable, 2 misused; errors are JSON on request."""
    good = make(tmp_path / "good.mp4", Recipe(seconds=3))
    short = make(tmp_path / "short.mp4", Recipe(seconds=3, sound=pattern_sound(2)))
    assert main([str(good)]) == ExitCode.OK
    assert main([str(short), "--json"]) == ExitCode.DEGRADED
    out = capsys.readouterr().out.splitlines()[-1]
    assert msgspec.json.decode(out)["findings"][0]["fault"] == "track-short"
    assert main([]) == ExitCode.USAGE
    assert main([str(tmp_path / "none.mp4"), "--json"]) == ExitCode.FAILURE
    out = capsys.readouterr().out.splitlines()[-1]
    assert msgspec.json.decode(out)["error"]["code"] == "invalid-recording"


def test_verdicts_have_exit_codes() -> None:
    """Each verdict ends with its code."""
    codes = {
        verdict: exit_code(CheckReport(path="", verdict=verdict, findings=[], unknowns=[]))
        for verdict in Verdict
    }
    assert codes == {Verdict.GOOD: 0, Verdict.DEGRADED: 5, Verdict.BROKEN: 1}


def recorded(path: Path, settings: Settings, duration_s: float, *commands: object) -> CheckReport:
    """Record a virtual take with its report and check it."""
    take: VirtualTake = record_virtual(
        settings, duration_s=duration_s, path=str(path), commands=commands
    )
    report = Report(
        settings=settings,
        duration_s=take.end_ns / 1e9,
        controls=take.controls,
        devices={role: f"synthetic:{role}" for role in Role},
        verdict="good",
    )
    path.with_name(f"{path.stem}.onetake.json").write_bytes(encode_report(report))
    return check(path)


def test_take_with_mutes(tmp_path: Path) -> None:
    """A take of the recorder with each source muted and the camera hidden has no finding."""
    report = recorded(
        tmp_path / "a.mp4",
        Settings(),
        12,
        (1.5, SetMute(Role.MIC, True)),
        (4.7, SetMute(Role.MIC, False)),
        (5.5, SetMute(Role.SYSTEM, True)),
        (6.2, ShowCamera(False)),
        (9.6, SetMute(Role.SYSTEM, False)),
    )
    assert report.verdict is Verdict.GOOD, report.findings
    assert [(span.role, span.is_clean) for span in report.muted] == [
        ("system", True),
        ("mic", True),
    ]
    assert all(span.probes >= 3 for span in report.muted)
    for path in report.offsets:
        assert abs(path.median_ms) < 0.15
        assert abs(path.worst_ms) < 0.3


def test_take_with_pauses(tmp_path: Path) -> None:
    """Pauses of a take leave no step, no hole and no click."""
    report = recorded(
        tmp_path / "a.mp4",
        Settings(),
        14,
        (2.31, Pause()),
        (4.77, Resume()),
        (7.05, Pause()),
        (9.9, Resume()),
    )
    assert report.verdict is Verdict.GOOD, report.findings
    faults = {finding.fault for finding in report.findings}
    assert faults <= {Fault.AUDIO_CLICK, Fault.STILL_PICTURE}
    for path in report.offsets:
        assert abs(path.worst_ms) < 0.3


def test_take_with_separate_tracks(tmp_path: Path) -> None:
    """The unmuted safety tracks are measured too, and do not count as a mute that leaks."""
    report = recorded(
        tmp_path / "a.mp4",
        Settings(tracks=Tracks.SEPARATE),
        10,
        (2.5, SetMute(Role.MIC, True)),
        (8.1, SetMute(Role.MIC, False)),
    )
    assert report.verdict is Verdict.GOOD, report.findings
    assert len(report.sound) == 3
    (span,) = report.muted
    assert span.is_clean
    assert span.share_db is not None
    assert span.share_db < -40
    assert {(path.track, path.path) for path in report.offsets} >= {
        (1, "system"),
        (2, "mic"),
        (3, "system"),
    }


def test_safety_tracks_show_a_mute_that_was_none(tmp_path: Path) -> None:
    """A take whose report claims a mute that never was: beeps and safety track both tell."""
    path = tmp_path / "a.mp4"
    settings = Settings(tracks=Tracks.SEPARATE)
    record_virtual(settings, duration_s=7, path=str(path))
    controls = [
        ControlChanged(SetMute(Role.MIC, True), 2_000_000_000),
        ControlChanged(SetMute(Role.MIC, False), 6_000_000_000),
    ]
    body = encode_report(Report(settings=settings, duration_s=7, controls=controls))
    path.with_name("a.onetake.json").write_bytes(body)
    report = check(path)
    (span,) = report.muted
    assert span.is_clean is False
    assert span.residual_db == pytest.approx(0, abs=1)
    assert span.share_db == pytest.approx(0, abs=1)
    assert Fault.MUTED_NOT_SILENT in {finding.fault for finding in report.findings}


def test_report_that_is_wrong(tmp_path: Path) -> None:
    """A report that says another length than the file has is blamed."""
    path = make(tmp_path / "a.mp4", Recipe(seconds=4))
    body = encode_report(Report(duration_s=4.5, verdict="degraded", reasons=["frames dropped"]))
    (tmp_path / "a.onetake.json").write_bytes(body)
    found = {finding.fault: finding for finding in check(path).findings}
    assert found[Fault.REPORT_DISAGREES].severity is Severity.DEGRADED
    assert found[Fault.REPORT_DEGRADED].severity is Severity.NOTE
    assert "frames dropped" in found[Fault.REPORT_DEGRADED].message


def test_dead_microphone(tmp_path: Path) -> None:
    """Digital silence while the microphone was recorded and not muted is a fault."""
    sound = pattern_sound(12)
    sound[3 * 48_000 : 9 * 48_000] = 0
    path = make(tmp_path / "a.mp4", Recipe(seconds=12, sound=sound))
    report = Report(duration_s=12, devices={Role.MIC: "pulse:x"})
    (tmp_path / "a.onetake.json").write_bytes(encode_report(report))
    silent = [item for item in check(path).findings if item.fault is Fault.AUDIO_SILENT]
    assert Severity.DEGRADED in {item.severity for item in silent}
    muted = Report(duration_s=12, devices={Role.MIC: "pulse:x"}, settings=Settings(mic="none"))
    (tmp_path / "a.onetake.json").write_bytes(encode_report(muted))
    silent = [item for item in check(path).findings if item.fault is Fault.AUDIO_SILENT]
    assert {item.severity for item in silent} == {Severity.NOTE}


def test_a_take_without_sound_is_no_fault(tmp_path: Path) -> None:
    """Silence that was asked for is a note; with one source asked for it is a fault."""
    sound = np.zeros((4 * 48_000, 2), dtype=np.float32)
    path = make(tmp_path / "a.mp4", Recipe(seconds=4, sound=sound))
    for settings, severity in (
        (Settings(mic="none", system_audio="none"), Severity.NOTE),
        (Settings(mic="none"), Severity.DEGRADED),
    ):
        report = Report(duration_s=4, settings=settings)
        (tmp_path / "a.onetake.json").write_bytes(encode_report(report))
        silent = [item for item in check(path).findings if item.fault is Fault.AUDIO_SILENT]
        assert [item.severity for item in silent] == [severity]
