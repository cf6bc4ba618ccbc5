"""Run every command of the how-tos as it is written: `python -m scripts.howtos [PAGE …]`.

Each page gets a folder of its own in which nothing was ever recorded, a real X server, a real sound
server whose microphone hears its speakers, and a network camera. What cannot be had here is
replaced, and said: the camera's address, and `default` for a camera (there is no V4L2 device).
A command that waits for Ctrl-C gets it after some seconds. Blocks: sh is run line by line, python
as a program, toml is written into the configuration file. Ends with 0 when every command did.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.docs.pages import HOME, blocks_of
from tests.stage.http_camera import http_camera
from tests.stage.processes import child
from tests.stage.sound import SoundServer, pulseaudio
from tests.stage.xserver import xvfb

PAGES = sorted((HOME / "docs" / "howto").glob("*.md"))

WAITING_S = 6.0
"""How long a command without an end of its own runs before it gets Ctrl-C."""

_SAVED = (0, 5)
"""Exit codes with which a file is saved; 5 on a machine that is too busy for a good take."""


def main() -> int:
    """Run the pages; returns 1 when a command of one failed."""
    wanted = [page for page in PAGES if not sys.argv[1:] or page.stem in sys.argv[1:]]
    failed = [line for page in wanted for line in run_page(page)]
    print(f"{len(failed)} commands failed" if failed else "every command did what it says")
    return 1 if failed else 0


def run_page(page: Path) -> list[str]:
    """Run a page's blocks in order; returns the commands that failed."""
    print(f"\n=== {page.name}", flush=True)
    failed = []
    with surroundings() as (folder, env, camera):
        shell = Shell(folder, env, camera)
        for section in page.read_text(encoding="utf-8").split("\n## "):
            for language, text in blocks_of(section):
                if language == "toml":
                    with Path(env["ONETAKE_CONFIG"]).open("a") as file:
                        file.write(shell.replaced(text))
                elif language == "python":
                    failed += shell.run_python(text)
                elif language == "sh":
                    failed += [bad for line in text.strip().splitlines() for bad in shell.run(line)]
            shell.end()
        shell.stop_takes()
        print("left:", *sorted(path.name for path in folder.iterdir() if path.is_file()))
    return failed


@contextmanager
def surroundings() -> Iterator[tuple[Path, dict[str, str], str]]:
    """Yield a folder, an environment with screen and sound, and the address of a camera."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="howto-")))
        screen, sound = stack.enter_context(xvfb()), stack.enter_context(pulseaudio())
        let_the_microphone_hear(sound)
        picture = ["xsetroot", "-mod", "16", "8", "-fg", "white", "-bg", "steelblue"]
        subprocess.run(picture, env={**os.environ, **screen.env}, check=True)
        noise = ["pacat", "--playback", "--raw", "--latency-msec=200", "--volume=10000"]  # -49 dBFS
        feed = stack.enter_context(Path("/dev/urandom").open("rb"))
        stack.enter_context(child(noise, env=sound.env, stdin=feed.fileno()))
        camera = stack.enter_context(http_camera())
        (folder / "home").mkdir()
        env = {
            **{name: os.environ[name] for name in ("LANG", "TERM") if name in os.environ},
            **screen.env,
            **sound.env,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            # A home of its own hides the tools of this one.
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup")),
            "ONETAKE_CONFIG": str(folder / "home" / "config.toml"),
            "ONETAKE_RUNTIME_DIR": str(folder / "home" / "run"),
        }
        shutil.copytree(HOME / "examples", folder / "examples")
        yield folder, env, camera.url


def let_the_microphone_hear(sound: SoundServer) -> None:
    """Make what the speakers play the sound of the microphone."""
    sound.ctl("set-default-sink", "quiet")
    room = ("source_name=room", "source_properties=device.description=Room")
    sound.ctl("load-module", "module-remap-source", "master=quiet.monitor", *room)
    sound.ctl("set-default-source", "room")


class Shell:
    """Runs the lines of one page; what `export` sets stays, what ends in & runs on."""

    def __init__(self, folder: Path, env: dict[str, str], camera: str) -> None:
        self._folder = folder
        self._env = env
        self._replaced = {
            "--camera default": f"--camera {camera}",
            'camera = "default"': f'camera = "{camera}"',
            "http://192.0.2.7:8080/video": camera,
        }
        self._behind: list[subprocess.Popen[bytes]] = []

    def replaced(self, text: str) -> str:
        """Return the text with what this machine has."""
        for words, instead in self._replaced.items():
            text = text.replace(words, instead)
        return text

    def run(self, written: str) -> list[str]:
        """Run a line; returns it if it failed."""
        line = self.replaced(written)
        print(f"$ {line}", flush=True)
        if line.startswith("export "):
            self._export(line)
            return []
        if line.endswith("&"):
            self._behind.append(self._start(line.rstrip("& ")))
            time.sleep(2)
            return []
        if line.startswith("onetake panel --obs"):
            self._behind.append(self._start(line))
            time.sleep(2)
            return []
        process = self._start(line)
        if re.match(r"onetake record (?!.*--(duration|detach))", line):
            time.sleep(WAITING_S)
            os.killpg(process.pid, signal.SIGINT)
        code = process.wait(120)
        return [] if code == 0 or (code in _SAVED and _makes_a_file(line)) else [f"{line} → {code}"]

    def run_python(self, text: str) -> list[str]:
        """Run a program; returns its first line if it failed."""
        print("$ python", flush=True)
        done = subprocess.run(
            [sys.executable, "-c", text], cwd=self._folder, env=self._env, check=False, timeout=120
        )
        return [] if done.returncode == 0 else [f"python: {text.strip().splitlines()[0]}"]

    def end(self) -> None:
        """End what a section left running; takes in the background are the next section's, too."""
        while self._behind:
            process = self._behind.pop()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(30)

    def stop_takes(self) -> None:
        """Stop the takes a page left in the background."""
        for socket in (self._folder / "home" / "run").glob("*.sock"):
            subprocess.run(
                ["onetake", "ctl", "stop", "--session", socket.stem],
                env=self._env,
                check=False,
                capture_output=True,
            )

    def _start(self, line: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["sh", "-c", f"exec {line}" if "|" not in line else line],
            cwd=self._folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _export(self, line: str) -> None:
        told = subprocess.run(
            ["sh", "-c", f"{line}; env -0"],
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            check=True,
        )
        self._env = dict(
            one.split("=", 1) for one in told.stdout.decode().split("\0") if "=" in one
        )


def _makes_a_file(line: str) -> bool:
    return line.startswith(("onetake record", "onetake check", "onetake selftest"))


if __name__ == "__main__":
    sys.exit(main())
