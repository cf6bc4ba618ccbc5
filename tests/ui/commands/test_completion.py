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
source "$1"; shift
run() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
  function=$(complete -p onetake | sed 's/.*-F \([^ ]*\).*/\1/')
  "$function" onetake "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  printf '%s\n' "${COMPREPLY[@]}"; }
run "$@"
"""

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


def asked(shell: str, *arguments: str, folder: Path) -> set[str]:
    """Return the words `shell` prints, one a line, without its explanations."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    return {line.partition("\t")[0] for line in done.stdout.splitlines() if line}


@pytest.mark.parametrize(("line", "offered"), LINES)
def test_bash_completes(folder, line, offered):
    """Bash offers exactly the words that fit."""
    words = line.split(" ")
    assert (
        asked("bash", "--norc", "-c", BASH, "-", "onetake.bash", *words, folder=folder) == offered
    )


@pytest.mark.parametrize(("line", "offered"), LINES)
def test_fish_completes(folder, line, offered):
    """Fish offers exactly the words that fit."""
    ask = "source onetake.fish; complete -C $argv[1]"
    assert asked("fish", "--no-config", "-c", ask, line, folder=folder) == offered


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
