"""Which recorders of this user run: one small file each, beside its control socket.

Invariant: a session file is complete or absent (written aside, then renamed), mode 0600, and what
`live_sessions` returns had somebody listening on its socket a moment ago.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

from onetake.control.runtime_dir import checked_session_id, runtime_dir
from onetake.control.unix_socket import socket_path

__all__ = ["SessionFile", "forget_session", "live_sessions", "read_session", "remember_session"]


class SessionFile(msgspec.Struct, frozen=True):
    """A recorder that runs."""

    id: str
    pid: int
    path: str = ""
    """The file being recorded; empty before the first take."""
    log: str = ""
    """Where a detached recorder writes what it has to say."""


def remember_session(session: SessionFile) -> Path:
    """Write the session's file and return its path."""
    path = _path(session.id)
    aside = path.with_suffix(".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(session))
    aside.replace(path)
    return path


def forget_session(session_id: str) -> None:
    """Remove the session's file; a missing one is no error."""
    _path(session_id).unlink(missing_ok=True)


def live_sessions() -> list[SessionFile]:
    """Return the recorders that answer, oldest first; files of dead ones are removed."""
    live = []
    paths = sorted(runtime_dir().glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    for path in paths:
        session = read_session(path.stem)
        if session is None:
            continue
        if session.id == path.stem and _answers(socket_path(session.id)):
            live.append(session)
        elif not _is_alive(session.pid):
            forget_session(path.stem)
    return live


def read_session(session_id: str) -> SessionFile | None:
    """Return what a session's file says; None when there is none that can be read."""
    try:
        return msgspec.json.decode(_path(session_id).read_bytes(), type=SessionFile)
    except (msgspec.DecodeError, OSError):
        return None


def _path(session_id: str) -> Path:
    return runtime_dir() / f"{checked_session_id(session_id)}.json"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
