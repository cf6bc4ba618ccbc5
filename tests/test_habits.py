"""What runs by itself before a commit and after a push calls what is there."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import yaml

HOME = Path(__file__).parents[1]
TARGETS = set(re.findall(r"^([a-z-]+):", (HOME / "Makefile").read_text(), re.MULTILINE))


def scripts() -> list[str]:
    """Return the scripts of the Linux workflow."""
    workflow = yaml.safe_load((HOME / ".github" / "workflows" / "linux.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all("@" in step["uses"] for step in steps if "uses" in step)  # pinned
    return [step["run"] for step in steps if "run" in step]


def test_the_workflow_runs_what_there_is():
    """Every script parses, and every `make` in it is a target; all of them are there."""
    made = set()
    for script in scripts():
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        words = shlex.split(script)
        made.add(words[words.index("make") + 1])
    assert made == {"check", "demo", "wheels", "test", "docs"}
    assert made <= TARGETS


def test_the_hooks_run_what_there_is():
    """Hooks call programs of the environment, on files that are there, and download nothing."""
    (local,) = yaml.safe_load((HOME / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    for hook in local["hooks"]:
        program, *words = hook["entry"].split()
        assert hook["language"] == "system"
        assert program.startswith(".venv/bin/")
        assert all((HOME / word).exists() for word in words if word.endswith(".py"))


def test_shell_scripts_parse():
    """The shell reads ours without an error."""
    for script in (HOME / "scripts").glob("*.sh"):
        subprocess.run(["sh", "-n", str(script)], check=True)


def test_pictures_are_small():
    """A picture is in every clone for ever: less than 200 kB each."""
    pictures = [path for path in (HOME / "docs" / "pictures").iterdir() if path.is_file()]
    assert pictures
    assert [path.name for path in pictures if path.stat().st_size >= 200_000] == []
