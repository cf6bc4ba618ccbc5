"""Who may talk to other machines or open a door: a list, so that a new one is meant."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "onetake"

NETWORK = {"socket", "ssl", "http", "urllib", "socketserver", "websockets", "ftplib", "smtplib"}

OUTWARD = {"platforms/network/http.py"}
"""To cameras whose address was given (RTSP goes through FFmpeg, in `platforms/network/rtsp.py`)."""

LOCAL = {
    "control/ctl.py",
    "control/obs/server.py",
    "control/panel_server.py",
    "control/session_files.py",
    "control/socket_client.py",
    "control/unix_socket.py",
    "control/websocket_server.py",
    "platforms/linux/x11_server.py",
    "ui/panel/window.py",
}
"""On this machine: control socket, panel, obs-websocket, X server."""


def imported(path: Path) -> set[str]:
    """Return the first names of the modules a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    # urllib.parse takes addresses apart and opens nothing.
    return {name.partition(".")[0] for name in names if name != "urllib.parse"}


def test_only_these_modules_use_a_network():
    """No telemetry, no look for updates: nothing else imports anything that could."""
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if imported(path) & NETWORK
    }
    assert found == OUTWARD | LOCAL


@pytest.mark.parametrize("name", sorted(OUTWARD | LOCAL))
def test_the_list_is_of_files_that_exist(name):
    """A renamed module leaves the list."""
    assert (SOURCE / name).is_file()
