"""`onetake obs-password`: what a remote of the obs-websocket adapter has to be told."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "obs-password",
        help="show the password of the obs-websocket adapter",
        description="Print the password that Companion, a Stream Deck or a script has to be given; "
        "it is made the first time.",
    )
    parser.add_argument("--show", action="store_true", required=True, help="print it")
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Print the password, which is made if there is none yet."""
    from onetake.control.config import load_config
    from onetake.control.obs.password import obs_password

    secret = obs_password(load_config().remote.obs_password_file)
    print("".join(secret))
    return 0
