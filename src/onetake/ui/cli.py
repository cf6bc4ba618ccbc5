"""The command line: `onetake record | demo | devices | check | …`; see `ui.commands`.

Results go to stdout, words for people to stderr. Every error is one line with a hint and ends with
the exit code of its table (errors.ExitCode); with `--json` it is one object on stdout.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from onetake.errors import ExitCode, OnetakeError
from onetake.ui.parser import make_parser

__all__ = ["main"]

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Prints errors, raises none."""
    words = list(sys.argv[1:] if argv is None else argv)
    # NumPy's linear algebra would start a thread for each core, for products of a hundred numbers.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        arguments = make_parser().parse_args(words, argparse.Namespace(words=words))
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


if __name__ == "__main__":
    sys.exit(main())
