"""One connection to an X server, whose every wait is bounded.

Why not xcffib alone: its `reply()` blocks for ever when the server hangs (a frozen virtual machine,
a stopped process), and a recorder must still stop within half a second then. Invariant: no method
blocks longer than the deadline it states, and every X or socket error leaves here as
DeviceUnavailable or PermissionDenied.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xcffib
import xcffib.damage
import xcffib.randr
import xcffib.shm
import xcffib.xfixes
import xcffib.xproto
from xcffib.ffi import ffi

from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.geometry import Rect

__all__ = ["DisplayAddress", "Monitor", "XServer", "mapped_errors", "parse_display"]

ANSWER_TIMEOUT_S = 2.0
"""Seconds an X server may take for an answer. A busy server takes tens of ms; shorter than 1 s
would lose the screen on a machine that swaps, more than 3 s breaks the promise of `Source.open`."""

POLL_S = 0.05
"""Seconds between looks at `should_stop` while waiting; bounds how late a stop is noticed."""

REPLY_HEADER_BYTES = 32
"""Every reply of the X protocol begins with 32 bytes (X11 protocol, section 1)."""

_EVENT_KIND = 0x7F
"""The bits of an event's first byte that are its kind (the eighth: another client sent it)."""

_GENERIC_EVENT = 35
"""Kind of the events that say within what they are (X Generic Event extension)."""

_ADMITTED = b"\1"
"""First byte of a server's answer to a connection setup that succeeded."""

TCP_PORT_BASE = 6000
"""Display N listens on TCP port 6000 + N (X11 protocol, appendix B)."""


@dataclass(frozen=True, slots=True)
class DisplayAddress:
    """A parsed display name."""

    host: str
    """Empty or `unix` = this machine."""
    number: int


@dataclass(frozen=True, slots=True)
class Monitor:
    """One monitor of a display, in pixels of the whole display."""

    name: str
    area: Rect
    is_primary: bool


def parse_display(name: str) -> DisplayAddress | None:
    """Return what `[host]:N[.screen]` says, or None when it is no display name."""
    match = re.fullmatch(r"([^:]*):(\d{1,5})(?:\.\d+)?", name)
    return DisplayAddress(match[1], int(match[2])) if match else None


@contextlib.contextmanager
def mapped_errors(display_name: str) -> Iterator[None]:
    """Turn xcffib's exceptions into DeviceUnavailable that names the display."""
    try:
        yield
    except (xcffib.XcffibException, OSError, struct.error) as exc:
        raise DeviceUnavailable(
            f"the X server {display_name} went away",
            hint="recording goes on when the display comes back",
        ) from exc


def _connect_socket(address: DisplayAddress) -> socket.socket:
    """Return a connected socket to the X server; raises OSError."""
    if address.host not in ("", "unix"):
        return socket.create_connection(
            (address.host, TCP_PORT_BASE + address.number), timeout=ANSWER_TIMEOUT_S
        )
    path = f"/tmp/.X11-unix/X{address.number}"  # noqa: S108  # fixed by the X protocol
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWER_TIMEOUT_S)
    try:
        # The abstract name exists even when /tmp is another one (containers).
        connection.connect(path if Path(path).exists() else f"\0{path}")
    except OSError:
        connection.close()
        raise
    return connection


def _is_open_to_all(display_name: str, address: DisplayAddress) -> bool:
    """Return whether the server lets in a client without a cookie.

    Raises DeviceUnavailable unless it answers a connection setup at all: xcb_connect waits for ever
    on a server that accepts and stays silent.
    """
    try:
        with _connect_socket(address) as connection:
            # Byte order, protocol 11.0, no authorisation (X11 protocol, section 8).
            connection.sendall(struct.pack("=cxHHHHxx", b"l", 11, 0, 0, 0))
            answer = connection.recv(1)
    except OSError as exc:
        raise DeviceUnavailable(
            f"no X server at display {display_name}", hint="check DISPLAY and that it is running"
        ) from exc
    if not answer:
        raise DeviceUnavailable(f"the X server {display_name} does not answer")
    return answer == _ADMITTED


