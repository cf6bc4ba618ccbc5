"""`onetake completion`: what a shell needs to complete onetake's words, made from the parser."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["SHELLS", "add", "script"]

SHELLS = ("bash", "zsh", "fish")

_FILES = ("FILE", "OUTPUT")
"""Placeholders that stand for a file."""


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "completion",
        help="print what completes commands and flags in a shell",
        description="Print the completion of a shell, to be kept where the shell looks for it: "
        "~/.local/share/bash-completion/completions/onetake, a file _onetake in a folder of "
        "zsh's fpath, or ~/.config/fish/completions/onetake.fish.",
    )
    parser.add_argument("shell", choices=SHELLS, help="for which shell")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the script; returns the exit code."""
    print(script(arguments.shell), end="")
    return 0


def script(shell: str) -> str:
    """Return the completion script of one of `SHELLS`."""
    import shtab

    from onetake.ui.parser import make_parser

    parser = make_parser()
    _prepare(parser)
    text: str = shtab.complete(parser, shell)
    return text


def _prepare(parser: argparse.ArgumentParser) -> None:
    """Say what shtab cannot know: which arguments are files, which words `ctl` takes."""
    import shtab

    from onetake.control.verbs import VERBS

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {one.dest: one.help for one in action._choices_actions}
            for name, command in action.choices.items():
                command.description = helps.get(name)  # One line beside each name, not a paragraph.
                _prepare(command)
        elif action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest == "verb":
            action.choices = list(VERBS)
