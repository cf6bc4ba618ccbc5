"""Network cameras behind the contract. They cannot be listed: their address is their id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.platforms.network.url import is_camera_url, parse_url, without_credentials

if TYPE_CHECKING:
    from onetake.clock import Clock
    from onetake.model.settings import Settings
    from onetake.platforms.contract import Compositor, Source, Writer

__all__ = ["NetworkPlatform"]


class NetworkPlatform:
    """See `onetake.platforms.contract.Platform`."""

    name = "network"

    def devices(self) -> list[Device]:
        """Return nothing: nobody announces these cameras."""
        return []

    def problems(self) -> list[str]:
        """Return nothing: there is nothing to be listed."""
        return []

    def owns(self, device_id: str) -> bool:
        """Whether the id is the URL of a camera."""
        return is_camera_url(device_id)

    def source(self, role: Role, device_id: str, settings: Settings, clock: Clock) -> Source:
        """Make the source of a URL; nothing is opened. Raises DeviceUnavailable."""
        del settings
        shown = without_credentials(device_id)
        if role is not Role.CAMERA:
            raise DeviceUnavailable(f"'{shown}' is a camera, not a {role}")
        address = parse_url(device_id)
        from onetake.platforms.pictures import CameraSource, Pictures

        pictures: Pictures
        if address.scheme in ("rtsp", "rtsps"):
            from onetake.platforms.network.rtsp import RtspPictures

            pictures = RtspPictures(device_id, clock)
        else:
            from onetake.platforms.network.mjpeg import MjpegPictures

            pictures = MjpegPictures(device_id, clock)
        return CameraSource(Device(shown, shown, Role.CAMERA), pictures, clock)

    def compositor(self, size_px: tuple[int, int], settings: Settings) -> Compositor | None:
        """Return None: a camera brings no compositor."""
        del size_px, settings
        return None

    def writer(self, path: str, size_px: tuple[int, int], settings: Settings) -> Writer | None:
        """Return None: a camera brings no writer."""
        del path, size_px, settings
        return None
