"""A private X server without a monitor: Xvfb."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from tests.stage.processes import child, require

__all__ = ["Screen", "xvfb"]


@dataclass(frozen=True)
class Screen:
    """A running X server."""

    display: str
    width_px: int
    height_px: int
    process: Popen[bytes]

    @property
    def device_id(self) -> str:
        """Its id as onetake lists it."""
        return f"x11:{self.display}"

    @property
    def env(self) -> dict[str, str]:
        """What its clients need in their environment."""
        return {"DISPLAY": self.display, "WAYLAND_DISPLAY": "", "XDG_SESSION_TYPE": "x11"}


@contextlib.contextmanager
def xvfb(
    width_px: int = 1280,
    height_px: int = 720,
    *,
    display: str = "",
    depth: int = 24,
    without: tuple[str, ...] = (),
    cookie_folder: str = "",
) -> Iterator[Screen]:
    """Run an Xvfb; `display` (as `:97`) chooses the number, `without` switches extensions off.

    With a `cookie_folder` it lets in only who has the cookie, in `authority` of that folder.
    """
    require("Xvfb")
    reading, writing = os.pipe()
    extensions = [word for name in without for word in ("-extension", name)]
    command = ["Xvfb", *([display] if display else []), "-displayfd", str(writing), "-noreset"]
    command += ["-screen", "0", f"{width_px}x{height_px}x{depth}", "-nolisten", "tcp", *extensions]
    if cookie_folder:
        display = display or ":99"
        authority = Path(cookie_folder) / "authority"
        authority.write_bytes(_cookie(display.removeprefix(":")))
        command = [command[0], display, *command[1:], "-auth", str(authority)]
    with child(command, pass_fds=[writing], is_hardware=True) as process:
        os.close(writing)
        try:
            number = _line_from(reading, 15.0)
        finally:
            os.close(reading)
        if not number:
            raise RuntimeError("Xvfb did not start")
        yield Screen(f":{number}", width_px, height_px, process)


def _line_from(descriptor: int, timeout_s: float) -> str:
    """Return the line that is written to a pipe, empty when none comes. The writer ends with an
    error if the pipe is closed before its line end."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], timeout_s)
        more = os.read(descriptor, 16) if ready else b""
        if not more:
            return ""
        line += more
    return line.decode().strip()


def _cookie(number: str) -> bytes:
    """Return an Xauthority entry of this machine's display `number` (Xau's file format)."""
    family_local = b"\1\0"
    parts = [socket.gethostname().encode(), number.encode(), b"MIT-MAGIC-COOKIE-1", bytes(16)]
    return family_local + b"".join(len(part).to_bytes(2, "big") + part for part in parts)
