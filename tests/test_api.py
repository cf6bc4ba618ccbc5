"""The Python interface as its examples use it, each run as a program of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.e2e.command import environment

import onetake
from onetake.model.devices import Role
from onetake.model.events import Finished, Started, StateChanged, TakeState
from onetake.testing.virtual import record_virtual

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "examples" / "python"
SILENT = {"screen": "synthetic:screen?size=160x90", "system_audio": "none", "mic": "none"}


def run(name: str, folder: Path, *words: str) -> str:
    """Run an example in a folder and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *words],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run_here():
    """None is forgotten."""
    mine = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in mine] == []


def test_recording(tmp_path):
    """A take as a context; its result names a file that is there."""
    told = run("record.py", tmp_path)
    assert re.match(r"\S+record\.mp4 (good|degraded) ", told)
    assert (tmp_path / "record.mp4").stat().st_size > 0


def test_live_controls(tmp_path):
    """Each control says where it takes effect; a pause takes no room in the file."""
    told = run("live_controls.py", tmp_path)
    muted_s, unmuted_s, end_s, paused_s, resumed_s = map(float, re.findall(r"\d+\.\d+", told))
    assert 0 < muted_s < paused_s == resumed_s < unmuted_s <= end_s


def test_events(tmp_path):
    """A listener hears meters, its own marker and the end, and then the loop is over."""
    told = run("events.py", tmp_path)
    assert " dB" in told
    assert "Marker(label='here')" in told
    assert re.search(r"events\.mp4 is (good|degraded)\n$", told)


def test_devices_and_errors(tmp_path):
    """The built-in devices are listed, and what cannot be is refused in words."""
    told = run("devices_and_errors.py", tmp_path)
    assert {line.split()[0] for line in told.splitlines()[:4]} == set(Role)
    assert "device-unavailable (exit code 4): no microphone is called 'no such microphone'" in told
    assert "usage (exit code 2): 1000 frames a second make no sense" in told
    assert "usage (exit code 2): unknown setting 'colour'" in told
    assert not (tmp_path / "never.mp4").exists()


def test_check(tmp_path):
    """A file is measured; what is no recording is said in one line."""
    path = tmp_path / "take.mp4"
    small = {Role.SCREEN: "synthetic:screen?size=640x360", Role.MIC: "synthetic:mic"}
    record_virtual(sources=small, duration_s=3, path=str(path))
    told = run("check.py", tmp_path, str(path))
    assert told.startswith("good\n")
    assert re.search(r"mic: [+-]0\.\d\d ms after the picture", told)


def test_virtual_take(tmp_path):
    """Ten seconds without waiting for them, and the mute is digital silence."""
    told = run("virtual_take.py", tmp_path)
    assert told.startswith("10 s, 300 frames\n")
    assert "loudest while muted: 0," in told


def test_own_source(tmp_path):
    """A device of one's own passes the conformance check."""
    assert re.search(r"blocks=[1-9]", run("own_source.py", tmp_path))


def test_split_and_several_listeners(tmp_path):
    """Every listener hears a take from its beginning to its end, whenever it comes; a split goes
    on in a second file."""
    take = onetake.record(tmp_path / "take.mp4", duration_s=1, **SILENT)
    heard: list[list[object]] = [[], []]
    listeners = [
        threading.Thread(target=lambda mine=mine: mine.extend(take.events())) for mine in heard
    ]
    listeners[0].start()
    split_s = take.split()
    listeners[1].start()
    finished = take.wait()
    for listener in listeners:
        listener.join()
    assert split_s > 0
    assert len(finished.parts) == 2
    for events in heard:
        kinds = [type(event) for event in events]
        assert kinds.index(Started) < kinds.index(Finished)
        assert events[-1].state is TakeState.FINISHED
        assert sum(kind is StateChanged for kind in kinds) >= 3


@pytest.mark.parametrize(
    ("fields", "message", "hint"),
    [
        ({"colour": "red"}, "unknown setting 'colour'", "see 'onetake config show --docs'"),
        ({"durations": 3}, "unknown setting 'durations'", "did you mean 'duration_s'?"),
        ({"overlay": {"shap": "circle"}}, "unknown setting 'shap'", "did you mean 'shape'?"),
        ({"fps": "fast"}, "fps: Expected `int`, got `str`", ""),
        ({"region": "wide"}, "'wide' is no region", "write it as X,Y,WxH, for example"),
    ],
)
def test_settings_that_make_no_sense(tmp_path, fields, message, hint):
    """A wrong setting is named, with what was probably meant; the hint shows in a traceback."""
    with pytest.raises(onetake.UsageError) as raised:
        onetake.record(tmp_path / "take.mp4", **SILENT, **fields)
    assert raised.value.message == message
    assert raised.value.hint.startswith(hint)
    assert raised.value.__notes__ == [raised.value.hint] if hint else True
    assert list(tmp_path.iterdir()) == []


def test_a_role_that_is_none(tmp_path):
    """A slip in the name of a role changes nothing and names the roles."""
    with (
        onetake.record(tmp_path / "take.mp4", **SILENT) as take,
        pytest.raises(onetake.UsageError, match="no role 'speaker'") as raised,
    ):
        take.switch("speaker", "default")
    assert "mic" in raised.value.hint
