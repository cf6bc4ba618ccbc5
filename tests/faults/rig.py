"""A stage whose parts can be killed and put back, and the whole program recording in front of it.

with Rig() as rig, rig.recording(path, camera=True) as take:
    take.wait_position(4)
    rig.sound.kill()
    ...
    take.stop()
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.command import COMMAND, environment
from tests.stage.http_camera import http_camera
from tests.stage.processes import child, temporary_folder, wait_until
from tests.stage.sound import MIC_ID, SYSTEM_ID, SoundServer, pulseaudio
from tests.stage.witness import Span, Witness, witness
from tests.stage.xserver import Screen, xvfb

__all__ = ["FPS", "SIZE_PX", "Part", "Recorded", "Recording", "Rig"]

FPS = 15
"""Frames a second of the takes: the faults are about time, and the machine may be small."""

SIZE_PX = (640, 360)
LEAD_NS = 500_000_000
SLIP_LASTS_NS = 300_000_000
"""The playback's buffer of 200 ms, and the card's look at its numbers every 100 ms."""


class Part:
    """Something of the stage that runs, can be killed and started again."""

    def __init__(self, make: Callable[[], contextlib.AbstractContextManager[Any]]) -> None:
        self._make = make
        self._stack = contextlib.ExitStack()
        self.there: Any = None

    def start(self) -> Any:
        """Start it and wait until it works."""
        self._stack = contextlib.ExitStack()
        self.there = self._stack.enter_context(self._make())
        return self.there

    def kill(self) -> None:
        """Kill its process as a crash would, and clear up."""
        if self.there is not None:
            process = getattr(self.there, "process", self.there)
            if isinstance(process, subprocess.Popen):
                process.kill()
                process.wait()
        self.end()

    def end(self) -> None:
        """End it politely."""
        self.there = None
        self._stack.close()


@dataclass(frozen=True)
class Recorded:
    """A recording process that has ended."""

    path: Path
    code: int
    events: list[dict[str, Any]]
    err: str

    def told(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        """Return its events of one kind whose fields are these."""
        return [
            event
            for event in self.events
            if event.get("event") == name and all(event.get(k) == v for k, v in fields.items())
        ]

    @property
    def words(self) -> str:
        """All that the user was told of something amiss: sources lost, and whether they were live
        again, then warnings by code."""
        lost = dict.fromkeys(event["role"] for event in self.told("source", state="lost"))
        healed = {role: "lost, live" if self._is_healed(role) else "lost" for role in lost}
        sources = [f"{role} {state}" for role, state in sorted(healed.items())]
        return "; ".join([*sources, *sorted({event["code"] for event in self.told("warning")})])

    def _is_healed(self, role: str) -> bool:
        return self.told("source", role=role)[-1]["state"] == "live"

    @property
    def stopped(self) -> dict[str, Any]:
        """The last word of the take; empty when there was none."""
        return (self.told("stopped") or [{}])[-1]

    @property
    def report(self) -> dict[str, Any]:
        """The report of the take."""
        report: dict[str, Any] = self.stopped.get("report", {})
        return report


@dataclass
class Recording:
    """`onetake record` as a process, and what it has said so far."""

    path: Path
    process: subprocess.Popen[str]
    events: list[dict[str, Any]] = field(default_factory=list)
    _reader: threading.Thread | None = None

    def listen(self) -> None:
        """Collect its JSON lines as they come."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with contextlib.suppress(json.JSONDecodeError):  # a killed process ends in mid-line
                self.events.append(json.loads(line))

    def has_told(self, name: str, **fields: Any) -> bool:
        """Whether it has said so yet."""
        return bool(Recorded(self.path, 0, list(self.events), "").told(name, **fields))

    def wait_told(self, name: str, timeout_s: float = 20.0, **fields: Any) -> None:
        """Wait until it says so."""
        wait_until(
            lambda: self.has_told(name, **fields) or self.process.poll() is not None,
            f"{name} {fields}; so far {self.events}",
            timeout_s,
        )

    @property
    def t0_ns(self) -> int:
        """Host time of position 0."""
        return int(next(e["t0_ns"] for e in self.events if e.get("event") == "started"))

    @property
    def position_s(self) -> float:
        """How long the take is now."""
        return (time.monotonic_ns() - self.t0_ns) / 1e9

    def wait_position(self, position_s: float) -> None:
        """Wait until the take is this long."""
        self.wait_told("started")
        time.sleep(max(0.0, position_s - self.position_s))

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def stop(self) -> Recorded:
        """Stop it as Ctrl-C does and wait for its end."""
        self.send(signal.SIGINT)
        return self.ended()

    def ended(self, timeout_s: float = 60.0) -> Recorded:
        """Wait until it has ended by itself."""
        code = self.process.wait(timeout_s)
        assert self._reader is not None
        self._reader.join(5)
        assert self.process.stderr is not None
        return Recorded(self.path, code, list(self.events), self.process.stderr.read())


