"""A check in words for people. Every measured number comes with its resolution."""

from __future__ import annotations

from collections.abc import Iterator

from onetake.proof.results import CheckReport, FrameFacts, MutedSpan, PathOffsets, Severity

__all__ = ["offset_line", "to_text"]

_PATHS = {
    "system": "flash to beep (system sound)",
    "mic": "flash to beep (microphone)",
    "mic-system": "microphone against system sound",
}
_MARKS = {Severity.NOTE: "note", Severity.DEGRADED: "degraded", Severity.BROKEN: "broken"}


def to_text(report: CheckReport) -> str:
    """Return the whole report, several lines, without a line break at the end."""
    return "\n".join(_lines(report))


def _lines(report: CheckReport) -> Iterator[str]:
    yield f"{report.path}: {report.verdict}"
    size = f"{report.size_bytes / 1e6:.1f} MB"
    yield f"  file     {report.duration_s:.3f} s, {size}, {report.container.split(',')[0]}"
    for track in report.tracks:
        extent = "nothing decodable"
        if track.start_s is not None and track.end_s is not None:
            extent = f"{track.start_s:.3f} to {track.end_s:.3f} s"
        yield f"  track {track.index}  {track.codec}, {track.format}, {extent}"
    if report.end_difference_ms is not None:
        yield f"  ends     sound {report.end_difference_ms:+.1f} ms after the picture"
    if report.frames is not None:
        yield f"  frames   {_frames(report.frames)}"
    for path in report.offsets:
        where = f" in track {path.track}" if len(report.sound) > 1 else ""
        yield f"  sync     {offset_line(path)}{where}"
        drift = _drift(path)
        if drift:
            yield f"           {drift}"
    for span in report.muted:
        yield f"  mute     {_muted(span)}"
    for finding in report.findings:
        at = "" if finding.at_s is None else f" [at {finding.at_s:.2f} s]"
        yield f"  {_MARKS[finding.severity]:<8} {finding.message}{at}"
    for sentence in report.unknowns:
        yield f"  untold   {sentence}"


def offset_line(path: PathOffsets) -> str:
    """Return the offsets of one path in one line, resolution included."""
    missing = f", {path.missing} not heard" if path.missing else ""
    return (
        f"{_PATHS.get(path.path, path.path)}: median {_ms(path.median_ms)} ms, "
        f"worst {_ms(path.worst_ms)} ms over {path.events} events{missing} "
        f"(resolution {path.resolution_ms:.2g} ms)"
    )


def _ms(value: float) -> str:
    return f"{value:+.2f}"


def _drift(path: PathOffsets) -> str:
    if path.drift_ms_per_hour is None or path.drift_uncertainty_ms_per_hour is None:
        return ""
    drift, unsure = path.drift_ms_per_hour, path.drift_uncertainty_ms_per_hour
    verdict = "not told from zero" if abs(drift) <= unsure else f"{drift / 3.6:+.1f} ppm"
    return f"drift {drift:+.1f} ms an hour (±{unsure:.1f}: {verdict})"


def _frames(frames: FrameFacts) -> str:
    kind = "constant" if frames.is_constant else "variable"
    return (
        f"{frames.count}, {frames.fps:.2f} a second ({kind}), interval "
        f"{frames.interval_p50_ms:.2f} ms, 99 % below {frames.interval_p99_ms:.2f}, longest "
        f"{frames.interval_max_ms:.2f} at {frames.interval_max_at_s:.2f} s"
    )


def _muted(span: MutedSpan) -> str:
    parts = []
    if span.is_exactly_silent is not None:
        parts.append("all samples zero" if span.is_exactly_silent else "samples are not zero")
    if span.probes and span.residual_db is not None:
        parts.append(f"trace of {span.probes} beeps at most {span.residual_db:.0f} dB")
    if span.share_db is not None:
        parts.append(f"at most {span.share_db:.0f} dB of its own track")
    what = ", ".join(parts) if parts else "cannot be told"
    return f"{span.role} {span.start_s:.2f} to {span.end_s:.2f} s: {what}"
