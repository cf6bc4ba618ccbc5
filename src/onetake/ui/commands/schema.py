"""`onetake schema`: what can be asked of a recorder, and what it tells, for programs."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "schema",
        help="print the JSON Schema of commands, events, settings and report",
        description="Print the JSON Schema of everything that goes between a recorder and programs "
        "that drive it: methods, commands, events, settings and report.",
    )
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Print the schema."""
    import json

    from onetake.control.schema import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
