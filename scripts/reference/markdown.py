"""The little Markdown the reference pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["NOTE", "anchor", "cell", "code", "page", "sentence", "table"]

NOTE = "Made from the program itself by `python -m scripts.reference`."


def page(title: str, *parts: str) -> str:
    """Return a whole page; empty parts are left out."""
    return "\n\n".join([f"# {title}", NOTE, *(part for part in parts if part)]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already; '' when it has no rows."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|", *lines])


def cell(text: str) -> str:
    """Return a sentence so that it stands in a table: capital first, no bar, no line end."""
    return sentence(" ".join(text.split())).replace("|", "\\|").replace("<", "&lt;")


def sentence(text: str) -> str:
    """Return text with a capital first, unless its first word is a name: `macOS …`, `mix = …`."""
    if re.match(r"[a-z]+( (?!=)|$)", text):
        return text[0].upper() + text[1:]
    return text


def code(text: str) -> str:
    """Return text as code that stands in a table."""
    return "`" + text.replace("|", "\\|") + "`"


def anchor(heading: str) -> str:
    """Return the anchor GitHub gives a heading of letters, digits, spaces and hyphens."""
    return heading.lower().replace(" ", "-")
