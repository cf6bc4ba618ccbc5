"""The report of a take, NAME.onetake.json: what was recorded, what was done, what can be trusted.

Invariant: the verdict follows from what stands in the report, by `judged`, and from nothing else,
so that whoever reads a report can see why it says what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from onetake.errors import InvalidRecording
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.events import ControlChanged, Event, SourceChanged, SourceState, Warned
from onetake.model.report import SourceStatistics
from onetake.model.settings import Settings, Tracks
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.model.video_report import VideoStatistics

__all__ = [
    "SCHEMA_VERSION",
    "DegradedSpan",
    "Report",
    "TrackReport",
    "changes_among",
    "decode_report",
    "degraded_spans",
    "encode_report",
    "in_part",
    "judged",
    "report_schema",
]

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes; new fields come without a new number."""

DROPPED_SHARE = 0.01
"""Share of dropped frames above which a take is degraded: 1 in 100 is one every 3 s at 30 fps.
Smaller: a single hiccup of a short take spoils its verdict. Larger: stutter passes as good."""

ALIGNMENT_P95_MS = 6.0
"""Alignment error (95th percentile) above which a take is degraded: the sync we promise."""

MISSING_SOUND_MS = 250.0
"""Filled-in silence of one source above which a take is degraded: a word is lost."""


class TrackReport(msgspec.Struct, frozen=True, kw_only=True):
    """One track of the finished file, read again from it."""

    kind: str
    """`video`, `audio` or `data` (chapters)."""
    codec: str
    """FFmpeg's name of it."""
    title: str = ""
    """As players show it."""
    duration_s: float = 0.0
    """Length of the track."""
    packets: int = 0
    """Pictures, or packets of sound."""
    format: str = ""
    """`1920x1080`, `48000 Hz, 2 channels`."""


class DegradedSpan(msgspec.Struct, frozen=True):
    """A stretch in which a source was missing."""

    role: Role
    """Which source."""
    position_ns: int
    """Where it begins."""
    length_ns: int
    """How long it lasted."""
    reason: str = ""
    """What the system said, for people."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of a take at its end. Positions and lengths are on the file's timeline."""

    schema_version: int = SCHEMA_VERSION
    """Goes up when a reader of the last version would break."""
    recorder: str = ""
    """Program and version: `onetake 0.1.0`."""
    file: str = ""
    """Name of the recording, without its folder."""
    started_at: str = ""
    """Wall clock of the start, ISO 8601 with offset."""
    part: int = 1
    """Which file of the take this is; more than 1 after a split."""
    part_start_s: float = 0.0
    """Where in the take this file begins."""
    t0_ns: int = 0
    """Host time of position 0 of this file."""
    duration_s: float = 0.0
    """Length of this file."""
    size_bytes: int = 0
    """Size of this file."""
    width_px: int = 0
    """Width of the picture."""
    height_px: int = 0
    """Height of the picture."""
    encoder: str = ""
    """What made the picture."""
    devices: dict[Role, str] = {}
    """What was recorded, by role."""
    settings: Settings = Settings()
    """What the take was started with."""
    tracks: list[TrackReport] = []
    """Read again from the file."""
    end_difference_ms: float | None = None
    """End of the picture minus end of the sound, read again from the file; None = not readable."""
    video: VideoStatistics = VideoStatistics()
    """Counts of the picture."""
    sources: dict[Role, SourceStatistics] = {}
    """The sounds, by role."""
    controls: list[ControlChanged] = []
    """Every command that took effect, with the position at which it is heard and seen."""
    source_changes: list[SourceChanged] = []
    """Every device that came, went or joined late."""
    warnings: list[Warned] = []
    """What was told while it ran."""
    degraded: list[DegradedSpan] = []
    """Stretches in which a source was missing."""
    notes: list[str] = []
    """What a person should know and would not guess."""
    problems: list[str] = []
    """What reading the finished file again found wrong, and why a take ended early."""
    recovered_from: str = ""
    """Name of the unfinished recording this one was repaired from; empty = an ordinary take."""
    verdict: str = ""
    """`good` or `degraded`."""
    reasons: list[str] = []
    """Why it is degraded, one line each."""


def encode_report(report: Report) -> bytes:
    """Return the report as it lies on the disk: JSON, indented, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def decode_report(data: bytes) -> Report:
    """Return the report in `data`. Raises InvalidRecording for anything else."""
    try:
        report = msgspec.json.decode(data, type=Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecording(f"not a report of onetake: {error}") from error
    if report.schema_version > SCHEMA_VERSION:
        raise InvalidRecording(
            f"the report is of version {report.schema_version}, this onetake knows version "
            f"{SCHEMA_VERSION}",
            hint="update onetake",
        )
    return report


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of a report."""
    schema = msgspec.json.schema(Report)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def degraded_spans(changes: Iterable[SourceChanged], end_ns: int) -> list[DegradedSpan]:
    """Return the stretches in which a source that was asked for was missing, in order.

    A source is missing from its loss to its return, and from 0 to a late joining.
    """
    spans: list[DegradedSpan] = []
    missing: dict[Role, tuple[int, str]] = {}
    seen: set[Role] = set()
    for change in sorted(changes, key=lambda change: change.position_ns):
        position_ns = min(max(0, change.position_ns), end_ns)
        if change.state is SourceState.LIVE:
            since_ns, reason = missing.pop(change.role, (position_ns, ""))
            if change.role not in seen and change.position_ns > 0:
                since_ns, reason = 0, reason or "joined late"
            if position_ns > since_ns:
                spans.append(DegradedSpan(change.role, since_ns, position_ns - since_ns, reason))
            seen.add(change.role)
        elif change.state is SourceState.LOST:
            missing.setdefault(change.role, (position_ns, change.reason))
            seen.add(change.role)
    for role, (since_ns, reason) in missing.items():
        spans.append(DegradedSpan(role, since_ns, end_ns - since_ns, reason))
    return sorted(spans, key=lambda span: (span.position_ns, span.role))


