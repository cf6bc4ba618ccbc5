"""The Python interface: a take as a context, its sources as objects.

    with onetake.record("lesson.mp4", mic="default", camera="default") as take:
        take.mic.mute()
        take.camera.hide()
        take.system.gain_db = -6
    print(take.result.path)

All methods may be called from any thread. Positions are seconds in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import msgspec

from onetake.control.config import settings_of
from onetake.engine.recorder import Recorder
from onetake.engine.take import Take as EngineTake
from onetake.errors import UsageError
from onetake.model.commands import (
    Command,
    Marker,
    MoveOverlay,
    Pause,
    Resume,
    SetGain,
    SetMute,
    ShowCamera,
    Split,
    SwitchDevice,
)
from onetake.model.devices import Device, Role
from onetake.model.events import Event, Finished, Snapshot, StateChanged, TakeState
from onetake.model.units import NS_PER_S

if TYPE_CHECKING:
    from onetake.proof.results import CheckReport

__all__ = ["AudioControl", "CameraControl", "Take", "check", "devices", "record"]


class AudioControl:
    """The microphone or the system sound of a running take."""

    def __init__(self, take: Take, role: Role) -> None:
        self._take = take
        self._role = role

    def mute(self) -> float:
        """Silence it, from this instant on; returns the position in seconds."""
        return self._take.send(SetMute(self._role, is_muted=True))

    def unmute(self) -> float:
        """Let it be heard again; returns the position in seconds."""
        return self._take.send(SetMute(self._role, is_muted=False))

    @property
    def is_muted(self) -> bool:
        """Whether it is muted."""
        now = self._take.snapshot()
        return now.is_mic_muted if self._role is Role.MIC else now.is_system_muted

    @property
    def gain_db(self) -> float:
        """Its gain in dB, -100 to 26; setting it takes effect at this instant."""
        now = self._take.snapshot()
        return now.mic_gain_db if self._role is Role.MIC else now.system_gain_db

    @gain_db.setter
    def gain_db(self, gain_db: float) -> None:
        self._take.send(SetGain(self._role, float(gain_db)))


class CameraControl:
    """The camera picture of a running take."""

    def __init__(self, take: Take) -> None:
        self._take = take

    def hide(self) -> float:
        """Leave the camera out, from this instant on; returns the position in seconds."""
        return self._take.send(ShowCamera(is_visible=False))

    def show(self) -> float:
        """Draw the camera again; returns the position in seconds."""
        return self._take.send(ShowCamera(is_visible=True))

    def move(self, **changes: Any) -> float:
        """Change fields of the overlay (model.geometry.Overlay): `move(anchor="top-left")`.

        Returns the position in seconds. Raises UsageError for a field or value that cannot be.
        """
        try:
            return self._take.send(msgspec.convert(changes, MoveOverlay))
        except msgspec.ValidationError as error:
            raise UsageError(str(error)) from error

    @property
    def is_visible(self) -> bool:
        """Whether the camera is drawn, if there is one."""
        return self._take.snapshot().overlay.is_visible


class Take:
    """A running take; leaving its context stops it and finishes the file."""

    def __init__(self, engine_take: EngineTake) -> None:
        self._engine_take = engine_take
        self._result: Finished | None = None
        self.mic = AudioControl(self, Role.MIC)
        self.system = AudioControl(self, Role.SYSTEM)
        self.camera = CameraControl(self)

    def pause(self) -> float:
        """Leave out everything until `resume`; returns the position in seconds."""
        return self.send(Pause())

    def resume(self) -> float:
        """Go on; returns the position in seconds."""
        return self.send(Resume())

    def mark(self, label: str = "") -> float:
        """Put a chapter mark here; returns its position in seconds."""
        return self.send(Marker(label))

    def split(self) -> float:
        """Go on in a new file, without losing a frame or a sample; returns where, in seconds."""
        return self.send(Split())

    def switch(self, role: Role | str, device_id: str) -> float:
        """Fill a role with another device from here on: `switch("mic", "default")`.

        Returns the position in seconds. Raises UsageError for a role or device there is not.
        """
        try:
            return self.send(SwitchDevice(Role(role), device_id))
        except ValueError as error:
            raise UsageError(
                f"there is no role '{role}'", hint=f"choose one of {', '.join(Role)}"
            ) from error

    def send(self, command: Command) -> float:
        """Give any command of `onetake.model.commands`; returns its position in seconds.

        Raises InvalidState or UsageError, and nothing has changed then.
        """
        return self._engine_take.send(command).position_ns / NS_PER_S

    def snapshot(self) -> Snapshot:
        """Return everything there is to show, at this instant."""
        return self._engine_take.snapshot()

    def events(self) -> Iterator[Event]:
        """Yield everything that happens (`onetake.model.events`), from the beginning of the take
        until it is over; waits in between.

        Any number of listeners, each on a thread of its own. Who reads slowly loses meters first
        and never holds up the take.
        """
        with self._engine_take.subscribe(from_start=True) as told:
            while (event := told.get()) is not None:
                yield event
                match event:
                    case StateChanged(state=TakeState.FINISHED | TakeState.FAILED):
                        return

    def wait(self, timeout_s: float | None = None) -> Finished | None:
        """Wait for the take to end by itself (a duration); None when it still runs."""
        self._result = self._engine_take.wait(timeout_s)
        return self._result

    def stop(self) -> Finished:
        """Stop, finish the file, read it again, and say what became of it.

        Raises OutputFailed or DiskFull when the file is spoilt.
        """
        self._engine_take.stop()
        finished = self._engine_take.wait()
        assert finished is not None
        self._result = finished
        return finished

    @property
    def result(self) -> Finished:
        """What became of the take. Raises RuntimeError while it runs."""
        if self._result is None:
            raise RuntimeError("the take is still running; stop it first")
        return self._result

    def __enter__(self) -> Take:
        return self

    def __exit__(self, *_: object) -> None:
        if self._result is None:
            self.stop()


def record(file: str | PathLike[str] = "", **settings: Any) -> Take:
    """Begin a take; returns when its first frame is in.

    Args:
        file: the file to write; '' = a dated name in your videos folder.
        settings: any field of `onetake.Settings`, by name.

    Raises UsageError, DeviceUnavailable, PermissionDenied, OutputFailed; no file is left then.
    """
    return Take(Recorder().start(settings_of({**settings, "output": fspath(file)})))


def check(file: str | PathLike[str]) -> CheckReport:
    """Read a recording, this program's or another's, and say what is true of it.

    The verdict, each finding and all measured facts: `onetake.proof.results.CheckReport`. Raises
    InvalidRecording when there is no such file or it cannot be opened as a recording.
    """
    from onetake.proof.check import check as check_content

    return check_content(fspath(file))


def devices() -> list[Device]:
    """List what can be recorded here."""
    return Recorder().devices()
