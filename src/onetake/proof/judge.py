"""What to think of the facts: findings, each with its threshold and its reason.

Invariant: a finding that degrades names something that no sound recording has; whatever may be
meant by the person who recorded is a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onetake.proof.results import (
    Fault,
    Finding,
    FrameFacts,
    MutedSpan,
    PictureFacts,
    Severity,
    SoundFacts,
    Span,
    TrackFacts,
    Verdict,
)
from onetake.proof.scan import Scan

__all__ = ["file_findings", "picture_findings", "sound_findings", "spans_finding", "verdict_of"]

_SHORT_S = 0.1
"""Difference of the tracks' ends from which one is short. A frame at 15 fps and an AAC frame make
88 ms; a second lost is far above."""

_LATE_START_S = 0.1
"""Difference of the tracks' starts that is worth a note; players keep it in sync."""

_HEADER_TOLERANCE_S = 0.25
"""How much less than the header promises may be in a track."""

_STAMP_JUMP_MS = 10.0
"""Jump of audio stamps that degrades; smaller ones are rounding of a container's writer."""

_STILL_GAP_S = 1.0
"""Gap without a new picture that is worth a note where no pattern tells whether it moved."""

_BLACK_SHARE = 0.9
"""Share of black from which there is no picture at all."""

_CLIPPED_SAMPLES = 10
"""Clipped samples worth a note; a single peak may be at full scale."""


def verdict_of(findings: list[Finding]) -> Verdict:
    """Return the worst the findings say."""
    severities = {finding.severity for finding in findings}
    if Severity.BROKEN in severities:
        return Verdict.BROKEN
    return Verdict.DEGRADED if Severity.DEGRADED in severities else Verdict.GOOD


def file_findings(found: Scan, tracks: list[TrackFacts]) -> Iterator[Finding]:
    """Yield what is wrong with the file as a whole and with its tracks' lengths."""
    if found.missing_bytes:
        message = f"the file is cut off: its last part lacks {found.missing_bytes} bytes"
        yield Finding(Fault.TRUNCATED, Severity.BROKEN, message)
    elif found.trouble.stopped_by:
        message = f"reading ended early: {found.trouble.stopped_by.lower()}"
        yield Finding(Fault.TRUNCATED, Severity.BROKEN, message)
    for index in found.unknown_tracks:
        message = f"track {index} is in a codec that is not known here"
        yield Finding(Fault.UNDECODABLE, Severity.DEGRADED, message)
    for track in tracks:
        yield from _track_findings(track)
    yield from _length_findings(tracks)


def _track_findings(track: TrackFacts) -> Iterator[Finding]:
    if track.bad_packets:
        message = f"track {track.index} ({track.kind}): {track.bad_packets} packets are undecodable"
        yield Finding(Fault.UNDECODABLE, Severity.DEGRADED, message, count=track.bad_packets)
    if track.count == 0:
        fault = Fault.NO_PICTURE if track.kind == "video" else Fault.NO_SOUND
        message = f"track {track.index} ({track.kind}) holds nothing that can be decoded"
        yield Finding(fault, Severity.BROKEN, message)
        return
    assert track.start_s is not None
    assert track.end_s is not None
    if track.header_duration_s is not None:
        lacks_s = track.header_duration_s - (track.end_s - track.start_s)
        if lacks_s > _HEADER_TOLERANCE_S:
            message = (
                f"track {track.index} ({track.kind}) promises {track.header_duration_s:.2f} s "
                f"and lacks {lacks_s:.2f} s of them"
            )
            yield Finding(Fault.TRUNCATED, Severity.BROKEN, message, at_s=track.end_s)


def _length_findings(tracks: list[TrackFacts]) -> Iterator[Finding]:
    kinds = {track.kind for track in tracks}
    if "video" not in kinds:
        yield Finding(Fault.NO_PICTURE, Severity.BROKEN, "the file has no video track")
        return
    if "audio" not in kinds:
        yield Finding(Fault.NO_SOUND, Severity.NOTE, "the file has no audio track")
    video = next(track for track in tracks if track.kind == "video")
    if video.end_s is None or video.start_s is None:
        return
    for track in tracks:
        if track.kind != "audio" or track.end_s is None or track.start_s is None:
            continue
        difference_s = track.end_s - video.end_s
        if abs(difference_s) > _SHORT_S:
            short = f"audio track {track.index}" if difference_s < 0 else "the video"
            message = f"{short} ends {abs(difference_s):.3f} s early"
            at_s = min(track.end_s, video.end_s)
            yield Finding(Fault.TRACK_SHORT, Severity.DEGRADED, message, at_s=at_s)
        late_s = track.start_s - video.start_s
        if abs(late_s) > _LATE_START_S:
            late = f"audio track {track.index}" if late_s > 0 else "the video"
            message = f"{late} begins {abs(late_s):.3f} s late"
            yield Finding(Fault.TRACK_LATE, Severity.NOTE, message)


# --- picture ------------------------------------------------------------------------------------


def picture_findings(
    frames: FrameFacts | None, picture: PictureFacts, duration_s: float
) -> Iterator[Finding]:
    """Yield what is wrong with the stamps and the content of the pictures."""
    if frames is not None:
        yield from _stamp_findings(frames, has_pattern=picture.has_pattern)
    if picture.black:
        share = _total_s(picture.black) / max(duration_s, 1e-9)
        severity = Severity.BROKEN if share >= _BLACK_SHARE else Severity.DEGRADED
        yield spans_finding(Fault.BLACK_PICTURE, severity, "the picture is black", picture.black)
    if picture.frozen:
        what = "the picture stands still while the pattern goes on"
        yield spans_finding(Fault.FROZEN_PICTURE, Severity.DEGRADED, what, picture.frozen)
    if picture.still:
        what = "nothing moves (a screen on which nothing happens looks the same)"
        yield spans_finding(Fault.STILL_PICTURE, Severity.NOTE, what, picture.still)


