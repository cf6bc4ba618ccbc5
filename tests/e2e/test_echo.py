"""A microphone that really hears the speakers: the sound server plays its output into the room."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.audio.rooms import RATE_HZ, Sound, level_to, noise, voice
from tests.e2e.command import environment, running, wait_for_event
from tests.stage.processes import child
from tests.stage.sound import SoundServer
from tests.stage.xserver import Screen

pytestmark = [pytest.mark.real, pytest.mark.slow]

CODE = "mic-hears-speakers"

HEADPHONES_S = 6.0
"""How long the take runs with headphones: twice what an echo needs to be told."""

TAKE_S = 40.0
"""Length of the take if nothing is told; usually it ends after ten seconds."""


@contextlib.contextmanager
def playing(server: SoundServer, sink: str, sound: Sound) -> Iterator[None]:
    """Play into a sink for the length of the block."""
    path = server.folder / f"{sink}.raw"
    path.write_bytes(sound.astype("<f4").tobytes())
    format_ = ["--raw", "--format=float32le", "--channels=1", f"--rate={RATE_HZ}"]
    command = ["pacat", "--playback", f"--device={sink}", *format_, str(path)]
    with child(command, env=server.env):
        yield


def test_the_speakers_are_heard_once_the_headphones_are_off(
    x_screen: Screen, sound_server: SoundServer, tmp_path: Path
) -> None:
    """While the microphone hears only somebody who talks, nothing is told; when it hears the
    speakers too, 20 dB softer and 60 ms late, a running take says so, and its report as well."""
    random = np.random.default_rng(1)
    speakers = voice(random, TAKE_S)
    talk = level_to(voice(random, TAKE_S), -30) + noise(random, len(speakers), -68)
    sound_server.ctl("load-module", "module-null-sink", "sink_name=room")
    sound_server.ctl("load-module", "module-remap-source", "master=room.monitor", "source_name=ear")
    words = ["--json", f"--screen={x_screen.device_id}", "--fps=10"]
    words += ["--system-audio=pulse:quiet.monitor", "--mic=pulse:ear", f"--duration={TAKE_S}"]
    env = environment(tmp_path, **x_screen.env, **sound_server.env)
    with (
        playing(sound_server, "quiet", speakers),
        playing(sound_server, "room", talk),
        running("record", str(tmp_path / "echo.mp4"), *words, env=env) as process,
    ):
        t0_ns = wait_for_event(process, "started")["t0_ns"]
        time.sleep(HEADPHONES_S)
        taken_off_ns = time.monotonic_ns() - t0_ns
        path = ["source=quiet.monitor", "sink=room", "latency_msec=60"]
        sound_server.ctl("load-module", "module-loopback", *path)
        inputs = sound_server.ctl("list", "short", "sink-inputs").splitlines()
        (loop,) = [line.split()[0] for line in inputs if "protocol-native" not in line]
        sound_server.ctl("set-sink-input-volume", loop, "-20dB")
        while (warned := wait_for_event(process, "warning"))["code"] != CODE:
            pass
        process.send_signal(signal.SIGINT)
        stopped = wait_for_event(process, "stopped")
    assert warned["position_ns"] > taken_off_ns
    assert "headphones" in warned["hint"]
    assert CODE in json.dumps(stopped["report"])
