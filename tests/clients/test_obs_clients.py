"""Remotes people own, unmodified from their registries, record whole takes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.clients.takes import Engine, assert_good
from tests.clients.tools import node_with, python_with

from onetake.control.guard import Secret
from onetake.control.obs.server import ObsServer
from onetake.model.commands import SetMute
from onetake.model.events import ControlChanged, Started

PROGRAMS = Path(__file__).parent / "programs"
PASSWORD = "a password for the test"
STATES = ["STARTING", "STARTED", "STOPPING", "STOPPED"]
MUTES = ["Microphone True", "Microphone False"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """A Python with the clients in it."""
    folder = tmp_path_factory.mktemp("clients") / "python"
    return python_with(folder, "obsws-python", "simpleobsws", "obsws-cli")


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """A folder in which Node finds the client."""
    return node_with(tmp_path_factory.mktemp("clients") / "node", "obs-websocket-js")


@pytest.fixture
def engine(tmp_path):
    engine = Engine(tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def server(engine):
    server = ObsServer(engine.controller, 0, Secret(PASSWORD))
    server.start()
    yield server
    server.stop()


def run(*command, cwd=None):
    """Run a client's program and return what it printed."""
    result = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, timeout=90, check=False
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def states(seen):
    prefix = "OBS_WEBSOCKET_OUTPUT_"
    return [one.removeprefix(prefix) for one in seen if one.startswith(prefix)]


def check_take(engine, told, least_muted_s=0.9):
    """Check the file, and that what was acknowledged is in it."""
    report = assert_good(told["path"], least_muted_s)
    mutes = [
        event.position_ns / 1e9
        for event in engine.events()
        if isinstance(event, ControlChanged) and isinstance(event.command, SetMute)
    ]
    found = [edge for span in report.muted for edge in (span.start_s, span.end_s)]
    assert found == pytest.approx(mutes, abs=1e-6)


def test_obsws_python(python, engine, server):
    """obsws-python: JSON without subprotocol, integer ids, callbacks, a screenshot, a pause."""
    told = json.loads(run(python, PROGRAMS / "take_obsws_python.py", server.port, PASSWORD))
    assert states(told["seen"]) == [
        "STARTING",
        "STARTED",
        "PAUSED",
        "RESUMED",
        "STOPPING",
        "STOPPED",
    ]
    assert [one for one in told["seen"] if one.startswith("Micro")] == MUTES
    assert told["paused"] is True
    assert told["volume"] == -6
    assert told["shot"] == "data:image/jpg;b"
    assert told["inputs"][:2] == ["Microphone", "System Audio"]
    check_take(engine, told)


def test_simpleobsws(python, engine, server):
    """simpleobsws: MessagePack, a batch, unknown requests told as such."""
    told = json.loads(run(python, PROGRAMS / "take_simpleobsws.py", server.port, PASSWORD))
    assert states(told["seen"]) == STATES
    assert [one for one in told["seen"] if one.startswith("Micro")] == MUTES
    assert told["codes"] == [100, 100, 204]
    check_take(engine, told)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_obs_websocket_js(node, engine, server, encoding):
    """obs-websocket-js: both encodings, a wrong password surfaced, meters 20 times a second."""
    program = node / "take.mjs"
    program.write_bytes((PROGRAMS / "take_obs_websocket_js.mjs").read_bytes())
    told = json.loads(run("node", program, server.port, PASSWORD, encoding, cwd=node))
    assert states(told["seen"]) == STATES
    mutes = [one.title() for one in told["seen"] if one.startswith("Micro")]
    assert mutes == MUTES
    assert told["refused"] == "4009 Authentication failed."
    assert told["batch"] == [100, 100]
    assert told["meters"] > 30
    check_take(engine, told)
    assert assert_good(told["path"]).chapters >= 1


def test_obsws_cli(python, engine, server):
    """obsws-cli: a process for each command, tables for people."""
    cli = [python.parent / "obsws-cli", "--host", "127.0.0.1", "--port", server.port,
           "--password", PASSWORD]  # fmt: skip
    run(*cli, "record", "start")
    while not isinstance(engine.listening.get(10), Started):
        assert engine.controller.is_recording
    assert "Microphone" in run(*cli, "input", "list")
    run(*cli, "input", "mute", "Microphone")
    assert engine.controller.snapshot().is_mic_muted
    run(*cli, "input", "toggle", "Microphone")
    assert not engine.controller.snapshot().is_mic_muted
    run(*cli, "sceneitem", "hide", "Recording", "Camera")
    assert not engine.controller.snapshot().overlay.is_visible
    assert "Camera" in run(*cli, "sceneitem", "list", "Recording")
    assert run(*cli, "record", "status")
    run(*cli, "record", "stop")
    finished = engine.controller.take.wait(30)
    assert_good(finished.path)
