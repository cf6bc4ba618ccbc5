"""What survives of a take's controls and measurements when the process does not.

    any thread ──add──▶ lines in memory ──flush (writer thread)──▶ .NAME.journal.jsonl

Invariant: `add` never touches the disk. A line is in the system's hands at the next `flush` (every
tenth of a second, with the packets of the same instant) and on the disk a moment later.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onetake.errors import OutputFailed
from onetake.file.output_file import SYNC_INTERVAL_S, output_errors, sync_folder
from onetake.model.companions import journal_path, recording_of_journal
from onetake.model.journal import Entry, Opened, decode_entries, encode_entry

__all__ = ["Journal", "Leftover", "leftovers"]

_FIRST_BYTES = 64 << 10
"""How much of a journal is read to tell when its take began: the first line, with room."""


class Journal:
    """The journal of one take. A lock on the file says that its recorder is alive.

    `recording` is the path the take is being written to (`Mp4Writer.path`).
    """

    def __init__(self, recording: Path) -> None:
        self.path = journal_path(recording)
        self._lines: deque[bytes] = deque()
        self._fd = -1
        self._last_sync_s = 0.0
        self._has_unsynced = False
        self._disk = threading.Lock()
        """Guards the file."""

    def open(self, first: Opened) -> None:
        """Create the file with its first line. Raises OutputFailed, DiskFull.

        A journal of the same name whose recording is gone is replaced.
        """
        with output_errors(self.path), self._disk:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            self._fd = os.open(self.path, flags, 0o600)
            with contextlib.suppress(OSError):
                # Some network drives know no locks; then a leftover is only told too early.
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.add(first)
        self.flush()
        sync_folder(self.path.parent)

    def add(self, entry: Entry) -> None:
        """Take a line for the next `flush`. Any thread; never blocks."""
        self._lines.append(encode_entry(entry))

    def flush(self) -> None:
        """Write what was added; five times a second force it to the disk. The writer's thread.

        May block as long as the disk does. Raises OutputFailed, DiskFull; lines are then kept.
        """
        with output_errors(self.path), self._disk:
            if self._fd < 0:
                return
            while self._lines:
                line = self._lines[0]
                done = os.write(self._fd, line)
                self._has_unsynced = True
                if done == len(line):
                    self._lines.popleft()
                else:
                    self._lines[0] = line[done:]
            now_s = time.monotonic()
            if self._has_unsynced and now_s - self._last_sync_s >= SYNC_INTERVAL_S:
                self._last_sync_s = now_s
                os.fsync(self._fd)
                self._has_unsynced = False

    def remove(self) -> None:
        """Forget the journal: the take is finished and its report written. Never raises."""
        with self._disk, contextlib.suppress(OSError):
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
                self.path.unlink()

    def close(self) -> None:
        """Leave the journal for a repair: the take could not be finished. Never raises."""
        with contextlib.suppress(OutputFailed):
            self.flush()
        with self._disk, contextlib.suppress(OSError):
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


@dataclass(frozen=True, slots=True)
class Leftover:
    """A take whose recorder did not come to its end."""

    recording: Path
    journal: Path
    started_at: str
    """Wall clock of the start, ISO 8601; empty when the journal does not say."""
    size_bytes: int


def leftovers(folder: Path) -> list[Leftover]:
    """Return the unfinished takes in `folder`, oldest first. Never raises; reads little.

    Takes that are being recorded at this moment are not among them, nor are journals whose
    recording is gone.
    """
    found = []
    for journal in _journals(folder):
        recording = recording_of_journal(journal)
        with contextlib.suppress(OSError):
            if recording is None or not recording.is_file() or _is_alive(journal):
                continue
            with journal.open("rb") as file:
                entries = decode_entries(file.read(_FIRST_BYTES))
            opened = next((entry for entry in entries if isinstance(entry, Opened)), Opened())
            size_bytes = recording.stat().st_size
            found.append(Leftover(recording, journal, opened.started_at, size_bytes))
    return sorted(found, key=lambda leftover: (leftover.started_at, leftover.recording))


def _journals(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if recording_of_journal(Path(entry.path)) is not None and not entry.is_symlink():
                yield Path(entry.path)


def _is_alive(journal: Path) -> bool:
    """Whether a recorder holds the journal."""
    with journal.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
