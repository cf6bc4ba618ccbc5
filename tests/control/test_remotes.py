"""What listens, who may read the password, and what is shown on the desktop."""

from __future__ import annotations

import ast
import os
import stat
import time
from pathlib import Path

import pytest
from tests.control.fakes import FakeRecorder

from onetake.control.config import RemoteConfig
from onetake.control.controller import Controller
from onetake.control.guard import Secret
from onetake.control.notify import Notifier, notifier_command
from onetake.control.obs import password as password_module
from onetake.control.obs.password import obs_password
from onetake.control.remotes import Remotes, RemoteWish
from onetake.errors import UsageError

QUIET = RemoteConfig(notify=False, obs_port=0)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("ONETAKE_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(
        password_module, "own_password_file", lambda: tmp_path / "config" / "obs-password"
    )


def listening_ports():
    """Return (address, port) of the TCP sockets this process listens on."""
    own = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            own.add(str(descriptor.readlink()))
        except OSError:
            continue
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                found.append((address, int(port, 16)))
    return found


LOOPBACK = {"0100007F", "00000000000000000000000001000000"}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc/net")
def test_nothing_listens_that_was_not_asked_for():
    """Without a wish no TCP socket; with one, on the loopback only; afterwards none."""
    before = listening_ports()
    controller = Controller(FakeRecorder())
    with Remotes(controller, RemoteWish(session_id="one"), QUIET):
        assert listening_ports() == before
    with Remotes(controller, RemoteWish(has_panel=True, has_obs=True), QUIET) as remotes:
        new = set(listening_ports()) - set(before)
        assert {port for _, port in new} == {remotes.panel.port, remotes.obs.port}
        assert {address for address, _ in new} <= LOOPBACK
    assert set(listening_ports()) <= set(before)


def test_a_failed_opening_leaves_nothing_open(tmp_path):
    """When the last adapter cannot be opened, the first ones are closed again."""
    before = listening_ports()
    config = RemoteConfig(notify=False, obs_password_file=str(tmp_path / "missing"))
    wish = RemoteWish(session_id="one", has_panel=True, has_obs=True)
    with pytest.raises(UsageError), Remotes(Controller(FakeRecorder()), wish, config):
        pass
    assert listening_ports() == before
    assert list((tmp_path / "run").iterdir()) == []


def test_the_password_is_made_once_and_kept_private():
    """A generated password is the same next time, 0600 under any umask, and long."""
    before = os.umask(0)
    try:
        first = obs_password(environment={})
    finally:
        os.umask(before)
    assert obs_password(environment={}) == first
    assert len(first) == 20
    file = password_module.own_password_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_passwords_others_can_read_are_refused(tmp_path):
    """A loose, empty or missing file is an error with a way out; the environment goes first."""
    file = tmp_path / "password"
    file.write_text("secret\n")
    file.chmod(0o644)
    with pytest.raises(UsageError) as caught:
        obs_password(str(file), {})
    assert "chmod 600" in caught.value.hint
    file.chmod(0o600)
    assert obs_password(str(file), {}) == "secret"
    assert obs_password(str(file), {"ONETAKE_OBS_PASSWORD": "other"}) == "other"
    file.write_text("")
    with pytest.raises(UsageError):
        obs_password(str(file), {})


def test_secrets_do_not_show():
    """Neither repr nor a container's repr nor a format of the object tells the secret."""
    secret = Secret("hunter2")
    assert "hunter2" not in repr(secret)
    assert "hunter2" not in repr([secret])
    assert "hunter2" not in f"{secret!r}"


def test_secrets_are_compared_in_constant_time():
    """No `==` on what somebody sent as password or token."""
    import onetake.control.guard as guard
    import onetake.control.obs.wire as wire

    for module, names in ((guard, {"_found"}), (wire, {"is_authentic"})):
        tree = ast.parse(Path(module.__file__).read_text())
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name in names:
                calls = {ast.unparse(call.func) for call in ast.walk(function)
                         if isinstance(call, ast.Call)}  # fmt: skip
                compares = [node for node in ast.walk(function) if isinstance(node, ast.Compare)]
                assert "hmac.compare_digest" in calls
                assert not any(isinstance(op, ast.Eq) for node in compares for op in node.ops)


def test_notifications(tmp_path, monkeypatch):
    """Start, remote unmute and end are shown, with the texts as arguments."""
    shown = tmp_path / "shown"
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\necho "$*" >> {shown}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    controller = Controller(FakeRecorder())
    notifier = Notifier(controller)
    notifier.start()
    controller.start()
    controller.stop()
    notifier.stop()
    deadline = time.monotonic() + 10
    while not shown.exists() or shown.read_text().count("\n") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "take1.mp4" in shown.read_text()
    assert (
        notifier_command("a", 'b" & do shell script "x', "darwin")[-1] == 'b" & do shell script "x'
    )
