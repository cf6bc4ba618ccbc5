"""The menu-bar application over the real controller and engine, on the simulated Mac."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.making import app_module, back_end, until

from onetake.control.controller import Controller
from onetake.engine.recorder import Recorder
from onetake.model.settings import Settings
from onetake.proof.check import check


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
    app = app_module("app").App(controller)
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
    app = app_module("app").App(controller)

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


def test_the_bundle_runs_a_module_as_python_does(
    mac: Mac, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`sys.executable -m MODULE` is how the self-test starts its pattern, in the bundle too."""
    words = ["onetake", "-m", "onetake.platforms.macos.pattern_sound", "1", "1"]
    monkeypatch.setattr(sys, "argv", words)
    mac.has_output = False
    with pytest.raises(SystemExit, match="no sound output"):
        app_module("app").main()
    assert words[1:] == ["1", "1"]
