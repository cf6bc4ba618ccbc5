"""A recorder without devices, with the interface of the real one, for the control room's tests.

Time is a counter: every command moves the position on by one millisecond, so that acknowledged
positions are told apart without a clock.
"""

from __future__ import annotations

import contextlib
import threading

import msgspec
import numpy as np

from onetake.engine.broadcast import Broadcaster
from onetake.errors import DeviceUnavailable, InvalidState, OutputFailed
from onetake.model.commands import (
    MoveOverlay,
    Pause,
    Resume,
    SetGain,
    SetMute,
    SetOverlay,
    ShowCamera,
    Stop,
    changed_overlay,
)
from onetake.model.devices import Device, Role
from onetake.model.events import (
    ControlChanged,
    Finished,
    Level,
    Meters,
    Snapshot,
    SourceState,
    Started,
    StateChanged,
    TakeState,
)

DEVICES = [
    Device("synthetic:screen", "Synthetic screen", Role.SCREEN, True, "640x360"),
    Device("synthetic:system", "Synthetic system sound", Role.SYSTEM, True, "48000 Hz, 2 channels"),
    Device("synthetic:mic", "Synthetic microphone", Role.MIC, True, "48000 Hz, 1 channel"),
    Device("synthetic:mic2", "Second microphone", Role.MIC, False, "48000 Hz, 1 channel"),
    Device("synthetic:camera", "Synthetic camera", Role.CAMERA, True, "320x240"),
]


class FakeTake:
    """A take that records nothing."""

    def __init__(self, settings, path="/videos/take.mp4"):
        self.settings = settings
        self._lock = threading.Lock()
        self._broadcaster = Broadcaster()
        self._ended = threading.Event()
        self.hold_end = threading.Event()
        self.hold_end.set()
        self.controls = []
        self.spoilt = None
        self.preview_requests = []
        self._snapshot = Snapshot(
            path=path,
            is_mic_muted=settings.is_mic_muted,
            is_system_muted=settings.is_system_muted,
            mic_gain_db=settings.mic_gain_db,
            system_gain_db=settings.system_gain_db,
            overlay=settings.overlay,
            sources=dict.fromkeys(Role, SourceState.LIVE),
            devices={role: f"synthetic:{role}" for role in Role},
        )

    def begin(self, started=True):
        """Go to recording, as the real take does on its own threads."""
        self._enter(TakeState.STARTING)
        if started:
            self._update(frames=1, size_bytes=1000, fps=30.0)
            self._enter(TakeState.RECORDING)
            self._broadcaster.publish(self.started_event)

    @property
    def started_event(self):
        return Started(self._snapshot.path, 5, dict(self._snapshot.devices), 640, 360)

    @property
    def is_ended(self):
        return self._ended.is_set()

    def _update(self, **fields):
        self._snapshot = msgspec.structs.replace(self._snapshot, **fields)

    def _enter(self, state):
        self._update(state=state)
        self._broadcaster.publish(StateChanged(state, self._snapshot.position_ns))

    def send(self, command, *, at_ns=None):
        with self._lock:
            return self._send(command)

    def _send(self, command):
        now = self._snapshot
        if now.state not in (TakeState.STARTING, TakeState.RECORDING, TakeState.PAUSED):
            raise InvalidState(
                f"the take is {now.state}, it takes no commands", code="not-recording"
            )
        self._update(position_ns=now.position_ns + 1_000_000)
        match command:
            case Stop():
                self._enter(TakeState.STOPPING)
                threading.Thread(target=self._finish, daemon=True).start()
                return ControlChanged(command, self._snapshot.position_ns)
            case Pause():
                if now.state is TakeState.PAUSED:
                    raise InvalidState("the take is paused already", code="already-paused")
                self._enter(TakeState.PAUSED)
            case Resume():
                if now.state is not TakeState.PAUSED:
                    raise InvalidState("the take is not paused", code="not-paused")
                self._enter(TakeState.RECORDING)
            case SetMute():
                field = "is_mic_muted" if command.role is Role.MIC else "is_system_muted"
                self._update(**{field: command.is_muted})
            case SetGain():
                field = "mic_gain_db" if command.role is Role.MIC else "system_gain_db"
                self._update(**{field: command.gain_db})
            case ShowCamera() | SetOverlay() | MoveOverlay():
                self._update(overlay=changed_overlay(now.overlay, command))
            case _:
                pass
        changed = ControlChanged(command, self._snapshot.position_ns)
        self.controls.append(changed)
        self._broadcaster.publish(changed)
        return changed

    def _finish(self):
        self.hold_end.wait(20)
        self._broadcaster.publish(
            Finished(self._snapshot.path, self._snapshot.position_ns / 1e9, 2000, "good")
        )
        self._enter(TakeState.FINISHED)
        self._ended.set()

    def meters(self):
        """Say how loud it is."""
        level = Level(-20.0, -26.0, -12.0)
        self._broadcaster.publish(
            Meters({Role.MIC: level, Role.SYSTEM: level}, self._snapshot.position_ns)
        )

    def publish(self, event):
        self._broadcaster.publish(event)

    def snapshot(self):
        return self._snapshot

    def subscribe(self, *, wants_meters):
        return self._broadcaster.subscribe(wants_meters=wants_meters)

    def stop(self):
        with contextlib.suppress(InvalidState):
            self.send(Stop())

    def wait(self, timeout_s=None):
        self._ended.wait(timeout_s)
        if not self.is_ended:
            return None
        if self.spoilt is not None:
            raise OutputFailed(self.spoilt)
        return Finished(self._snapshot.path, self._snapshot.position_ns / 1e9, 2000, "good")

    def request_preview(self, max_width_px):
        self.preview_requests.append(max_width_px)

    def preview(self):
        if not self.preview_requests:
            return None
        width = min(self.preview_requests[-1], 640) & ~1
        picture = np.zeros((width * 9 // 16 & ~1, width, 3), np.uint8)
        picture[:, : width // 2] = (200, 40, 40)
        return picture


class FakeRecorder:
    """A recorder that makes `FakeTake`s."""

    def __init__(self, devices=None):
        self._devices = DEVICES if devices is None else devices
        self.take = None
        self.takes = []
        self.refusal = None
        self.hold_planning = threading.Event()
        self.hold_planning.set()
        self.hold_first_frame = threading.Event()
        self.hold_first_frame.set()
        self.is_planning = threading.Event()

    def devices(self):
        return list(self._devices)

    def problems(self):
        return ["no camera: nothing is plugged in"]

    def plan(self, settings):
        if self.refusal is not None:
            raise self.refusal
        known = {device.id for device in self._devices} | {"default", "auto", "none", "synthetic"}
        if settings.mic not in known:
            raise DeviceUnavailable(f"no device '{settings.mic}'")

    def start(self, settings):
        self.is_planning.set()
        self.hold_planning.wait(20)
        self.plan(settings)
        take = FakeTake(settings, f"/videos/take{len(self.takes) + 1}.mp4")
        self.take = take
        self.takes.append(take)
        take.begin(started=False)
        self.hold_first_frame.wait(20)
        if take.snapshot().state is TakeState.STARTING:
            take.begin(started=True)
        else:
            take.wait(20)
        return take


def drained(subscription, until=None, timeout_s=5.0):
    """Return the events up to and including the first for which `until` holds."""
    events = []
    while True:
        event = subscription.get(timeout_s)
        if event is None:
            raise AssertionError(f"waited in vain after {events}")
        events.append(event)
        if until is None or until(event):
            return events
