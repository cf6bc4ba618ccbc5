"""How `make docs` turns this folder into a site: Sphinx, reading the same Markdown GitHub shows.

Invariant: a page that is in no part of NAVIGATION, a link or an anchor that leads nowhere, and
anything else worth a warning ends the build with an error. No network is used.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_HERE = Path(__file__).parent
_VERSION_FILE = _HERE.parent / "src" / "onetake" / "_version.py"

project = "onetake"
release = version = re.findall(r'__version__ = "(.+?)"', _VERSION_FILE.read_text())[0]
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"onetake {release}"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_use_index = False

smartquotes = False
"""Two hyphens begin a flag; they are no dash."""
nitpicky = True
myst_heading_anchors = 4
"""Headings get the anchors GitHub gives them, down to ####; links to them are checked."""

NAVIGATION = {
    "How to": ("howto/*",),
    "Reference": ("reference/*", "protocol"),
    "How it works": (
        "architecture",
        "design",
        "sync",
        "reliability",
        "performance",
        "security",
        "macos",
    ),
    "Decisions": ("decisions/*",),
    "What surprised us": ("notes/*",),
}
"""The parts of the site's menu. It stands here and not in index.md, where GitHub would show it as
text."""


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _add_navigation)
    app.connect("source-read", _link_files)


def _add_navigation(_app: Sphinx, page: str, text: list[str]) -> None:
    """Append the menu to the first page."""
    if page != "index":
        return
    for caption, pages in NAVIGATION.items():
        head = f"```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n"
        text[0] += "\n".join(["", head, *pages, "```", ""])


def _link_files(_app: Sphinx, _page: str, text: list[str]) -> None:
    """Let links to Markdown outside this folder be files of the site: they are no pages of it."""
    text[0] = re.sub(r"\]\((?=(?:\.\./)+(?:[a-z]+/)*[A-Za-z]+\.md\))", "](path:", text[0])