class XServer:
    """A connection with the extensions a screen recorder needs. One thread at a time.

    Attributes:
        root: id of the root window.
        has_shm, has_damage, has_xfixes, has_randr: what the server offers.
    """

    def __init__(self, display_name: str, should_stop: Callable[[], bool] = lambda: False) -> None:
        self.name = display_name
        self.should_stop = should_stop
        self.connection: Any = None
        self._poll = select.poll()
        self._found, self._error = ffi.new("void **"), ffi.new("xcb_generic_error_t **")
        self.root = 0
        self.has_shm = self.has_damage = self.has_xfixes = self.has_randr = False
        self.is_xwayland = False

    def open(self) -> None:
        """Connect. Raises DeviceUnavailable (no server, no answer) or PermissionDenied."""
        address = parse_display(self.name)
        if address is None:
            raise DeviceUnavailable(f"'{self.name}' is no X display", hint="displays look like :0")
        is_open_to_all = _is_open_to_all(self.name, address)
        try:
            connect: Any = xcffib.connect  # the wheel says typed, its functions are not
            self.connection = connect(display=self.name)
        except xcffib.XcffibException as exc:
            if is_open_to_all:
                raise DeviceUnavailable(f"the X server {self.name} went away") from exc
            raise PermissionDenied(
                f"the X server {self.name} refuses the connection",
                hint="run as the user of that session, or set XAUTHORITY",
            ) from exc
        with mapped_errors(self.name):
            self._poll.register(self.connection.get_file_descriptor(), select.POLLIN)
            self.root = self.connection.setup.roots[self.connection.pref_screen].root
            self._ask_for_extensions()

    def close(self) -> None:
        """Disconnect. Idempotent, never raises."""
        if self.connection is not None:
            self.connection.disconnect()
            self.connection = None

    def _ask_for_extensions(self) -> None:
        # Versions must be negotiated before use: XFixes 2 has regions, RandR 1.5 has monitors.
        if self.is_present("XFIXES"):
            self.reply(self.xfixes.QueryVersion(5, 0))
            self.has_xfixes = True
        if self.has_xfixes and self.is_present("DAMAGE"):
            self.reply(self.damage.QueryVersion(1, 1))
            self.has_damage = True
        if self.is_present("RANDR"):
            version = self.reply(self.randr.QueryVersion(1, 5))
            self.has_randr = (version.major_version, version.minor_version) >= (1, 5)
        self.has_shm = self.is_present("MIT-SHM")
        self.is_xwayland = self.is_present("XWAYLAND")

    def is_present(self, name: str) -> bool:
        """Ask whether the server has an extension."""
        return bool(self.reply(self.core.QueryExtension(len(name), name)).present)

    @property
    def core(self) -> Any:
        """The core protocol's requests."""
        return self.connection.core

    @property
    def shm(self) -> Any:
        """MIT-SHM requests."""
        return self.connection(xcffib.shm.key)

    @property
    def damage(self) -> Any:
        """DAMAGE requests."""
        return self.connection(xcffib.damage.key)

    @property
    def xfixes(self) -> Any:
        """XFIXES requests."""
        return self.connection(xcffib.xfixes.key)

    @property
    def randr(self) -> Any:
        """RANDR requests."""
        return self.connection(xcffib.randr.key)

    def flush(self) -> None:
        """Send what was asked so far; `raw_reply` and `reply` do it by themselves."""
        xcffib.lib.xcb_flush(self.connection._conn)

    def _wait(self, cookie: Any) -> tuple[Any, int]:
        """Wait for a reply; return (owned C pointer, size in bytes)."""
        lib, found, error = xcffib.lib, self._found, self._error
        pointer = self.connection._conn
        self.flush()
        deadline_s = 0.0
        while not lib.xcb_poll_for_reply(pointer, cookie.sequence, found, error):
            self.connection.invalid()
            now_s = time.monotonic()
            deadline_s = deadline_s or now_s + ANSWER_TIMEOUT_S
            if now_s > deadline_s or self.should_stop():
                raise DeviceUnavailable(f"the X server {self.name} does not answer")
            self._poll.poll(POLL_S * 1000)
        if error[0] != ffi.NULL:
            try:
                self.connection._process_error(error[0])
            finally:
                lib.free(error[0])
        if found[0] == ffi.NULL:
            self.connection.invalid()
            raise DeviceUnavailable(f"the X server {self.name} went away")
        reply = ffi.gc(ffi.cast("xcb_generic_reply_t *", found[0]), lib.free)
        return reply, REPLY_HEADER_BYTES + 4 * reply.length

    def raw_reply(self, cookie: Any) -> Any:
        """Wait for a reply and return its bytes as a cffi buffer, 32 byte header included.

        Parsing stays with the caller: xcffib builds a Python object for every pixel and rectangle.
        Raises X errors as xcffib exceptions, DeviceUnavailable when no answer comes in time.
        """
        return ffi.buffer(*self._wait(cookie))

    def reply(self, cookie: Any) -> Any:
        """Wait for a reply and return it parsed. Raises as `raw_reply` does."""
        reply, size_bytes = self._wait(cookie)
        unpacker: Any = xcffib.CffiUnpacker
        return cookie.reply_type(unpacker(reply, known_max=size_bytes))

    def check(self, cookie: Any) -> bool:
        """Whether a request without a reply, sent with `is_checked`, was carried out."""
        self.reply(self.core.GetInputFocus())  # a round trip: the answer is here after it
        try:
            cookie.check()
        except xcffib.ProtocolException:
            return False
        return True

    def wait_for_input(self, timeout_s: float) -> None:
        """Wait until the server sends something, at most that long. What has arrived already, with
        an answer, does not count: look at `events` before."""
        self._poll.poll(timeout_s * 1000)

    def events(self) -> Iterator[Any]:
        """Yield the events that have arrived, without waiting; a generic one as None, unread."""
        lib, connection = xcffib.lib, self.connection
        while (found := lib.xcb_poll_for_event(connection._conn)) != ffi.NULL:
            event = ffi.gc(found, lib.free)
            is_generic = event.response_type & _EVENT_KIND == _GENERIC_EVENT
            yield None if is_generic else connection.hoist_event(event)
        connection.invalid()

    def size_px(self) -> tuple[int, int]:
        """Ask for the current size of the whole display."""
        geometry = self.reply(self.core.GetGeometry(self.root))
        return geometry.width, geometry.height

    def monitors(self) -> list[Monitor]:
        """Ask for the active monitors; empty without RandR 1.5."""
        if not self.has_randr:
            return []
        answer = self.reply(self.randr.GetMonitors(self.root, True))
        return [self._monitor(info) for info in answer.monitors]

    def _monitor(self, info: Any) -> Monitor:
        name = self.reply(self.core.GetAtomName(info.name)).name.to_string()
        area = Rect(info.x, info.y, info.width, info.height)
        return Monitor(name, area, bool(info.primary))

    def has_usual_pixels(self) -> bool:
        """Whether the root window holds 32 bit little-endian BGRX, the one format we read."""
        setup = self.connection.setup
        screen = setup.roots[self.connection.pref_screen]
        bits = {f.depth: f.bits_per_pixel for f in setup.pixmap_formats}
        visuals = [v for d in screen.allowed_depths for v in d.visuals]
        red_masks = [v.red_mask for v in visuals if v.visual_id == screen.root_visual]
        return (
            bits.get(screen.root_depth) == 32
            and setup.image_byte_order == 0
            and red_masks == [0xFF0000]
        )
