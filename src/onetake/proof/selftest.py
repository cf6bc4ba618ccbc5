"""Judge a self-test: from the checked file of a recorded pattern to one answer per path.

The recording itself is made by the program above, with the real devices; here it is only judged.

Two kinds of take are understood. One mixed track: system sound and microphone are told apart by
their chirps' bands. Separate tracks: each role has its own, and whatever chirp is heard there
belongs to it, since a microphone in front of loudspeakers hears the system's chirps.

Invariant: an offset is offered for keeping only when it is steady, larger than its resolution, and
not a drift in disguise.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from onetake.model.devices import AUDIO_ROLES, Role
from onetake.proof.results import CheckReport, PathOffsets, Verdict

__all__ = ["PathAnswer", "SelftestAnswer", "judge_selftest"]

_LEAST_EVENTS = 8
"""Fewer events are no basis for a constant that is kept: about 10 s of the pattern."""

_LEAST_OFFSET_MS = 2.0
"""Smaller offsets are not worth keeping: an eighth of a frame at 60 fps, and no more than what real
sound servers scatter by from take to take."""

_MOST_OFFSET_MS = 500.0
"""Larger ones are a mistake in the set-up, not a latency (Bluetooth reaches 300 ms)."""

_MOST_STD_MS = 5.0
"""With more scatter the median is no constant of the device."""

_MOST_DRIFT = 60.0
"""ms an hour beyond the uncertainty; a drifting path has no constant offset."""


class PathAnswer(msgspec.Struct, frozen=True):
    """What the self-test says about one path."""

    role: Role
    is_heard: bool
    events: int = 0
    offset_ms: float | None = None
    """Median; positive: the sound is late against the picture."""
    std_ms: float | None = None
    resolution_ms: float | None = None
    drift_ms_per_hour: float | None = None
    drift_uncertainty_ms_per_hour: float | None = None
    suggested_offset_ms: float | None = None
    """What to remember for the device (`--mic-offset`, `--system-offset`), on top of what is in
    force; None = nothing to change, or not to be trusted."""
    reason: str = ""
    """Why nothing is suggested, or why the path is not heard; one line."""


class SelftestAnswer(msgspec.Struct, frozen=True):
    """What the self-test says."""

    verdict: Verdict
    """Good: every recorded path is heard, steady, and within 2 ms."""
    paths: list[PathAnswer]
    mic_against_system_ms: float | None
    lines: list[str]
    """The same for a person."""


def judge_selftest(
    report: CheckReport, *, tracks: Mapping[Role, int] | None = None, stage_ms: float = 0.0
) -> SelftestAnswer:
    """Turn the checked file of a self-test into one answer per recorded path.

    Args:
        report: of the recorded file.
        tracks: index of the track of each role that has one of its own; None = one mixed track.
        stage_ms: how exactly the system is known to show the pattern when it says; an offset
            within it is not told from none.
    """
    roles = AUDIO_ROLES if tracks is None else tuple(role for role in AUDIO_ROLES if role in tracks)
    paths = [
        _answer(role, _measured(report, role, None if tracks is None else tracks[role]), stage_ms)
        for role in roles
    ]
    is_good = report.verdict is Verdict.GOOD and all(_is_good(path) for path in paths)
    known = {path.role: path.offset_ms for path in paths}
    system_ms, mic_ms = known.get(Role.SYSTEM), known.get(Role.MIC)
    between = None if system_ms is None or mic_ms is None else round(mic_ms - system_ms, 3)
    worst = Verdict.BROKEN if report.verdict is Verdict.BROKEN else Verdict.DEGRADED
    return SelftestAnswer(
        verdict=Verdict.GOOD if is_good else worst,
        paths=paths,
        mic_against_system_ms=between,
        lines=[_line(path) for path in paths],
    )


def _measured(report: CheckReport, role: Role, track: int | None) -> PathOffsets | None:
    """Return the measurement that belongs to a role, None when it was not heard."""
    against_picture = [path for path in report.offsets if path.path != "mic-system"]
    if track is None:
        return next((path for path in against_picture if path.path == role), None)
    own = [path for path in against_picture if path.track == track]
    # A microphone in front of loudspeakers hears both chirps; its own band comes first.
    own.sort(key=lambda path: path.path != role)
    return own[0] if own else None


def _answer(role: Role, path: PathOffsets | None, stage_ms: float) -> PathAnswer:
    if path is None:
        return PathAnswer(role, is_heard=False, reason="none of the pattern's beeps were heard")
    reason = _why_not(path, stage_ms)
    return PathAnswer(
        role=role,
        is_heard=True,
        events=path.events,
        offset_ms=path.median_ms,
        std_ms=path.std_ms,
        resolution_ms=path.resolution_ms,
        drift_ms_per_hour=path.drift_ms_per_hour,
        drift_uncertainty_ms_per_hour=path.drift_uncertainty_ms_per_hour,
        suggested_offset_ms=None if reason else round(-path.median_ms, 1),
        reason=reason,
    )


def _why_not(path: PathOffsets, stage_ms: float) -> str:
    """Return why the offset should not be remembered, empty = it should."""
    offset_ms = abs(path.median_ms)
    if offset_ms <= max(_LEAST_OFFSET_MS, 2 * path.resolution_ms, stage_ms):
        return "nothing to correct"
    if path.events < _LEAST_EVENTS:
        return f"only {path.events} beeps were heard"
    if offset_ms > _MOST_OFFSET_MS:
        return "too large for a latency; is something else playing?"
    if path.std_ms > _MOST_STD_MS:
        return f"it is not steady (standard deviation {path.std_ms:.1f} ms)"
    drift, unsure = path.drift_ms_per_hour, path.drift_uncertainty_ms_per_hour
    if drift is not None and unsure is not None and abs(drift) - unsure > _MOST_DRIFT:
        return "it drifts"
    return ""


def _is_good(path: PathAnswer) -> bool:
    return path.is_heard and path.reason == "nothing to correct"


def _line(path: PathAnswer) -> str:
    name = {Role.SYSTEM: "system sound", Role.MIC: "microphone"}[path.role]
    if path.offset_ms is None or path.resolution_ms is None:
        return f"{name}: {path.reason}"
    side = "late" if path.offset_ms > 0 else "early"
    text = (
        f"{name}: {abs(path.offset_ms):.1f} ms {side} over {path.events} beeps "
        f"(± {path.std_ms:.1f} ms, resolution {path.resolution_ms:.2g} ms)"
    )
    if path.drift_ms_per_hour is not None:
        text += (
            f", drift {path.drift_ms_per_hour:+.0f} ± "
            f"{path.drift_uncertainty_ms_per_hour:.0f} ms an hour"
        )
    if path.suggested_offset_ms is not None:
        return f"{text}; remember {path.suggested_offset_ms:+.1f} ms for this device?"
    return f"{text}; {path.reason}"
