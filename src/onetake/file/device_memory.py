"""What is remembered of each device: its constant latency, found once, applied ever after.

    {"version": 1, "offset_ms": {"pulse:usb-mic": -18.5}}

A missing or damaged file is an empty memory, never an error that keeps a take from starting.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec
import platformdirs

__all__ = ["DeviceMemory", "memory_path"]


class _Remembered(msgspec.Struct):
    version: int = 1
    offset_ms: dict[str, float] = {}


def memory_path() -> Path:
    """Return where the memory lies, in the user's configuration folder."""
    return platformdirs.user_config_path("onetake", appauthor=False) / "devices.json"


class DeviceMemory:
    """The offsets by device id; read from disk at each use, so that two programs agree."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = memory_path() if path is None else path

    def offset_ms(self, device_id: str) -> float | None:
        """Return the remembered offset of a device (+ = later in the file), or None."""
        return self._read().offset_ms.get(device_id)

    def remember(self, device_id: str, offset_ms: float) -> bool:
        """Keep an offset; 0 forgets it. Returns whether it could be kept."""
        remembered = self._read()
        if offset_ms == 0:
            remembered.offset_ms.pop(device_id, None)
        else:
            remembered.offset_ms[device_id] = offset_ms
        part = self._path.with_suffix(f".{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(msgspec.json.format(msgspec.json.encode(remembered), indent=2))
            part.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            return False
        return True

    def _read(self) -> _Remembered:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Remembered)
        except (OSError, msgspec.MsgspecError):
            return _Remembered()
