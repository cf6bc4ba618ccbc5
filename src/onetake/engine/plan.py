"""What a take will use: which device for which role, from which platform, into which file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from onetake.clock import Clock
from onetake.errors import DeviceUnavailable, UsageError
from onetake.file.device_memory import DeviceMemory
from onetake.model.devices import Role
from onetake.model.events import Warned
from onetake.model.settings import Settings
from onetake.platforms.contract import Compositor, Platform, Source, Writer
from onetake.platforms.registry import resolve, shown_id

__all__ = ["FPS_MAX", "OFFSET_FIELDS", "WANTED", "Plan", "make_plan", "memory_id"]

FPS_MAX = 240
"""Most frames a second that can be asked for; no screen shows more."""

WANTED = {
    Role.SCREEN: "screen",
    Role.SYSTEM: "system_audio",
    Role.MIC: "mic",
    Role.CAMERA: "camera",
}
"""The field of `Settings` that says what fills a role."""

OFFSET_FIELDS = {
    Role.SYSTEM: "system_offset_ms",
    Role.MIC: "mic_offset_ms",
    Role.CAMERA: "camera_offset_ms",
}
"""The field of `Settings` that holds a role's latency offset."""

Warn = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked wish: every id is known to a platform, nothing is opened yet."""

    settings: Settings
    platforms: Sequence[Platform]
    devices: dict[Role, str]
    warnings: list[Warned] = field(default_factory=list)

    @property
    def shown_devices(self) -> dict[Role, str]:
        """The devices as they may be told and written down: without the passwords of URLs."""
        return {role: shown_id(device_id) for role, device_id in self.devices.items()}

    @property
    def shown_settings(self) -> Settings:
        """The settings as they may be written down."""
        fields = {name: shown_id(getattr(self.settings, name)) for name in WANTED.values()}
        return msgspec.structs.replace(self.settings, **fields)

    def source(self, role: Role, device_id: str, clock: Clock) -> Source:
        """Make the source of a role. Raises DeviceUnavailable for an id nobody owns."""
        return self.platform_of(device_id).source(role, device_id, self.settings, clock)

    def platform_of(self, device_id: str) -> Platform:
        """Return the platform that owns a device id. Raises DeviceUnavailable when none does."""
        for platform in self.platforms:
            if platform.owns(device_id):
                return platform
        raise DeviceUnavailable(
            f"no device '{device_id}'", hint="run 'onetake devices' to see what there is"
        )

    def compositor(self, size_px: tuple[int, int]) -> Compositor:
        """Return the screen's platform's compositor, or the portable one."""
        platform = self.platform_of(self.devices[Role.SCREEN])
        own = platform.compositor(size_px, self.settings)
        if own is not None:
            return own
        from onetake.video.compositor import CpuCompositor

        return CpuCompositor(size_px)

    def writer(self, path: str, size_px: tuple[int, int], warn: Warn) -> Writer:
        """Return the screen's platform's writer, or the portable one."""
        platform = self.platform_of(self.devices[Role.SCREEN])
        own = platform.writer(path, size_px, self.settings)
        if own is not None:
            return own
        from onetake.file.mp4 import Mp4Writer

        return Mp4Writer(path, size_px=size_px, settings=self.settings, warn=warn)


def make_plan(
    settings: Settings, platforms: Sequence[Platform], memory: DeviceMemory | None = None
) -> Plan:
    """Check the settings, find every device and what is remembered of it.

    Raises UsageError, DeviceUnavailable.
    """
    _check(settings)
    devices: dict[Role, str] = {}
    warnings: list[Warned] = []
    for role, field_name in WANTED.items():
        wish = getattr(settings, field_name)
        if wish == "auto":
            wish = _wish_of_auto(role, platforms, warnings)
        device_id = resolve(role, wish, platforms)
        if device_id is not None:
            devices[role] = device_id
    if Role.SCREEN not in devices:
        raise UsageError(
            "a take needs a screen", hint="choose one of 'onetake devices' with --screen"
        )
    settings = _with_memory(settings, devices, memory or DeviceMemory(), platforms)
    return Plan(settings, platforms, devices, warnings)


def memory_id(role: Role, device_id: str, platforms: Sequence[Platform]) -> str:
    """Return the id under which a device's offset is remembered: that of the device itself, where
    `device_id` stands for whatever is the default at the time."""
    listed = [device for platform in platforms for device in platform.devices()]
    if any(device.id == device_id for device in listed):
        return device_id
    defaults = [d.id for d in listed if d.role is role and d.is_default]
    return defaults[0] if "@DEFAULT" in device_id and defaults else shown_id(device_id)


def _with_memory(
    settings: Settings,
    devices: dict[Role, str],
    memory: DeviceMemory,
    platforms: Sequence[Platform],
) -> Settings:
    """Fill the latency offsets that were not given with the devices' remembered ones."""
    remembered = {
        name: memory.offset_ms(memory_id(role, devices[role], platforms))
        for role, name in OFFSET_FIELDS.items()
        if role in devices and getattr(settings, name) is None
    }
    return msgspec.structs.replace(settings, **remembered)


def _wish_of_auto(role: Role, platforms: Sequence[Platform], warnings: list[Warned]) -> str:
    """Return `default`, or `none` with a warning on a machine that simply has no such device.

    Where devices cannot even be listed (no sound server), `default` it stays, and that is refused:
    a take that silently lacks the voice is a lost one.
    """
    is_there = any(
        device.role is role and not device.id.startswith("synthetic:")
        for platform in platforms
        for device in platform.devices()
    )
    if is_there or any(platform.problems() for platform in platforms):
        return "default"
    warnings.append(Warned("no-device", f"there is no {role}; recording without it"))
    return "none"


def _check(settings: Settings) -> None:
    if not 1 <= settings.fps <= FPS_MAX:
        raise UsageError(
            f"{settings.fps} frames a second make no sense", hint=f"choose --fps 1 to {FPS_MAX}"
        )
    if settings.duration_s is not None and settings.duration_s <= 0:
        raise UsageError(
            f"a duration of {settings.duration_s:g} s makes no sense", hint="choose more than 0"
        )
    if settings.countdown_s < 0:
        raise UsageError("a countdown cannot be negative", hint="choose 0 or more seconds")
    if settings.region is not None and min(settings.region.width_px, settings.region.height_px) < 2:
        raise UsageError(
            "the region is empty", hint="choose --region X,Y,WxH with at least 2x2 pixels"
        )
