"""What `onetake ctl` says for people."""

from __future__ import annotations

import msgspec
import pytest

from onetake.control.ctl import Reply, told
from onetake.model.devices import Role
from onetake.model.events import Snapshot, TakeState


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        ({Role.SCREEN: "x11::0", Role.MIC: "pulse:room"}, "mic live, 0 frames"),
        (dict.fromkeys(Role, "synthetic"), "mic live, system live, camera shown, 0 frames"),
        ({}, "mic live, system live, camera shown, 0 frames"),
    ],
    ids=["no camera", "all", "between takes"],
)
def test_status_tells_of_no_device_that_is_not_there(devices, words):
    """While a take runs, only what it has is told; between takes, what the next one starts with."""
    now = Snapshot(state=TakeState.RECORDING, devices=devices)
    assert words in told(Reply("snapshot", msgspec.to_builtins(now)))
