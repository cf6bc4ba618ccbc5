"""The report's verdict follows from what stands in it, and its form is published."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from onetake.errors import InvalidRecording
from onetake.model.commands import Marker, SetMute
from onetake.model.devices import Role
from onetake.model.events import ControlChanged, SourceChanged, SourceState, StateChanged, TakeState
from onetake.model.report import SourceStatistics, Stretch
from onetake.model.settings import Settings, Tracks
from onetake.model.take_report import (
    SCHEMA_VERSION,
    DegradedSpan,
    Report,
    changes_among,
    decode_report,
    degraded_spans,
    encode_report,
    judged,
    report_schema,
)
from onetake.model.units import NS_PER_S
from onetake.model.video_report import VideoStatistics

PINNED = Path(__file__).parents[2] / "docs" / "reference" / "report.schema.json"


def test_the_pinned_schema_is_the_real_one() -> None:
    """Whoever changes a type of the report sees it here, and decides whether SCHEMA_VERSION must
    go up.

    To accept a change: python -m onetake.model.take_report > docs/reference/report.schema.json
    """
    pinned = json.loads(PINNED.read_text())
    assert _without_words(pinned) == _without_words(json.loads(json.dumps(report_schema())))


def _without_words(schema: object) -> object:
    """Return the schema without descriptions, which promise nothing to a program."""
    if isinstance(schema, dict):
        return {key: _without_words(v) for key, v in schema.items() if key != "description"}
    if isinstance(schema, list):
        return [_without_words(item) for item in schema]
    return schema


def test_report_comes_back() -> None:
    """A report is JSON that is read back as it was; unknown fields of a later one do no harm."""
    report = judged(Report(file="talk.mp4", duration_s=2.0, devices={Role.MIC: "pulse:x"}))
    data = encode_report(report)
    assert decode_report(data) == report
    later = {**json.loads(data), "something_new": 1}
    assert decode_report(json.dumps(later).encode()) == report


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"tracks": 3}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_report_is_refused(data: bytes) -> None:
    """Anything else is an InvalidRecording."""
    with pytest.raises(InvalidRecording):
        decode_report(data)


def test_report_of_a_newer_version_is_refused() -> None:
    """A report whose fields may mean something else is not read as if they did not."""
    newer = msgspec.json.encode({"schema_version": SCHEMA_VERSION + 1})
    with pytest.raises(InvalidRecording, match="version"):
        decode_report(newer)


def _source(**facts: object) -> dict[Role, SourceStatistics]:
    return {Role.MIC: SourceStatistics("capture", frames=480_000, **facts)}  # type: ignore[arg-type]


GOOD = Report(
    duration_s=10.0,
    end_difference_ms=0.02,
    video=VideoStatistics(frames=300),
    sources=_source(alignment_p95_ms=1.0, peak_db=-12.0),
)


def test_good_take_is_good() -> None:
    """Nothing wrong, nothing said."""
    report = judged(GOOD)
    assert (report.verdict, report.reasons, report.degraded) == ("good", [], [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"video": VideoStatistics(frames=980, dropped=20)}, "20 of 1000 pictures were dropped"),
        ({"end_difference_ms": 51.0}, "end 51 ms apart"),
        ({"sources": _source(alignment_p95_ms=9.0)}, "9.0 ms out of place"),
        ({"sources": _source(fills=[Stretch(0, NS_PER_S)])}, "1.0 s of the microphone did not"),
        ({"sources": _source(late_ms=600.0)}, "came too late"),
        ({"sources": _source(digital_silence=[Stretch(0, 10 * NS_PER_S)])}, "digital silence"),
        ({"problems": ["the disk was full"]}, "the disk was full"),
        ({"recovered_from": "talk.mp4"}, "interrupted"),
        (
            {"source_changes": [SourceChanged(Role.MIC, SourceState.LOST, "m", 4 * NS_PER_S)]},
            "the microphone was missing once, 6.0 s in all",
        ),
    ],
)
def test_every_fault_degrades(change: dict[str, object], reason: str) -> None:
    """Each fault makes the verdict `degraded` and says why, in words."""
    report = judged(msgspec.structs.replace(GOOD, **change))
    assert report.verdict == "degraded"
    assert [said for said in report.reasons if reason in said]


def test_a_dropped_picture_in_thousands_is_good() -> None:
    """A single hiccup in a long take does not spoil it."""
    video = VideoStatistics(frames=9_999, dropped=1)
    assert judged(msgspec.structs.replace(GOOD, video=video)).verdict == "good"


def test_degraded_spans_are_losses_and_late_joins() -> None:
    """From loss to return, from 0 to a late joining, from loss to the end; nothing twice."""
    s = NS_PER_S
    changes = [
        SourceChanged(Role.MIC, SourceState.LIVE, "m", -5),
        SourceChanged(Role.CAMERA, SourceState.LIVE, "c", 2 * s),
        SourceChanged(Role.MIC, SourceState.LOST, "m", 3 * s, "unplugged"),
        SourceChanged(Role.MIC, SourceState.LOST, "m", 4 * s, "again"),
        SourceChanged(Role.MIC, SourceState.LIVE, "m", 5 * s),
        SourceChanged(Role.SYSTEM, SourceState.LIVE, "s", 0),
        SourceChanged(Role.SYSTEM, SourceState.LOST, "s", 8 * s, "server gone"),
    ]
    assert degraded_spans(changes, 10 * s) == [
        DegradedSpan(Role.CAMERA, 0, 2 * s, "joined late"),
        DegradedSpan(Role.MIC, 3 * s, 2 * s, "unplugged"),
        DegradedSpan(Role.SYSTEM, 8 * s, 2 * s, "server gone"),
    ]


def test_safety_tracks_are_told_in_words() -> None:
    """With separate tracks the report says that what was muted can be heard."""
    report = judged(Report(settings=Settings(tracks=Tracks.SEPARATE)))
    assert len(report.notes) == 1
    assert "muted" in report.notes[0]
    assert judged(report).notes == report.notes


def test_a_cheaper_encoder_is_noted_and_no_fault() -> None:
    """A picture that is a little worse for a while is worth a line, and the take is good."""
    video = VideoStatistics(frames=300, encoder_changes=2, cheaper_s=12.4)
    report = judged(Report(duration_s=30.0, video=video))
    assert report.verdict == "good"
    [note] = report.notes
    assert "12 s" in note
    assert judged(report).notes == report.notes


def test_events_are_sorted_into_their_lists() -> None:
    """Controls, source changes and warnings each go to their own list."""
    control = ControlChanged(SetMute(Role.MIC, True), 1)
    source = SourceChanged(Role.MIC, SourceState.LOST, "m", 2)
    events = [control, StateChanged(TakeState.RECORDING), source]
    assert changes_among(events) == ([control], [source], [])
    assert changes_among([ControlChanged(Marker("x"), 0)])[0] != []
