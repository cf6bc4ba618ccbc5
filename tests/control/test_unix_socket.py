"""The control socket: for this user only, one recorder a name, and `ctl` on the other end."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys

import pytest
from tests.control.fakes import FakeRecorder

from onetake.control import ctl
from onetake.control.controller import Controller
from onetake.control.session_files import (
    SessionFile,
    forget_session,
    live_sessions,
    remember_session,
)
from onetake.control.unix_socket import MAX_CLIENTS, ControlSocket
from onetake.errors import InvalidState, OnetakeError, UsageError
from onetake.model.events import TakeState


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    path = tmp_path / "run"
    monkeypatch.setenv("ONETAKE_RUNTIME_DIR", str(path))
    return path


@pytest.fixture
def recorder(runtime):
    recorder = FakeRecorder()
    server = ControlSocket(Controller(recorder), "one")
    server.start()
    remember_session(SessionFile("one", os.getpid()))
    yield recorder
    server.stop()
    forget_session("one")


def test_ctl_drives_a_take(recorder):
    """The words of `ctl` start, mute, mark, and stop a take; the answers are told in words."""
    assert ctl.told(ctl.send(["start"])) == "recording to /videos/take1.mp4"
    assert ctl.told(ctl.send(["mute", "mic"])) == "at 0.001 s"
    assert recorder.takes[0].snapshot().is_mic_muted
    ctl.send(["hide", "camera"])
    assert not recorder.takes[0].snapshot().overlay.is_visible
    ctl.send(["gain", "system", "-6dB"])
    ctl.send(["toggle", "pause"])
    assert recorder.takes[0].snapshot().state is TakeState.PAUSED
    ctl.send(["resume"])
    ctl.send(["marker", "second", "part"])
    assert recorder.takes[0].controls[-1].command.label == "second part"
    assert "recording" in ctl.told(ctl.send(["status"]))
    assert "Second microphone" in ctl.told(ctl.send(["devices"]))
    assert ctl.told(ctl.send(["stop"])).startswith("saved /videos/take1.mp4")


def test_errors_arrive_with_their_class_and_code(recorder):
    """What the recorder raised is raised again at the other end."""
    with pytest.raises(InvalidState) as caught:
        ctl.send(["pause"])
    assert caught.value.code == "not-recording"


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["mute"], ["mute", "camera"], ["gain", "mic", "x"], ["stop", "now"]]
)
def test_words_that_mean_nothing_are_usage_errors(words):
    """A slip of the tongue is refused before anybody is called."""
    with pytest.raises(UsageError):
        ctl.send(words)


def test_every_verb_is_a_method_with_valid_parameters():
    """No verb can drift away from the method table."""
    import msgspec

    from onetake.control.methods import METHODS
    from onetake.control.verbs import VERBS

    words = {
        "mute": ["mic"], "unmute": ["mic"], "gain": ["mic", "-3"], "toggle": ["mic"],
        "switch": ["mic", "default"], "hide": ["camera"], "show": [],
    }  # fmt: skip
    for name, verb in VERBS.items():
        method, parameters = verb.request(words.get(name, []))
        msgspec.convert(parameters, METHODS[method].takes)


def test_nobody_there(runtime):
    """Without a recorder the error says what to do."""
    with pytest.raises(OnetakeError) as caught:
        ctl.send(["status"])
    assert caught.value.code == "no-session"
    with pytest.raises(OnetakeError):
        ctl.send(["status"], "other")


def test_several_recorders_need_a_name(recorder, runtime):
    """With two recorders running, `ctl` asks which."""
    other = ControlSocket(Controller(FakeRecorder()), "two")
    other.start()
    remember_session(SessionFile("two", os.getpid()))
    try:
        with pytest.raises(UsageError) as caught:
            ctl.send(["status"])
        assert caught.value.code == "several-sessions"
        ctl.send(["status"], "two")
    finally:
        other.stop()


def test_socket_and_files_are_private(recorder, runtime):
    """Folder 0700, socket and session file 0600, also under umask 0."""
    before = os.umask(0)
    try:
        server = ControlSocket(Controller(FakeRecorder()), "open")
        server.start()
        remember_session(SessionFile("open", 1))
    finally:
        os.umask(before)
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    for name in ("one.sock", "open.sock", "one.json", "open.json"):
        assert stat.S_IMODE((runtime / name).stat().st_mode) == 0o600, name
    server.stop()


def test_a_folder_that_is_not_ours_is_refused(tmp_path, monkeypatch):
    """A planted symbolic link or a loose folder is not trusted."""
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    monkeypatch.setenv("ONETAKE_RUNTIME_DIR", str(tmp_path / "link"))
    with pytest.raises(OnetakeError):
        ControlSocket(Controller(FakeRecorder()), "one")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_another_user_gets_no_answer(recorder, runtime):
    """Even with the permissions opened by hand, the peer's user id is checked."""
    for path in (runtime, *runtime.parents):
        if path.stat().st_uid == 0 and "pytest" in str(path):
            path.chmod(0o755)
    (runtime / "one.sock").chmod(0o777)
    program = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534);"
        "s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1]);"
        "sys.exit(0 if s.recv(10) == b'' else 1)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(runtime / "one.sock")], check=False, timeout=30
    )
    assert result.returncode == 0


