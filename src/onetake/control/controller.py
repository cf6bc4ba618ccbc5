"""The one command interface: everything that drives a recorder goes through here.

Command line, stdio, socket, panel and obs-websocket adapter call the same few methods and hear the
same events. A controller outlives takes: what is commanded while none runs (mute, gain, overlay,
device) holds for the next one, and what was commanded during a take stays.

Invariant: a command that was acknowledged is in the running take, or in the settings of the next
one; never lost between the two.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from onetake.control.next_settings import after, shown_with, with_controls_of
from onetake.control.permission import allowed_settings, meant_device, refuse_unlisted
from onetake.control.protocol import Toggle
from onetake.control.relay import Listening, RecorderLike, Relay, TakeLike
from onetake.engine.broadcast import Broadcaster, always
from onetake.errors import InvalidState, UsageError
from onetake.file.naming import default_folder
from onetake.model.commands import (
    Command,
    Pause,
    Resume,
    SetMute,
    ShowCamera,
    Stop,
    SwitchDevice,
)
from onetake.model.devices import Device, Role
from onetake.model.events import ControlChanged, Finished, Snapshot, Started, TakeState, Warned
from onetake.model.settings import Settings

__all__ = ["LOCAL", "Controller", "DeviceList", "Origin"]

BEGIN_WAIT_S = 5.0
"""How long a command waits for a take that is just being planned. Listing devices takes 0.1 to 1 s;
a command given in that moment belongs into the take, not beside it."""

STOP_TIMEOUT_S = 120.0
"""How long a stop may take before it is told as an error. Shorter gives up on a slow disk that
still takes the last minute of queued pictures; longer hides a dead one."""

HEAR_OUT_S = 2.0
"""How long the last words of a take are waited for; they take milliseconds. Shorter loses one on a
machine that stands still; longer keeps the user from the prompt where something is wrong."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who gives a command."""

    name: str
    """For people: `panel`, `obs-websocket`, `socket`, `keys`."""
    is_remote: bool = False
    """Whether the person at the machine may not know: their unmutes are announced."""


LOCAL = Origin("keys")
"""The person at the machine."""


class DeviceList(msgspec.Struct, frozen=True):
    """What there is to record from, and why some of it cannot be listed."""

    devices: list[Device]
    """Everything that can be recorded."""
    problems: list[str]
    """Why some of it cannot be listed, one line each."""


