"""A report is beside its recording whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onetake.errors import DiskFull, InvalidRecording
from onetake.file.report import read_report, write_report
from onetake.model.take_report import Report


def test_report_comes_back(tmp_path: Path) -> None:
    """What was written is read back; nothing else is left in the folder."""
    report = Report(file="talk.mp4", duration_s=3.5, verdict="good")
    path = write_report(report, tmp_path / "talk.mp4")
    assert path == tmp_path / "talk.onetake.json"
    assert read_report(tmp_path / "talk.mp4") == report
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the report that was there, and no draft."""
    path = write_report(Report(file="old.mp4"), tmp_path / "talk.mp4")
    before = path.read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        write_report(Report(file="new.mp4"), tmp_path / "talk.mp4")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_no_report_is_none(tmp_path: Path) -> None:
    """A recording without a report has none; a damaged one is an error."""
    assert read_report(tmp_path / "talk.mp4") is None
    (tmp_path / "talk.onetake.json").write_bytes(b"{oops")
    with pytest.raises(InvalidRecording):
        read_report(tmp_path / "talk.mp4")
