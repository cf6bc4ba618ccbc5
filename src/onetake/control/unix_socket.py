"""The control socket: how `onetake ctl` and other programs of the same user reach a recorder.

Invariant: only processes of this user get an answer: the folder is 0700, the socket 0600, and the
peer's user id is checked on every connection.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from onetake.control.controller import Controller, Origin
from onetake.control.event_pump import EventPump
from onetake.control.line_conversation import LineConversation
from onetake.control.runtime_dir import MAX_SOCKET_PATH_BYTES, checked_session_id, runtime_dir
from onetake.errors import InvalidState, OutputFailed, UsageError
from onetake.model.events import Event

__all__ = ["MAX_CLIENTS", "ControlSocket", "peer_uid", "socket_path"]

MAX_CLIENTS = 8
"""Most clients at a time, each with two threads. A hotkey daemon, a bar and a script are three."""

WRITE_TIMEOUT_S = 10
"""How long one write to a client that does not read may take before it is disconnected."""

_ORIGIN = Origin("the control socket", is_remote=True)


def socket_path(session_id: str) -> Path:
    """Return where the socket of a session is. Raises UsageError for a path too long."""
    path = runtime_dir() / f"{checked_session_id(session_id)}.sock"
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise UsageError(
            f"the path of the control socket is longer than {MAX_SOCKET_PATH_BYTES} bytes: {path}",
            hint="set ONETAKE_RUNTIME_DIR to a shorter path",
        )
    return path


class ControlSocket:
    """Serves one session's socket on threads of its own, from `start` to `stop`.

    Args:
        session_id: `[a-z0-9-]{1,64}`, unique among this user's running recorders.
    """

    def __init__(self, controller: Controller, session_id: str) -> None:
        self._controller = controller
        self.path = socket_path(session_id)
        self._listener: socket.socket | None = None
        self._clients: dict[socket.socket, LineConversation] = {}
        self._lock = threading.Lock()
        self._pump = EventPump(
            controller, "socket", self._deliver, wants_meters=lambda: bool(self._clients)
        )
        self._thread = threading.Thread(target=self._accept, name="socket-accept", daemon=True)

    def start(self) -> None:
        """Listen. Raises InvalidState when a recorder of that name runs, OutputFailed."""
        self._listener = _listening_socket(self.path)
        self._pump.start()
        self._thread.start()

    def stop(self) -> None:
        """Say the last words to every client, and listen no more."""
        if self._listener is None:
            return
        _wake(self._listener)
        self._listener.close()
        self._thread.join(2.0)
        self.path.unlink(missing_ok=True)
        self._pump.stop()
        with self._lock:
            clients = dict(self._clients)
        for client, conversation in clients.items():
            conversation.end(1.0)
            _wake(client)

    def _deliver(self, event: Event) -> None:
        with self._lock:
            conversations = list(self._clients.values())
        for conversation in conversations:
            conversation.offer(event)

    def _accept(self) -> None:
        assert self._listener is not None
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if peer_uid(client) != os.getuid() or not self._admit(client):
                client.close()

    def _admit(self, client: socket.socket) -> bool:
        with self._lock:
            if len(self._clients) >= MAX_CLIENTS:
                return False
            timeout = struct.pack("ll", WRITE_TIMEOUT_S, 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
            writer = client.makefile("wb")
            conversation = LineConversation(self._controller, _ORIGIN, writer, "socket")
            self._clients[client] = conversation
        threading.Thread(
            target=self._serve,
            args=(client, writer, conversation),
            name="socket-client",
            daemon=True,
        ).start()
        return True

    def _serve(
        self, client: socket.socket, writer: BinaryIO, conversation: LineConversation
    ) -> None:
        try:
            conversation.start()
            with client.makefile("rb") as reader:
                conversation.converse(reader)
        finally:
            with self._lock:
                self._clients.pop(client, None)
            conversation.end(1.0)
            _wake(client)
            with contextlib.suppress(OSError):  # What is still in it has nobody to go to.
                writer.close()
            client.close()


def peer_uid(client: socket.socket) -> int:
    """Return the user id of the process at the other end; -1 when the system does not tell."""
    try:
        if sys.platform == "darwin":
            local_peercred, level = 0x001, 0  # <sys/un.h>: LOCAL_PEERCRED, SOL_LOCAL
            _version, uid = struct.unpack_from("II", client.getsockopt(level, local_peercred, 76))
            return int(uid)
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        _pid, uid, _gid = struct.unpack("3i", credentials)
        return int(uid)
    except (OSError, struct.error):
        return -1


def _listening_socket(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            listener.bind(str(path))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            _remove_stale(path)
            listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(MAX_CLIENTS)
    except OSError as error:
        listener.close()
        raise OutputFailed(f"cannot listen on {path}: {error.strerror}") from error
    except InvalidState:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    """Remove a socket nobody listens on. Raises InvalidState when somebody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass
    raise InvalidState(
        f"a recorder named {path.stem} runs already", hint="choose another --session"
    )


def _wake(stream: socket.socket) -> None:
    """Make whoever waits on the socket return."""
    try:
        stream.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
