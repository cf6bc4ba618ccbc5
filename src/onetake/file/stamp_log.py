"""The debug log of a take's audio stamps: one JSON object a block, enough to replay a device.

    {"role": "mic", "stamp_ns": …, "arrival_ns": …, "frames": 960, "rate_hz": 48000,
     "lost_frames": 0}

`onetake.testing.clocksim` and the tests replay such logs through the device clock.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from onetake.errors import OutputFailed
from onetake.model.devices import Role
from onetake.model.media import AudioBlock

__all__ = ["StampLog", "StampRecord", "read_stamp_log"]


class StampRecord(msgspec.Struct, frozen=True):
    """One block, without its samples."""

    role: Role
    stamp_ns: int
    arrival_ns: int
    frames: int
    rate_hz: int
    lost_frames: int = 0


class StampLog:
    """Writes the log; one thread. Raises OutputFailed when the file cannot be created."""

    def __init__(self, path: str) -> None:
        try:
            self._file = Path(path).open("wb")  # noqa: SIM115  closed by `close`, at the take's end
        except OSError as error:
            raise OutputFailed(f"cannot write the stamp log '{path}': {error.strerror}") from error

    def write(self, role: Role, block: AudioBlock) -> None:
        """Log a block. A full disk costs the log, never the take."""
        record = StampRecord(
            role,
            block.stamp_ns,
            block.arrival_ns,
            len(block.samples),
            block.rate_hz,
            block.lost_frames,
        )
        try:
            self._file.write(msgspec.json.encode(record) + b"\n")
        except OSError:
            self.close()
        except ValueError:
            return  # Closed by an earlier failure.

    def close(self) -> None:
        """Finish the file."""
        try:
            self._file.close()
        except OSError:
            return  # What could be written is written; the log is only for debugging.


def read_stamp_log(path: Path) -> list[StampRecord]:
    """Read a log back. Raises OutputFailed when it cannot be read."""
    try:
        lines = path.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=StampRecord) for line in lines]
    except (OSError, msgspec.MsgspecError) as error:
        raise OutputFailed(f"cannot read the stamp log '{path}': {error}") from error
