"""The command line: `onetake record | demo | devices | check | …`.

Results go to stdout, words for people to stderr. Every error is one line with a hint and ends with
the exit code of its table (errors.ExitCode); with `--json` it is one object on stdout.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from onetake._version import __version__
from onetake.errors import ExitCode, OnetakeError, UsageError
from onetake.ui.options import add_settings

__all__ = ["main"]

Command = Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing the usage."""
        raise UsageError(message, hint=f"see '{self.prog} --help'")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Prints errors, raises none."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parser().parse_args(words)
        command: Command = arguments.run
        return command(arguments)
    except OnetakeError as error:
        _tell(error, as_json="--json" in words)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.OK
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        sys.stderr.close()
        return ExitCode.FAILURE
    except Exception as error:
        # Top of the main thread: a person gets a line, not a traceback.
        if os.environ.get("ONETAKE_DEBUG"):
            raise
        _tell(_unexpected(error), as_json="--json" in words)
        return ExitCode.FAILURE


def _unexpected(error: Exception) -> OnetakeError:
    return OnetakeError(
        f"something unexpected happened: {type(error).__name__}: {error}",
        hint="this is a fault of onetake; set ONETAKE_DEBUG=1 to see where, and report it",
    )


def _tell(error: OnetakeError, *, as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps({"error": error.to_dict()}, ensure_ascii=False), flush=True)
        return
    hint = f" ({error.hint})" if error.hint else ""
    print(f"onetake: {error.message}{hint}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="onetake",
        description="Record screen, system sound, microphone and camera into one file, in one "
        "pass, on one timeline.",
    )
    parser.add_argument("--version", action="version", version=f"onetake {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    _add_record(commands)
    _add_demo(commands)
    _add_devices(commands)
    _add_check(commands)
    return parser


_Commands = argparse._SubParsersAction


def _add_record(commands: _Commands[_Parser]) -> None:
    record = commands.add_parser(
        "record",
        help="record until stopped",
        description="Record until q, Ctrl-C or --duration. Keys on a terminal: m mute microphone, "
        "s mute system sound, c hide camera, p pause, k marker, q stop.",
    )
    record.add_argument("file", nargs="?", default="", metavar="FILE", help="the file to write")
    _add_json(record, "print one JSON object a line instead of words")
    add_settings(record)
    record.set_defaults(run=_record)


def _add_demo(commands: _Commands[_Parser]) -> None:
    demo = commands.add_parser(
        "demo",
        help="record the built-in devices and prove the file",
        description="Record the synthetic devices, read the file again and print what is true.",
    )
    demo.add_argument("file", nargs="?", default="demo.mp4", metavar="FILE")
    _add_json(demo, "print one JSON object a line instead of words")
    add_settings(demo)
    demo.set_defaults(run=_demo)


def _add_devices(commands: _Commands[_Parser]) -> None:
    devices = commands.add_parser(
        "devices", help="list screens, sounds and cameras", description="List the devices."
    )
    _add_json(devices, "print one JSON object")
    devices.set_defaults(run=_devices)


def _add_check(commands: _Commands[_Parser]) -> None:
    check = commands.add_parser(
        "check",
        help="say what is true of a recording",
        description="Open any recording and report from its content: tracks, gaps, silence, and "
        "where flash and beep are in it, how far sound and picture are apart.",
    )
    check.add_argument("file", metavar="FILE", help="the recording to read")
    _add_json(check, "print one JSON object")
    check.set_defaults(run=_check)


def _add_json(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--json", action="store_true", dest="as_json", help=text)


def _record(arguments: argparse.Namespace) -> int:
    from onetake.ui.choose import chosen_settings
    from onetake.ui.options import given_settings
    from onetake.ui.record import record

    fields = given_settings(arguments)
    if arguments.file:
        fields["output"] = arguments.file
    return record(chosen_settings(fields), as_json=arguments.as_json)


def _demo(arguments: argparse.Namespace) -> int:
    from onetake.ui.choose import chosen_settings
    from onetake.ui.demo import demo
    from onetake.ui.options import given_settings

    fields = {**given_settings(arguments), "output": arguments.file}
    return demo(chosen_settings, fields, as_json=arguments.as_json)


def _devices(arguments: argparse.Namespace) -> int:
    from onetake.ui.devices import list_devices

    return list_devices(as_json=arguments.as_json)


def _check(arguments: argparse.Namespace) -> int:
    from onetake.ui.check import check_file

    return check_file(arguments.file, as_json=arguments.as_json)


if __name__ == "__main__":
    sys.exit(main())
