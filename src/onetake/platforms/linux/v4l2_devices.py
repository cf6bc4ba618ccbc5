"""Which V4L2 cameras there are."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from onetake.model.devices import Device, Role

__all__ = ["V4L2_SCHEME", "list_cameras"]

V4L2_SCHEME = "v4l2:"

_VIDIOC_QUERYCAP = 0x80685600
_CAPABILITY_BYTES = 104
_CAPTURES = 0x00000001
"""V4L2_CAP_VIDEO_CAPTURE in `device_caps` (linux/videodev2.h)."""


def list_cameras() -> list[Device]:
    """List the V4L2 devices that capture video; the first one is the default."""
    cameras = [
        Device(f"{V4L2_SCHEME}{path}", name, Role.CAMERA, False, "")
        for path in sorted(Path("/dev").glob("video*"), key=lambda p: (len(p.name), p.name))
        if (name := _capture_name(path)) is not None
    ]
    return [
        Device(c.id, c.name, c.role, is_default=index == 0, format=c.format)
        for index, c in enumerate(cameras)
    ]


def _capture_name(path: Path) -> str | None:
    """Return the card name of a device that captures video, else None."""
    capability = bytearray(_CAPABILITY_BYTES)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.ioctl(descriptor, _VIDIOC_QUERYCAP, capability)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    device_caps = int.from_bytes(capability[88:92], "little")
    card = bytes(capability[16:48]).split(b"\0")[0].decode("utf-8", "replace")
    return (card or path.name) if device_caps & _CAPTURES else None
