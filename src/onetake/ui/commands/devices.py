"""`onetake devices`: what can be recorded here."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from onetake.ui.options import add_json

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "devices",
        help="list screens, sounds and cameras",
        description="List what can be recorded; * marks what 'default' takes.",
    )
    add_json(parser, "print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the devices, and why some cannot be listed; returns the exit code."""
    import msgspec

    from onetake.engine.recorder import Recorder

    recorder = Recorder()
    devices, problems = recorder.devices(), recorder.problems()
    if arguments.as_json:
        listing = {"devices": msgspec.to_builtins(devices), "problems": problems}
        print(msgspec.json.format(msgspec.json.encode(listing), indent=2).decode())
        return 0
    for device in devices:
        mark = "*" if device.is_default else " "
        print(f"{mark} {device.role:<7} {device.id:<40} {device.name}  {device.format}".rstrip())
    for problem in problems:
        print(problem, file=sys.stderr)
    return 0
