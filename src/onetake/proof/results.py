"""What a check says about a file. The wire form of `onetake check --json`.

Invariant: every measured number stands beside its resolution, and what could not be measured is in
`unknowns` in words; an absent fact is None, never a 0 that looks like a measurement.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from onetake.errors import ExitCode

__all__ = [
    "SCHEMA_VERSION",
    "CheckReport",
    "Fault",
    "Finding",
    "FrameFacts",
    "MutedSpan",
    "PathOffsets",
    "PictureFacts",
    "Severity",
    "SoundFacts",
    "Span",
    "TrackFacts",
    "Verdict",
]

SCHEMA_VERSION = 1


class Verdict(StrEnum):
    """What to think of the file."""

    GOOD = "good"
    DEGRADED = "degraded"
    BROKEN = "broken"

    @property
    def exit_code(self) -> ExitCode:
        """With what `onetake check` ends."""
        return {
            Verdict.GOOD: ExitCode.OK,
            Verdict.DEGRADED: ExitCode.DEGRADED,
            Verdict.BROKEN: ExitCode.FAILURE,
        }[self]


class Severity(StrEnum):
    """What a finding does to the verdict."""

    NOTE = "note"
    """Worth knowing, changes nothing: it may be meant."""
    DEGRADED = "degraded"
    BROKEN = "broken"


class Fault(StrEnum):
    """The names of everything that can be found; a closed set."""

    UNREADABLE = "unreadable"
    NO_PICTURE = "no-picture"
    NO_SOUND = "no-sound"
    TRUNCATED = "truncated"
    UNDECODABLE = "undecodable"
    TRACK_SHORT = "track-short"
    TRACK_LATE = "track-late"
    PTS_ORDER = "pts-order"
    PTS_DUPLICATE = "pts-duplicate"
    PTS_MISSING = "pts-missing"
    FRAME_GAP = "frame-gap"
    AUDIO_STAMP_GAP = "audio-stamp-gap"
    AUDIO_RATE_CHANGE = "audio-rate-change"
    AUDIO_WRONG_SPEED = "audio-wrong-speed"
    AUDIO_HOLE = "audio-hole"
    AUDIO_CLICK = "audio-click"
    AUDIO_CLIPPED = "audio-clipped"
    AUDIO_SILENT = "audio-silent"
    BLACK_PICTURE = "black-picture"
    FROZEN_PICTURE = "frozen-picture"
    STILL_PICTURE = "still-picture"
    OFFSET = "av-offset"
    OFFSET_STEP = "av-offset-step"
    OFFSET_UNSTEADY = "av-offset-unsteady"
    DRIFT = "av-drift"
    BEEPS_MISSING = "beeps-missing"
    MUTED_NOT_SILENT = "muted-not-silent"
    REPORT_UNREADABLE = "report-unreadable"
    REPORT_DISAGREES = "report-disagrees"
    REPORT_DEGRADED = "report-degraded"


class Span(msgspec.Struct, frozen=True):
    """A part of the file."""

    start_s: float
    """Where it begins."""
    end_s: float
    """Where it ends."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was found."""

    fault: Fault
    """What it is."""
    severity: Severity
    """What it does to the verdict."""
    message: str
    """For a person, one line."""
    at_s: float | None = None
    """Where it begins; None = all over the file."""
    count: int = 1
    """How often it was found."""


class TrackFacts(msgspec.Struct, frozen=True):
    """One track."""

    index: int
    """Its number in the file."""
    kind: str
    """`video` or `audio`."""
    codec: str
    """FFmpeg's name of it."""
    format: str
    """`1920x1080`, `48000 Hz, 2 channels`."""
    title: str
    """As players show it."""
    start_s: float | None
    """Where the first frame or sample begins."""
    end_s: float | None
    """Where the last frame or sample ends."""
    count: int
    """Pictures or samples that were decoded."""
    header_duration_s: float | None
    """What the container's header says."""
    bad_packets: int
    """Packets that could not be decoded."""


class FrameFacts(msgspec.Struct, frozen=True):
    """When the pictures are shown."""

    count: int
    """Pictures."""
    fps: float
    """Pictures a second, over the whole file."""
    interval_p50_ms: float
    """Median distance of two pictures."""
    interval_p99_ms: float
    """Distance that 99 of 100 do not exceed."""
    interval_max_ms: float
    """Largest distance."""
    interval_max_at_s: float
    """Where it is."""
    is_constant: bool
    """Whether 99 % of the intervals are the same, within the container's rounding."""
    backward: int
    """Pictures whose time goes back."""
    duplicates: int
    """Pictures at the time of the one before."""
    missing: int
    """Pictures without a time."""
    gaps: list[Span]
    """Longest first, at most 20: no new picture for much longer than usual."""


