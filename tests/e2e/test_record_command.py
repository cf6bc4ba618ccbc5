"""`onetake record` as a process: signals, keys, JSON lines, names."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import av
import pytest
from tests.e2e.command import COMMAND, SYNTHETIC, environment, run, running, wait_for_event

from onetake.errors import ExitCode

pytestmark = pytest.mark.slow

TRACKS = {"video": "h264", "audio": "aac"}


def ends_s(path: Path) -> dict[str, float]:
    """Return where each track's last packet ends, in seconds as a player counts."""
    with av.open(str(path)) as container:
        streams = [*container.streams.video, *container.streams.audio]
        assert {stream.type: stream.codec_context.name for stream in streams} == TRACKS
        return {
            stream.type: float((stream.duration or 0) * stream.time_base)
            for stream in streams
            if stream.time_base
        }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_finishes_the_file(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and SIGHUP all end with exit 0 and a whole file."""
    path = tmp_path / "out.mp4"
    words = ["record", str(path), "--json", *SYNTHETIC]
    with running(*words, env=environment(tmp_path)) as process:
        wait_for_event(process, "started")
        time.sleep(1.0)
        process.send_signal(number)
        stopped = wait_for_event(process, "stopped")
        assert process.wait(20) == ExitCode.OK
    assert stopped["verdict"] == "good"
    ends = ends_s(path)
    assert abs(ends["video"] - ends["audio"]) <= 1 / 30
    assert abs(ends["video"] - stopped["duration_s"]) <= 1 / 30


def test_a_duration_is_exact_to_the_frame(tmp_path: Path) -> None:
    """--duration 2 is two seconds of picture and two seconds of sound."""
    path = tmp_path / "out.mp4"
    ran = run("record", str(path), "--duration=2", *SYNTHETIC, env=environment(tmp_path))
    assert ran.code == ExitCode.OK, ran
    ends = ends_s(path)
    assert ends["audio"] == pytest.approx(2.0, abs=1024 / 48_000)
    assert ends["video"] == pytest.approx(2.0, abs=1 / 90_000)


def test_the_default_name_is_dated_in_the_videos_folder(tmp_path: Path) -> None:
    """Without FILE the take lands in the user's videos folder, named by date and time."""
    videos = tmp_path / "Videos"
    ran = run(
        "record",
        "--json",
        "--duration=1",
        *SYNTHETIC,
        env=environment(tmp_path, XDG_VIDEOS_DIR=str(videos)),
    )
    assert ran.code == ExitCode.OK, ran
    path = Path(ran.events("stopped")[0]["path"])
    assert path.exists()
    assert re.fullmatch(r"Recording \d{4}-\d\d-\d\d at \d\d\.\d\d\.\d\d\.mp4", path.name)


def test_json_lines_tell_the_whole_story(tmp_path: Path) -> None:
    """started comes first, stopped last with the report; each line is one object."""
    path = tmp_path / "out.mp4"
    ran = run("record", str(path), "--json", "--duration=1", *SYNTHETIC, env=environment(tmp_path))
    events = [line["event"] for line in ran.lines()]
    assert "started" in events
    assert events[-1] == "stopped"
    assert ran.err == ""
    assert ran.events("started")[0]["devices"]["mic"] == "synthetic:mic"


class Terminal:
    """A real pseudo-terminal with `onetake record` in it."""

    def __init__(self, words: list[str], env: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *words], env=env, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self.seen = ""

    def wait_for(self, text: str, timeout_s: float = 20.0) -> None:
        """Read until `text` was shown."""
        end_s = time.monotonic() + timeout_s
        while text not in self.seen:
            assert time.monotonic() < end_s, self.seen
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                try:
                    self.seen += os.read(self.master, 4096).decode(errors="replace")
                except OSError:
                    assert text in self.seen, self.seen

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self.master, key.encode())


def test_keys_steer_a_take_on_a_terminal(tmp_path: Path) -> None:
    """m, s, c, p, k and q do what the help says, and the live line shows it."""
    env = environment(tmp_path, TERM="xterm", COLUMNS="200")
    path = tmp_path / "out.mp4"
    terminal = Terminal(["record", str(path), *SYNTHETIC, "--camera=synthetic"], env)
    terminal.wait_for("REC 00:00:00")
    for key, shown in [
        ("m", "microphone muted"),
        ("s", "system sound muted"),
        ("c", "camera hidden"),
        ("p", "PAUSE"),
        ("p", "resumed"),
        ("k", "marker"),
        ("m", "microphone live"),
        ("c", "camera shown"),
    ]:
        terminal.press(key)
        terminal.wait_for(shown)
    terminal.press("q")
    terminal.wait_for("saved")
    assert terminal.process.wait(20) == ExitCode.OK
    assert ends_s(path)["audio"] > 0


def test_a_terminal_that_reads_nothing_does_not_slow_the_take(tmp_path: Path) -> None:
    """A stuck terminal costs its own line, not a frame."""
    env = environment(tmp_path, TERM="xterm", COLUMNS="200")
    path = tmp_path / "out.mp4"
    terminal = Terminal(["record", str(path), "--duration=3", *SYNTHETIC], env)
    time.sleep(6.0)
    terminal.wait_for("saved")
    assert terminal.process.wait(20) == ExitCode.OK
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames >= 85
