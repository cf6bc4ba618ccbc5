"""Single keys from a terminal, without Enter, restored whatever happens.

Keys are read in cbreak mode, so Ctrl-C still is a signal. `TerminalKeys` is used by one thread.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from typing import Any, TextIO

__all__ = ["TerminalKeys"]


class TerminalKeys:
    """A context in which `poll` returns the keys that were pressed."""

    def __init__(self, terminal: TextIO | None = None) -> None:
        self._terminal = sys.stdin if terminal is None else terminal
        self._before: list[Any] | None = None

    @property
    def is_usable(self) -> bool:
        """Whether there is a terminal to read keys from."""
        return self._terminal.isatty()

    def __enter__(self) -> TerminalKeys:
        if self.is_usable:
            descriptor = self._terminal.fileno()
            self._before = termios.tcgetattr(descriptor)
            tty.setcbreak(descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            termios.tcsetattr(self._terminal.fileno(), termios.TCSADRAIN, self._before)
            self._before = None

    def poll(self, timeout_s: float) -> str:
        """Return the next key, or '' after `timeout_s` seconds without one."""
        if self._before is None:
            return ""
        ready, _, _ = select.select([self._terminal], [], [], timeout_s)
        if not ready:
            return ""
        return os.read(self._terminal.fileno(), 1).decode("ascii", "ignore")
