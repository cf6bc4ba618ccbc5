"""`onetake ctl`: drive a recorder that runs."""

from __future__ import annotations

import argparse
from typing import Any

from onetake.control.verbs import VERBS
from onetake.ui.help import table
from onetake.ui.options import add_json

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ctl",
        help="drive a running recorder: ctl mute mic, ctl pause, ctl status, ctl stop",
        description="Say a command to a recorder of this user that is running.",
        epilog=table("commands:", {verb.words: verb.doc for verb in VERBS.values()}),
    )
    parser.add_argument("verb", metavar="COMMAND", help="one of the commands below")
    parser.add_argument("words", nargs="*", metavar="WORD", help="what it is about")
    parser.add_argument("--session", metavar="NAME", help="which recorder, when several run")
    add_json(parser, "print the answer as one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send the command and print the answer."""
    import msgspec

    from onetake.control.ctl import send, told

    reply = send([arguments.verb, *arguments.words], arguments.session)
    print(msgspec.json.encode(reply.result).decode() if arguments.as_json else told(reply))
    return 0