class Rig:
    """A screen that shows, speakers that play, a microphone that hears, a network camera that
    looks at the same pattern. Each can be killed and started again, at the same address.

    `more_env`: what the recorder is to have in its environment besides."""

    def __init__(self, schedule_id: int = 1, more_env: Mapping[str, str] | None = None) -> None:
        self._more_env = more_env or {}
        self._stack = contextlib.ExitStack()
        self._schedule = str(schedule_id)
        self.schedule_id = schedule_id
        self.start_ns = 0
        """Host time of the pattern's position 0."""
        self._display = ""
        self._port = 0
        self._mode = "length"
        self.screen = Part(lambda: xvfb(*SIZE_PX, display=self._display))
        self.flasher = Part(lambda: self._program("flasher", self._when, "10"))
        self.sound = Part(lambda: pulseaudio(self.folder))
        self.card = Part(
            lambda: self._program("soundcard", [str(self.folder), *self._when], "48000", "48010")
        )
        self.camera = Part(
            lambda: http_camera(
                self.start_ns, width_px=320, height_px=180, port=self._port, mode=self._mode
            )
        )

    @property
    def _when(self) -> list[str]:
        return [str(self.start_ns), self._schedule]

    def __enter__(self) -> Rig:
        self.folder = Path(self._stack.enter_context(temporary_folder()))
        self.witness: Witness = self._stack.enter_context(witness())
        for part in (self.screen, self.flasher, self.sound, self.card, self.camera):
            self._stack.callback(part.end)
        screen: Screen = self.screen.start()
        self._display = screen.display
        self.sound_server: SoundServer = self.sound.start()
        self.start_ns = time.monotonic_ns() + LEAD_NS
        self.flasher.start()
        self.start_card()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_card(self) -> None:
        """Let the speakers play and the microphone hear, and wait until they do."""
        told = self.folder / "card.json"
        told.unlink(missing_ok=True)
        self.card.start()
        wait_until(told.exists, "the sound card", 15)

    def disturbances(self) -> list[Span]:
        """Return when the stage did not do what it should: the machine stood still, or the sound
        server's playback slipped, as it does on a loaded machine when its latency changes. What was
        rendered before is heard up to the playback's buffer later."""
        told = self.folder / "card.json"
        slips_ns = json.loads(told.read_text())["slips_ns"] if told.exists() else []
        slips = [(slip_ns, slip_ns + SLIP_LASTS_NS) for slip_ns in slips_ns]
        return sorted([*self.witness.stalls(self.start_ns), *slips])

    def start_camera(self, *, is_silent: bool = False) -> str:
        """Switch the camera on and return its address, which stays the same; a silent one answers
        and sends no picture."""
        self._mode = "silent" if is_silent else "length"
        url: str = self.camera.start().url
        self._port = int(url.split(":")[2].split("/")[0])
        return url

    def restart_screen(self) -> None:
        """Put the killed X server back, with the pattern on it."""
        self.screen.start()
        self.flasher.start()

    def restart_sound(self) -> None:
        """Put the killed sound server back, with what is played and heard."""
        self.sound_server = self.sound.start()
        self.start_card()

    def kill_screen(self) -> None:
        """Let the X server crash, which takes its clients with it."""
        self.screen.kill()
        self.flasher.kill()

    def kill_sound(self) -> None:
        """Let the sound server crash."""
        self.sound.kill()
        self.card.kill()
        # Its next start would not take over the pipes that stand for the hardware.
        for name in ("dac", "vmic"):
            (self.folder / name).unlink(missing_ok=True)

    @property
    def env(self) -> dict[str, str]:
        """What a recorder needs in its environment."""
        return {"DISPLAY": self._display, **self.sound_server.env}

    def _program(
        self, name: str, words: list[str], *more: str
    ) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", f"tests.stage.{name}", *words, *more]
        log = self.folder / f"{name}.log"
        return child(command, env=self.env, log=log, is_hardware=True)

    @contextlib.contextmanager
    def recording(
        self,
        path: Path,
        *more: str,
        mic: str = MIC_ID,
        system: str = SYSTEM_ID,
        camera: str = "none",
    ) -> Iterator[Recording]:
        """Run `onetake record`; killed at the latest with the block."""
        words = ["record", str(path), "--json", f"--fps={FPS}", f"--screen=x11:{self._display}"]
        words += [f"--mic={mic}", f"--system-audio={system}", f"--camera={camera}", *more]
        python_path = os.environ.get("PYTHONPATH", "")
        env = environment(self.folder, **self.env, **self._more_env, PYTHONPATH=python_path)
        with recorder(path, words, env) as take:
            yield take


@contextlib.contextmanager
def recorder(path: Path, words: list[str], env: dict[str, str]) -> Iterator[Recording]:
    """Run the program and wait for its first frame; killed at the latest with the block."""
    with subprocess.Popen(
        [*COMMAND, *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            take = Recording(path, process)
            take.listen()
            take.wait_told("started", 60.0)
            if process.poll() is not None:
                raise RuntimeError(f"no take began: {take.ended()}")
            yield take
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
