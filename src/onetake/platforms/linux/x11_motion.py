"""Hears that the pointer is being moved, without asking for it: raw motion of XInput 2.

xcffib's own module of this extension is not used: it takes 8 ms to load for two requests, and reads
the events of motion wrongly (it takes the mask of the axes for their number).
"""

from __future__ import annotations

import io
import struct
from typing import Any

import xcffib

from onetake.platforms.linux.x11_server import XServer

__all__ = ["PointerMotion"]

_SELECT_EVENTS, _QUERY_VERSION = 46, 47
"""Request numbers (XI2 protocol)."""

_VERSION = (2, 2)
"""From 2.1 on raw events come during a grab (an open menu), from 2.2 on there is touch."""

_ALL_MASTER_DEVICES = 1

_MOTION = 1 << 17 | 1 << 22 | 1 << 23 | 1 << 24
"""RawMotion, and RawTouchBegin, -Update and -End: a touch moves the pointer, too."""

_make_key: Any = xcffib.ExtensionKey  # the wheel says typed, its functions are not
_KEY = _make_key("XInputExtension")
"""Lives as long as the program: libxcb keeps pointers into it."""

_VERSION_REPLY = struct.Struct("=8xHH")


class _Requests(xcffib.Extension):
    """The two requests. Sent on a server without the extension they end the connection."""

    def query_version(self) -> Any:
        data = io.BytesIO(struct.pack("=4xHH", *_VERSION))
        send: Any = self.send_request
        return send(_QUERY_VERSION, data, xcffib.Cookie, is_checked=True)

    def select_events(self, window: int, mask: int, *, is_checked: bool = False) -> Any:
        head = struct.pack("=4xIH2x", window, 1)
        data = io.BytesIO(head + struct.pack("=HHI", _ALL_MASTER_DEVICES, 1, mask))
        send: Any = self.send_request
        return send(_SELECT_EVENTS, data, is_checked=is_checked)


class PointerMotion:
    """Raw motion on one connection; arrives as an event of the generic kind. One thread.

    Not told: a pointer that a program puts elsewhere (WarpPointer).
    """

    def __init__(self, server: XServer) -> None:
        self._server = server
        requests: Any = _Requests
        self._requests = requests(server.connection, _KEY)
        self.can_be_heard = self._can_be_heard()
        """Whether the server tells of it."""

    def _can_be_heard(self) -> bool:
        server = self._server
        if not server.is_present("XInputExtension"):
            return False
        reply = server.raw_reply(self._requests.query_version())
        if _VERSION_REPLY.unpack_from(reply) < _VERSION:
            return False
        # Refused by a server that lets in no strangers (the SECURITY extension).
        asked = self._requests.select_events(server.root, _MOTION, is_checked=True)
        is_granted = server.check(asked)
        self._requests.select_events(server.root, 0)
        return is_granted

    def listen(self, is_listening: bool) -> None:
        """Ask to be told from now on, or no more."""
        self._requests.select_events(self._server.root, _MOTION if is_listening else 0)
        self._server.flush()
