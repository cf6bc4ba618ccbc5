"""What a person does wrong ends in one line, the right exit code, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.e2e.command import SYNTHETIC, environment, run

from onetake.errors import ExitCode

pytestmark = pytest.mark.slow


def assert_refused(
    tmp_path: Path, words: list[str], code: ExitCode, *said: str, **env: str
) -> None:
    """Run `words` and hold what a refusal owes its user."""
    before = sorted(tmp_path.rglob("*"))
    ran = run(*words, env=environment(tmp_path, **env))
    assert ran.code == code, ran
    assert len(ran.err.strip().splitlines()) == 1, ran.err
    assert "Traceback" not in ran.err
    for text in said:
        assert text in ran.err
    left = [path for path in tmp_path.rglob("*") if path not in before and path.is_file()]
    assert left == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--fps=0"], ExitCode.USAGE, "--fps"),
        (["--fps=fast"], ExitCode.USAGE, "fast"),
        (["--region=0,0,0x0"], ExitCode.USAGE, "region"),
        (["--region=0,0,1x1"], ExitCode.USAGE, "region"),
        (["--region=everything"], ExitCode.USAGE, "X,Y,WxH"),
        (["--duration=0"], ExitCode.USAGE, "duration"),
        (["--countdown=-1"], ExitCode.USAGE, "countdown"),
        (["--quality=best"], ExitCode.USAGE, "quality"),
        (["--no-such-flag"], ExitCode.USAGE, "--no-such-flag"),
        (["--screen=none"], ExitCode.USAGE, "screen"),
        (["--screen=no-such-screen"], ExitCode.DEVICE, "no-such-screen"),
        (["--mic=no-such-mic"], ExitCode.DEVICE, "no-such-mic"),
        (["--camera=v4l2:/dev/video99"], ExitCode.DEVICE, "/dev/video99"),
        (["--camera=http://127.0.0.1:9/cam"], ExitCode.DEVICE, "127.0.0.1"),
        (["--screen=x11::99"], ExitCode.DEVICE, ":99"),
        (["--mic=pulse:any"], ExitCode.DEVICE, "sound server"),
    ],
)
def test_a_wrong_value_is_refused(
    tmp_path: Path, words: list[str], code: ExitCode, said: str
) -> None:
    """Each wrong flag is named in the line that refuses it."""
    command = ["record", str(tmp_path / "out.mp4"), *SYNTHETIC, "--duration=1", *words]
    assert_refused(tmp_path, command, code, said)


def test_no_display_is_refused(tmp_path: Path) -> None:
    """Without a display there is no screen, and the hint says what to set."""
    words = ["record", str(tmp_path / "out.mp4"), "--mic=none", "--system-audio=none"]
    assert_refused(tmp_path, words, ExitCode.DEVICE, "display", "DISPLAY")


def test_no_sound_server_is_refused(tmp_path: Path) -> None:
    """A take that would silently lack its sound is refused before it begins."""
    words = ["record", str(tmp_path / "out.mp4"), "--screen=synthetic"]
    assert_refused(tmp_path, words, ExitCode.DEVICE, "sound server")


def test_a_wayland_session_is_told_what_to_do(tmp_path: Path) -> None:
    """On Wayland without X the line says so and names the way out."""
    words = ["record", str(tmp_path / "out.mp4"), "--mic=none", "--system-audio=none"]
    session = {"XDG_SESSION_TYPE": "wayland", "WAYLAND_DISPLAY": "wayland-0"}
    assert_refused(tmp_path, words, ExitCode.DEVICE, "Wayland", **session)


def test_an_existing_file_is_never_overwritten_unasked(tmp_path: Path) -> None:
    """Without --overwrite the file stays as it was."""
    path = tmp_path / "out.mp4"
    path.write_text("precious")
    assert_refused(
        tmp_path,
        ["record", str(path), *SYNTHETIC, "--duration=1"],
        ExitCode.USAGE,
        "exists",
        "--overwrite",
    )
    assert path.read_text() == "precious"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A file in a folder that is not there is no recording."""
    path = tmp_path / "missing" / "out.mp4"
    words = ["record", str(path), *SYNTHETIC, "--duration=1"]
    ran = run(*words, env=environment(tmp_path))
    assert ran.code in (ExitCode.FAILURE, ExitCode.USAGE)
    assert "missing" in ran.err
    assert not path.parent.exists()


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/sys").is_dir(), reason="needs /proc/sys")
def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    """A folder that takes no file is told before anything is recorded."""
    folder = Path("/proc/sys") if os.geteuid() == 0 else tmp_path / "locked"
    if os.geteuid() != 0:
        folder.mkdir(mode=0o500)
    words = ["record", str(folder / "out.mp4"), *SYNTHETIC, "--duration=1"]
    assert_refused(tmp_path, words, ExitCode.FAILURE, str(folder))


def test_with_json_the_error_is_an_object(tmp_path: Path) -> None:
    """Programs get code, message and hint on stdout, and nothing on stderr."""
    ran = run("record", "--json", "--fps=0", *SYNTHETIC, env=environment(tmp_path))
    assert ran.code == ExitCode.USAGE
    assert ran.err == ""
    (line,) = ran.lines()
    assert set(line["error"]) == {"code", "message", "hint"}
    assert line["error"]["code"] == "usage"


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    """`onetake devices | head -0` ends quietly."""
    pipeline = "python -m onetake.ui.cli devices | true"
    from tests.e2e.command import COMMAND

    ended = subprocess.run(
        ["sh", "-c", pipeline.replace("python -m onetake.ui.cli", " ".join(COMMAND))],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
