"""How `--help` reads: a short usage line, prose filled, tables and examples as they stand."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping

__all__ = ["HelpFormatter", "examples", "examples_of", "synopsis", "table"]


class HelpFormatter(argparse.HelpFormatter):
    """Fills prose; leaves a text with indented lines as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n  " in text:
            return "\n".join(indent + line for line in text.splitlines())
        return super()._fill_text(text, width, indent)


def examples(lines: Mapping[str, str]) -> str:
    """Return an epilog of command lines and what each does."""
    return table("examples:", lines)


def table(title: str, lines: Mapping[str, str]) -> str:
    """Return a title and two columns below it."""
    width = max(map(len, lines))
    return "\n".join([title, *(f"  {left:<{width}}   {right}" for left, right in lines.items())])


def examples_of(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the examples in a parser's epilog."""
    return dict(re.findall(r"^  (onetake .*?)   +(.*)$", parser.epilog or "", re.MULTILINE))


def synopsis(parser: argparse.ArgumentParser) -> str:
    """Return a command's usage without the list of its flags: `onetake record [FILE] [FLAG ...]`.

    Some commands take dozens; what they are called stands below the usage anyway.
    """
    words = [parser.prog]
    for action in parser._actions:
        if action.option_strings and action.required:
            words.append(action.option_strings[0])
        elif not action.option_strings:
            words.append(_bracketed(action))
    return " ".join([*words, "[FLAG ...]"])


def _bracketed(action: argparse.Action) -> str:
    word = str(action.metavar or "|".join(map(str, action.choices or ())) or action.dest.upper())
    return {"?": f"[{word}]", "*": f"[{word} ...]", "+": f"{word} ..."}.get(str(action.nargs), word)
