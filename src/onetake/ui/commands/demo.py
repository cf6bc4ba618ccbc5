"""`onetake demo`: the main job on devices that exist everywhere, and its proof."""

from __future__ import annotations

import argparse
from typing import Any

from onetake.ui.options import add_json, add_settings, given_settings

__all__ = ["add"]

_SYNTHETIC = {
    "screen": "synthetic",
    "system_audio": "synthetic",
    "mic": "synthetic",
    "camera": "synthetic",
    "duration_s": 10.0,
}


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="record the built-in devices and prove the file",
        description="Record the synthetic devices, read the file again and print what is true.",
    )
    parser.add_argument(
        "file", nargs="?", default="demo.mp4", metavar="FILE", help="the file to write"
    )
    add_json(parser, "print one JSON object a line instead of words")
    add_settings(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record, then print what the finished file itself shows."""
    from onetake.control.config import Keys, resolve_settings
    from onetake.control.controller import Controller
    from onetake.engine.recorder import Recorder
    from onetake.ui.commands.check import check_file
    from onetake.ui.recording import run_take

    fields = {**_SYNTHETIC, **given_settings(arguments), "output": arguments.file}
    settings = resolve_settings(fields, environment={}).settings
    recorder = Recorder()
    controller = Controller(recorder, settings)
    finished = run_take(recorder, controller, settings, keys=Keys(), as_json=arguments.as_json)
    if finished is None:
        return 0
    return check_file(finished.path, arguments.as_json)
