"""Devices and the roles they play in a take."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["AUDIO_ROLES", "Device", "Role"]


class Role(StrEnum):
    """The four producers of a take."""

    SCREEN = "screen"
    SYSTEM = "system"
    MIC = "mic"
    CAMERA = "camera"


AUDIO_ROLES = (Role.SYSTEM, Role.MIC)
"""The roles that deliver sound, in mixing order."""


class Device(msgspec.Struct, frozen=True):
    """Something a role can be filled with."""

    id: str
    """Stable across restarts: `x11::0`, `pulse:NAME`, `v4l2:/dev/video0`, `synthetic:mic`."""
    name: str
    """What the user calls it."""
    role: Role
    """What it can fill."""
    is_default: bool = False
    """Whether `default` means it."""
    format: str = ""
    """What it delivers, for people: `1920x1080`, `48000 Hz, 2 channels`."""
