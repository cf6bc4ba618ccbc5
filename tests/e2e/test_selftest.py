"""`onetake selftest`: the pattern recorded with the chosen devices, and judged."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.e2e.command import SYNTHETIC, environment, run
from tests.stage.sound import SoundServer
from tests.stage.xserver import Screen

from onetake.file.device_memory import DeviceMemory

pytestmark = pytest.mark.slow


def test_synthetic_devices_are_exact(tmp_path: Path) -> None:
    """Where nothing can be late the self-test says so, within its resolution."""
    env = environment(tmp_path)
    ran = run("selftest", "--json", "--seconds=10", *SYNTHETIC, env=env)
    answer = json.loads(ran.out)
    assert ran.code == 0, answer
    assert {path["role"] for path in answer["paths"]} == {"system", "mic"}
    for path in answer["paths"]:
        assert abs(path["offset_ms"]) <= path["resolution_ms"]
        assert path["suggested_offset_ms"] is None


def test_an_offset_is_found_and_remembered(tmp_path: Path) -> None:
    """A microphone that is 40 ms late is found to be, and moved back from then on."""
    env = environment(tmp_path)
    late = [*SYNTHETIC, "--mic-offset=40"]
    ran = run("selftest", "--json", "--seconds=12", "--remember", *late, env=env)
    answer = json.loads(ran.out)
    (mic,) = [path for path in answer["paths"] if path["role"] == "mic"]
    assert mic["offset_ms"] == pytest.approx(40.0, abs=0.2)
    assert mic["suggested_offset_ms"] == pytest.approx(-40.0, abs=0.2)
    memory = DeviceMemory(tmp_path / ".config" / "onetake" / "devices.json")
    assert memory.offset_ms("synthetic:mic") in (None, 0.0)


@pytest.mark.real
def test_the_pattern_is_shown_and_heard(
    x_screen: Screen, sound_server: SoundServer, tmp_path: Path
) -> None:
    """Flashes on a real X server and beeps through a real sound server are found in the file."""
    env = environment(tmp_path, **x_screen.env, **sound_server.env)
    subprocess.run(["pactl", "set-default-sink", "quiet"], env={**os.environ, **env}, check=True)
    words = ["--system-audio=pulse:quiet.monitor", "--mic=none", "--seconds=12", "--json"]
    ran = run("selftest", *words, env=env, timeout_s=120.0)
    answer = json.loads(ran.out)
    (system,) = answer["paths"]
    assert system["is_heard"]
    assert system["events"] >= 8
    assert abs(system["offset_ms"]) <= 25.0
