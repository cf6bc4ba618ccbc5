"""`onetake devices`: what can be recorded here."""

from __future__ import annotations

import sys

import msgspec

from onetake.engine.recorder import Recorder
from onetake.errors import ExitCode

__all__ = ["list_devices"]


def list_devices(*, as_json: bool) -> int:
    """Print the devices and why some cannot be listed. Returns the exit code."""
    recorder = Recorder()
    devices, problems = recorder.devices(), recorder.problems()
    if as_json:
        listing = {"devices": msgspec.to_builtins(devices), "problems": problems}
        print(msgspec.json.format(msgspec.json.encode(listing), indent=2).decode())
        return ExitCode.OK
    for device in devices:
        mark = "*" if device.is_default else " "
        print(f"{mark} {device.role:<7} {device.id:<40} {device.name}  {device.format}".rstrip())
    for problem in problems:
        print(problem, file=sys.stderr)
    return ExitCode.OK