class PictureFacts(msgspec.Struct, frozen=True):
    """What the pictures show."""

    black: list[Span]
    """Where all is black."""
    frozen: list[Span]
    """The pattern in the picture stands still although it should move."""
    still: list[Span]
    """Nothing moves; a screen on which nothing happens looks the same."""
    coded_frames: int
    """Pictures whose code block could be read."""
    has_pattern: bool
    """Whether the code block of the pattern is in the pictures."""


class SoundFacts(msgspec.Struct, frozen=True):
    """What one audio track holds."""

    track: int
    """Number of the track."""
    rate_hz: int
    """Samples a second."""
    peak_db: float | None
    """dBFS; None = digital silence all along."""
    rms_db: float | None
    """Root mean square, dBFS."""
    clipped_samples: int
    """Samples that are the third or later in a row at full scale."""
    silent_share: float
    """Share of the track that is digital silence."""
    silences: list[Span]
    """Digital silences of 3 s and more, longest first, at most 20."""
    stamp_jumps: int
    """Packets that do not begin where the one before ends."""
    holes: list[Span]
    """Short silences cut into sound."""
    clicks: int
    """Single jumps of the wave."""
    clock_ppm: float | None
    """How much faster than its nominal rate the stamps let the samples play; None = too short."""


class PathOffsets(msgspec.Struct, frozen=True):
    """How the sound of one path lies against the picture (or the mic against the system sound)."""

    path: str
    """`system`, `mic`, `mic-system`."""
    track: int
    """Number of the track."""
    events: int
    """Events that were seen and heard."""
    missing: int
    """Events that were seen but not heard: muted, or lost."""
    median_ms: float
    """Positive: the sound is late."""
    p95_ms: float
    """95th percentile of the absolute offset."""
    worst_ms: float
    """The offset with the largest absolute value, with its sign."""
    std_ms: float
    """Standard deviation."""
    resolution_ms: float
    """What the file lets us tell: offsets are true to this much."""
    step_ms: float | None
    """Largest lasting jump of the offset; None = there is none."""
    step_at_s: float | None
    """Where it is: the first event with the new offset."""
    drift_ms_per_hour: float | None
    """None = too few events, or the offset jumps."""
    drift_uncertainty_ms_per_hour: float | None
    """95 % confidence, at least what the resolution over the span allows."""
    method: str
    """`code` (the block tells when a picture was drawn), `flash`, `sound`."""
    offsets_ms: list[tuple[float, float]]
    """(position in s, offset in ms) of each event; thinned to at most 2000."""


class MutedSpan(msgspec.Struct, frozen=True):
    """A span in which the report says that a source is muted."""

    role: str
    """Which source."""
    start_s: float
    """Where it begins."""
    end_s: float
    """Where it ends."""
    probes: int
    """Chirps of this source that would be in the span if it were not muted."""
    residual_db: float | None
    """Largest trace of such a chirp relative to the unmuted ones; None = nothing to probe with."""
    share_db: float | None
    """How much of the source's own safety track is in the mix, or could hide there, dB; None = no
    safety tracks, or nothing in them to tell by."""
    is_exactly_silent: bool | None
    """Whether the samples are digital silence; None = the other source was not muted as well."""
    is_clean: bool | None
    """None = cannot tell."""


class CheckReport(msgspec.Struct, frozen=True):
    """Everything a check says."""

    path: str
    """The file."""
    verdict: Verdict
    """`good` when nothing worse than a note was found."""
    findings: list[Finding]
    """What was found, worst first."""
    unknowns: list[str]
    """What could not be told, in words."""
    container: str = ""
    """FFmpeg's name of it."""
    size_bytes: int = 0
    """Of the file."""
    duration_s: float = 0.0
    """To the end of the track that ends last."""
    end_difference_ms: float | None = None
    """End of the first audio track minus end of the video."""
    tracks: list[TrackFacts] = []
    """What each track is."""
    chapters: int = 0
    """How many there are."""
    frames: FrameFacts | None = None
    """When the pictures are shown."""
    picture: PictureFacts | None = None
    """What the pictures show."""
    sound: list[SoundFacts] = []
    """What each audio track holds."""
    offsets: list[PathOffsets] = []
    """How far sound and picture are apart."""
    muted: list[MutedSpan] = []
    """Spans in which a source is to be silent."""
    report_path: str = ""
    """The report that lies beside the file, empty = none."""
    schema_version: int = SCHEMA_VERSION
    """Goes up when a reader of the last version would break."""
