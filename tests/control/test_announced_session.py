"""Recorders in the background: found while they run, gone when they end, errors handed over."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from onetake.control import ctl
from onetake.control.announced_session import launch_detached
from onetake.control.session_files import live_sessions
from onetake.errors import InvalidState, OnetakeError, OutputFailed

RECORDER = """
import signal, sys
from tests.control.fakes import FakeRecorder
from onetake.control.controller import Controller
from onetake.control.announced_session import AnnouncedSession
controller = Controller(FakeRecorder())
with AnnouncedSession(controller, "back"):
    controller.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pause()
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("ONETAKE_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    return tmp_path / "run"


def test_a_detached_recorder_is_found_and_driven(runtime):
    """The launch returns when it records; `ctl` reaches it; at the end nothing is left."""
    session = launch_detached([sys.executable, "-c", RECORDER], "back")
    try:
        assert session.path == "/videos/take1.mp4"
        assert [one.id for one in live_sessions()] == ["back"]
        assert os.getsid(session.pid) == session.pid
        assert ctl.send(["mute", "mic"]).result["position_ns"] > 0
        with pytest.raises(InvalidState):
            launch_detached([sys.executable, "-c", RECORDER], "back")
        ctl.send(["stop"])
    finally:
        os.kill(session.pid, signal.SIGTERM)
        os.waitpid(session.pid, 0)
    assert live_sessions() == []
    assert {path.name for path in runtime.iterdir()} == {"back.log"}


def test_what_a_recorder_says_before_it_ends_is_raised():
    """An error object of `--json` becomes that error; other last words are told as they are."""
    said = 'print(\'{"error":{"code":"no-screen","message":"there is no screen","hint":"x"}}\')'
    with pytest.raises(OnetakeError) as caught:
        launch_detached([sys.executable, "-c", said], "back")
    assert (caught.value.code, caught.value.message) == ("no-screen", "there is no screen")
    with pytest.raises(OnetakeError) as caught:
        launch_detached([sys.executable, "-c", "raise SystemExit('ouch')"], "back")
    assert "ouch" in caught.value.message


def test_a_recorder_that_never_begins_is_ended():
    """A launch that gives up leaves no process behind."""
    with pytest.raises(OutputFailed):
        launch_detached(
            [sys.executable, "-c", "import time; time.sleep(60)"], "back", timeout_s=0.3
        )
