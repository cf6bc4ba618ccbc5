"""What a pre-flight finds: a closed set of names, each with what to do about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Finding", "FindingId", "Status"]


class FindingId(StrEnum):
    """Everything a pre-flight can say something about. Programs may rely on these names."""

    PERMISSION_SCREEN = "permission-screen"
    PERMISSION_MICROPHONE = "permission-microphone"
    PERMISSION_CAMERA = "permission-camera"
    SCREEN = "screen"
    SYSTEM_AUDIO = "system-audio"
    MICROPHONE = "microphone"
    CAMERA = "camera"
    ENCODER = "encoder"
    FOLDER = "folder"
    DISK = "disk"
    LEFTOVERS = "leftovers"


class Status(StrEnum):
    """How serious it is."""

    OK = "ok"
    WARN = "warn"
    """A take would start, and something would be less than it should."""
    FAIL = "fail"
    """A take would not start, or would be spoilt."""
    SKIPPED = "skipped"
    """Not asked for."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    id: FindingId
    """What was looked at."""
    status: Status
    """How it is."""
    message: str
    """What was found, one line."""
    remedy: str = ""
    """What to do about it; empty when nothing is to be done."""
