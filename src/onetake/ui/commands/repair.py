"""`onetake repair`: make an interrupted recording an ordinary file."""

from __future__ import annotations

import argparse
from typing import Any

from onetake.ui.options import add_json

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "repair",
        help="make an interrupted recording an ordinary file",
        description="Copy what is sound of an interrupted recording into a new, ordinary MP4, "
        "without encoding again, and write its report from the journal. The original stays.",
    )
    parser.add_argument("file", metavar="FILE", help="the interrupted recording")
    parser.add_argument(
        "output", nargs="?", metavar="OUTPUT", help="the new file; left out = a name beside it"
    )
    add_json(parser, "print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Repair the file and say what came of it."""
    import json
    from pathlib import Path

    from onetake.proof.repair import repair

    output = Path(arguments.output) if arguments.output else None
    done = repair(Path(arguments.file), output)
    if arguments.as_json:
        facts = {
            "path": str(done.path),
            "was_needed": done.was_needed,
            "duration_s": done.duration_s,
            "frames": done.frames,
            "lost_bytes": done.lost_bytes,
            "report": str(done.report) if done.report else None,
            "notes": done.notes,
        }
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    if not done.was_needed:
        print(f"{done.path} needs no repair")
        return 0
    print(f"repaired: {done.path} ({done.duration_s:.1f} s, {done.frames} frames)")
    for note in done.notes:
        print(f"  {note}")
    return 0
