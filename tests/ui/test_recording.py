"""A take from the command line ends when its last word is said."""

from __future__ import annotations

import threading
import time

from tests.control.fakes import FakeRecorder

from onetake.control.config import Keys
from onetake.control.controller import Controller
from onetake.control.event_pump import EventPump
from onetake.engine.broadcast import Subscription
from onetake.model.events import StateChanged, TakeState
from onetake.model.settings import Settings
from onetake.ui import recording


def test_nothing_is_waited_for_after_the_last_word(monkeypatch, capsys):
    """Once the take has told its last state, no event is asked for again: each wait would keep
    the person at the keyboard for its whole length."""
    recorder = FakeRecorder()
    controller = Controller(recorder)
    asked = []
    real = Subscription.get

    def watched(subscription, timeout_s=None):
        event = real(subscription, timeout_s)
        if threading.current_thread() is threading.main_thread():
            asked.append(event)
        return event

    monkeypatch.setattr(Subscription, "get", watched)
    monkeypatch.setattr(recording, "LAST_EVENT_S", 60.0)
    threading.Thread(target=_stop_when_it_runs, args=(recorder,), daemon=True).start()
    finished = recording.run_take(recorder, controller, Settings(), keys=Keys(), as_json=True)
    assert finished is not None
    assert isinstance(asked[-1], StateChanged)
    assert asked[-1].state is TakeState.FINISHED
    assert '"event":"stopped"' in capsys.readouterr().out.replace(" ", "")


def _stop_when_it_runs(recorder):
    while recorder.take is None or recorder.take.snapshot().state is not TakeState.RECORDING:
        time.sleep(0.001)
    recorder.take.stop()


def has_ended(events):
    """Whether the take's last word is among them."""
    return any(
        isinstance(event, StateChanged) and event.state is TakeState.FINISHED for event in events
    )


def test_a_pump_hands_out_what_waits_and_ends():
    """What was said before the stop reaches the clients, and the thread does not linger."""
    controller = Controller(FakeRecorder())
    heard = []
    pump = EventPump(controller, "test", heard.append)
    pump.start()
    controller.start()
    controller.stop()
    until_s = time.monotonic() + 10
    while not has_ended(heard) and time.monotonic() < until_s:
        time.sleep(0.001)
    assert has_ended(heard)
    pump.stop()
    assert "test-events" not in {thread.name for thread in threading.enumerate()}
