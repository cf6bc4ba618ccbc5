"""The synthetic platform: four devices that need no hardware, on every machine.

Invariant: all devices of one platform share the pattern's epoch, a whole second of the host clock;
so a flash and the chirps of one second belong to the same instant whoever was opened first.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.model.units import NS_PER_S
from onetake.platforms.synthetic.options import SCHEME, Options, parse_id

if TYPE_CHECKING:
    from onetake.clock import Clock
    from onetake.model.settings import Settings
    from onetake.platforms.contract import Compositor, Source, Writer

__all__ = ["SyntheticPlatform", "full_device_id"]

_NAMES = {
    Role.SCREEN: "Synthetic screen",
    Role.SYSTEM: "Synthetic system sound",
    Role.MIC: "Synthetic microphone",
    Role.CAMERA: "Synthetic camera",
}


class SyntheticPlatform:
    """A `Platform`. Any thread."""

    name = SCHEME

    def __init__(self) -> None:
        self._lock = Lock()
        self._epoch_ns: int | None = None
        self._opened_ns: dict[str, int] = {}

    def devices(self) -> list[Device]:
        """List the four devices. None is a default: nobody should record them by accident."""
        return [_describe(f"{SCHEME}:{role.value}", role, Options()) for role in Role]

    def problems(self) -> list[str]:
        """Return nothing: there is nothing that could be missing."""
        return []

    def owns(self, device_id: str) -> bool:
        """Whether the id is `synthetic`, `synthetic:...` or `synthetic?...`."""
        return device_id.partition("?")[0].partition(":")[0] == SCHEME

    def source(self, role: Role, device_id: str, settings: Settings, clock: Clock) -> Source:
        """Make a source. The bare `synthetic` (with options or without) means the role's device.

        Raises DeviceUnavailable for an unknown device or option, or another role's device.
        """
        full_id = full_device_id(role, device_id)
        from onetake.platforms.synthetic.script import DeviceScript
        from onetake.platforms.synthetic.source import SyntheticSource

        script = DeviceScript(full_id, settings)
        device = _describe(full_id, script.role, script.options)

        def times_of(now_ns: int) -> tuple[int, int]:
            with self._lock:
                if self._epoch_ns is None:
                    self._epoch_ns = now_ns - now_ns % NS_PER_S
                return self._opened_ns.setdefault(full_id, now_ns), self._epoch_ns

        return SyntheticSource(device, script, clock, times_of)

    def compositor(self, size_px: tuple[int, int], settings: Settings) -> Compositor | None:
        """Return None: the portable one does."""
        del size_px, settings
        return None

    def writer(self, path: str, size_px: tuple[int, int], settings: Settings) -> Writer | None:
        """Return None: the portable one does."""
        del path, size_px, settings
        return None


def full_device_id(role: Role, device_id: str) -> str:
    """Return the id with its device named. Raises DeviceUnavailable when it is another role's."""
    scheme, separator, query = device_id.partition("?")
    if scheme == SCHEME:
        device_id = f"{SCHEME}:{role.value}{separator}{query}"
    found, _ = parse_id(device_id)
    if found is not role:
        raise DeviceUnavailable(
            f"{device_id} is no {role.value} device", hint=f"use {SCHEME}:{role.value}"
        )
    return device_id


def _describe(device_id: str, role: Role, options: Options) -> Device:
    """Return the device with its format in words."""
    if role in {Role.SCREEN, Role.CAMERA}:
        width_px, height_px = options.size_px(role)
        words = f"{width_px}x{height_px}, {options.fps:g} fps"
    else:
        count = options.channel_count(role)
        words = f"{options.rate} Hz, {count} channel{'s' if count > 1 else ''}"
    return Device(device_id, _NAMES[role], role, format=words)