class Controller:
    """Drives one recorder for any number of clients. Any thread.

    `_lock` is held across `Take.send` and `Take.snapshot` only, which neither block nor call back;
    this gives all clients one order of commands. It is never held while devices are opened.

    Args:
        recorder: what is driven.
        settings: what the next take starts with, where a start says nothing else.
        folder: where takes go whose name a remote client chooses; None = the videos folder.
    """

    def __init__(
        self,
        recorder: RecorderLike,
        settings: Settings | None = None,
        *,
        folder: Path | None = None,
    ) -> None:
        self._recorder = recorder
        self.folder = default_folder() if folder is None else folder
        self._standing = Settings() if settings is None else settings
        self._lock = threading.Lock()
        self._begun = threading.Condition(self._lock)
        self._is_beginning = False
        self._is_counting_down = False
        self._relay: Relay | None = None
        self._events = Broadcaster()
        self._absorbed: TakeLike | None = None
        self._cancelled = threading.Event()

    # What is there.

    def devices(self) -> DeviceList:
        """List the devices, as they are now. May take a second."""
        return DeviceList(self._recorder.devices(), self._recorder.problems())

    @property
    def settings(self) -> Settings:
        """What the next take starts with."""
        with self._lock:
            self._absorb()
            return self._standing

    @property
    def take(self) -> TakeLike | None:
        """The take that runs, or the last one."""
        return self._recorder.take

    def snapshot(self) -> Snapshot:
        """Return everything a user interface shows; between takes, what the next one will be."""
        with self._lock:
            self._absorb()
            return self._shown(self._recorder.take)

    @property
    def is_recording(self) -> bool:
        """Whether a take runs, from its first device to its finished file."""
        take = self._recorder.take
        return take is not None and not take.is_ended

    def subscribe(self, wants_meters: Callable[[], bool] = always) -> Listening:
        """Listen to everything from now on: all takes, and what is commanded between them. Meters
        come while `wants_meters()`, which is asked on the take's threads."""
        return self._events.subscribe(wants_meters=wants_meters)

    # What can be done.

    def start(self, settings: Settings | None = None, *, origin: Origin = LOCAL) -> Started:
        """Begin a take; returns when its first frame is in.

        Args:
            settings: what to start with; None = what stands. Mutes, gains and overlay of it stand
                from now on.

        Raises UsageError, DeviceUnavailable, PermissionDenied, OutputFailed, EncoderUnavailable, or
        InvalidState when a take is running.
        """
        if settings is not None and origin.is_remote:
            settings = self._allowed(settings)
        with self._lock:
            self._refuse_second()
            self._absorb()
            wanted = self._standing if settings is None else settings
            self._standing = with_controls_of(self._standing, wanted)
            self._is_beginning, self._relay = True, None
            self._is_counting_down = wanted.countdown_s > 0
            self._cancelled.clear()
        try:
            return self._start(wanted, origin)
        finally:
            with self._lock:
                self._is_beginning = self._is_counting_down = False
                self._begun.notify_all()

    def send(
        self, command: Command, *, origin: Origin = LOCAL, at_ns: int | None = None
    ) -> ControlChanged:
        """Give a command; returns with the position at which it takes effect (0 between takes).

        Raises InvalidState or UsageError, and nothing has changed then.
        """
        if isinstance(command, SwitchDevice):
            if origin.is_remote:
                refuse_unlisted(command.device_id, self.settings, self._recorder.devices)
            if self.is_recording:
                _refuse_emptying(command)
                command = meant_device(command, self._recorder.devices())
        with self._lock:
            return self._send(command, self._running_take(), origin, at_ns)

    def toggle(self, what: Toggle, *, origin: Origin = LOCAL) -> ControlChanged:
        """Mute or unmute, show or hide, pause or resume, whichever it is not. See `send`."""
        with self._lock:
            take = self._running_take()
            return self._send(_opposite(what, self._shown(take)), take, origin, None)

    def change_settings(self, wanted: Settings, *, origin: Origin = LOCAL) -> Settings:
        """Let `wanted` stand for the next take; a running one is not touched. Raises UsageError."""
        if origin.is_remote:
            wanted = self._allowed(wanted)
        with self._lock:
            self._standing = wanted
        return wanted

    def stop(self) -> Finished | None:
        """End the take and return what became of it; None when it ended before its first frame.

        Raises InvalidState when no take runs, and what spoilt the file.
        """
        self.begin_stop()
        take = self._recorder.take
        if take is None:
            return None
        finished = take.wait(STOP_TIMEOUT_S)
        if finished is None and not take.is_ended:
            raise InvalidState("the take did not end in time", code="stop-timeout")
        return finished

    def begin_stop(self) -> ControlChanged:
        """End the take without waiting for the file. Raises InvalidState when no take runs."""
        with self._lock:
            if self._is_counting_down:
                self._cancelled.set()
                return ControlChanged(Stop(), 0)
            take = self._running_take()
            if take is not None:
                return take.send(Stop())
            raise InvalidState("no take is running", code="not-recording")

    def preview(self, max_width_px: int) -> NDArray[np.uint8] | None:
        """Return the latest picture of the take, uint8 RGB, shape (height, width, 3), and ask for
        a newer one; None while there is none. The caller owns it."""
        take = self._recorder.take
        if take is None or take.is_ended:
            return None
        take.request_preview(max_width_px)
        return take.preview()

    def latest_preview(self) -> NDArray[np.uint8] | None:
        """Return the latest picture without asking for another one. See `preview`."""
        take = self._recorder.take
        return None if take is None or take.is_ended else take.preview()

    def check_start(self) -> None:
        """Raise what a start with the present settings would raise before it opens a device."""
        with self._lock:
            self._refuse_second()
        self._recorder.plan(self.settings)

    def warn(self, code: str, message: str, hint: str = "", *, position_ns: int = 0) -> None:
        """Tell everybody something a person should know now."""
        self._events.publish(Warned(code, message, hint, position_ns))

    def close(self) -> None:
        """End the take that runs, if any, and wait for its file. Never raises for its outcome."""
        take = self._recorder.take
        self._cancelled.set()
        if take is not None and not take.is_ended:
            take.stop()
            try:
                take.wait(STOP_TIMEOUT_S)
            except Exception as error:  # noqa: BLE001  the end of the program: told, not raised
                self.warn("take-failed", str(error))

    def hear_out(self) -> None:
        """Wait until all that an ended take has said was told to everybody who listens; not for a
        take that runs."""
        take, relay = self._recorder.take, self._relay
        if relay is not None and take is not None and take.is_ended:
            relay.join(HEAR_OUT_S)

    # Starting.

    def _start(self, wanted: Settings, origin: Origin) -> Started:
        relay = Relay(self._recorder, self._recorder.take, self._events)
        if wanted.countdown_s > 0:
            self._recorder.plan(wanted)
            relay.enter(TakeState.STARTING)
            if self._cancelled.wait(wanted.countdown_s):
                relay.enter(TakeState.STOPPING)
                relay.enter(TakeState.FINISHED)
                raise InvalidState("the take was stopped before it began", code="cancelled")
        with self._lock:
            self._is_counting_down = False
            self._relay = relay
            wanted = with_controls_of(wanted, self._standing)
        relay.start()
        try:
            take = self._recorder.start(wanted)
        finally:
            relay.give_up()
            relay.is_listening.wait(BEGIN_WAIT_S)
        if _has_no_file(take):
            raise InvalidState("the take was stopped before its first frame", code="cancelled")
        if origin.is_remote:
            self.warn("remote-start", f"recording was started by {origin.name}")
        return take.started_event

    def _allowed(self, wanted: Settings) -> Settings:
        return allowed_settings(wanted, self.settings, self.folder, self._recorder.devices)

    def _refuse_second(self) -> None:
        if self._is_beginning or self.is_recording:
            raise InvalidState(
                "a take is running already", hint="stop it first", code="already-recording"
            )

    def _running_take(self) -> TakeLike | None:
        """Return the take that takes commands, waiting for one that is being planned. Under the
        lock."""
        give_up_s = time.monotonic() + BEGIN_WAIT_S
        while True:
            take = self._recorder.take
            if take is not None and not take.is_ended and self._is_heard():
                return take  # one that is stopping refuses the command in its own words
            is_planned = self._is_beginning and not self._is_counting_down
            if not is_planned or time.monotonic() > give_up_s:
                return None
            self._begun.wait(0.005)

    def _is_heard(self) -> bool:
        """Whether what the take says about a command reaches those who listen."""
        return not self._is_beginning or (
            self._relay is not None and self._relay.is_listening.is_set()
        )

    # Commands, under the lock.

    def _send(
        self, command: Command, take: TakeLike | None, origin: Origin, at_ns: int | None
    ) -> ControlChanged:
        was = _open_senses(self._shown(take))
        changed = self._send_between(command) if take is None else take.send(command, at_ns=at_ns)
        if origin.is_remote:
            for sense in sorted(_open_senses(self._shown(take)) - was):
                told = f"{sense} by {origin.name}"
                self.warn("remote-opened", told, position_ns=changed.position_ns)
        return changed

    def _shown(self, take: TakeLike | None) -> Snapshot:
        last = Snapshot() if take is None else take.snapshot()
        if take is not None and not take.is_ended:
            return last
        return shown_with(last, self._standing)

    def _send_between(self, command: Command) -> ControlChanged:
        self._absorb()
        self._standing = after(self._standing, command)
        changed = ControlChanged(command, 0)
        self._events.publish(changed)
        return changed

    def _absorb(self) -> None:
        """Let what was commanded in the take that ended stand."""
        take = self._recorder.take
        if take is None or take is self._absorbed or not take.is_ended:
            return
        self._absorbed = take
        self._standing = with_controls_of(self._standing, take.snapshot())


