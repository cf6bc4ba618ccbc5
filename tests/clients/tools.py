"""Other people's programs, installed for the tests into folders of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = ["missing", "node_with", "python_with"]

INSTALL_TIMEOUT_S = 180


def missing(what: str) -> NoReturn:
    """Skip the test naming what is missing; fail where nothing may be missing."""
    if os.environ.get("ONETAKE_REQUIRE_REAL") == "1":
        pytest.fail(f"missing: {what}")
    pytest.skip(f"missing: {what}")


def python_with(folder: Path, *packages: str) -> Path:
    """Return a Python that has these packages from the package index, in a new environment."""
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        python = folder / "bin" / "python"
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
            check=True,
            capture_output=True,
            timeout=INSTALL_TIMEOUT_S,
        )
    except (subprocess.SubprocessError, OSError):
        missing(f"the packages {', '.join(packages)} (is the package index reachable?)")
    return python


def node_with(folder: Path, *packages: str) -> Path:
    """Return a folder in which Node finds these packages of the npm registry."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing("node and npm")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    try:
        subprocess.run(
            [
                "npm",
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                *packages,
            ],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=INSTALL_TIMEOUT_S,
        )
    except (subprocess.SubprocessError, OSError):
        missing(f"the npm packages {', '.join(packages)} (is the registry reachable?)")
    return folder
