"""`onetake config`: the configuration file, shown, checked and explained."""

from __future__ import annotations

import argparse
from typing import Any

from onetake.ui.help import examples
from onetake.ui.options import add_layers, add_settings, chosen, given_settings

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "config",
        help="show or check the configuration file",
        description="show: the settings as a configuration file; check: whether the file makes "
        "sense; explain: where each setting comes from; path: where the file lies.",
        epilog=examples(
            {
                "onetake config show --docs": "a whole file to begin with",
                "onetake config explain --preset lesson": "what would be used, and why",
            }
        ),
    )
    parser.add_argument(
        "what", choices=("show", "check", "explain", "path"), help="what to do, see above"
    )
    parser.add_argument("--docs", action="store_true", help="show: with each setting's meaning")
    add_layers(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    from onetake.control.config import config_path
    from onetake.control.config_text import config_text, explanation

    if arguments.what == "path":
        print(config_path())
        return 0
    resolved, config = chosen(arguments, given_settings(arguments))
    match arguments.what:
        case "check":
            print(f"{config.path or 'no configuration file'}: fine")
        case "explain":
            print(explanation(resolved), end="")
        case _:
            text = config_text(
                resolved.settings, config.keys, config.remote, has_docs=arguments.docs
            )
            print(text, end="")
    return 0
