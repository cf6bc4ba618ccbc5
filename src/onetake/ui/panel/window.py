"""The panel in a window of its own instead of a browser's tab.

Invariant: the window shows the same page from the same server; there is no second user interface.
However it is asked to end, the window is closed first and the caller can finish the take.
"""

from __future__ import annotations

import importlib
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from onetake.errors import UsageError

__all__ = ["open_window"]

WIDTH_PX, HEIGHT_PX = 1100, 900
"""Size of the window: the two columns of the page with everything but the messages in sight."""

_PACKAGE = "pywebview" if sys.platform == "darwin" else "pywebview[pyside6]"
"""What brings pywebview and a web view with it: a Mac has one, elsewhere Qt's is asked for."""

_OVER = b"\0"
"""What ends the waiting for signals; no signal has the number 0."""


def open_window(url: str) -> None:
    """Show the panel at `url` and return when the window is closed, by hand or by a signal to end.
    On the main thread.

    Raises UsageError where the optional package `pywebview` or a web view of the system is missing.
    """
    try:
        webview = importlib.import_module("webview")
    except ImportError as error:
        raise UsageError(
            "a window of its own needs the package pywebview",
            hint=f"'pipx inject onetake {_PACKAGE}' or 'pip install {_PACKAGE}', as onetake was "
            "installed; or use 'onetake panel' with a browser",
        ) from error
    # It logs a traceback for each toolkit it does not find; what matters is raised below.
    logging.getLogger("pywebview").setLevel(logging.CRITICAL)
    window = webview.create_window("onetake", url, width=WIDTH_PX, height=HEIGHT_PX)
    try:
        with _on_signal(window.destroy):
            webview.start(private_mode=True)
    except webview.errors.WebViewException as error:
        raise UsageError(
            f"no window can be shown here: {error}",
            hint=f"install {_PACKAGE}, or use 'onetake panel' with a browser",
        ) from error


@contextmanager
def _on_signal(end: Callable[[], None]) -> Iterator[None]:
    """Call `end`, on a thread of its own, when SIGINT, SIGTERM or SIGHUP comes.

    A window's loop runs outside Python, where handlers are not called until it ends; the byte that
    the interpreter writes for a signal comes at once.
    """
    told, tell = socket.socketpair()
    tell.setblocking(False)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def wait() -> None:
        if told.recv(1) != _OVER:
            end()

    waiting = threading.Thread(target=wait, name="window-signals", daemon=True)
    with closing(told), closing(tell):
        before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        wakeup_before = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
        waiting.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            tell.send(_OVER)
            waiting.join()
