"""Running `onetake` as a user does: a process with arguments, output and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "onetake.ui.cli"]

SYNTHETIC = ["--screen=synthetic", "--system-audio=synthetic", "--mic=synthetic"]
"""Devices that are there on any machine."""


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def lines(self) -> list[dict[str, Any]]:
        """Return the JSON objects of its output."""
        return [json.loads(line) for line in self.out.splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return its events of one kind."""
        return [line for line in self.lines() if line.get("event") == name]


def environment(home: Path, **changes: str) -> dict[str, str]:
    """Return an environment with no display, no sound server and a home of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    config = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    return {**kept, **config, "PULSE_SERVER": "unix:/nonexistent/pulse", **changes}


def run(*words: str, env: dict[str, str], timeout_s: float = 60.0) -> Ran:
    """Run a command to its end."""
    ended = subprocess.run(
        [*COMMAND, *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def running(*words: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a command beside the test, ended at the latest with the block."""
    with subprocess.Popen(
        [*COMMAND, *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_event(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    """Read the process's JSON lines up to the first event of this kind."""
    assert process.stdout is not None
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event.get("event") == name:
            return event
    raise AssertionError(f"no {name} event; {process.stderr and process.stderr.read()}")
