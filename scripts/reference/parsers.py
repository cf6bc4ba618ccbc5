"""What the command line's parsers hold, as plain values."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from onetake.ui.help import examples_of, synopsis
from onetake.ui.parser import make_parser

__all__ = ["SHARED", "Argument", "Command", "Group", "command_list", "shared_groups"]

SHARED = ("configuration", "what and how", "the camera overlay")
"""Groups of flags that many commands take, told once."""


@dataclass(frozen=True)
class Argument:
    """One flag or positional argument."""

    flags: tuple[str, ...]
    """Empty for a positional argument."""
    value: str
    """Its placeholder; empty for a switch."""
    text: str


@dataclass(frozen=True)
class Group:
    """Arguments that belong together."""

    title: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Command:
    """One command."""

    name: str
    help: str
    description: str
    synopsis: str
    """`onetake record [FILE] [FLAG ...]`."""
    own: tuple[Argument, ...]
    """What no other command takes in the same way."""
    shared: tuple[str, ...]
    """Titles of the shared groups it takes."""
    examples: dict[str, str]
    """Command lines, and what each does."""


def command_list() -> list[Command]:
    """Return every command, in the order of the help."""
    subparsers = _subparsers(make_parser())
    helps = {one.dest: one.help or "" for one in subparsers._choices_actions}
    return [_command(name, helps[name], parser) for name, parser in subparsers.choices.items()]


def shared_groups() -> list[Group]:
    """Return the groups of `SHARED`, as 'record' takes them."""
    groups = {group.title: group for group in _groups(_subparsers(make_parser()).choices["record"])}
    return [groups[title] for title in SHARED]


def _subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction:
    return next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))


def _command(name: str, text: str, parser: argparse.ArgumentParser) -> Command:
    groups = _groups(parser)
    own = tuple(one for group in groups if group.title not in SHARED for one in group.arguments)
    return Command(
        name,
        text,
        parser.description or text,
        synopsis(parser),
        own,
        tuple(group.title for group in groups if group.title in SHARED),
        examples_of(parser),
    )


def _groups(parser: argparse.ArgumentParser) -> list[Group]:
    return [
        Group(group.title or "", tuple(_argument(a) for a in group._group_actions if _is_told(a)))
        for group in parser._action_groups
    ]


def _is_told(action: argparse.Action) -> bool:
    return not isinstance(action, argparse._HelpAction)


def _argument(action: argparse.Action) -> Argument:
    value = "" if action.nargs == 0 else _placeholder(action)
    if action.option_strings and action.nargs == "?":
        value = f"[{value}]"
    return Argument(tuple(action.option_strings), value, (action.help or "").replace("%%", "%"))


def _placeholder(action: argparse.Action) -> str:
    if action.metavar is None and action.choices is not None:
        return "|".join(map(str, action.choices))
    return str(action.metavar or action.dest.upper())
