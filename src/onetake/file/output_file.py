"""The bytes of a take on their way to the disk: append, sync, and where the disk says no.

Invariant: while a take runs the file only grows, and nothing that was appended is touched: behind
it there may be a provisional end, which makes way for the next byte. Only `patch`, at the very end,
overwrites, and what it overwrites is on the disk by then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from onetake.errors import DiskFull, OutputFailed, UsageError
from onetake.model.companions import journal_path

__all__ = [
    "SYNC_INTERVAL_S",
    "OutputFile",
    "free_path",
    "output_errors",
    "sync_folder",
    "sync_interval_s",
]

SYNC_INTERVAL_S = 0.15
"""How often the file is forced to a quick disk at most: what a power cut costs beyond a kill. Less
than lies between two fragments, so that each is forced at once. Shorter: a disk gets no rest that
is given provisional ends as well. Longer: the sound loses more than a second."""

SYNC_SHARE = 0.05
"""Share of the time that may be spent on it. More: a slow disk serves nobody else. Less: a disk
that needs 20 ms already costs more than a second of sound."""

SYNC_LONGEST_S = 0.5
"""A slow disk, too, is told this often. Longer: more is lost."""

RESERVE_BYTES = 8 << 20
"""Room kept free for the table of contents and the report when the disk fills up: two to six hours
of take. Smaller: a long take stays fragmented. Larger: matters on small disks."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def sync_interval_s(taken_s: float) -> float:
    """Return how long to wait until the disk is told again, when the last time took `taken_s`."""
    return min(max(SYNC_INTERVAL_S, taken_s / SYNC_SHARE), SYNC_LONGEST_S)


