"""The manual page, from the same parsers and types as everything else."""

from __future__ import annotations

import re
import textwrap

from scripts.reference.commands import ENVIRONMENT, LAYERS
from scripts.reference.markdown import sentence
from scripts.reference.parsers import Argument, Command, command_list, shared_groups

from onetake._version import __version__
from onetake.control.config import Keys
from onetake.control.verbs import VERBS
from onetake.errors import ExitCode
from onetake.model.describe import field_docs, member_docs
from onetake.ui.parser import make_parser

__all__ = ["man_page"]


def man_page() -> str:
    """Return onetake(1) as roff."""
    parser = make_parser()
    parts = [
        f'.TH ONETAKE 1 "" "onetake {__version__}" "User Commands"',
        ".SH NAME",
        _prose(f"onetake \0 {_lowered(parser.description or '')}").replace("\0", "\\-"),
        ".SH SYNOPSIS",
        "\n.br\n".join(map(_synopsis, command_list())),
        ".SH DESCRIPTION",
        _prose(parser.description or ""),
        "Every command has \\fB\\-\\-help\\fR.",
        ".SH COMMANDS",
        *(_command(one) for one in command_list()),
        ".SH FLAGS OF MANY COMMANDS",
    ]
    for group in shared_groups():
        parts += [f".SS {_text(group.title.capitalize())}", *map(_argument, group.arguments)]
    parts += [*_keys(), *_configuration(), *_exit_codes(), *_examples()]
    return "\n".join(parts) + "\n"


def _lowered(text: str) -> str:
    return (text[:1].lower() + text[1:]).rstrip(".")


def _synopsis(one: Command) -> str:
    return f".B onetake {_text(one.name)}\n{_text(one.synopsis.split(one.name, 1)[1])}"


def _command(one: Command) -> str:
    description = one.description if one.description.endswith(".") else one.description + "."
    parts = [f".SS onetake {_text(one.name)}", _prose(sentence(description))]
    parts += map(_argument, one.own)
    if one.name == "ctl":
        parts += [_item(_bold(verb.words), verb.doc) for verb in VERBS.values()]
    if one.shared:
        titles = ", ".join(title.capitalize() for title in one.shared)
        parts += [".PP", _prose(f"And the flags of many commands: {titles}.")]
    return "\n".join(parts)


def _argument(one: Argument) -> str:
    value = f" \\fI{_text(one.value)}\\fR" if one.value else ""
    head = ", ".join(f"{_bold(flag)}{value}" for flag in one.flags) or value.strip()
    return _item(head, one.text)


def _keys() -> list[str]:
    rows = [
        _item(_bold(getattr(Keys(), name)), text) for name, text in field_docs(Keys).items() if text
    ]
    return [".SH KEYS", "On a terminal, while it records:", *rows]


def _configuration() -> list[str]:
    return [
        ".SH CONFIGURATION",
        _prose(
            "'onetake config path' says where the file lies, 'onetake config show --docs' prints "
            "one with every setting and its meaning."
        ),
        _prose(LAYERS.replace("`", "")),
        ".SH ENVIRONMENT",
        _prose(
            "Each setting is read from ONETAKE_ and its name in capitals, for example "
            "ONETAKE_FPS=60. Besides:"
        ),
        *(_item(_bold(name), text) for name, text in ENVIRONMENT.items()),
    ]


def _exit_codes() -> list[str]:
    texts = member_docs(ExitCode)
    return [
        ".SH EXIT STATUS",
        *(_item(_bold(str(int(one))), texts[one.name]) for one in ExitCode),
    ]


def _examples() -> list[str]:
    told = {line: text for one in command_list() for line, text in one.examples.items()}
    return [".SH EXAMPLES", *(_item(_bold(line), text) for line, text in told.items())]


def _item(head: str, text: str) -> str:
    return f".TP\n{head}\n{_prose(sentence(text))}"


def _prose(text: str) -> str:
    """Return sentences as lines of at most 78 characters, as roff likes them."""
    lines = textwrap.wrap(_text(text), 78, break_long_words=False, break_on_hyphens=False)
    return "\n".join("\\&" + line if line.startswith(".") else line for line in lines)


def _bold(text: str) -> str:
    return f"\\fB{_text(text)}\\fR"


def _text(text: str) -> str:
    """Return plain text as roff: nothing in it is a request, every character is ASCII."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", plain)
