"""The bundle's configuration, its program, and the hosted workflow."""

from __future__ import annotations

import ast
import plistlib
import shlex
import subprocess
from pathlib import Path

import yaml

from onetake.ui.parser import make_parser

ROOT = Path(__file__).parents[3]
PACKAGING = ROOT / "packaging" / "macos"
WORKFLOW = ROOT / ".github" / "workflows" / "macos.yml"


def test_usage_descriptions_are_there() -> None:
    """Without them macOS kills the program that asks for microphone or camera."""
    info = plistlib.loads((PACKAGING / "info.plist").read_bytes())
    for kind in ("Camera", "Microphone", "ScreenCapture", "AudioCapture"):
        assert len(info[f"NS{kind}UsageDescription"]) > 10
    assert info["LSUIElement"] is True
    assert info["NSCameraUseContinuityCameraDeviceType"] is True
    assert info["LSMinimumSystemVersion"] == "13.0"


def test_entitlements_are_what_the_hardened_runtime_needs() -> None:
    """Microphone, camera, and what Python and ctypes need; no sandbox."""
    entitlements = plistlib.loads((PACKAGING / "entitlements.plist").read_bytes())
    assert entitlements == {
        "com.apple.security.device.audio-input": True,
        "com.apple.security.device.camera": True,
        "com.apple.security.cs.allow-unsigned-executable-memory": True,
        "com.apple.security.cs.disable-library-validation": True,
    }


def test_spec_is_python_and_takes_both_plists() -> None:
    """The PyInstaller file parses, and names what is there."""
    text = (PACKAGING / "onetake.spec").read_text()
    ast.parse(text)
    for name in ("info.plist", "entitlements.plist", "onetake_app.py"):
        assert name in text
        assert (PACKAGING / name).exists()
    used = {path.stem for path in (ROOT / "src/onetake/platforms/macos").glob("*.py")}
    assert used, "the package is collected as a whole"
    assert 'collect_submodules("onetake")' in text


def test_build_script_parses() -> None:
    """The shell reads it without an error."""
    subprocess.run(["sh", "-n", str(PACKAGING / "build.sh")], check=True)


def test_workflow_is_valid_and_says_that_it_was_never_run() -> None:
    """The workflow parses as YAML, has the steps it is there for, and pins its actions."""
    text = WORKFLOW.read_text()
    assert "never been run" in text.splitlines()[0]
    assert len(text.splitlines()) < 60
    for command in ("pytest", "--without-devices --json", "kill -9", "selftest --json --mic none"):
        assert command in "\n".join(_scripts())
    for step in yaml.safe_load(text)["jobs"]["macos"]["steps"]:
        assert ("run" in step) != ("uses" in step)
        assert "@" in step.get("uses", "@")


def test_workflow_scripts_parse() -> None:
    """Every script inside the workflow parses, shell and Python, so that a typo does not wait for
    a Mac; what it calls of ours takes the flags it is given."""
    pieces = 0
    for script in _scripts():
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        for line in map(shlex.split, script.splitlines()):
            if "-c" in line:
                ast.parse(line[line.index("-c") + 1])
                pieces += 1
            if line[0] == "onetake":
                end = next((i for i, w in enumerate(line) if w in ("&", "|", ">")), len(line))
                make_parser().parse_args(line[1:end])
                pieces += 1
    assert pieces == 5


def _scripts() -> list[str]:
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["macos"]["steps"]
    return [step["run"] for step in steps if "run" in step]
