"""Clients on all transports, sending whatever they like, end with the same truth."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.clients.transports import TRANSPORTS, Refused, transport
from tests.control.fakes import FakeRecorder

from onetake.control.controller import Controller
from onetake.model.events import ControlChanged, StateChanged

LEGAL = {
    "idle": {"starting"},
    "starting": {"recording", "stopping"},
    "recording": {"paused", "stopping"},
    "paused": {"recording", "stopping"},
    "stopping": {"finished"},
    "finished": {"starting"},
}

SETTLED_S = 5.0
"""How long a take may need to begin or end while four clients look at it one after the other."""

clients = st.sampled_from(sorted(TRANSPORTS))
roles = st.sampled_from(["mic", "system"])


class ManyClients(RuleBasedStateMachine):
    """Four clients on four transports, one recorder, and what each of them was told."""

    def __init__(self):
        super().__init__()
        self.open = contextlib.ExitStack()
        folder = self.open.enter_context(tempfile.TemporaryDirectory())
        os.environ["ONETAKE_RUNTIME_DIR"] = folder
        self.recorder = FakeRecorder()
        self.controller = Controller(self.recorder)
        self.listening = self.controller.subscribe()
        self.clients = {
            name: self.open.enter_context(transport(name, self.controller)) for name in TRANSPORTS
        }
        self.acknowledged = []
        now = self.controller.snapshot()
        self.expected = {
            "mic": [now.is_mic_muted, now.mic_gain_db],
            "system": [now.is_system_muted, now.system_gain_db],
            "camera": now.overlay.is_visible,
        }

    @rule(name=clients)
    def start(self, name):
        with contextlib.suppress(Refused):
            self.clients[name].start()

    @rule(name=clients)
    def stop(self, name):
        with contextlib.suppress(Refused):
            self.clients[name].stop()

    @rule(name=clients, role=roles, is_muted=st.booleans())
    def mute(self, name, role, is_muted):
        position_ns = self.clients[name].mute(role, is_muted)
        self.expected[role][0] = is_muted
        if position_ns:
            self.acknowledged.append((position_ns, role, is_muted))

    @rule(name=clients, role=roles, db=st.integers(-60, 20))
    def gain(self, name, role, db):
        self.clients[name].gain(role, db)
        self.expected[role][1] = db

    @rule(name=clients, is_visible=st.booleans())
    def camera(self, name, is_visible):
        self.clients[name].camera(is_visible)
        self.expected["camera"] = is_visible

    @rule(name=clients)
    def pause(self, name):
        with contextlib.suppress(Refused):
            self.clients[name].pause()

    @rule(name=clients)
    def resume(self, name):
        with contextlib.suppress(Refused):
            self.clients[name].resume()

    @rule(name=clients, label=st.text(max_size=5))
    def marker(self, name, label):
        with contextlib.suppress(Refused):
            self.clients[name].marker(label)

    @invariant()
    def all_see_the_same(self):
        until = time.monotonic() + SETTLED_S
        while True:
            seen = {name: client.seen() for name, client in self.clients.items()}
            if len({str(one) for one in seen.values()}) == 1 or time.monotonic() > until:
                break
        assert len({str(one) for one in seen.values()}) == 1, seen
        one = seen["panel"]
        for role in ("mic", "system"):
            assert one[role] == tuple(self.expected[role])
        assert one["camera"] == self.expected["camera"]

    def teardown(self):
        for client in self.clients.values():
            with contextlib.suppress(Refused):
                client.stop()
        try:
            self._check_story()
        finally:
            self.open.close()
            self.controller.close()

    def _check_story(self):
        """The states were legal, and every acknowledged position is in the take."""
        before = "idle"
        told = []
        while (event := self.listening.get(0.05)) is not None:
            if isinstance(event, StateChanged):
                assert event.state.value in LEGAL[before], (before, event.state)
                before = event.state.value
            elif isinstance(event, ControlChanged):
                told.append(event)
        assert before in ("idle", "finished")
        in_takes = [control for take in self.recorder.takes for control in take.controls]
        assert [one for one in told if one.position_ns] == in_takes
        found = [
            (one.position_ns, one.command.role.value, one.command.is_muted)
            for one in in_takes
            if hasattr(one.command, "is_muted")
        ]
        for acknowledged in self.acknowledged:
            assert acknowledged in found


@pytest.mark.slow
def test_four_clients_on_four_transports():
    """Random commands from all sides: same snapshot everywhere, legal states, true positions."""
    before = os.environ.get("ONETAKE_RUNTIME_DIR")
    settings = hypothesis.settings(
        max_examples=15,
        # Threads and sockets: what failed once need not fail again, so nothing is made smaller.
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    try:
        hypothesis.stateful.run_state_machine_as_test(ManyClients, settings=settings)
    finally:
        if before is None:
            os.environ.pop("ONETAKE_RUNTIME_DIR", None)
        else:
            os.environ["ONETAKE_RUNTIME_DIR"] = before
