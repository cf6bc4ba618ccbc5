"""The engine as a child process: requests on standard input, answers on standard output.

For user interfaces in any language (Tauri, Electron, a shell script). When the parent goes, however
it goes, standard input ends: the take is stopped and its file finished, and the process exits.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import BinaryIO

from onetake.control.controller import Controller, Origin
from onetake.control.event_pump import EventPump
from onetake.control.line_conversation import LineConversation

__all__ = ["run_stdio"]

LAST_WORDS_S = 5.0
"""How long the parent may take to read the last answers before the process exits without it."""

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class _SignalledError(BaseException):
    """A signal asked for the end while standard input was being read."""


def run_stdio(controller: Controller, stdin: BinaryIO, stdout: BinaryIO) -> int:
    """Serve one client until `stdin` ends or a signal comes; returns the exit code.

    Nothing else may write to `stdout`. A take that runs is stopped and its file finished.
    """
    conversation = LineConversation(controller, Origin("the application"), stdout, "stdio")
    pump = EventPump(controller, "stdio", conversation.offer)
    conversation.start()
    pump.start()
    try:
        with _signals_end(), suppress(_SignalledError):
            conversation.converse(stdin)
    finally:
        controller.close()
        pump.stop()
        conversation.end(LAST_WORDS_S)
    return 0


@contextmanager
def _signals_end() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end the reading; only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _SignalledError

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
