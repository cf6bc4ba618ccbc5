"""Makes an ordinary MP4 of a recording that was interrupted, without encoding anything again.

Invariant: the original is only read. What is written is a new file beside it, and it appears under
its name only when it is whole.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import av.error
import msgspec

from onetake.errors import DiskFull, InvalidRecording, OutputFailed, UsageError
from onetake.model.chapters import chapter_marks, chapters_of
from onetake.model.companions import journal_path, report_path
from onetake.model.journal import decode_entries, report_of
from onetake.model.take_report import Report, encode_report, judged
from onetake.model.units import NS_PER_S
from onetake.proof.fragments import FragmentView, Scan, scan
from onetake.proof.remux import Remuxed, remux
from onetake.proof.verify import VerifyCode, verify

__all__ = ["Repaired", "repair"]

MAX_JOURNAL_BYTES = 256 << 20
"""A larger file is no journal: 8 h of a command every second have 10 MB."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of a repair."""

    path: Path
    """The repaired recording; the original itself when there was nothing to repair."""
    was_needed: bool
    """False: the original is an ordinary MP4 already."""
    duration_s: float = 0.0
    frames: int = 0
    lost_bytes: int = 0
    """Bytes of the original that belong to nothing sound."""
    report: Path | None = None
    """The report written from the journal; None = there was no journal."""
    notes: list[str] = field(default_factory=list)
    """What is missing, one line each."""


def repair(path: Path, output: Path | None = None, *, from_fragments: bool = False) -> Repaired:
    """Repair the recording at `path` into `output`, by default `NAME (repaired).mp4` beside it.

    A report is rebuilt from the journal, if there is one, and the journal is removed then. Takes
    time in proportion to the size, about that of copying the file.

    Args:
        path: the interrupted recording.
        output: where to write; must not exist.
        from_fragments: repair a finished recording too, from the fragments inside it.

    Raises InvalidRecording when nothing can be recovered, UsageError for an `output` that exists,
    OutputFailed or DiskFull when the new file cannot be written.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}", hint="give the path of a recording")
    try:
        found = scan(path)
    except OSError as error:
        raise InvalidRecording(f"cannot read {path.name}: {error.strerror}") from error
    if found.is_finished and not from_fragments:
        report = _write_report(path, path, [])
        return Repaired(path, was_needed=False, report=report)
    if not found.fragments:
        raise InvalidRecording(f"nothing in {path.name} can be recovered")
    target = output if output is not None else _free_name(path)
    if os.path.lexists(target):
        raise UsageError(f"{target} exists already", hint="choose another name")
    journal = _journal_report(path)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    with _output_errors(target):
        try:
            done = _remux(path, found, draft, journal)
            _place(draft, target)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()
    notes = _notes(found, done)
    return Repaired(
        target,
        was_needed=True,
        duration_s=done.duration_s,
        frames=done.frames,
        lost_bytes=found.lost_bytes,
        report=_write_report(path, target, notes),
        notes=notes,
    )


def _remux(path: Path, found: Scan, draft: Path, journal: Report | None) -> Remuxed:
    marks = chapter_marks(journal.controls) if journal is not None else []
    with FragmentView(path, found) as view, draft.open("xb") as file:
        done = remux(view, file, lambda end_ns: chapters_of(marks, end_ns))
        file.flush()
        os.fsync(file.fileno())
    return done


def _place(draft: Path, target: Path) -> None:
    """Give the finished draft its name, never in the place of a file that came in between."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:
        # File systems without links.
        draft.rename(target)


def _notes(found: Scan, done: Remuxed) -> list[str]:
    notes = []
    if found.lost_bytes:
        notes.append(f"{found.lost_bytes} bytes were damaged and are not in the repaired file")
    if done.left_out:
        notes.append("the very end could not be decoded and was left out")
    return notes


def _free_name(path: Path) -> Path:
    for number in itertools.count(1):
        suffix = "repaired" if number == 1 else f"repaired {number}"
        candidate = path.with_name(f"{path.stem} ({suffix}){path.suffix}")
        if not os.path.lexists(candidate):
            return candidate
    raise AssertionError


def _journal_report(path: Path) -> Report | None:
    """Return what the journal of the recording knows, None without one."""
    with contextlib.suppress(OSError), journal_path(path).open("rb") as file:
        entries = decode_entries(file.read(MAX_JOURNAL_BYTES))
        return report_of(entries) if entries else None
    return None


def _write_report(original: Path, repaired: Path, notes: list[str]) -> Path | None:
    """Rebuild the report from the journal, put it beside the repaired file, drop the journal."""
    known = _journal_report(original)
    target = report_path(repaired)
    if known is None or os.path.lexists(target):
        return None
    duration_ns, audio_tracks = _facts(repaired)
    look = verify(
        repaired,
        duration_ns=duration_ns,
        fps=known.settings.fps,
        audio_tracks=audio_tracks,
        sources=known.sources,
    )
    report = msgspec.structs.replace(
        known,
        file=repaired.name,
        duration_s=duration_ns / NS_PER_S,
        size_bytes=repaired.stat().st_size,
        tracks=look.tracks,
        end_difference_ms=look.end_difference_ms,
        # Where an interrupted take ends is what it ends at; how far apart, `judged` says.
        problems=[
            problem.message
            for problem in look.problems
            if problem.code is not VerifyCode.DURATION_WRONG
        ],
        notes=notes,
        recovered_from=original.name,
    )
    with _output_errors(target):
        with target.open("xb") as file:
            file.write(encode_report(judged(report)))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):
            journal_path(original).unlink()
    return target


def _facts(path: Path) -> tuple[int, int]:
    """Return (duration in ns, audio tracks) as the header says. Raises InvalidRecording."""
    try:
        with av.open(str(path)) as container:
            return (container.duration or 0) * 1000, len(container.streams.audio)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InvalidRecording(f"{path.name} cannot be opened: {reason}") from error


@contextlib.contextmanager
def _output_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = f"free some space in {target.parent} or repair to another disk"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(f"no room left for {target.name}", hint=hint) from error
        raise OutputFailed(f"cannot write {target}: {error.strerror or error}") from error
