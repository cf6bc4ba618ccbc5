"""A private sound server with a sound card and a microphone whose truth is known.

    pacat ──▶ sink `dac` ──FIFO──▶ sound card (exact rate, log)      dac.monitor = system sound
    microphone (exact, another rate) ──FIFO──▶ source `vmic`

The sound card and the microphone are `tests.stage.soundcard`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.stage.processes import child, make_hardware, require, temporary_folder, wait_until

__all__ = ["SoundServer", "pulseaudio"]

SYSTEM_ID = "pulse:dac.monitor"
MIC_ID = "pulse:vmic"


@dataclass
class SoundServer:
    """A running PulseAudio; `stop` and `start` make a restart of the server."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        """What its clients need in their environment."""
        return {
            "PULSE_SERVER": f"unix:{self.folder}/native",
            "PULSE_RUNTIME_PATH": str(self.folder / "run"),
            "PULSE_COOKIE": str(self.folder / "cookie"),
        }

    @property
    def dac_fifo(self) -> Path:
        """What the sound card plays: s16le, 48000 Hz, stereo."""
        return self.folder / "dac"

    @property
    def mic_fifo(self) -> Path:
        """What the microphone hears: s16le, nominally 48000 Hz, mono."""
        return self.folder / "vmic"

    def ctl(self, *words: str) -> str:
        """Run pactl."""
        done = subprocess.run(
            ["pactl", *words], env={**os.environ, **self.env}, capture_output=True, check=True
        )
        return done.stdout.decode().strip()


@contextlib.contextmanager
def pulseaudio(folder: Path | None = None, *, mic_rate_hz: int = 48000) -> Iterator[SoundServer]:
    """Run a private PulseAudio with the sinks `dac` and `quiet` and the source `vmic`.

    `quiet` is a null sink for device switches. Works as root and without a session.
    """
    require("pulseaudio", "pactl", "pacat")
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(temporary_folder()))
        server = SoundServer(folder)
        modules = [
            f"module-native-protocol-unix auth-anonymous=1 socket={folder}/native",
            f"module-pipe-sink sink_name=dac file={server.dac_fifo} format=s16le rate=48000"
            " channels=2 sink_properties=device.description=Speakers",
            f"module-pipe-source source_name=vmic file={server.mic_fifo} format=s16le"
            f" rate={mic_rate_hz} channels=1 source_properties=device.description=Microphone",
            "module-null-sink sink_name=quiet sink_properties=device.description=Headphones",
        ]
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        command += ["--disallow-exit", *(word for module in modules for word in ("-L", module))]
        home = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        log = folder / "pulseaudio.log"
        process = child(command, env={**server.env, **home}, log=log)
        server.process = stack.enter_context(process)
        wait_until(lambda: _answers(server), "PulseAudio")
        make_hardware(server.process.pid)  # PulseAudio gives up what it inherits
        server.ctl("set-default-sink", "dac")
        server.ctl("set-default-source", "vmic")
        yield server


def _answers(server: SoundServer) -> bool:
    try:
        server.ctl("info")
    except subprocess.CalledProcessError:
        if server.process is not None and server.process.poll() is not None:
            log = (server.folder / "pulseaudio.log").read_text()
            raise RuntimeError(f"PulseAudio ended: {log}") from None
        return False
    return True
