"""`onetake doctor`: a closed set of findings, each wrong one with its remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.e2e.command import SYNTHETIC, environment, run

from onetake.model.findings import FindingId, Status

pytestmark = pytest.mark.slow


def findings(tmp_path: Path, *words: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Run the doctor and return its exit code and findings by id."""
    ran = run("doctor", "--json", *words, env=environment(tmp_path))
    report = json.loads(ran.out)
    assert report["is_ready"] is (ran.code == 0)
    assert {found["id"] for found in report["findings"]} <= set(FindingId)
    return ran.code, {found["id"]: found for found in report["findings"]}


def test_devices_that_deliver_are_ready(tmp_path: Path) -> None:
    """Every device was opened and delivered, the encoder encoded, the folder took a file."""
    code, found = findings(tmp_path, *SYNTHETIC, "--camera=synthetic")
    assert code == 0
    for finding in ("screen", "system-audio", "microphone", "camera", "folder", "disk"):
        assert found[finding]["status"] == Status.OK, found[finding]
    assert found["encoder"]["status"] in (Status.OK, Status.WARN)


def test_a_machine_without_a_screen_is_told(tmp_path: Path) -> None:
    """What keeps a take from starting fails, with its remedy."""
    code, found = findings(tmp_path)
    assert code == 1
    assert found["screen"]["status"] == Status.FAIL
    assert "DISPLAY" in found["screen"]["remedy"]


def test_a_device_that_is_not_there_fails_under_its_own_name(tmp_path: Path) -> None:
    """The others are tried all the same."""
    code, found = findings(tmp_path, *SYNTHETIC, "--camera=nobody's")
    assert code == 1
    assert found["camera"]["status"] == Status.FAIL
    assert found["camera"]["remedy"]
    for finding in ("screen", "system-audio", "microphone", "encoder"):
        assert found[finding]["status"] in (Status.OK, Status.WARN), found[finding]


@pytest.mark.parametrize(
    ("words", "finding", "status"),
    [
        (["--camera=synthetic:camera?never=1"], "camera", Status.WARN),
        (["--mic=none"], "microphone", Status.SKIPPED),
    ],
)
def test_a_device_that_falls_short_is_named(
    tmp_path: Path, words: list[str], finding: str, status: Status
) -> None:
    """A camera that never delivers warns; what was not asked for is skipped."""
    _, found = findings(tmp_path, *SYNTHETIC, *words)
    assert found[finding]["status"] == status
    if status is Status.WARN:
        assert found[finding]["remedy"]


def test_a_folder_that_is_not_there_fails(tmp_path: Path) -> None:
    """A take with nowhere to go is told before it begins, and nothing is created."""
    code, found = findings(tmp_path, str(tmp_path / "missing" / "out.mp4"), *SYNTHETIC)
    assert code == 1
    assert found["folder"]["status"] == Status.FAIL
    assert not (tmp_path / "missing").exists()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """The trial of the encoder leaves no file."""
    folder = tmp_path / "here"
    folder.mkdir()
    findings(tmp_path, str(folder / "out.mp4"), *SYNTHETIC)
    assert list(folder.iterdir()) == []