@contextlib.contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Map an OSError of this block to DiskFull or OutputFailed about `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(
                f"no room left for {path.name}", hint=f"free some space in {path.parent}"
            ) from error
        reason = error.strerror or str(error)
        raise OutputFailed(
            f"cannot write {path}: {reason}", hint="check that the folder is still there"
        ) from error


class OutputFile:
    """A new file that is appended to. Everything but `size_bytes` on one thread at a time.

    With `is_replacing` the bytes go into a new file beside `path`, visible and playable, and
    `commit` moves it over the old one: until then the old one is untouched.
    """

    def __init__(self, path: Path, *, is_replacing: bool) -> None:
        self.final_path = path
        """Where the file is after `commit`."""
        self.path = path
        """Where the bytes are now."""
        self._is_closed = False
        self._is_replacing = is_replacing
        self._fd = -1
        self._size_bytes = 0
        self._synced_bytes = 0
        self._has_provisional = False
        self._is_provisional_synced = True
        self._reserve: IO[bytes] | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes handed to the system so far. Any thread."""
        return self._size_bytes

    @property
    def is_on_disk(self) -> bool:
        """Whether a power cut now would take nothing."""
        return self._size_bytes == self._synced_bytes and self._is_provisional_synced

    def create(self) -> None:
        """Create the file; never opens an existing one. Raises UsageError, OutputFailed."""
        if self._is_replacing and self.path.exists():
            self.path = _free_sibling(self.final_path)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            with output_errors(self.path):
                self._fd = os.open(self.path, flags, 0o666)
        except OutputFailed as error:
            if isinstance(error.__cause__, FileExistsError):
                raise _exists_already(self.path) from error
            raise
        sync_folder(self.path.parent)
        self._reserve = _reserve(self.path.parent)

    def append(self, data: bytes | memoryview) -> int:
        """Append as much of `data` as the system takes, and return how much. Raises OSError."""
        self.drop_provisional()
        done = os.write(self._fd, data)
        self._size_bytes += done
        return done

    def write(self, data: bytes) -> None:
        """Append all of `data`. Raises OSError, with a part of it written."""
        view = memoryview(data)
        while view:
            view = view[self.append(view) :]

    def put_provisional(self, data: bytes) -> None:
        """Let `data` stand behind what was appended, in place of what stood there. Raises OSError,
        with nothing of it left if possible."""
        self.drop_provisional()
        self._has_provisional = True
        try:
            done = os.pwrite(self._fd, data, self._size_bytes)
        except OSError:
            self.drop_provisional()
            raise
        if done < len(data):  # the disk is full, which the next byte for good will find out, too
            self.drop_provisional()
        self._is_provisional_synced = False

    def drop_provisional(self) -> None:
        """Cut off what is provisional. Raises OSError."""
        if self._has_provisional:
            os.ftruncate(self._fd, self._size_bytes)
            self._has_provisional = False

    def sync(self) -> None:
        """Wait until every byte is on the disk. Raises OSError."""
        if self.is_on_disk:
            return
        end = self._size_bytes
        if sys.platform == "darwin":
            import fcntl

            # fsync on macOS only reaches the drive's own cache.
            fcntl.fcntl(self._fd, fcntl.F_FULLFSYNC)
        else:
            os.fsync(self._fd)
        self._synced_bytes = end
        self._is_provisional_synced = True

    def follow(self) -> None:
        """Notice that the file was moved (then `path` is where it is now) or deleted.

        Raises FileNotFoundError when no name leads to it any more; its bytes are still there until
        it is closed.
        """
        ours = os.fstat(self._fd)
        with contextlib.suppress(OSError):
            theirs = os.lstat(self.path)
            if (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino):
                return
        if ours.st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "the file was deleted while recording")
        moved = _path_of(self._fd)
        if moved is not None and moved.exists():
            self.path = self.final_path = moved

    def rescue(self, path: Path) -> None:
        """Copy a file that was deleted to `path`, and go on there. Raises OSError."""
        self.drop_provisional()
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            done = 0
            while data := os.pread(self._fd, 1 << 20, done):
                done += os.write(fd, data)
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        os.close(self._fd)
        self._fd, self.path, self.final_path = fd, path, path
        self._size_bytes, self._synced_bytes = done, 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes from `offset`. Raises OSError."""
        return os.pread(self._fd, size, offset)

    def patch(self, offset: int, data: bytes) -> None:
        """Overwrite bytes once everything before is on the disk. Raises OSError."""
        self.drop_provisional()
        self.sync()
        os.pwrite(self._fd, data, offset)
        self._synced_bytes = -1
        self.sync()

    def cut(self, size_bytes: int) -> None:
        """Drop everything from `size_bytes` on. Raises OSError."""
        self._has_provisional = False
        os.ftruncate(self._fd, size_bytes)
        os.lseek(self._fd, size_bytes, os.SEEK_SET)
        self._size_bytes = size_bytes
        self._synced_bytes = min(self._synced_bytes, size_bytes)

    def release_reserve(self) -> None:
        """Give back the room kept for finishing the file: a full disk has some again."""
        if self._reserve is not None:
            self._reserve.close()
            self._reserve = None

    def commit(self) -> None:
        """Close, and take the place of the file that is replaced. Raises OSError."""
        self.close()
        if self.path != self.final_path:
            self.path.replace(self.final_path)
            self.path = self.final_path
            # What an interrupted take of this name left is about bytes that are gone now.
            journal_path(self.final_path).unlink(missing_ok=True)
            sync_folder(self.path.parent)

    def close(self) -> None:
        """Close the file where it is. Idempotent."""
        self.release_reserve()
        if not self._is_closed and self._fd >= 0:
            self._is_closed = True
            os.close(self._fd)

    def discard(self) -> None:
        """Close the file and remove it: nothing worth keeping is in it. Never raises."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` survive a power cut; file systems that cannot are left alone."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _path_of(fd: int) -> Path | None:
    """Return a path that leads to the open file `fd`, None when the system does not tell."""
    with contextlib.suppress(OSError):
        if sys.platform == "darwin":
            import fcntl

            name = fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024))
            return Path(os.fsdecode(name.rstrip(b"\0")))
        return Path(f"/proc/self/fd/{fd}").readlink()
    return None


def _reserve(folder: Path) -> IO[bytes] | None:
    """Occupy room beside the take, in a file without a name, so that nothing is left of it even
    after a crash; None when there is none to spare or the file system cannot."""
    with contextlib.suppress(OSError):
        size_bytes = min(RESERVE_BYTES, shutil.disk_usage(folder).free // 8)
        reserve = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - held open
        with contextlib.suppress(OSError):
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(reserve.fileno(), 0, max(1, size_bytes))
            else:
                reserve.write(bytes(size_bytes))
        return reserve
    return None


def free_path(path: Path, *, is_replacing: bool) -> Path:
    """Return the name under which a file is to be created that becomes `path` when it is whole:
    another one while an old file is replaced. Raises UsageError for one that must stay."""
    if not path.exists():
        return path
    if not is_replacing:
        raise _exists_already(path)
    return _free_sibling(path)


def _exists_already(path: Path) -> UsageError:
    return UsageError(
        f"{path} exists already",
        hint="choose another name or pass --overwrite",
        code="file-exists",
    )


def _free_sibling(path: Path) -> Path:
    """Return a name beside `path` that is not taken: `talk (new).mp4`, `talk (new 2).mp4`."""
    number = 1
    while True:
        suffix = "new" if number == 1 else f"new {number}"
        candidate = path.with_name(f"{path.stem} ({suffix}){path.suffix}")
        if not candidate.exists():
            return candidate
        number += 1
