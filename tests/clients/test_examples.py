"""The examples work as they are written: each records a take whose file is checked."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.clients.takes import assert_good
from tests.clients.tools import missing

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
ONETAKE = Path(sys.executable).parent / "onetake"

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    monkeypatch.setenv("ONETAKE_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    if not ONETAKE.exists():
        missing("the installed command 'onetake'")


def run(*command, **options):
    """Run an example; return what it said."""
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, timeout=90, check=False, **options
    )
    said = result.stdout.decode() + result.stderr.decode()
    assert result.returncode == 0, said
    return said


def check_take(file, chapter):
    """A good file with a second of muted microphone and the example's marker."""
    report = assert_good(file, 0.9)
    assert report.chapters >= 1, chapter


def test_rust_with_the_standard_library_only(tmp_path):
    """A Tauri-style parent records a whole take over stdin and stdout."""
    if shutil.which("rustc") is None:
        missing("rustc")
    program = tmp_path / "controller"
    run("rustc", "-O", "-D", "warnings", "-o", program, EXAMPLES / "rust" / "controller.rs")
    said = run(program, ONETAKE, tmp_path / "take.mp4")
    assert "muted at" in said
    check_take(tmp_path / "take.mp4", "from Rust")


def test_node_without_packages(tmp_path):
    """The same from Node."""
    if shutil.which("node") is None:
        missing("node")
    said = run("node", EXAMPLES / "node" / "controller.mjs", ONETAKE, tmp_path / "take.mp4")
    assert "saved" in said
    check_take(tmp_path / "take.mp4", "from Node")


def test_shell(tmp_path):
    """A recorder in the background, driven by `onetake ctl`."""
    run("sh", EXAMPLES / "shell" / "controller.sh", ONETAKE, tmp_path / "take.mp4")
    check_take(tmp_path / "take.mp4", "from the shell")
    deadline = time.monotonic() + 20
    while list((tmp_path / "run").glob("*.sock")):
        assert time.monotonic() < deadline, "the recorder in the background did not go"
        time.sleep(0.1)


PARENT = """
import json, subprocess, sys, time
engine = subprocess.Popen([sys.argv[1], "engine", "--stdio", "--screen", "synthetic",
    "--system-audio", "synthetic", "--mic", "synthetic"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
engine.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "start",
    "params": {"output": sys.argv[2]}}).encode() + b"\\n")
engine.stdin.flush()
for line in engine.stdout:
    if b'"id":1' in line:
        break
print(engine.pid, line.decode().strip(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="missing: /proc")
def test_kill_9_of_the_controller_finishes_the_file(tmp_path):
    """The controller dies without a word: file finished, no process, no socket left."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, ONETAKE, tmp_path / "take.mp4"], stdout=subprocess.PIPE
    )
    words = parent.stdout.readline().decode()
    pid = int(words.split()[0])
    assert '"result"' in words
    time.sleep(1.5)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while _is_running(pid):
        assert time.monotonic() < deadline, "the engine outlived its controller"
        time.sleep(0.05)
    assert_good(tmp_path / "take.mp4")
    assert not list((tmp_path / "run").glob("*.sock"))


def _is_running(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_signals_end_an_engine_in_order(tmp_path):
    """SIGTERM to the engine finishes the take; nothing of it keeps listening."""
    engine = subprocess.Popen(
        [ONETAKE, "engine", "--stdio", "--screen", "synthetic", "--mic", "synthetic",
         "--system-audio", "synthetic", "--camera", "none"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    file = str(tmp_path / "take.mp4").encode()
    engine.stdin.write(
        b'{"jsonrpc":"2.0","id":1,"method":"start","params":{"output":"%s"}}\n' % file
    )
    engine.stdin.flush()
    while b'"id":1' not in (line := engine.stdout.readline()):
        pass
    assert b'"result"' in line
    socket_path = next((tmp_path / "run").glob("*.sock"))
    time.sleep(0.7)
    engine.send_signal(signal.SIGTERM)
    engine.communicate(timeout=30)
    assert engine.returncode == 0
    assert_good(tmp_path / "take.mp4")
    with socket.socket(socket.AF_UNIX) as probe, pytest.raises(OSError, match="No such file"):
        probe.connect(str(socket_path))
