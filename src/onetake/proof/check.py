"""Check a recording, ours or another program's, from its content alone.

    python -m onetake.proof.check FILE [--json]

Invariant: nothing is taken from what a recorder says of itself except to hold the file against it;
the file is never changed; whatever is in it, the answer is a report or `InvalidRecording`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from onetake.errors import ExitCode, InvalidRecording
from onetake.model.units import NS_PER_S
from onetake.proof.companion import Companion, read_companion
from onetake.proof.events import seen_events
from onetake.proof.frames import FrameLog, frame_facts, picture_facts
from onetake.proof.judge import (
    file_findings,
    picture_findings,
    sound_findings,
    verdict_of,
)
from onetake.proof.judge_report import report_findings
from onetake.proof.judge_sync import sync_findings
from onetake.proof.measure import all_offsets, speed_findings
from onetake.proof.muted import muted_spans
from onetake.proof.results import (
    CheckReport,
    Severity,
    SoundFacts,
    Span,
    TrackFacts,
)
from onetake.proof.scan import Scan, scan
from onetake.proof.sound import SoundTrack
from onetake.proof.text import to_text
from onetake.proof.unknowns import unknowns

__all__ = ["check", "exit_code", "main", "to_json", "to_text"]

_LONG_SILENCE_NS = 3 * NS_PER_S
"""Digital silence that is listed: a muted microphone, a dead device."""

_MOST_SPANS = 20


def check(path: str | Path) -> CheckReport:
    """Read the whole file and say what is true of it.

    Raises:
        InvalidRecording: there is no such file, or it cannot be opened as a recording.
    """
    path = Path(path)
    found = scan(path)
    companion = read_companion(path)
    tracks = _track_facts(found)
    frames = frame_facts(found.frames) if found.frames is not None else None
    picture = picture_facts(found.frames) if found.frames is not None else None
    sound = [_sound_facts(track) for track in found.sounds]
    events = seen_events(found.frames) if found.frames is not None else None
    offsets = all_offsets(events, found.sounds)
    muted = []
    if companion is not None and not companion.problem:
        muted = muted_spans(found, companion, events, offsets)
    duration_s = max((track.end_s for track in tracks if track.end_s is not None), default=0.0)

    findings = list(file_findings(found, tracks))
    if picture is not None:
        findings += picture_findings(frames, picture, duration_s)
    findings += sound_findings(found, sound, muted, is_silence_meant=_is_without_sound(companion))
    findings += speed_findings(found, events, offsets)
    findings += sync_findings(offsets, muted, has_report=_is_usable(companion))
    if companion is not None:
        findings += report_findings(companion, duration_s, muted, sound)
    order = [Severity.BROKEN, Severity.DEGRADED, Severity.NOTE]
    findings.sort(key=lambda finding: order.index(finding.severity))
    return CheckReport(
        path=str(path),
        verdict=verdict_of(findings),
        findings=findings,
        unknowns=unknowns(events, offsets, muted, companion, found),
        container=found.container,
        size_bytes=found.size_bytes,
        duration_s=round(duration_s, 6),
        end_difference_ms=_end_difference_ms(tracks),
        tracks=tracks,
        chapters=found.chapters,
        frames=frames,
        picture=picture,
        sound=sound,
        offsets=offsets,
        muted=muted,
        report_path="" if companion is None else str(companion.path),
    )


def exit_code(report: CheckReport) -> int:
    """Return with what the program ends: 0 good, 5 degraded, 1 broken."""
    return int(report.verdict.exit_code)


def to_json(report: CheckReport) -> str:
    """Return the report as one line of JSON."""
    return msgspec.json.encode(report).decode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `check` from a command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    files = [word for word in words if word != "--json"]
    if len(files) != 1:
        sys.stderr.write("usage: python -m onetake.proof.check FILE [--json]\n")
        return ExitCode.USAGE
    try:
        report = check(files[0])
    except InvalidRecording as error:
        if as_json:
            sys.stdout.write(msgspec.json.encode({"error": error.to_dict()}).decode() + "\n")
        else:
            sys.stderr.write(f"{error.message}\n  {error.hint}\n")
        return error.exit_code
    sys.stdout.write((to_json(report) if as_json else to_text(report)) + "\n")
    return exit_code(report)


def _is_usable(companion: Companion | None) -> bool:
    return companion is not None and not companion.problem


def _is_without_sound(companion: Companion | None) -> bool:
    """Whether the report says that neither sound was to be recorded."""
    return companion is not None and not companion.problem and len(companion.absent) == 2


# --- facts in their wire form -------------------------------------------------------------------


def _track_facts(found: Scan) -> list[TrackFacts]:
    facts = []
    for track in found.tracks:
        log = found.frames if found.frames and found.frames.track is track else None
        sound = next((sound for sound in found.sounds if sound.track is track), None)
        start_ns, end_ns, count = _extent(log, sound)
        shape = (
            f"{track.width_px}x{track.height_px}"
            if track.kind == "video"
            else f"{track.rate_hz} Hz, {track.channels} channels"
        )
        facts.append(
            TrackFacts(
                index=track.index,
                kind=track.kind,
                codec=track.codec,
                format=shape,
                title=track.title,
                start_s=None if start_ns is None else start_ns / NS_PER_S,
                end_s=None if end_ns is None else end_ns / NS_PER_S,
                count=count,
                header_duration_s=track.header_duration_s,
                bad_packets=found.trouble.bad_packets.get(track.index, 0),
            )
        )
    return facts


def _extent(log: FrameLog | None, sound: SoundTrack | None) -> tuple[int | None, int | None, int]:
    """Return (start, end, count) of a track; a codec's padding behind the end is left out."""
    if log is not None:
        return log.start_ns, log.end_ns, len(log.pts_ns)
    if sound is None or sound.start_ns is None:
        return None, None, 0
    end_ns = sound.end_ns
    if sound.track.header_duration_s is not None:
        header_end_ns = sound.start_ns + round(sound.track.header_duration_s * NS_PER_S)
        # The last packet is longer than what it holds by less than a codec's frame (AAC: 1024).
        if 0 < end_ns - header_end_ns < 2048 * NS_PER_S // max(1, sound.rate_hz):
            end_ns = header_end_ns
    return sound.start_ns, end_ns, sound.sample_count


