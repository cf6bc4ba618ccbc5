"""Where the file is not what the report beside it says.

Invariant: what the report admits is passed on as a note; what it hides or gets wrong degrades.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onetake.model.commands import SetGain
from onetake.model.devices import Role
from onetake.model.units import NS_PER_S
from onetake.proof.companion import Companion
from onetake.proof.judge import spans_finding
from onetake.proof.results import Fault, Finding, MutedSpan, Severity, SoundFacts, Span

__all__ = ["report_findings"]

_LENGTH_S = 0.1
"""Most difference between the reported and the measured length."""

_DEAD_S = 3.0
"""Digital silence that no live microphone delivers."""

_INAUDIBLE_DB = -60.0
"""A microphone turned down this far may well round to zeros."""


def report_findings(
    companion: Companion,
    duration_s: float,
    muted: Sequence[MutedSpan],
    sound: Sequence[SoundFacts],
) -> Iterator[Finding]:
    """Yield every contradiction between the file and its report."""
    if companion.problem:
        message = f"the report beside the file cannot be used: {companion.problem}"
        yield Finding(Fault.REPORT_UNREADABLE, Severity.NOTE, message)
        return
    report = companion.report
    if report.duration_s and abs(report.duration_s - duration_s) > _LENGTH_S:
        message = f"the report says {report.duration_s:.3f} s, the file holds {duration_s:.3f} s"
        yield Finding(Fault.REPORT_DISAGREES, Severity.DEGRADED, message)
    if report.verdict == "degraded":
        message = "; ".join(report.reasons) or "without a reason"
        message = f"the recorder itself calls the take degraded: {message}"
        yield Finding(Fault.REPORT_DEGRADED, Severity.NOTE, message)
    yield from _muted_findings(muted)
    dead = _dead_microphone(companion, sound[0].silences) if sound else []
    if dead:
        what = "digital silence although the microphone was recorded and not muted"
        yield spans_finding(Fault.AUDIO_SILENT, Severity.DEGRADED, what, dead)


def _muted_findings(muted: Sequence[MutedSpan]) -> Iterator[Finding]:
    for span in muted:
        if span.is_clean is not False:
            continue
        trace = "the samples are not zero"
        levels = [level for level in (span.residual_db, span.share_db) if level is not None]
        if span.is_exactly_silent is not False and max(levels) == span.residual_db:
            trace = f"its beeps are there, {-max(levels):.0f} dB below the unmuted ones"
        elif span.is_exactly_silent is not False:
            trace = f"it is in the mix, {-max(levels):.0f} dB below its own track"
        message = f"{span.role} is muted from {span.start_s:.2f} to {span.end_s:.2f} s, but {trace}"
        yield Finding(Fault.MUTED_NOT_SILENT, Severity.DEGRADED, message, at_s=span.start_s)


def _dead_microphone(companion: Companion, silences: Sequence[Span]) -> list[Span]:
    """Return the parts of digital silences in which the microphone should be heard."""
    report = companion.report
    if Role.MIC in companion.absent or Role.MIC not in report.devices:
        return []
    commands = [event.command for event in report.controls]
    gains = [command.gain_db for command in commands if isinstance(command, SetGain)]
    if min([report.settings.mic_gain_db, *gains]) < _INAUDIBLE_DB:
        return []
    excused = [
        (part.start_ns, part.end_ns) for part in companion.muted if part.role is Role.MIC
    ] + [
        (span.position_ns, span.position_ns + span.length_ns)
        for span in report.degraded
        if span.role is Role.MIC
    ]
    left = list(silences)
    for start_ns, end_ns in excused:
        start_s = start_ns / NS_PER_S
        end_s = float("inf") if end_ns is None else end_ns / NS_PER_S
        left = [part for span in left for part in _without(span, start_s, end_s)]
    return [span for span in left if span.end_s - span.start_s >= _DEAD_S]


def _without(span: Span, start_s: float, end_s: float) -> list[Span]:
    """Return what of a span lies outside of start_s..end_s."""
    parts = [
        Span(span.start_s, min(span.end_s, start_s)),
        Span(max(span.start_s, end_s), span.end_s),
    ]
    return [part for part in parts if part.end_s > part.start_s]
