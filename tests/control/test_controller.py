"""The controller: one order of commands, nothing lost between takes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control.fakes import FakeRecorder, drained

from onetake.control.controller import Controller, Origin
from onetake.errors import DeviceUnavailable, InvalidState, UsageError
from onetake.model.commands import Marker, Pause, Resume, SetGain, SetMute, ShowCamera, SwitchDevice
from onetake.model.devices import Role
from onetake.model.events import ControlChanged, Finished, Started, StateChanged, TakeState, Warned
from onetake.model.settings import Settings

REMOTE = Origin("a remote", is_remote=True)


def is_state(state):
    return lambda event: isinstance(event, StateChanged) and event.state is state


def test_one_take_tells_its_states_once_and_in_order():
    """A listener from before the take hears every legal state once, and the start and end."""
    recorder = FakeRecorder()
    controller = Controller(recorder)
    events = controller.subscribe()
    controller.start()
    controller.send(Pause())
    controller.send(Resume())
    controller.stop()
    told = drained(events, is_state(TakeState.FINISHED))
    states = [event.state.value for event in told if isinstance(event, StateChanged)]
    expected = "starting recording paused recording stopping finished"
    assert states == expected.split()
    assert sum(isinstance(event, Started) for event in told) == 1
    assert sum(isinstance(event, Finished) for event in told) == 1


def test_mute_between_takes_holds_for_the_next():
    """What was acknowledged between takes is in the settings the next take starts with."""
    recorder = FakeRecorder()
    controller = Controller(recorder)
    changed = controller.send(SetMute(Role.MIC, True))
    controller.send(SetGain(Role.SYSTEM, -6.0))
    controller.send(ShowCamera(False))
    controller.send(SwitchDevice(Role.MIC, "synthetic:mic2"))
    assert changed.position_ns == 0
    assert controller.snapshot().is_mic_muted
    controller.start()
    used = recorder.takes[0].settings
    assert (used.is_mic_muted, used.system_gain_db, used.mic) == (True, -6.0, "synthetic:mic2")
    assert not used.overlay.is_visible


def test_mute_in_a_take_stands_after_it():
    """A microphone muted in one take is still muted before and in the next."""
    recorder = FakeRecorder()
    controller = Controller(recorder)
    controller.start()
    controller.send(SetMute(Role.MIC, True))
    controller.stop()
    assert controller.snapshot().is_mic_muted
    assert controller.snapshot().state is TakeState.FINISHED
    controller.start()
    assert recorder.takes[1].settings.is_mic_muted


def test_mute_while_the_take_is_planned_is_in_the_take():
    """A command given between the start and the take's existence waits for the take."""
    recorder = FakeRecorder()
    recorder.hold_planning.clear()
    controller = Controller(recorder)
    with ThreadPoolExecutor() as pool:
        start = pool.submit(controller.start)
        assert recorder.is_planning.wait(5)
        mute = pool.submit(controller.send, SetMute(Role.MIC, True))
        recorder.hold_planning.set()
        start.result(10)
        assert mute.result(10).position_ns > 0
    assert recorder.takes[0].snapshot().is_mic_muted


def test_mute_before_the_first_frame_is_in_the_take():
    """A take that is starting takes commands already."""
    recorder = FakeRecorder()
    recorder.hold_first_frame.clear()
    controller = Controller(recorder)
    with ThreadPoolExecutor() as pool:
        start = pool.submit(controller.start)
        events = controller.subscribe()
        mute = pool.submit(controller.send, SetMute(Role.MIC, True))
        mute.result(10)
        recorder.hold_first_frame.set()
        start.result(10)
    assert drained(events, lambda event: isinstance(event, ControlChanged))
    assert recorder.takes[0].snapshot().is_mic_muted


def test_a_second_start_is_refused_while_one_runs_or_begins():
    """One take at a time, also while the first is still being planned."""
    recorder = FakeRecorder()
    recorder.hold_planning.clear()
    controller = Controller(recorder)
    with ThreadPoolExecutor() as pool:
        start = pool.submit(controller.start)
        assert recorder.is_planning.wait(5)
        with pytest.raises(InvalidState):
            controller.start()
        recorder.hold_planning.set()
        start.result(10)
    with pytest.raises(InvalidState):
        controller.start()


