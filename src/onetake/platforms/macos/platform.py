"""What a Mac offers. Importing this module imports nothing of macOS: its methods do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from onetake.clock import Clock
from onetake.errors import DeviceUnavailable, OnetakeError
from onetake.model.devices import Device, Role
from onetake.model.settings import Codec, Settings
from onetake.platforms.contract import Compositor, Source, Writer

if TYPE_CHECKING:
    from onetake.platforms.callbacks.stream_hub import StreamHub
    from onetake.platforms.macos.compositor import PixelPool

__all__ = ["MacPlatform"]

_SCHEMES = {
    Role.SCREEN: ("display", "window", "app"),
    Role.SYSTEM: ("mac",),
    Role.MIC: ("coreaudio", "avf"),
    Role.CAMERA: ("avf",),
}
STAGE_UNCERTAINTY_MS = 17.0
"""One refresh at 60 Hz: whether the window server shows a picture at the refresh a display link
names or at the next is not documented, and nobody has measured it yet."""

SMALLEST_WINDOW_PT = 100
"""Windows smaller than this in any direction are tool tips and shadows, not worth listing."""


class MacPlatform:
    """`platforms.contract.Platform` for macOS 13 and later. Any thread."""

    name = "macos"
    pattern_uncertainty_ms = STAGE_UNCERTAINTY_MS

    def __init__(self) -> None:
        self._hub: StreamHub | None = None
        self._pool: PixelPool | None = None
        self._problems: list[str] = []
        self._tapless: set[str] = set()

    def devices(self) -> list[Device]:
        """List displays, windows, applications, system sound, microphones and cameras."""
        self._problems = []
        found: list[Device] = []
        for listing in (_displays, _windows, _microphones, _cameras):
            try:
                found += listing()
            except OnetakeError as error:
                self._problems.append(
                    f"{error.message}: {error.hint}" if error.hint else str(error)
                )
        return found

    def problems(self) -> list[str]:
        """Say why something could not be listed the last time `devices` was called."""
        return list(self._problems)

    def default_id(self, role: Role) -> str | None:
        """Return the id that follows the system's default device, for roles that have one."""
        following = {Role.MIC: "coreaudio:default", Role.CAMERA: "avf:default"}
        return following.get(role)

    def owns(self, device_id: str) -> bool:
        """Whether the scheme of `device_id` is one of ours."""
        scheme = device_id.partition(":")[0]
        return any(scheme in schemes for schemes in _SCHEMES.values())

    def source(self, role: Role, device_id: str, settings: Settings, clock: Clock) -> Source:
        """Make a source, not yet opened. Raises DeviceUnavailable for a scheme of another role."""
        if device_id.partition(":")[0] not in _SCHEMES[role]:
            raise DeviceUnavailable(f"{device_id} cannot be used as {role}")
        is_copied = not _is_native(settings) or settings.screen.startswith("synthetic")
        if role in (Role.SCREEN, Role.SYSTEM):
            from onetake.platforms.macos.screen import StreamSource, make_hub

            self._hub = self._hub or make_hub()
            return StreamSource(
                role, device_id, settings, clock, hub=self._hub, is_copied=is_copied
            )
        if device_id.startswith("coreaudio:"):
            from onetake.platforms.macos.microphone import microphone

            return microphone(device_id, settings, clock, tapless=self._tapless)
        from onetake.platforms.macos.capture import CaptureSource

        return CaptureSource(role, device_id, settings, clock, is_copied=is_copied)

    def compositor(self, size_px: tuple[int, int], settings: Settings) -> Compositor | None:
        """Return the GPU's compositor, or None with the portable writer."""
        if not _is_native(settings):
            return None
        from onetake.platforms.macos.compositor import GpuCompositor

        return GpuCompositor(size_px, self._pool_of(size_px))

    def writer(self, path: str, size_px: tuple[int, int], settings: Settings) -> Writer | None:
        """Return AVAssetWriter; None (the portable writer) for AV1 or an encoder chosen by name."""
        if not _is_native(settings):
            return None
        from onetake.platforms.macos.writer import AssetWriter

        return AssetWriter(path, size_px, settings, self._pool_of(size_px))

    def pattern_programs(self, start_ns: int, schedule_id: int) -> list[list[str]]:
        """Return the programs that show and play the sync pattern for the self-test; they run
        until terminated."""
        when = [str(start_ns), str(schedule_id)]
        names = ("pattern_window", "pattern_sound")
        return [[sys.executable, "-m", f"{__package__}.{name}", *when] for name in names]

    def examine(self) -> dict[str, Any]:
        """Return what only this system can say of itself, for the self-test's report."""
        from onetake.platforms.macos.selftest import environment, missing_names

        missing = missing_names()
        try:
            return {"missing_names": missing, **environment(self)}
        except (AttributeError, ImportError) as error:  # one of the missing names
            return {"missing_names": missing, "problems": [str(error)]}

    def _pool_of(self, size_px: tuple[int, int]) -> PixelPool:
        from onetake.platforms.macos.compositor import PixelPool

        if self._pool is None or self._pool.size_px != size_px:
            self._pool = PixelPool(size_px)
        return self._pool


