"""What the pages tell people to type is something the programs understand; nothing is run."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from scripts.reference.parsers import command_list
from tests.docs.pages import HOME, PAGES, blocks, prose, spans, text_of

from onetake.control.verbs import VERBS
from onetake.errors import UsageError
from onetake.model.geometry import Overlay
from onetake.model.settings import Settings
from onetake.ui.help import examples_of
from onetake.ui.parser import make_parser

_SHELL = ("sh", "bash", "console", "")
_PROMPTS = re.compile(r"^(\$ |> )")


def typed(page: Path) -> Iterator[str]:
    """Yield the command lines of a page: those of its shell blocks, and those in its prose."""
    for language, text in blocks(page):
        if language in _SHELL:
            for line in text.replace("\\\n", " ").splitlines():
                # Lists of commands stand in columns, two blanks or more apart.
                yield from re.split(r"\s{2,}(?=onetake )", _PROMPTS.sub("", line.strip()))
    yield from re.findall(r"^ {4}((?:onetake|make|python|pytest|sh) .*)$", prose(page), re.M)
    yield from spans(page)


def words_of(line: str) -> list[list[str]]:
    """Return the words of each program a line calls: it may be a pipe, or set variables first."""
    if "…" in line or "..." in line:
        return []
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    calls: list[list[str]] = [[]]
    try:
        for word in lexer:
            if re.fullmatch(r"[|&;<>()]+", word):
                calls.append([])
            elif calls[-1] or not re.fullmatch(r"[A-Z_]+=.*", word):
                calls[-1].append(word)
    except ValueError:
        return []  # No shell would take it: a sentence with an apostrophe, not a command.
    return calls


def lines_for(program: str) -> list[tuple[str, list[str]]]:
    """Return (place, words behind the program) of every call of `program` in the pages."""
    return [
        (f"{page}: {line}", words[1:])
        for page in PAGES
        for line in typed(page)
        for words in words_of(line)
        if words and words[0] == program
    ]


def test_every_onetake_line_parses():
    """Each `onetake …` of the pages is one the parser takes, with a verb that `ctl` takes."""
    lines = lines_for("onetake")
    assert len(lines) > 50  # They are found at all.
    refused = []
    for place, words in lines:
        try:
            _understand(words)
        except UsageError as error:
            refused.append(f"{place}: {error.message}")
    assert refused == []


@pytest.mark.parametrize(
    "line",
    [*examples_of(make_parser()), *(line for one in command_list() for line in one.examples)],
)
def test_the_examples_of_the_help_parse(line):
    """They are command lines, too."""
    _understand(line.split()[1:])


@pytest.mark.parametrize(
    "words", [["recrod"], ["record", "--mic-mute"], ["ctl", "mute"], ["record", "a", "b"]]
)
def test_nonsense_is_refused(words):
    """The test above can fail."""
    with pytest.raises(UsageError):
        _understand(words)


def _understand(words: list[str]) -> None:
    if words in ([], ["--version"], ["--help"]) or words[1:] == ["--help"]:
        return
    parser, commands = _parser()
    if len(words) == 1 and words[0] in commands:
        return  # A command that is only mentioned.
    if words[0][0].isdigit():
        return  # What `onetake --version` prints.
    given = parser.parse_args(words, argparse.Namespace(words=words))
    if words[0] == "ctl":
        verb = VERBS.get(given.verb)
        if verb is None:
            raise UsageError(f"there is no 'ctl {given.verb}'")
        verb.request(given.words)


@cache
def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser and its commands; it takes no abbreviated flags, which pages do not use."""
    parser = make_parser()
    action = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for command in action.choices.values():
        command.allow_abbrev = False
    return parser, action.choices


def test_every_make_target_exists():
    """Each `make …` of the pages is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (HOME / "Makefile").read_text(), re.MULTILINE))
    unknown = [
        place
        for place, words in lines_for("make")
        for word in words
        if not word.startswith("#") and "=" not in word and word not in targets
    ]
    assert unknown == []


def test_every_script_exists():
    """Each `python FILE`, `python -m MODULE` and `pytest FILE` of the pages is there."""
    unknown = []
    for place, words in [*lines_for("python"), *lines_for("pytest"), *lines_for("sh")]:
        if words[:1] == ["-m"]:
            name = words[1]
            is_there = (HOME / (name.replace(".", "/") + ".py")).exists() or (
                importlib.util.find_spec(name.partition(".")[0]) is not None
                and importlib.util.find_spec(name) is not None
            )
        else:
            paths = [word.partition("::")[0] for word in words if re.search(r"\.(py|sh)\b", word)]
            is_there = all((HOME / path).exists() for path in paths)
        if not is_there:
            unknown.append(place)
    assert unknown == []


def test_every_flag_of_a_script_exists():
    """Each `--flag` given to a `python FILE` or `python -m MODULE` is one it has."""
    unknown = []
    flags = 0
    for place, words in lines_for("python"):
        name = "".join(words[:1])
        if name == "-m":
            name = words[1].replace(".", "/") + ".py"
        if (HOME / name).is_file():
            text = (HOME / name).read_text(encoding="utf-8")
            given = [word.partition("=")[0] for word in words if word.startswith("--")]
            unknown += [f"{place}: {flag}" for flag in given if f'"{flag}"' not in text]
            flags += len(given)
    assert flags > 15  # They are found at all.
    assert unknown == []


def test_every_environment_variable_is_read():
    """Each `ONETAKE_…` of the pages is read by something: a setting, the program or a test."""
    files = [HOME / "Makefile", *(HOME / "packaging").rglob("*.sh")]
    files += [path for room in ("src", "tests", "bench") for path in (HOME / room).rglob("*.py")]
    known = set(re.findall(r"ONETAKE_[A-Z_]*[A-Z]", "\n".join(map(_text, files))))
    known |= {f"ONETAKE_{field.upper()}" for field in Settings.__struct_fields__}
    known |= {f"ONETAKE_OVERLAY_{field.upper()}" for field in Overlay.__struct_fields__}
    named = {
        (name, str(page))
        for page in PAGES
        for name in re.findall(r"ONETAKE_[A-Z_]*[A-Z]", text_of(page))
    }
    assert {one for one in named if one[0] not in known} == set()


def test_every_named_test_exists():
    """Each `test_…` the pages name as a proof is a test, or a file of tests."""
    texts = [path.read_text(encoding="utf-8") for path in (HOME / "tests").rglob("test_*.py")]
    known = set(re.findall(r"^\s*def (test_\w+)", "\n".join(texts), re.MULTILINE))
    known |= {path.name for path in (HOME / "tests").rglob("test_*.py")}
    known |= {path.stem for path in (HOME / "tests").rglob("test_*.py")}
    named = {
        (name, str(page))
        for page in PAGES
        for span in spans(page)
        for name in re.findall(r"(?<![\w/])test_\w+(?:\.py)?", span)
    }
    assert {one for one in named if one[0] not in known} == set()


def test_every_named_file_exists():
    """Each file of the repository the pages name is there: from its top, or from src/onetake."""
    roots = [HOME, HOME / "src", HOME / "src" / "onetake", HOME / "docs", HOME / "packaging"]
    named = {
        (span, str(page))
        for page in PAGES
        for span in spans(page)
        if re.fullmatch(r"\.?[\w-]+(/[\w.-]+)+\.(py|c|h|sh|md|json|yml|txt|css|js)", span)
    }
    assert {one for one in named if not any((root / one[0]).exists() for root in roots)} == set()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
