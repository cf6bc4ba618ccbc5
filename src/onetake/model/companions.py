"""Names of the files that lie beside a recording, so that whoever writes them and whoever looks
for them agree."""

from __future__ import annotations

from pathlib import Path

__all__ = ["journal_path", "recording_of_journal", "report_path"]

_JOURNAL_SUFFIX = ".journal.jsonl"


def report_path(recording: Path) -> Path:
    """Return where the report of `recording` lies: `talk.mp4` has `talk.onetake.json`."""
    return recording.with_name(f"{recording.stem}.onetake.json")


def journal_path(recording: Path) -> Path:
    """Return where the journal of an unfinished `recording` lies: `.talk.mp4.journal.jsonl`.

    Hidden, because a clean finish removes it.
    """
    return recording.with_name(f".{recording.name}{_JOURNAL_SUFFIX}")


def recording_of_journal(journal: Path) -> Path | None:
    """Return the recording a journal belongs to, or None when that is not a journal's name."""
    name = journal.name
    if not name.startswith(".") or not name.endswith(_JOURNAL_SUFFIX):
        return None
    recording_name = name[1 : -len(_JOURNAL_SUFFIX)]
    return journal.with_name(recording_name) if recording_name else None
