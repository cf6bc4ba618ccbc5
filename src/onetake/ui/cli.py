"""The command line: `onetake record | demo | devices | check | …`; see `ui.commands`.

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
from onetake.ui.commands import check, control, demo, devices, doctor, record, repair, selftest

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
        arguments = _parser().parse_args(words, argparse.Namespace(words=words))
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
    for module in (record, demo, devices, doctor, selftest, check, repair, control):
        module.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
