"""The self-test of a Mac, on a Mac that is not there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.make_api_table import SENT_OWNERS, runtime_names
from tests.platforms.macos.making import back_end
from tests.platforms.macos.test_api_names import SOURCE, TABLE

from onetake.engine import recorder
from onetake.platforms import registry
from onetake.testing import synthetic_take
from onetake.ui.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the engine remembers of devices away from the user's."""
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.fixture
def command(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> Mac:
    """The Mac as the system the command line runs on, its made-up screen small for this machine."""
    found = [back_end("platform").MacPlatform()]
    monkeypatch.setattr(registry, "find_platforms", lambda: found)
    monkeypatch.setattr(recorder, "find_platforms", lambda: found)
    made = synthetic_take.synthetic_take
    small = "synthetic:screen?size=320x180"
    monkeypatch.setattr(
        synthetic_take,
        "synthetic_take",
        lambda ends, path, seconds: made(ends, path, min(seconds, 3.0), screen=small),
    )
    return mac


class Stage:
    """Stands for the processes of the pattern's programs: the simulated Mac shows and plays it."""

    mac: Mac
    started: list[list[str]]

    def __init__(self, words: list[str]) -> None:
        Stage.started.append(words)
        Stage.mac.pattern_epoch_ns, Stage.mac.pattern_id = int(words[-2]), int(words[-1])

    def terminate(self) -> None:
        """End."""

    def wait(self, timeout_s: float) -> None:
        """It has ended."""


def test_every_name_is_found(mac: Mac) -> None:
    """Every module, name and selector of the list is there."""
    assert back_end("selftest").missing_names() == []


def test_what_is_missing_is_named(mac: Mac) -> None:
    """A name and a selector that are not there are listed, but not what came after macOS 13 and is
    used only where it exists."""
    mac.version = (13, 0)
    del mac.classes["SCWindow"]
    del mac.classes["CADisplayLink"]
    del sys.modules["Metal"]
    assert set(back_end("selftest").missing_names()) == {
        f"SCWindow.{n}" for n in ("title", "windowID", "windowLayer", "owningApplication")
    }


def test_list_is_the_one_of_the_table() -> None:
    """The list that is shipped says the same as the table the static check uses."""
    shipped = json.loads((SOURCE / "api_names.json").read_text())
    assert shipped == json.loads(json.dumps(runtime_names(TABLE, list(SENT_OWNERS))))


def test_environment(mac: Mac) -> None:
    """What a bug report needs is there, and can be written as JSON."""
    found = json.loads(json.dumps(back_end("platform").MacPlatform().examine()))
    assert found["macos"].startswith("Version 14.4")
    assert found["permissions"] == {
        "screen": "granted",
        "microphone": "granted",
        "camera": "granted",
    }
    assert "display:1" in found["devices"]
    assert found["missing_names"] == []


def test_a_broken_system_is_still_described(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that are missing are told even where describing the rest trips over them."""
    platform = back_end("platform").MacPlatform()
    monkeypatch.delattr(platform.__class__, "devices")
    found = platform.examine()
    assert found["missing_names"] == []
    assert "devices" in found["problems"][0]


@pytest.mark.slow
def test_one_command_does_it_all(
    command: Mac, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names, a take of made-up devices through the real compositor and writer, and the real devices
    in front of the pattern's programs: one command, one JSON report."""
    Stage.mac, Stage.started = command, []
    start = subprocess.Popen
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda words, **how: Stage(words) if words[0] == sys.executable else start(words, **how),
    )
    code = main(["selftest", "--json", "--seconds=6"])
    report = json.loads(capsys.readouterr().out)
    names = [words[2].rpartition(".")[2] for words in Stage.started]
    assert names == ["pattern_window", "pattern_sound"]
    assert report["system"]["missing_names"] == []
    made_up = report["synthetic"]
    assert made_up["encoder"].startswith("AVAssetWriter")
    assert set(made_up["worst_ms"]) == {"system", "mic", "mic-system"}
    assert all(abs(ms) < 1.0 for ms in made_up["worst_ms"].values())
    assert command.writers[0].status() == 2
    assert {path["role"] for path in report["paths"]} == {"system", "mic"}
    for path in report["paths"]:
        assert path["is_heard"]
        assert abs(path["offset_ms"]) < 1.0
    assert (code, report["verdict"]) == (0, "good"), report


@pytest.mark.slow
def test_refused_devices_leave_the_rest_of_the_report(
    command: Mac, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without permission for the screen the report says so, beside what could be found out."""
    command.has_screen_grant = False
    code = main(["selftest", "--json", "--screen=display:1"])
    report = json.loads(capsys.readouterr().out)
    assert code == 3
    assert report["error"]["code"] == "permission-denied"
    assert report["synthetic"]["worst_ms"]
    assert report["verdict"] == "broken"


@pytest.mark.slow
def test_without_devices(command: Mac, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a hosted machine can do: no device is opened, and the file is kept where it is asked."""
    command.has_screen_grant = False
    path = tmp_path / "kept.mp4"
    assert main(["selftest", "--without-devices", f"--keep={path}"]) == 0
    told = capsys.readouterr().out
    assert "everything used is there" in told
    assert "verdict: good" in told
    assert path.exists()
    assert command.streams_started == 0
