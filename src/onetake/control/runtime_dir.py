"""Where control sockets and session files live: a folder only their owner can enter.

Invariant: a folder that is returned belongs to this user, is no symbolic link, and has mode 0700.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
from pathlib import Path

from onetake.errors import OutputFailed, UsageError

__all__ = ["MAX_SOCKET_PATH_BYTES", "checked_session_id", "private_folder", "runtime_dir"]

MAX_SOCKET_PATH_BYTES = 103
"""Longest path of a Unix socket that works everywhere: 104 bytes with the closing NUL on macOS, 108
on Linux."""

_SESSION_ID = re.compile(r"[a-z0-9-]{1,64}")


def runtime_dir() -> Path:
    """Return the folder for sockets and session files, created if need be.

    `ONETAKE_RUNTIME_DIR` if set, else the system's place for it. Raises OutputFailed when it is
    not ours alone.
    """
    return private_folder(_wanted_dir())


def private_folder(path: Path) -> Path:
    """Create `path` with mode 0700, or check that it is ours alone. Raises OutputFailed."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise OutputFailed(f"{path} is not a folder", hint="remove it, or set another one")
        if found.st_uid != os.getuid():
            raise OutputFailed(
                f"{path} belongs to somebody else",
                hint="set ONETAKE_RUNTIME_DIR to a folder of yours",
            )
        if stat.S_IMODE(found.st_mode) != 0o700:
            path.chmod(0o700)
    except OSError as error:
        raise OutputFailed(
            f"{path} cannot be used: {error.strerror}",
            hint="set ONETAKE_RUNTIME_DIR to a folder of yours",
        ) from error
    return path


def checked_session_id(session_id: str) -> str:
    """Return the id, or raise UsageError when it is none."""
    if not _SESSION_ID.fullmatch(session_id):
        raise UsageError("that session id is not allowed", hint="use 1 to 64 of a-z, 0-9 and '-'")
    return session_id


def _wanted_dir() -> Path:
    chosen = os.environ.get("ONETAKE_RUNTIME_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "onetake" / "run"
    system = os.environ.get("XDG_RUNTIME_DIR")
    if system and Path(system).is_dir():
        return Path(system) / "onetake"
    return Path(tempfile.gettempdir()) / f"onetake-{os.getuid()}"
