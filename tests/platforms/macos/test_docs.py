"""The page about macOS says what is true."""

from __future__ import annotations

from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


def _rows() -> list[list[str]]:
    text = (DOCS / "macos.md").read_text()
    table = text[text.index("| native calls") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def test_nothing_is_marked_as_run_on_a_mac() -> None:
    """Until somebody has, neither the runner's column nor the person's claims a run."""
    rows = _rows()
    assert len(rows) > 15
    for row in rows:
        assert len(row) == 5
        assert row[3].startswith(("not yet run", "cannot", "no"))
        assert row[4] == "no"


@pytest.mark.parametrize("promise", ["has run on a Mac yet", "it has never been run", "13.0"])
def test_the_page_says_it_in_words(promise: str) -> None:
    """The first paragraph and the workflow's row say that nothing has run on a Mac."""
    assert promise in (DOCS / "macos.md").read_text()
