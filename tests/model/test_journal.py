"""A torn journal is a good one with fewer lines."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from onetake.model.commands import Marker, SetMute
from onetake.model.companions import journal_path, recording_of_journal, report_path
from onetake.model.devices import Role
from onetake.model.events import ControlChanged, FileChanged, SourceChanged, SourceState, Started
from onetake.model.journal import (
    Happened,
    Measured,
    Opened,
    decode_entries,
    encode_entry,
    report_of,
)
from onetake.model.take_report import Report

ENTRIES = [
    Opened(file="talk.mp4", recorder="onetake 1", width_px=640, height_px=480),
    Happened(Started("talk.mp4", 77, {Role.SCREEN: "x11::0"}, 640, 480)),
    Happened(ControlChanged(SetMute(Role.MIC, True), 1_000)),
    Happened(SourceChanged(Role.MIC, SourceState.LOST, "m", 2_000, "gone")),
    Measured(position_ns=3_000),
    Happened(ControlChanged(Marker("ü"), 4_000)),
]
DATA = b"".join(map(encode_entry, ENTRIES))


def test_lines_become_a_report() -> None:
    """What the lines say stands in the report."""
    assert decode_entries(DATA) == ENTRIES
    report = report_of(ENTRIES)
    assert (report.file, report.t0_ns, report.width_px) == ("talk.mp4", 77, 640)
    assert [control.position_ns for control in report.controls] == [1_000, 4_000]
    assert [change.reason for change in report.source_changes] == ["gone"]


@given(st.integers(0, len(DATA)))
def test_torn_anywhere(cut: int) -> None:
    """Cut at any byte, every whole line before it counts."""
    entries = decode_entries(DATA[:cut])
    assert entries == ENTRIES[: len(entries)]
    assert len(entries) >= DATA[:cut].count(b"\n")


@given(st.binary(max_size=300), st.integers(0, len(DATA)))
def test_garbage_is_passed_over(garbage: bytes, at: int) -> None:
    """Whatever is in the file: entries or nothing, never an exception."""
    assert isinstance(report_of(decode_entries(DATA[:at] + garbage + DATA[at:])).controls, list)


def test_names_beside_a_recording() -> None:
    """Whoever writes and whoever looks agree on the names."""
    recording = Path("videos/My talk.mp4")
    assert report_path(recording) == Path("videos/My talk.onetake.json")
    assert journal_path(recording) == Path("videos/.My talk.mp4.journal.jsonl")
    assert recording_of_journal(journal_path(recording)) == recording
    assert recording_of_journal(Path("videos/notes.jsonl")) is None
    assert recording_of_journal(Path("videos/.journal.jsonl")) is None


def _of_part(part: int, *cuts_ns: int) -> Report:
    """The journal of a part of a take that was split at these positions."""
    events = [
        Happened(ControlChanged(Marker("early"), 1_000)),
        Happened(Started("a", 77, {}, 2, 2)),
    ]
    events += [Happened(FileChanged(f"part {n}", at_ns)) for n, at_ns in enumerate(cuts_ns, 2)]
    events += [Happened(ControlChanged(Marker("late"), 7_000))]
    return report_of([Opened(file="b", part=part), *events])


def test_positions_in_a_further_file_are_its_own() -> None:
    """A part's report and chapters begin with the part, and leave out what is in other files."""
    first, second, third = (_of_part(number, 5_000, 9_000) for number in (1, 2, 3))
    assert [control.position_ns for control in first.controls] == [1_000]
    assert [control.position_ns for control in second.controls] == [2_000]
    assert third.controls == []
    assert (second.part, second.part_start_s, second.t0_ns) == (2, 5e-6, 77 + 5_000)


def test_a_part_whose_cut_is_not_known_keeps_the_takes_positions() -> None:
    """A journal torn before the cut says what it knows."""
    assert [control.position_ns for control in _of_part(2).controls] == [1_000, 7_000]
