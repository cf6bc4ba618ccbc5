"""The native window is optional, and says so."""

from __future__ import annotations

import sys
import types

import pytest

from onetake.errors import UsageError
from onetake.ui.panel.window import open_window


class WebViewException(Exception):
    """As pywebview's."""


def fake_webview(start):
    shown = []
    return types.SimpleNamespace(
        create_window=lambda title, url, **size: shown.append(url),
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