def test_one_recorder_a_name_and_stale_sockets_do_not_matter(recorder, runtime):
    """A second recorder of the same name is refused; a socket left by a dead one is replaced."""
    with pytest.raises(InvalidState):
        ControlSocket(Controller(FakeRecorder()), "one").start()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(runtime / "dead.sock"))
    dead.close()
    server = ControlSocket(Controller(FakeRecorder()), "dead")
    server.start()
    ctl.send(["status"], "dead")
    server.stop()
    assert not (runtime / "dead.sock").exists()


def test_files_of_dead_recorders_are_removed(runtime):
    """A crashed recorder leaves no session that seems to run."""
    process = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                             capture_output=True, check=True)  # fmt: skip
    remember_session(SessionFile("gone", int(process.stdout)))
    assert live_sessions() == []
    assert not (runtime / "gone.json").exists()


def test_a_path_too_long_is_told(tmp_path, monkeypatch):
    """The limit of the system is told as a usage error with a way out."""
    monkeypatch.setenv("ONETAKE_RUNTIME_DIR", str(tmp_path / ("x" * 100)))
    with pytest.raises(UsageError) as caught:
        ControlSocket(Controller(FakeRecorder()), "one")
    assert "ONETAKE_RUNTIME_DIR" in caught.value.hint


@pytest.mark.parametrize("name", ["", "../x", "A", "x" * 65, "a/b", "a\0b", "."])
def test_session_names_are_checked(runtime, name):
    """A name is never a path."""
    with pytest.raises(UsageError):
        ControlSocket(Controller(FakeRecorder()), name)


def test_the_ninth_client_is_turned_away(recorder, runtime):
    """The number of clients is bounded; when one leaves, there is room again."""
    clients = [ctl.ControlClient("one") for _ in range(MAX_CLIENTS)]
    with pytest.raises(OnetakeError):
        ctl.ControlClient("one")
    for client in clients:
        client.close()
    for _ in range(100):
        try:
            ctl.ControlClient("one").close()
            break
        except OnetakeError:
            continue
    else:
        pytest.fail("no room after all left")


def test_events_reach_every_client_in_order(recorder):
    """Two clients see the same events, whoever caused them."""
    with ctl.ControlClient("one") as first, ctl.ControlClient("one") as second:
        for client in (first, second):
            client.call("subscribe", {"events": ["state", "control"]})
        first.call("start")
        second.call("mute", {"role": "mic", "is_muted": True})
        first.call("stop")
        seen = []
        for client in (first, second):
            events = []
            while not events or events[-1].get("state") != "finished":
                event = client.next_event(5)
                assert event is not None
                events.append(event)
            seen.append(events)
        assert seen[0] == seen[1]
        states = [event["state"] for event in seen[0] if event["event"] == "state"]
        assert states == ["starting", "recording", "stopping", "finished"]
