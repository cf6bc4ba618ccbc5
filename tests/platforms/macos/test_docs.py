"""The page about macOS says what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.platforms.macos.count_lines import code_lines, counts

HERE = Path(__file__).parent
TESTS = HERE.parents[1]
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


def test_every_trap_has_a_test_that_exists() -> None:
    """Each row of the traps names at least one test, and every test it names is there."""
    text = (DOCS / "macos.md").read_text()
    table = text[text.index("| trap |") :].split("\n\n")[0].splitlines()[2:]
    sources = "".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)", sources))
    assert len(table) > 40
    for row in table:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= there, row


def test_the_folder_can_be_read_in_one_sitting() -> None:
    """About 1,500 lines of code, and 190 more that only the self-test runs; what the page says."""
    back_end, selftest = counts()
    assert back_end <= 1510
    assert selftest <= 200
    assert "1,500 lines of code, and 190 more" in (DOCS / "macos.md").read_text()


def test_lines_are_counted_right() -> None:
    """Docstrings, comments and blank lines do not count; every line of a spread call does."""
    source = '"""Doc."""\n\nA = 1\n"""About A."""\n# why\nB = max(\n    1,\n    2,\n)\n'
    assert code_lines(source) == 5
