"""A JSON-RPC conversation over a pair of byte streams: a pipe or a socket.

    reader (caller's thread) ─▶ RpcSession ─▶ Outbox ─▶ writer (own thread) ─▶ client

Invariant: writing to the client happens on the writer's thread only, so a client that does not read
stalls nobody but itself; then its requests are not read either.
"""

from __future__ import annotations

import threading
from typing import Protocol

from onetake.control.controller import Controller, Origin
from onetake.control.jsonrpc import MAX_LINE_BYTES, RpcSession, event_line
from onetake.control.outbox import Outbox
from onetake.model.events import Event

__all__ = ["LineConversation", "LineReader", "LineWriter"]

ROOM_TIMEOUT_S = 30.0
"""How long a client may leave its answers unread while it goes on asking. Shorter cuts off a user
interface that hangs for a moment; longer keeps a thread for a dead one."""


class LineReader(Protocol):
    """Where requests come from."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line with its line feed, at most `limit` bytes; b"" at the end."""
        ...


class LineWriter(Protocol):
    """Where answers go."""

    def write(self, line: bytes, /) -> object:
        """Write a line; may block."""
        ...

    def flush(self) -> object:
        """Hand it over now."""
        ...


class LineConversation:
    """One client. `converse` on the caller's thread until the client has gone.

    Args:
        name: of the writer's thread.
    """

    def __init__(self, controller: Controller, origin: Origin, writer: LineWriter, name: str):
        self._outbox = Outbox()
        self._session = RpcSession(controller, self._outbox, origin)
        self._writer = writer
        self._thread = threading.Thread(target=self._write, name=f"{name}-writer", daemon=True)

    def start(self) -> None:
        """Greet, and begin to write."""
        self._session.greet()
        self._thread.start()

    def converse(self, reader: LineReader) -> None:
        """Carry out request after request until the client closes its end, or misbehaves."""
        while not self._outbox.is_closed:
            try:
                line = reader.readline(MAX_LINE_BYTES + 1)
            except (OSError, ValueError):
                return
            if not line or len(line) > MAX_LINE_BYTES:
                return
            if line.strip():
                self._session.receive(line)
            if not self._outbox.wait_for_room(ROOM_TIMEOUT_S):
                return

    def offer(self, event: Event) -> None:
        """Pass an event on if the client wants it. Never blocks."""
        self._session.offer(event, event_line)

    def end(self, timeout_s: float) -> None:
        """Write what waits, then stop writing."""
        self._outbox.close()
        self._thread.join(timeout_s)

    def _write(self) -> None:
        try:
            while True:
                line = self._outbox.get()
                if line is None:
                    return
                self._writer.write(line)
                self._writer.flush()
        except (OSError, ValueError):
            self._outbox.close()  # the client has gone; its reader notices by itself
