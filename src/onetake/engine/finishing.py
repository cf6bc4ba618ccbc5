"""The end of a take: finish the file, read it again, and say what is true of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onetake.audio.lane import AudioLane
from onetake.errors import OnetakeError
from onetake.model.devices import Role
from onetake.model.events import Event, Finished
from onetake.model.units import NS_PER_S
from onetake.platforms.contract import Writer
from onetake.session import Session
from onetake.video.lane import VideoLane

__all__ = ["TakeOutcome", "finish_file"]


@dataclass(frozen=True, slots=True)
class TakeOutcome:
    """What became of the take."""

    finished: Finished
    error: OnetakeError | None


def finish_file(
    *,
    path: str,
    writer: Writer,
    end_ns: int,
    session: Session,
    devices: Mapping[Role, str],
    history: Sequence[Event],
    video: VideoLane,
    audio: AudioLane,
    dropped_frames: int,
) -> TakeOutcome:
    """Finish the file and judge it. Never raises for what the file or disk does."""
    error: OnetakeError | None = None
    try:
        writer.finish(end_ns)
    except OnetakeError as failed:
        error = failed
    reasons = [] if error is None else [error.message]
    if session.failure:
        reasons.append(session.failure)
    size_bytes = Path(path).stat().st_size if Path(path).exists() else 0
    verdict = "degraded" if reasons else "good"
    finished = Finished(path, end_ns / NS_PER_S, size_bytes, verdict, reasons)
    return TakeOutcome(finished, error)