def test_a_refused_start_leaves_nothing_behind():
    """After a start that failed the controller is idle and can start again."""
    recorder = FakeRecorder()
    recorder.refusal = DeviceUnavailable("no screen")
    controller = Controller(recorder)
    with pytest.raises(DeviceUnavailable):
        controller.start()
    recorder.refusal = None
    assert controller.snapshot().state is TakeState.IDLE
    controller.start()


def test_stop_during_the_countdown_records_nothing():
    """A countdown can be stopped; no take is made, and the states stay legal."""
    recorder = FakeRecorder()
    controller = Controller(recorder)
    events = controller.subscribe()
    with ThreadPoolExecutor() as pool:
        start = pool.submit(controller.start, Settings(countdown_s=60))
        drained(events, is_state(TakeState.STARTING))
        controller.begin_stop()
        with pytest.raises(InvalidState):
            start.result(10)
    assert recorder.takes == []
    drained(events, is_state(TakeState.FINISHED))


def test_mute_during_the_countdown_is_in_the_take():
    """What is commanded while it counts down holds from the first frame."""
    recorder = FakeRecorder()
    controller = Controller(recorder)
    events = controller.subscribe()
    with ThreadPoolExecutor() as pool:
        start = pool.submit(controller.start, Settings(countdown_s=0.2))
        drained(events, is_state(TakeState.STARTING))
        controller.send(SetMute(Role.MIC, True))
        start.result(10)
    assert recorder.takes[0].settings.is_mic_muted


def test_remote_unmute_and_show_camera_are_announced():
    """Opening a sense from elsewhere is told to everybody; closing one, or opening an open one,
    is not."""
    controller = Controller(FakeRecorder())
    controller.start()
    events = controller.subscribe()
    controller.send(SetMute(Role.MIC, True), origin=REMOTE)
    controller.send(SetMute(Role.MIC, False), origin=REMOTE)
    controller.send(SetMute(Role.MIC, False), origin=REMOTE)
    controller.send(ShowCamera(False), origin=REMOTE)
    controller.send(ShowCamera(True), origin=REMOTE)
    controller.send(SetMute(Role.MIC, True))
    controller.send(SetMute(Role.MIC, False))
    controller.send(Marker("end"))
    told = drained(
        events, lambda event: isinstance(event, ControlChanged) and event.command == Marker("end")
    )
    warnings = [event.message for event in told if isinstance(event, Warned)]
    assert warnings == [
        "the microphone was unmuted by a remote",
        "the camera was shown by a remote",
    ]


def test_commands_that_need_a_take_are_refused_without_one():
    """Pause, markers and stops between takes are errors; nothing changes."""
    controller = Controller(FakeRecorder())
    for command in (Pause(), Resume(), Marker()):
        with pytest.raises(InvalidState):
            controller.send(command)
    with pytest.raises(InvalidState):
        controller.stop()
    with pytest.raises(UsageError):
        controller.send(SetGain(Role.MIC, float("nan")))
    with pytest.raises(UsageError):
        controller.send(SetMute(Role.SCREEN, True))


def test_a_running_take_keeps_its_roles():
    """A role cannot be emptied in mid-take: muting and hiding do that."""
    controller = Controller(FakeRecorder())
    controller.start()
    with pytest.raises(UsageError):
        controller.send(SwitchDevice(Role.MIC, "none"))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=4, max_size=30))
def test_many_clients_leave_one_truth(mutes):
    """However many threads send, the positions strictly order the commands and the snapshot is
    the last one's."""
    recorder = FakeRecorder()
    controller = Controller(recorder)
    controller.start()
    barrier = threading.Barrier(2)

    def client(values):
        barrier.wait()
        return [controller.send(SetMute(Role.MIC, value)) for value in values]

    with ThreadPoolExecutor() as pool:
        one, two = pool.submit(client, mutes[::2]), pool.submit(client, mutes[1::2])
        acks = sorted(one.result() + two.result(), key=lambda ack: ack.position_ns)
    assert len({ack.position_ns for ack in acks}) == len(mutes)
    assert controller.snapshot().is_mic_muted == acks[-1].command.is_muted
