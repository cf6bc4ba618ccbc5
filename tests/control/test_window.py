"""The native window is optional, and says so."""

from __future__ import annotations

import os
import signal
import sys
import threading
import types

import pytest

from onetake.errors import UsageError
from onetake.ui.panel.window import open_window


class WebViewException(Exception):
    """As pywebview's."""


def fake_webview(start):
    shown = []
    destroyed = threading.Event()

    def create_window(title, url, **size):
        shown.append(url)
        return types.SimpleNamespace(destroy=destroyed.set)

    return types.SimpleNamespace(
        create_window=create_window,
        destroyed=destroyed,
        start=start,
        errors=types.SimpleNamespace(WebViewException=WebViewException),
        shown=shown,
    )


def test_without_the_package_the_error_says_what_to_do(monkeypatch):
    """A missing package is a usage error with a way out."""
    monkeypatch.setitem(sys.modules, "webview", None)
    with pytest.raises(UsageError) as caught:
        open_window("http://127.0.0.1:1/#t=x")
    assert "onetake panel" in caught.value.hint


def test_the_window_shows_the_panel(monkeypatch):
    """The window opens the panel's address, privately; without a display the error is told."""
    webview = fake_webview(lambda private_mode: None)
    monkeypatch.setitem(sys.modules, "webview", webview)
    open_window("http://127.0.0.1:1/#t=x")
    assert webview.shown == ["http://127.0.0.1:1/#t=x"]

    def fail(private_mode):
        raise WebViewException("no display")

    monkeypatch.setitem(sys.modules, "webview", fake_webview(fail))
    with pytest.raises(UsageError, match="no display"):
        open_window("http://127.0.0.1:1/#t=x")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_closes_the_window(monkeypatch, number):
    """However the program is asked to end, the window closes and the caller goes on; afterwards
    signals do what they did."""

    def start(private_mode):
        os.kill(os.getpid(), number)
        assert webview.destroyed.wait(10)

    before = signal.getsignal(number)
    webview = fake_webview(start)
    monkeypatch.setitem(sys.modules, "webview", webview)
    open_window("http://127.0.0.1:1/#t=x")
    assert signal.getsignal(number) is before
    assert not [t for t in threading.enumerate() if t.name == "window-signals"]