def judged(report: Report) -> Report:
    """Return the report with degraded spans, notes, verdict and reasons filled in."""
    end_ns = round(report.duration_s * NS_PER_S)
    spans = degraded_spans(report.source_changes, end_ns)
    reasons = [
        *report.problems,
        *_span_reasons(spans),
        *_video_reasons(report),
        *_sound_reasons(report, end_ns),
    ]
    if report.recovered_from:
        reasons.insert(0, "the recording was interrupted and was recovered up to there")
    return msgspec.structs.replace(
        report,
        degraded=spans,
        notes=_notes(report),
        verdict="degraded" if reasons else "good",
        reasons=reasons,
    )


def _span_reasons(spans: Sequence[DegradedSpan]) -> list[str]:
    reasons = []
    for role in dict.fromkeys(span.role for span in spans):
        lengths = [span.length_ns for span in spans if span.role is role]
        times = "once" if len(lengths) == 1 else f"{len(lengths)} times"
        reasons.append(
            f"{_NAMES[role]} was missing {times}, {sum(lengths) / NS_PER_S:.1f} s in all"
        )
    return reasons


def _video_reasons(report: Report) -> list[str]:
    video = report.video
    reasons = []
    total = video.frames + video.dropped
    if video.dropped and video.dropped > DROPPED_SHARE * total:
        share = 100 * video.dropped / total
        reasons.append(f"{video.dropped} of {total} pictures were dropped ({share:.1f} %)")
    difference_ms = report.end_difference_ms
    if difference_ms is not None and abs(difference_ms) > 1000 / report.settings.fps:
        reasons.append(f"picture and sound end {abs(difference_ms):.0f} ms apart")
    return reasons


def _sound_reasons(report: Report, end_ns: int) -> list[str]:
    reasons = []
    for role in AUDIO_ROLES:
        source = report.sources.get(role)
        if source is None:
            continue
        name = _NAMES[role]
        if source.alignment_p95_ms > ALIGNMENT_P95_MS:
            reasons.append(f"{name} is up to {source.alignment_p95_ms:.1f} ms out of place")
        filled_ms = sum(stretch.length_ns for stretch in source.fills) / NS_PER_MS
        if filled_ms > MISSING_SOUND_MS:
            reasons.append(f"{filled_ms / 1000:.1f} s of {name} did not arrive")
        if source.late_ms > MISSING_SOUND_MS:
            reasons.append(f"{source.late_ms / 1000:.1f} s of {name} came too late")
        silent_ns = sum(stretch.length_ns for stretch in source.digital_silence)
        if role is Role.MIC and source.frames and end_ns and silent_ns >= 0.99 * end_ns:
            reasons.append("the microphone delivered nothing but digital silence")
    return reasons


def _notes(report: Report) -> list[str]:
    notes = list(report.notes)
    if report.settings.tracks is Tracks.SEPARATE:
        text = (
            "the file has further tracks with the unmuted microphone and system sound: what was "
            "muted in the mix can be heard there"
        )
        if text not in notes:
            notes.append(text)
    if report.video.encoder_changes:
        text = (
            f"the machine was too slow: for {report.video.cheaper_s:.0f} s of the take the picture "
            "was encoded with less work, and is a little worse"
        )
        if text not in notes:
            notes.append(text)
    return notes


_NAMES = {
    Role.SCREEN: "the screen",
    Role.SYSTEM: "the system sound",
    Role.MIC: "the microphone",
    Role.CAMERA: "the camera",
}


def changes_among(
    events: Iterable[Event],
) -> tuple[list[ControlChanged], list[SourceChanged], list[Warned]]:
    """Sort a take's events into the three lists of a report; others are left out."""
    controls: list[ControlChanged] = []
    sources: list[SourceChanged] = []
    warnings: list[Warned] = []
    for event in events:
        match event:
            case ControlChanged():
                controls.append(event)
            case SourceChanged():
                sources.append(event)
            case Warned():
                warnings.append(event)
            case _:
                pass
    return controls, sources, warnings


def in_part(event: Event, start_ns: int, end_ns: int) -> Event | None:
    """Return an event with its position in a file that is a part of a take; None = elsewhere.

    Sources that came before stay known, at 0.
    """
    position_ns = getattr(event, "position_ns", None)
    if position_ns is None or start_ns == 0:
        return event if position_ns is None or position_ns <= end_ns else None
    if isinstance(event, SourceChanged):
        position_ns = max(position_ns, start_ns)
    if not start_ns <= position_ns <= end_ns:
        return None
    return msgspec.structs.replace(event, position_ns=position_ns - start_ns)


if __name__ == "__main__":
    import json
    import sys

    # How docs/reference/report.schema.json is made.
    sys.stdout.write(json.dumps(report_schema(), indent=2) + "\n")
