"""The reference and the manual are what the program is: made from it, and up to date."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from scripts.reference.commands import ENVIRONMENT
from scripts.reference.pages import HOME, pages

PAGES = pages()
MAN = HOME / "packaging" / "man" / "onetake.1"


@pytest.mark.parametrize("path", PAGES)
def test_the_committed_page_is_the_one_the_program_makes(path):
    """Whoever changes a flag, a setting, a command or an event renews the pages with it.

    To do so: python -m scripts.reference
    """
    assert (HOME / path).read_text(encoding="utf-8") == PAGES[path]


def test_every_environment_variable_is_told():
    """What is read from the environment beside the settings is in the reference, and no more."""
    texts = [path.read_text() for path in (HOME / "src").rglob("*.py")]
    named = {name for text in texts for name in re.findall(r'"(ONETAKE_[A-Z_]*[A-Z])"', text)}
    assert named == set(ENVIRONMENT)


def test_no_wire_value_is_without_words():
    """Each field a client can meet has a meaning in the reference."""
    for path in ("protocol", "report"):
        lines = PAGES[f"docs/reference/{path}.md"].splitlines()
        fields = [line for line in lines if re.match(r"\| `\w+` \| .* \| *\|$", line)]
        assert fields == []


@pytest.mark.parametrize(
    "checker",
    [
        ("mandoc", "-Tlint"),
        ("groff", "-man", "-ww", "-Tutf8", "-Kutf8", "-z"),
        ("man", "--warnings", "-l", "-Tutf8"),
    ],
    ids=lambda words: words[0],
)
def test_the_manual_page_is_clean(checker):
    """The programs that show manual pages have nothing to say against it."""
    if shutil.which(checker[0]) is None:
        pytest.skip(f"there is no {checker[0]} here")
    done = subprocess.run(
        [*checker, str(MAN)], capture_output=True, text=True, timeout=60, check=False
    )
    told = (done.stdout if checker[0] == "mandoc" else "") + done.stderr
    # A page made from the program does not change with the day.
    assert [line for line in told.splitlines() if "missing date" not in line] == []


def test_the_manual_page_reads_well():
    """Shown as people see it, it holds every command, flag and exit code."""
    if shutil.which("man") is None:
        pytest.skip("there is no man here")
    done = subprocess.run(
        ["man", "-l", "-Tascii", str(MAN)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "200", "MANROFFOPT": "-c"},
    )
    shown = re.sub(".\x08", "", done.stdout)
    for words in ("onetake record [FILE]", "--mic-gain DB", "gain mic|system DB", "EXIT STATUS"):
        assert words in shown
