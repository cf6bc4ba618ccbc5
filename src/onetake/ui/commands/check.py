"""`onetake check`: what is true of a recording, in words or as one object."""

from __future__ import annotations

import argparse
from typing import Any

from onetake.ui.help import examples
from onetake.ui.options import add_json

__all__ = ["add", "check_file"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="say what is true of a recording",
        description="Open any recording and report from its content: tracks, gaps, silence, and, "
        "where flash and beep are in it, how far sound and picture are apart. Ends with 0 for a "
        "good file, 5 for a degraded one, 1 for one that is broken or cannot be read.",
        epilog=examples(
            {
                "onetake check lesson.mp4": "in words",
                "onetake check lesson.mp4 --json": "every number, for programs",
            }
        ),
    )
    parser.add_argument("file", metavar="FILE", help="the recording to read")
    add_json(parser, "print one JSON object")
    parser.set_defaults(run=lambda arguments: check_file(arguments.file, arguments.as_json))


def check_file(path: str, as_json: bool) -> int:
    """Print what is true of the file at `path`; returns the exit code. Raises InvalidRecording."""
    from onetake.proof.check import check, exit_code, to_json, to_text

    report = check(path)
    print(to_json(report) if as_json else to_text(report))
    return exit_code(report)