def _open_senses(now: Snapshot) -> set[str]:
    """Return what a person would want to be told when somebody else opens it."""
    senses = {
        "the microphone was unmuted": not now.is_mic_muted,
        "the system sound was unmuted": not now.is_system_muted,
        "the camera was shown": now.overlay.is_visible,
    }
    return {sentence for sentence, is_open in senses.items() if is_open}


def _opposite(what: Toggle, now: Snapshot) -> Command:
    match what:
        case Toggle.MIC:
            return SetMute(Role.MIC, not now.is_mic_muted)
        case Toggle.SYSTEM:
            return SetMute(Role.SYSTEM, not now.is_system_muted)
        case Toggle.CAMERA:
            return ShowCamera(not now.overlay.is_visible)
        case Toggle.PAUSE:
            return Resume() if now.state is TakeState.PAUSED else Pause()


def _has_no_file(take: TakeLike) -> bool:
    """Whether the take was stopped before its first frame."""
    last = take.snapshot()
    return take.is_ended and last.state is TakeState.FINISHED and last.frames == 0


def _refuse_emptying(command: Command) -> None:
    if isinstance(command, SwitchDevice) and command.device_id == "none":
        raise UsageError(
            f"{command.role} cannot be taken out of a running take",
            hint="mute it, or hide the camera",
        )