def _stamp_findings(frames: FrameFacts, *, has_pattern: bool) -> Iterator[Finding]:
    for count, fault, what in (
        (frames.backward, Fault.PTS_ORDER, "go backwards"),
        (frames.duplicates, Fault.PTS_DUPLICATE, "have the same stamp as the one before"),
        (frames.missing, Fault.PTS_MISSING, "have no stamp"),
    ):
        if count:
            yield Finding(fault, Severity.DEGRADED, f"{count} pictures {what}", count=count)
    gaps = frames.gaps
    if has_pattern and gaps:
        what = "no new picture although the pattern goes on"
        yield spans_finding(Fault.FRAME_GAP, Severity.DEGRADED, what, gaps)
        return
    long = [gap for gap in gaps if gap.end_s - gap.start_s >= _STILL_GAP_S]
    if long:
        what = "no new picture (a variable frame rate may mean that nothing moved)"
        yield spans_finding(Fault.FRAME_GAP, Severity.NOTE, what, long)


_MUTE_EDGE_S = 0.05
"""How far a hole may reach beyond the mute that made it: the ramps and two blocks of the codec."""

# --- sound --------------------------------------------------------------------------------------


def sound_findings(
    found: Scan,
    sound: list[SoundFacts],
    muted: Sequence[MutedSpan] = (),
    *,
    is_silence_meant: bool = False,
) -> Iterator[Finding]:
    """Yield what is wrong with the samples of each audio track; a hole that a mute made is none.

    Args:
        is_silence_meant: the take was recorded without any sound, as its report says.
    """
    for track, facts in zip(found.sounds, sound, strict=True):
        name = f"audio track {facts.track}"
        if track.jumps:
            worst = max(track.jumps, key=lambda jump: abs(jump.jump_ns))
            worst_ms = worst.jump_ns / 1e6
            kind = "a hole" if worst_ms > 0 else "an overlap"
            yield Finding(
                Fault.AUDIO_STAMP_GAP,
                Severity.DEGRADED if abs(worst_ms) >= _STAMP_JUMP_MS else Severity.NOTE,
                f"{name}: stamps jump {track.jump_count} times, at worst {kind} of "
                f"{abs(worst_ms):.1f} ms",
                at_s=worst.position_ns / 1e9,
                count=track.jump_count,
            )
        if track.rate_changes:
            position_ns, rate_hz = track.rate_changes[0]
            message = f"{name} changes its sample rate to {rate_hz} Hz"
            yield Finding(
                Fault.AUDIO_RATE_CHANGE, Severity.DEGRADED, message, at_s=position_ns / 1e9
            )
        holes_ns = unexplained_holes(track.holes_ns, muted)
        yield from _content_findings(name, facts, holes_ns, is_silence_meant=is_silence_meant)


def unexplained_holes(
    holes_ns: list[tuple[int, int]], muted: Sequence[MutedSpan]
) -> list[tuple[int, int]]:
    """Return the holes (start, length) that do not lie in a muted span."""
    return [
        (start_ns, length_ns)
        for start_ns, length_ns in holes_ns
        if not any(
            span.start_s - _MUTE_EDGE_S <= start_ns / 1e9
            and (start_ns + length_ns) / 1e9 <= span.end_s + _MUTE_EDGE_S
            for span in muted
        )
    ]


def _content_findings(
    name: str, facts: SoundFacts, holes_ns: list[tuple[int, int]], *, is_silence_meant: bool
) -> Iterator[Finding]:
    if holes_ns:
        longest_ms = max(length for _, length in holes_ns) / 1e6
        message = (
            f"{name}: sound stops and comes back {len(holes_ns)} times, at longest for "
            f"{longest_ms:.0f} ms (a hard-gated tone looks the same)"
        )
        yield Finding(
            Fault.AUDIO_HOLE,
            Severity.DEGRADED,
            message,
            at_s=holes_ns[0][0] / 1e9,
            count=len(holes_ns),
        )
    if facts.clicks:
        count = "1 click" if facts.clicks == 1 else f"{facts.clicks} clicks"
        message = f"{name}: {count} (a drum can look the same)"
        yield Finding(Fault.AUDIO_CLICK, Severity.NOTE, message, count=facts.clicks)
    if facts.clipped_samples >= _CLIPPED_SAMPLES:
        message = f"{name}: {facts.clipped_samples} samples are clipped"
        yield Finding(Fault.AUDIO_CLIPPED, Severity.NOTE, message, count=facts.clipped_samples)
    if facts.peak_db is None:
        message = f"{name} is digital silence from beginning to end"
        if is_silence_meant:
            message += ": the take was recorded without sound"
        severity = Severity.NOTE if is_silence_meant else Severity.DEGRADED
        yield Finding(Fault.AUDIO_SILENT, severity, message)
    elif facts.silences:
        what = f"{name} is digital silence"
        yield spans_finding(Fault.AUDIO_SILENT, Severity.NOTE, what, facts.silences)


def _total_s(spans: list[Span]) -> float:
    return sum(span.end_s - span.start_s for span in spans)


def spans_finding(fault: Fault, severity: Severity, what: str, spans: list[Span]) -> Finding:
    """Return one finding for spans in which the same thing is so; at least one."""
    longest = max(spans, key=lambda span: span.end_s - span.start_s)
    first = min(span.start_s for span in spans)
    message = f"{what} for {longest.end_s - longest.start_s:.2f} s from {longest.start_s:.2f} s"
    if len(spans) > 1:
        message += f", and {len(spans) - 1} times more"
    return Finding(fault, severity, message, at_s=first, count=len(spans))
