"""The journal keeps what happened, whatever happens to the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from onetake.errors import DiskFull
from onetake.file.journal import Journal, leftovers
from onetake.model.commands import Marker, SetMute
from onetake.model.companions import journal_path
from onetake.model.devices import Role
from onetake.model.events import ControlChanged
from onetake.model.journal import Happened, Measured, Opened, decode_entries, report_of
from onetake.model.report import SourceStatistics
from onetake.model.settings import Settings


def test_lines_come_back(tmp_path: Path) -> None:
    """What was added is read back in order, as a report."""
    journal = Journal(tmp_path / "talk.mp4")
    journal.open(Opened(file="talk.mp4", settings=Settings(fps=25), started_at="2026-11-22"))
    control = ControlChanged(SetMute(Role.MIC, True), 5_000_000)
    journal.add(Happened(control))
    journal.add(Measured(position_ns=9, sources={Role.MIC: SourceStatistics("capture", 44_100)}))
    journal.flush()
    report = report_of(decode_entries(journal.path.read_bytes()))
    journal.remove()
    assert report.controls == [control]
    assert report.settings.fps == 25
    assert report.sources[Role.MIC].rate_hz == 44_100
    assert list(tmp_path.iterdir()) == []


def test_adding_never_touches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stalled disk stalls `flush`, never whoever adds a line."""
    journal = Journal(tmp_path / "talk.mp4")
    journal.open(Opened())

    def stalled(fd: int, data: bytes) -> int:
        raise AssertionError("the disk was touched")

    monkeypatch.setattr(os, "write", stalled)
    journal.add(Happened(ControlChanged(Marker("x"), 0)))
    monkeypatch.undo()
    journal.close()


def test_full_disk_keeps_the_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line the disk has refused is written when there is room again, once."""
    journal = Journal(tmp_path / "talk.mp4")
    journal.open(Opened())
    journal.add(Happened(ControlChanged(Marker("x"), 0)))

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(DiskFull):
        journal.flush()
    monkeypatch.undo()
    journal.flush()
    journal.flush()
    assert len(decode_entries(journal.path.read_bytes())) == 2
    journal.remove()


def test_recording_in_progress_is_no_leftover(tmp_path: Path) -> None:
    """While its recorder lives a take is not told as unfinished; afterwards it is."""
    recording = tmp_path / "talk.mp4"
    recording.write_bytes(b"12345")
    journal = Journal(recording)
    journal.open(Opened(file="talk.mp4", started_at="2026-11-22T14:03:05+01:00"))
    assert leftovers(tmp_path) == []
    journal.close()
    [left] = leftovers(tmp_path)
    assert (left.recording, left.size_bytes) == (recording, 5)
    assert left.started_at == "2026-11-22T14:03:05+01:00"


def test_journal_without_recording_is_passed_over(tmp_path: Path) -> None:
    """A journal whose file the user has deleted tells nobody anything."""
    journal_path(tmp_path / "gone.mp4").write_bytes(b"{}")
    journal_path(tmp_path / "odd.mp4").mkdir()
    assert leftovers(tmp_path) == []
    assert leftovers(tmp_path / "nowhere") == []


def test_controls_survive_a_kill(tmp_path: Path) -> None:
    """kill -9: every control that was flushed is in the journal, and the take is a leftover."""
    recording = tmp_path / "talk.mp4"
    recording.touch()
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from onetake.file.journal import Journal
        from onetake.model.commands import Marker
        from onetake.model.events import ControlChanged
        from onetake.model.journal import Happened, Opened
        journal = Journal(Path(sys.argv[1]))
        journal.open(Opened())
        for number in range(100000):
            journal.add(Happened(ControlChanged(Marker(str(number)), number)))
            journal.flush()
            print(number, flush=True)
    """)
    command = [sys.executable, "-c", program, str(recording)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        last = 0
        for line in child.stdout:
            last = int(line)
            if last == 57:
                child.send_signal(signal.SIGKILL)
                break
    report = report_of(decode_entries(journal_path(recording).read_bytes()))
    assert len(report.controls) >= last + 1
    assert [left.recording for left in leftovers(tmp_path)] == [recording]


def test_journal_follows_no_link(tmp_path: Path) -> None:
    """A link planted where the journal goes is not written through."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    journal_path(tmp_path / "talk.mp4").symlink_to(victim)
    with pytest.raises(Exception, match="cannot write"):
        Journal(tmp_path / "talk.mp4").open(Opened())
    assert victim.read_bytes() == b"precious"
