"""A recorder that others of this user can find: its socket and its session file; and how one is
started in the background.

Invariant: while a session is announced its file names a socket that answers; when the process ends
in an orderly way both are gone.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from onetake.control.controller import Controller
from onetake.control.event_pump import EventPump
from onetake.control.runtime_dir import checked_session_id, runtime_dir
from onetake.control.session_files import (
    SessionFile,
    forget_session,
    read_session,
    remember_session,
)
from onetake.control.unix_socket import ControlSocket
from onetake.engine.broadcast import never
from onetake.errors import InvalidState, OnetakeError, OutputFailed
from onetake.model.events import Event, Started

__all__ = ["DETACH_TIMEOUT_S", "AnnouncedSession", "launch_detached", "own_session_id"]

DETACH_TIMEOUT_S = 40.0
"""How long a recorder in the background may take until it really records: the recorder's own start
timeout (20 s), and the start of a Python process on a loaded machine."""

_LOOK_S = 0.05


def own_session_id() -> str:
    """Return the name of this process's session when the user gave none."""
    return f"take-{os.getpid()}"


class AnnouncedSession:
    """A control socket and a session file for as long as the `with` lasts.

    Args:
        log: where a detached recorder writes what it has to say.
    """

    def __init__(self, controller: Controller, session_id: str, log: str = "") -> None:
        self._session = SessionFile(checked_session_id(session_id), os.getpid(), log=log)
        self._socket = ControlSocket(controller, session_id)
        self._pump = EventPump(controller, "session", self._on_event, wants_meters=never)

    def __enter__(self) -> AnnouncedSession:
        """Announce. Raises InvalidState when a recorder of that name runs, OutputFailed."""
        self._socket.start()
        remember_session(self._session)
        self._pump.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pump.stop()
        self._socket.stop()
        forget_session(self._session.id)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Started):
            self._session = msgspec.structs.replace(self._session, path=event.path)
            remember_session(self._session)


def launch_detached(
    command: Sequence[str], session_id: str, *, timeout_s: float = DETACH_TIMEOUT_S
) -> SessionFile:
    """Start a recorder that outlives this process; returns when it really records.

    Args:
        command: the program and its arguments; it must announce `session_id`.

    Raises what the recorder said before it ended, or OutputFailed when it does not record in time
    (it is ended then).
    """
    log = runtime_dir() / f"{checked_session_id(session_id)}.log"
    if read_session(session_id) is not None:
        raise InvalidState(f"a recorder named {session_id} runs already")
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    except OSError as error:
        raise OutputFailed(f"the recorder cannot be started: {error.strerror}") from error
    finally:
        os.close(descriptor)
    give_up_s = time.monotonic() + timeout_s
    while time.monotonic() < give_up_s:
        session = read_session(session_id)
        if session is not None and session.path and session.pid == process.pid:
            process.returncode = 0  # it goes on without us; Python must not warn of that
            return msgspec.structs.replace(session, log=str(log))
        if process.poll() is not None:
            raise _what_it_said(log)
        time.sleep(_LOOK_S)
    process.terminate()
    process.wait()
    raise OutputFailed("the recorder in the background did not begin in time", hint=f"see {log}")


def _what_it_said(log: Path) -> OnetakeError:
    """Return what a recorder wrote before it ended: a `--json` error, or its last line."""
    lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    try:
        said = msgspec.json.decode(lines[-1], type=dict[str, dict[str, str]])["error"]
        return OnetakeError(said["message"], hint=said.get("hint", ""), code=said["code"])
    except (msgspec.MsgspecError, KeyError):
        return OnetakeError(f"the recorder ended at once: {lines[-1]}", hint=f"see {log}")
