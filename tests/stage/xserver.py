"""A private X server without a monitor: Xvfb."""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Iterator
from dataclasses import dataclass
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
) -> Iterator[Screen]:
    """Run an Xvfb; `display` (as `:97`) chooses the number, `without` switches extensions off."""
    require("Xvfb")
    reading, writing = os.pipe()
    extensions = [word for name in without for word in ("-extension", name)]
    command = ["Xvfb", *([display] if display else []), "-displayfd", str(writing), "-noreset"]
    command += ["-screen", "0", f"{width_px}x{height_px}x{depth}", "-nolisten", "tcp", *extensions]
    with child(command, pass_fds=[writing]) as process:
        os.close(writing)
        try:
            ready, _, _ = select.select([reading], [], [], 15)
            number = os.read(reading, 16).decode().strip() if ready else ""
        finally:
            os.close(reading)
        if not number:
            raise RuntimeError("Xvfb did not start")
        yield Screen(f":{number}", width_px, height_px, process)
