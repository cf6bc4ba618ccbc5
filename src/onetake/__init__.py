"""Screen, system sound, microphone and camera into one file, in one pass, on one timeline.

Everything public is here, at most 25 names, and loaded when it is first used: `import onetake`
touches neither numpy nor FFmpeg.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from onetake._version import __version__

if TYPE_CHECKING:
    from onetake.api import Take, check, devices, record
    from onetake.engine.recorder import Recorder
    from onetake.errors import (
        DeviceUnavailable,
        DiskFull,
        EncoderUnavailable,
        InvalidRecording,
        InvalidState,
        OnetakeError,
        OutputFailed,
        PermissionDenied,
        UsageError,
    )
    from onetake.model.devices import Device, Role
    from onetake.model.events import Finished, Snapshot
    from onetake.model.geometry import Overlay, Rect
    from onetake.model.settings import Settings

__all__ = [
    "Device",
    "DeviceUnavailable",
    "DiskFull",
    "EncoderUnavailable",
    "Finished",
    "InvalidRecording",
    "InvalidState",
    "OnetakeError",
    "OutputFailed",
    "Overlay",
    "PermissionDenied",
    "Recorder",
    "Rect",
    "Role",
    "Settings",
    "Snapshot",
    "Take",
    "UsageError",
    "__version__",
    "check",
    "devices",
    "record",
]

_ROOMS = {
    "onetake.api": ("Take", "check", "devices", "record"),
    "onetake.engine.recorder": ("Recorder",),
    "onetake.errors": (
        "DeviceUnavailable",
        "DiskFull",
        "EncoderUnavailable",
        "InvalidRecording",
        "InvalidState",
        "OnetakeError",
        "OutputFailed",
        "PermissionDenied",
        "UsageError",
    ),
    "onetake.model.devices": ("Device", "Role"),
    "onetake.model.events": ("Finished", "Snapshot"),
    "onetake.model.geometry": ("Overlay", "Rect"),
    "onetake.model.settings": ("Settings",),
}


def __getattr__(name: str) -> object:
    """Load the room a public name lives in."""
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(room), name)
    raise AttributeError(f"module 'onetake' has no attribute '{name}'")
