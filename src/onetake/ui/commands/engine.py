"""`onetake engine`: serve the program that started us."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from onetake.ui.help import examples
from onetake.ui.options import add_layers, add_settings
from onetake.ui.remote_flags import add_remotes, tell_remotes, waiting_recorder

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "engine",
        help="serve another program over stdin and stdout",
        description="Wait for JSON-RPC requests, one object a line, and answer them; 'onetake "
        "schema' tells what can be asked. When standard input ends, a running take is stopped and "
        "its file finished.",
        epilog=examples(
            {
                "onetake engine --stdio": "for the program that started it",
                "onetake engine --stdio --obs-websocket": "a deck may drive it, too",
            }
        ),
    )
    parser.add_argument("--stdio", action="store_true", required=True, help="use stdin and stdout")
    parser.add_argument("--session", metavar="NAME", help="name for 'onetake ctl --session NAME'")
    add_remotes(parser.add_argument_group("who may drive it"))
    add_layers(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until standard input ends."""
    from onetake.control.stdio import run_stdio

    with waiting_recorder(arguments) as (controller, remotes):
        tell_remotes(remotes)
        return run_stdio(controller, sys.stdin.buffer, sys.stdout.buffer)