def _end_difference_ms(tracks: list[TrackFacts]) -> float | None:
    video = next((track.end_s for track in tracks if track.kind == "video"), None)
    audio = next((track.end_s for track in tracks if track.kind == "audio"), None)
    return None if video is None or audio is None else round((audio - video) * 1000, 3)


def _sound_facts(track: SoundTrack) -> SoundFacts:
    silences = track.silence_spans_ns()
    duration_ns = max(1, track.end_ns - (track.start_ns or 0))
    silences.sort(key=lambda span: span[0] - span[1])
    rms = np.sqrt(track.power_sum / max(1, track.sample_count))
    return SoundFacts(
        track=track.track.index,
        rate_hz=track.rate_hz,
        peak_db=_db(track.peak),
        rms_db=_db(float(rms)),
        clipped_samples=track.clipped_samples,
        silent_share=round(sum(end - start for start, end in silences) / duration_ns, 4),
        silences=[
            Span(start / NS_PER_S, end / NS_PER_S)
            for start, end in silences[:_MOST_SPANS]
            if end - start >= _LONG_SILENCE_NS
        ],
        stamp_jumps=track.jump_count,
        holes=[
            Span(start / NS_PER_S, (start + length) / NS_PER_S)
            for start, length in track.holes_ns[:_MOST_SPANS]
        ],
        clicks=len(track.clicks_ns),
        clock_ppm=_clock_ppm(track),
    )


def _clock_ppm(track: SoundTrack) -> float | None:
    """Return how much faster than nominal the samples are consumed by the stamps."""
    if track.jump_count or track.rate_changes or track.start_ns is None or not track.rate_hz:
        return None
    span_s = (track.end_ns - track.start_ns) / NS_PER_S
    if span_s < 10:
        return None
    return round((track.sample_count / track.rate_hz / span_s - 1) * 1e6, 2)


def _db(value: float) -> float | None:
    return None if value < 1e-7 else round(float(20 * np.log10(value)), 2)


if __name__ == "__main__":
    sys.exit(main())
