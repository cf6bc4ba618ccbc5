"""The parser of the command line, from which help, manual, completion and reference come.

Quick: making it imports no NumPy and no FFmpeg.
"""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from onetake._version import __version__
from onetake.errors import UsageError
from onetake.ui.commands import (
    check,
    completion,
    config,
    ctl,
    demo,
    devices,
    doctor,
    engine,
    obs_password,
    panel,
    record,
    repair,
    schema,
    selftest,
)
from onetake.ui.help import HelpFormatter, examples, synopsis

__all__ = ["make_parser"]

_COMMANDS = (
    *(record, demo, devices, doctor, selftest, check, repair),
    *(engine, panel, obs_password, ctl, schema, config, completion),
)
"""In the order of the help: first what one uses alone, then what programs and others use."""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"formatter_class": HelpFormatter, **options})

    def format_help(self) -> str:
        """Return the help, its usage line without the flags listed below it."""
        if self._subparsers is None:
            self.usage = synopsis(self)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing the usage."""
        raise UsageError(message, hint=f"see '{self.prog} --help'")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; its namespace's `run` is the command."""
    parser = _Parser(
        prog="onetake",
        description="Record screen, system sound, microphone and camera into one file, in one "
        "pass, on one timeline.",
        epilog=examples(
            {
                "onetake doctor": "would a take go well here?",
                "onetake record lesson.mp4": "q or Ctrl-C stops",
                "onetake check lesson.mp4": "what is true of the file",
                "onetake record --help": "every flag; so it is for each command",
            }
        ),
    )
    parser.add_argument("--version", action="version", version=f"onetake {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for module in _COMMANDS:
        module.add(commands)
    return parser
