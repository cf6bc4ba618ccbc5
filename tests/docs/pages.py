"""Every Markdown page of the repository, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

HOME = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(HOME)
    for folder in ("docs", "examples", ".github")
    for path in (HOME / folder).rglob("*.md")
    if "node_modules" not in path.parts and "target" not in path.parts
) + sorted(path.relative_to(HOME) for path in HOME.glob("*.md"))

_FENCE = re.compile(r"^( *)(```+)(.*?)$(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)


def text_of(page: Path) -> str:
    """Return a page's Markdown."""
    return (HOME / page).read_text(encoding="utf-8")


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield (language, text) of each block of code."""
    yield from blocks_of(text_of(page))


def blocks_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield (language, text) of each block of code in some Markdown."""
    for found in _FENCE.finditer(text):
        yield found[3].strip(), found[4]


def prose(page: Path) -> str:
    """Return the page without its blocks of code."""
    return _FENCE.sub("", text_of(page))


def spans(page: Path) -> list[str]:
    """Return what stands between backticks in the prose, on one line each."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(page))]


def anchors(page: Path) -> set[str]:
    """Return the anchors GitHub gives the page's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.*?)\s*$", prose(page), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        numbered, count = slug, 0
        while numbered in found:
            count += 1
            numbered = f"{slug}-{count}"
        found.add(numbered)
    return found