def _is_native(settings: Settings) -> bool:
    """Whether pictures are composed and encoded by the system, and so stay on the GPU."""
    return settings.encoder == "auto" and settings.codec is not Codec.AV1


def _displays() -> list[Device]:
    """List displays and system sound; needs no permission, so nobody is asked."""
    import Quartz

    from onetake.platforms.macos.content import active_displays

    main = Quartz.CGMainDisplayID()
    numbers = sorted(active_displays(), key=lambda number: (number != main, number))
    if not numbers:
        raise DeviceUnavailable("no display is on", hint="wake it, or open the lid")
    found = [Device("mac:system", "System sound", Role.SYSTEM, is_default=True)]
    for place, number in enumerate(numbers, 1):
        size = Quartz.CGDisplayBounds(number).size
        said = f"{size.width:.0f}x{size.height:.0f} points"
        found.append(Device(f"display:{number}", f"Display {place}", Role.SCREEN, place == 1, said))
    return found


def _windows() -> list[Device]:
    """List windows and applications. Raises PermissionDenied, without asking for it."""
    import Quartz

    from onetake.platforms.macos.content import shareable
    from onetake.platforms.macos.permissions import denied

    if not Quartz.CGPreflightScreenCaptureAccess():
        raise denied("screen")
    content = shareable()
    found = []
    for window in content.windows():
        size, app = window.frame().size, window.owningApplication()
        is_small = min(size.width, size.height) < SMALLEST_WINDOW_PT
        if app is None or window.windowLayer() != 0 or is_small or not window.title():
            continue
        name = f"{app.applicationName()}: {window.title()}"
        found.append(Device(f"window:{window.windowID()}", name, Role.SCREEN))
    apps = [(app.bundleIdentifier(), app.applicationName()) for app in content.applications()]
    return found + [Device(f"app:{key}", str(name), Role.SCREEN) for key, name in apps if key]


def _microphones() -> list[Device]:
    import AVFoundation

    if hasattr(AVFoundation, "AVCaptureDeviceTypeMicrophone"):
        kind = AVFoundation.AVCaptureDeviceTypeMicrophone  # macos: 14.0
    else:
        kind = AVFoundation.AVCaptureDeviceTypeBuiltInMicrophone
    found = []
    for device, is_default in _capture_devices([kind], AVFoundation.AVMediaTypeAudio):
        uid, name = device.uniqueID(), str(device.localizedName())
        found.append(Device(f"coreaudio:{uid}", name, Role.MIC, is_default=is_default))
        found.append(Device(f"avf:{uid}", f"{name} (AVFoundation)", Role.MIC))
    return found


def _cameras() -> list[Device]:
    import AVFoundation

    kinds = [AVFoundation.AVCaptureDeviceTypeBuiltInWideAngleCamera]
    if hasattr(AVFoundation, "AVCaptureDeviceTypeExternal"):
        kinds.append(AVFoundation.AVCaptureDeviceTypeExternal)  # macos: 14.0
        kinds.append(AVFoundation.AVCaptureDeviceTypeContinuityCamera)  # macos: 14.0
    else:
        kinds.append(AVFoundation.AVCaptureDeviceTypeExternalUnknown)
    return [
        Device(
            f"avf:{device.uniqueID()}",
            str(device.localizedName()),
            Role.CAMERA,
            is_default=is_default,
        )
        for device, is_default in _capture_devices(kinds, AVFoundation.AVMediaTypeVideo)
    ]


def _capture_devices(kinds: list[Any], media_type: Any) -> list[tuple[Any, bool]]:
    import AVFoundation

    session_class = AVFoundation.AVCaptureDeviceDiscoverySession
    session = session_class.discoverySessionWithDeviceTypes_mediaType_position_(
        kinds, media_type, AVFoundation.AVCaptureDevicePositionUnspecified
    )
    default = AVFoundation.AVCaptureDevice.defaultDeviceWithMediaType_(media_type)
    default_uid = None if default is None else default.uniqueID()
    return [(device, device.uniqueID() == default_uid) for device in session.devices()]
