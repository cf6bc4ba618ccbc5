"""Completion works in the shells themselves: each is asked what it would complete."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from onetake.control.verbs import VERBS
from onetake.ui.commands.completion import SHELLS, script

BASH = r"""
source onetake.bash
complete_line() { read -ra COMP_WORDS <<< "$1"; [[ $1 == *" " ]] && COMP_WORDS+=("")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$1; COMP_POINT=${#1}; COMPREPLY=()
  function=$(complete -p onetake | sed 's/.*-F \([^ ]*\).*/\1/')
  "$function" onetake "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  printf '%s\n' "${COMPREPLY[@]}" ---; }
for line; do complete_line "$line"; done
"""

FISH = "source onetake.fish; for line in $argv; complete -C $line; echo ---; end"

LINES = [
    ("onetake rec", {"record"}),
    ("onetake ctl ", set(VERBS)),
    ("onetake record --qual", {"--quality"}),
    ("onetake record --quality ", {"small", "standard", "high"}),
    ("onetake completion ", set(SHELLS)),
    ("onetake check tak", {"take.mp4"}),
]
"""What is typed, and everything the shell must offer."""


@pytest.fixture
def folder(tmp_path):
    """A folder with a recording and the three scripts."""
    (tmp_path / "take.mp4").touch()
    for shell in SHELLS:
        (tmp_path / f"onetake.{shell}").write_text(script(shell))
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "_onetake").write_text(script("zsh"))
    return tmp_path


def asked(shell: str, *arguments: str, folder: Path) -> list[set[str]]:
    """Return what `shell` prints, without its explanations: a set of words for each of LINES."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run(
        [program, *arguments, *(line for line, _ in LINES)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answers = done.stdout.split("---\n")[:-1]
    return [{line.partition("\t")[0] for line in one.splitlines()} for one in answers]


def test_bash_completes(folder):
    """Bash offers exactly the words that fit."""
    offered = asked("bash", "--norc", "-c", BASH, "-", folder=folder)
    assert offered == [words for _, words in LINES]


def test_fish_completes(folder):
    """Fish offers exactly the words that fit."""
    offered = asked("fish", "--no-config", "-c", FISH, folder=folder)
    assert offered == [words for _, words in LINES]


@pytest.mark.parametrize(
    ("line", "completed"),
    [("onetake rec", "onetake record "), ("onetake record --qual", "onetake record --quality ")],
)
def test_zsh_completes(folder, line, completed):
    """Zsh completes a command and a flag at its prompt."""
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("there is no zsh here")
    with Prompt(zsh, folder) as prompt:
        prompt.say("fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -D\n")
        prompt.say("PS1=; echo rea''dy\n")
        prompt.heard("ready")
        # A widget tells what is on the line; what the terminal shows is full of control codes. The
        # quotes keep the words that are waited for out of the echo of what is typed.
        prompt.say('show() { print "is""now<$BUFFER>" }; zle -N show; bindkey "^X" show\n')
        prompt.say(f"{line}\t\x18")
        assert prompt.heard("isnow<(.*?)>") == completed


class Prompt:
    """A shell at a terminal of its own."""

    def __init__(self, shell: str, folder: Path) -> None:
        self._own, theirs = os.openpty()
        self._process = subprocess.Popen(
            [shell, "-f", "-i"],
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(folder)},
            start_new_session=True,
        )
        os.close(theirs)

    def say(self, text: str) -> None:
        os.write(self._own, text.encode())

    def heard(self, pattern: str, patience_s: float = 60.0) -> str:
        """Return the last group of `pattern` (or all of it) once the shell has written it."""
        text, until_s = "", time.monotonic() + patience_s
        while time.monotonic() < until_s:
            if select.select([self._own], [], [], 0.2)[0]:
                text += os.read(self._own, 4096).decode(errors="replace")
            found = re.search(pattern, text)
            if found:
                return found[found.lastindex or 0]
        raise AssertionError(f"the shell did not answer; it wrote {text!r}")

    def __enter__(self) -> Prompt:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._own)
