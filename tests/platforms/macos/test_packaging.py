"""The bundle's configuration, its program, and the hosted workflow."""

from __future__ import annotations

import ast
import importlib.util
import plistlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.making import back_end, until

from onetake.control.controller import Controller
from onetake.engine.recorder import Recorder
from onetake.model.settings import Settings
from onetake.proof.check import check

ROOT = Path(__file__).parents[3]
PACKAGING = ROOT / "packaging" / "macos"
WORKFLOW = ROOT / ".github" / "workflows" / "macos.yml"


def _app_module() -> Any:
    spec = importlib.util.spec_from_file_location("onetake_app", PACKAGING / "onetake_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["onetake_app"] = module
    spec.loader.exec_module(module)
    return module


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
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    text = WORKFLOW.read_text()
    assert "never been run" in text.splitlines()[0]
    steps = yaml.safe_load(text)["jobs"]["macos"]["steps"]
    runs = "\n".join(step.get("run", "") for step in steps)
    for command in (
        "pytest",
        "missing_names",
        "selftest synthetic.mp4",
        "kill -9",
        "onetake record",
    ):
        assert command in runs
    for step in steps:
        assert ("run" in step) != ("uses" in step)
        assert "@" in step.get("uses", "@")


def test_workflow_shell_and_python_parse() -> None:
    """Every script inside the workflow parses, so that a typo does not wait for a Mac."""
    lines = WORKFLOW.read_text().splitlines()
    inside: list[str] | None = None
    found = 0
    for line in lines:
        if line.strip().endswith("<<'PYTHON'"):
            inside = []
        elif line.strip() == "PYTHON" and inside is not None:
            indent = min(len(row) - len(row.lstrip()) for row in inside if row.strip())
            ast.parse("\n".join(row[indent:] for row in inside))
            inside, found = None, found + 1
        elif inside is not None:
            inside.append(line)
    assert found == 2
    assert not any("\t" in line for line in lines)


@pytest.fixture
def controller(mac: Mac, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Controller:
    """A controller that records from the simulated Mac into a temporary folder."""
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("ONETAKE_NO_HOTKEYS", "1")
    recorder = Recorder(platforms=[back_end("platform").MacPlatform()])
    settings = Settings(output=str(tmp_path / "menu.mp4"), camera="none")
    return Controller(recorder, settings)


def test_a_take_from_the_menu(mac: Mac, controller: Controller, tmp_path: Path) -> None:
    """Record, mute, pause, go on, stop and quit, by clicking."""
    app = _app_module().App(controller)
    problems: list[str] = []

    def click(name: str, is_done: Any) -> None:
        if not until(lambda: name in mac.menu):
            problems.append(f"no {name}")
            return
        mac.menu[name].choose()
        if not until(is_done, 15):
            problems.append(f"{name} did nothing")

    def user() -> None:
        click("record", lambda: controller.snapshot().position_ns > 0)
        click("mute-mic", lambda: controller.snapshot().is_mic_muted)
        click("pause", lambda: controller.snapshot().state == "paused")
        click("pause", lambda: controller.snapshot().state == "recording")
        time.sleep(0.5)
        click("stop", lambda: not controller.is_recording)
        click("quit", lambda: True)

    clicking = threading.Thread(target=user)
    clicking.start()
    app.run()
    clicking.join()
    assert problems == []
    assert check(tmp_path / "menu.mp4").tracks[0].count > 5


def test_a_refusal_is_shown_and_leads_to_the_settings(mac: Mac, controller: Controller) -> None:
    """A missing permission is an entry of the menu; choosing it opens the right pane."""
    mac.media_status["AVMediaTypeAudio"] = 2
    app = _app_module().App(controller)

    def user() -> None:
        assert until(lambda: "record" in mac.menu)
        mac.menu["record"].choose()
        assert until(lambda: "warning" in mac.menu, 10)
        assert "microphone" in mac.menu["warning"]._title
        mac.menu["warning"].choose()
        assert until(lambda: bool(mac.opened_urls))
        mac.menu["quit"].choose()

    clicking = threading.Thread(target=user)
    clicking.start()
    app.run()
    clicking.join()
    assert mac.opened_urls[0].endswith("Privacy_Microphone")
