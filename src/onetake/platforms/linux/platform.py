"""Linux: X11 screens, the PulseAudio protocol, V4L2 cameras, behind the contract."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from onetake.errors import DeviceUnavailable, OnetakeError
from onetake.model.devices import Device, Role
from onetake.platforms.linux.v4l2_devices import V4L2_SCHEME

if TYPE_CHECKING:
    from onetake.clock import Clock
    from onetake.model.settings import Settings
    from onetake.platforms.contract import Compositor, Source, Writer

__all__ = ["LinuxPlatform"]

_SCHEMES = ("x11:", "pulse:", "v4l2:")


def _list_screens() -> list[Device]:
    with _x11_imported():
        from onetake.platforms.linux.x11_devices import list_screens
    return list_screens()


def _list_sounds() -> list[Device]:
    from onetake.platforms.linux.pulse_server import list_sounds

    return list_sounds()


def _list_cameras() -> list[Device]:
    from onetake.platforms.linux.v4l2_devices import list_cameras

    return list_cameras()


@contextlib.contextmanager
def _x11_imported() -> Iterator[None]:
    """Say it in one line when X's client library is not installed (a server, a container)."""
    try:
        yield
    except (ImportError, OSError) as exc:
        raise DeviceUnavailable(
            "no screen: libxcb is not installed", hint="install libxcb1 (Debian) or libxcb"
        ) from exc


_LISTERS: tuple[Callable[[], list[Device]], ...] = (_list_screens, _list_sounds, _list_cameras)
"""One for each kind of device; they raise OnetakeError when there is none."""


class LinuxPlatform:
    """The devices of a Linux desktop. See `onetake.platforms.contract.Platform`."""

    name = "linux"

    def devices(self) -> list[Device]:
        """List screens, monitors of outputs, inputs and cameras. Never raises."""
        found: list[Device] = []
        for listed in _LISTERS:
            try:
                found += listed()
            except OnetakeError:
                continue  # `problems` says why
        return found

    def problems(self) -> list[str]:
        """Say why there is no screen, no sound or no camera, one line each."""
        problems = []
        for listed in _LISTERS:
            try:
                listed()
            except OnetakeError as exc:
                problems.append(f"{exc.message} ({exc.hint})" if exc.hint else exc.message)
        return problems

    def owns(self, device_id: str) -> bool:
        """Whether the id's scheme is one of ours."""
        return device_id.lower().startswith(_SCHEMES)

    def default_id(self, role: Role) -> str | None:
        """Return the id that follows the system's default for sound, whatever it is at the time."""
        from onetake.platforms.linux.pulse import DEFAULT_MIC_ID, DEFAULT_SYSTEM_ID

        return {Role.MIC: DEFAULT_MIC_ID, Role.SYSTEM: DEFAULT_SYSTEM_ID}.get(role)

    def source(self, role: Role, device_id: str, settings: Settings, clock: Clock) -> Source:
        """Make the source of `device_id`; nothing is opened. Raises DeviceUnavailable."""
        if device_id.startswith("x11:") and role is Role.SCREEN:
            with _x11_imported():
                from onetake.platforms.linux.x11 import ScreenSource
            return ScreenSource(_device(role, device_id), settings, clock)
        if device_id.startswith("pulse:") and role in (Role.SYSTEM, Role.MIC):
            from onetake.platforms.linux.pulse import PulseSource

            return PulseSource(_device(role, device_id), clock)
        if device_id.startswith(V4L2_SCHEME) and role is Role.CAMERA:
            from onetake.platforms.linux.v4l2 import V4l2Pictures
            from onetake.platforms.pictures import CameraSource

            pictures = V4l2Pictures(device_id.removeprefix(V4L2_SCHEME), clock)
            return CameraSource(_device(role, device_id), pictures, clock)
        raise DeviceUnavailable(
            f"'{device_id}' cannot be a {role}", hint="`onetake devices` lists what can"
        )

    def compositor(self, size_px: tuple[int, int], settings: Settings) -> Compositor | None:
        """Return None: the portable compositor serves Linux."""
        del size_px, settings
        return None

    def writer(self, path: str, size_px: tuple[int, int], settings: Settings) -> Writer | None:
        """Return None: the portable writer serves Linux."""
        del path, size_px, settings
        return None

    def pattern_programs(self, start_ns: int, schedule_id: int) -> list[list[str]]:
        """Return the programs that show and play the sync pattern for the self-test; they run
        until terminated."""
        when = [str(start_ns), str(schedule_id)]
        names = ("pattern_window", "pattern_sound")
        return [[sys.executable, "-m", f"{__package__}.{name}", *when] for name in names]


def _device(role: Role, device_id: str) -> Device:
    """Return what is known of a device before it is opened: its id."""
    return Device(device_id, device_id.partition(":")[2], role)
