"""The end of a take: finish the file, read it again, and say what is true of it.

"Saved" is said only after the finished file was opened again and found whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from onetake.engine.bookkeeping import RECORDER
from onetake.engine.readings import Readings
from onetake.engine.second_look import Looked, look_again
from onetake.errors import DiskFull, OnetakeError, OutputFailed
from onetake.file.report import write_report
from onetake.model.chapters import chapter_marks
from onetake.model.devices import Role
from onetake.model.events import Event, Finished, SourceState
from onetake.model.settings import Settings, Tracks
from onetake.model.take_report import Report, changes_among, in_part, judged
from onetake.model.units import NS_PER_S, first_sample_at_or_after, ns_from_sample
from onetake.platforms.contract import Writer
from onetake.proof.verify import VerifyCode
from onetake.session.machine import Session

__all__ = ["Ended", "TakeOutcome", "finish_file", "outcome_of", "summed_up"]


@dataclass(frozen=True, slots=True)
class TakeOutcome:
    """What became of the take: a file that was read again, or an error and no such file."""

    finished: Finished | None
    error: OnetakeError | None


@dataclass(frozen=True, slots=True)
class Ended:
    """All that is known of a take when both lanes have ended."""

    path: Path
    number: int
    """Which part of the take: 1, 2, …"""
    started_at: str
    start_ns: int
    """Position of the take at which the file begins."""
    end_ns: int
    """Position of the take at which it ends."""
    size_px: tuple[int, int]
    session: Session
    settings: Settings
    devices: Mapping[Role, str]
    history: Sequence[Event]
    readings: Readings
    frames: int
    """Frames given to this file's writer."""
    dropped_frames: int
    has_seen_light: bool
    """Whether any picture was brighter than black."""

    @property
    def length_ns(self) -> int:
        """How long the file is: its samples, counted, since positions are rounded to 1 ns."""
        first, end = map(first_sample_at_or_after, (self.start_ns, self.end_ns))
        return ns_from_sample(end - first)

    def own_history(self) -> list[Event]:
        """Return what happened while this file was being written, with positions in it."""
        return [
            shifted
            for event in self.history
            if (shifted := in_part(event, self.start_ns, self.end_ns)) is not None
        ]


def finish_file(writer: Writer, ended: Ended) -> OnetakeError | None:
    """Write chapters and index; return what went wrong. Never raises for what a disk does."""
    controls, _, _ = changes_among(ended.own_history())
    for position_ns, title in chapter_marks(controls):
        writer.add_chapter(position_ns, title)
    try:
        writer.finish(ended.length_ns)
    except OnetakeError as error:
        return error
    return None


def outcome_of(ended: Ended, encoder: str, error: OnetakeError | None) -> TakeOutcome:
    """Read the file again, write the report and return what became of the take."""
    if not ended.path.exists():
        return TakeOutcome(None, error or OutputFailed(f"{ended.path.name} has vanished"))
    looked = look_again(
        ended.path,
        duration_ns=ended.length_ns,
        fps=ended.settings.fps,
        audio_tracks=3 if ended.settings.tracks is Tracks.SEPARATE else 1,
        may_mend=error is None,
    )
    ended = replace(ended, path=looked.path)
    report = _report(ended, encoder, error, looked)
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


def _report(ended: Ended, encoder: str, error: OnetakeError | None, looked: Looked) -> Report:
    controls, source_changes, warnings = changes_among(ended.own_history())
    session, readings = ended.session, ended.readings
    seen = looked.seen
    problems = [looked.mended] if looked.mended else []
    problems += [
        problem.message
        for problem in seen.problems
        # A few pictures are looked at there, every picture was looked at here.
        if not (problem.code is VerifyCode.BLACK_PICTURE and ended.has_seen_light)
    ]
    for message in (error.message if error else "", session.failure):
        if message and message not in problems:
            problems.append(message)
    if session.stop_reason == DiskFull.code and not error:
        problems.append("the disk was almost full, so the take ended early")
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
            t0_ns=session.timeline.host_ns(ended.start_ns) if session.timeline else 0,
            part=ended.number,
            part_start_s=ended.start_ns / NS_PER_S,
            duration_s=ended.length_ns / NS_PER_S,
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


def summed_up(outcomes: Sequence[TakeOutcome]) -> tuple[Finished | None, OnetakeError | None]:
    """Return what became of a take of one or more files: the last file's word, or the error when
    there is no file at all."""
    finished = [outcome.finished for outcome in outcomes if outcome.finished is not None]
    if not finished:
        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        return None, errors[-1] if errors else OutputFailed("nothing was recorded")
    last = finished[-1]
    if len(finished) == 1:
        return last, None
    verdicts = {one.verdict for one in finished}
    return (
        msgspec.structs.replace(
            last,
            verdict="degraded" if "degraded" in verdicts else last.verdict,
            reasons=[
                f"{Path(one.path).name}: {reason}" for one in finished for reason in one.reasons
            ],
            parts=[one.path for one in finished],
        ),
        None,
    )
