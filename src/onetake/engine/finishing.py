"""The end of a take: finish the file, read it again, and say what is true of it.

"Saved" is said only after the finished file was opened again and found whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from onetake.engine.bookkeeping import RECORDER
from onetake.engine.readings import Readings
from onetake.errors import DiskFull, OnetakeError, OutputFailed
from onetake.file.report import write_report
from onetake.model.commands import command_text
from onetake.model.devices import Role
from onetake.model.events import Event, Finished, SourceState
from onetake.model.settings import Settings, Tracks
from onetake.model.take_report import Report, changes_among, judged
from onetake.model.units import NS_PER_S
from onetake.platforms.contract import Writer
from onetake.proof.verify import VerifyCode, verify
from onetake.session.machine import Session

__all__ = ["Ended", "TakeOutcome", "finish_file", "outcome_of"]


@dataclass(frozen=True, slots=True)
class TakeOutcome:
    """What became of the take: a file that was read again, or an error and no such file."""

    finished: Finished | None
    error: OnetakeError | None


@dataclass(frozen=True, slots=True)
class Ended:
    """All that is known of a take when both lanes have ended."""

    path: Path
    started_at: str
    end_ns: int
    size_px: tuple[int, int]
    session: Session
    settings: Settings
    devices: Mapping[Role, str]
    history: Sequence[Event]
    readings: Readings
    frames: int
    """Frames given to the writer."""
    dropped_frames: int
    has_seen_light: bool
    """Whether any picture was brighter than black."""


def finish_file(writer: Writer, ended: Ended) -> OnetakeError | None:
    """Write chapters and index; return what went wrong. Never raises for what a disk does."""
    controls, _, _ = changes_among(ended.history)
    for control in controls:
        writer.add_chapter(control.position_ns, command_text(control.command))
    try:
        writer.finish(ended.end_ns)
    except OnetakeError as error:
        return error
    return None


def outcome_of(ended: Ended, encoder: str, error: OnetakeError | None) -> TakeOutcome:
    """Read the file again, write the report and return what became of the take."""
    if not ended.path.exists():
        return TakeOutcome(None, error or OutputFailed(f"{ended.path.name} has vanished"))
    report = _report(ended, encoder, error)
    problems = list(report.problems)
    if ended.settings.has_report:
        try:
            write_report(report, ended.path)
        except OutputFailed as failed:
            problems.append(f"the report could not be written: {failed.message}")
            report = judged(msgspec.structs.replace(report, problems=problems))
    stop_reason = ended.session.stop_reason
    if isinstance(error, DiskFull):
        stop_reason = error.code
    finished = Finished(
        path=str(ended.path),
        duration_s=report.duration_s,
        size_bytes=report.size_bytes,
        verdict=report.verdict,
        reasons=report.reasons,
        stop_reason=stop_reason,
        report=msgspec.to_builtins(report),
    )
    return TakeOutcome(finished, None)


def _report(ended: Ended, encoder: str, error: OnetakeError | None) -> Report:
    controls, source_changes, warnings = changes_among(ended.history)
    session, readings = ended.session, ended.readings
    seen = verify(
        ended.path,
        duration_ns=ended.end_ns,
        fps=ended.settings.fps,
        audio_tracks=3 if ended.settings.tracks is Tracks.SEPARATE else 1,
    )
    problems = [
        problem.message
        for problem in seen.problems
        # A few pictures are looked at there, every picture was looked at here.
        if not (problem.code is VerifyCode.BLACK_PICTURE and ended.has_seen_light)
    ]
    for message in (error.message if error else "", session.failure):
        if message and message not in problems:
            problems.append(message)
    problems += [
        f"{role} never delivered anything"
        for role in sorted(session.requested)
        if session.sources[role] is SourceState.STARTING
    ]
    return judged(
        Report(
            recorder=RECORDER,
            file=ended.path.name,
            started_at=ended.started_at,
            t0_ns=session.timeline.t0_ns if session.timeline else 0,
            duration_s=ended.end_ns / NS_PER_S,
            size_bytes=ended.path.stat().st_size,
            width_px=ended.size_px[0],
            height_px=ended.size_px[1],
            encoder=encoder,
            devices=dict(ended.devices),
            settings=ended.settings,
            tracks=seen.tracks,
            end_difference_ms=seen.end_difference_ms,
            video=msgspec.structs.replace(
                readings.video, frames=ended.frames, dropped=ended.dropped_frames
            ),
            sources=readings.sources,
            controls=controls,
            source_changes=source_changes,
            warnings=warnings,
            problems=problems,
        )
    )
