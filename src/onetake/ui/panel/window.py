"""The panel in a window of its own instead of a browser's tab.

Invariant: the window shows the same page from the same server; there is no second user interface.
"""

from __future__ import annotations

import importlib

from onetake.errors import UsageError

__all__ = ["open_window"]

WIDTH_PX, HEIGHT_PX = 1100, 900
"""Size of the window: the two columns of the page with everything but the messages in sight."""


def open_window(url: str) -> None:
    """Show the panel at `url` and return when the window is closed. On the main thread.

    Raises UsageError where the optional package `pywebview` or a web view of the system is missing.
    """
    try:
        webview = importlib.import_module("webview")
    except ImportError as error:
        raise UsageError(
            "a window of its own needs the package pywebview",
            hint="install onetake[app], or use 'onetake panel' with a browser",
        ) from error
    webview.create_window("onetake", url, width=WIDTH_PX, height=HEIGHT_PX)
    try:
        webview.start(private_mode=True)
    except webview.errors.WebViewException as error:
        raise UsageError(
            f"no window can be shown here: {error}", hint="use 'onetake panel' with a browser"
        ) from error
