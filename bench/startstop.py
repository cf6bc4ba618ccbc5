"""How long a take takes to begin, to obey and to end, and whether its memory stays the same.

    python bench/startstop.py [--rounds 3] [--seconds 50] [--hour 1.0]

On a private X server (1080p30) and PulseAudio, wall time; each line names its target. Medians with
their range.

- import: `python -c "import onetake"` less an empty Python.
- start: from the launch of `onetake record` to the host time of the first frame in the file, and
  from `Recorder.start` of a program that runs already.
- control: from a command to the first frame in the finished file that shows it, by its pixels
  (synthetic devices), and to the sample at which a mute was said to begin; that the sound ends
  there is for `onetake selftest` to show.
- stop: from the signal to the event that says the finished file was read again; after 5 s, and
  after a minute. `--hour`: the same two steps for a file of so many hours, made without waiting.
- memory: of the minute's take, private bytes after 10 s and at its end.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests.stage

import av  # noqa: E402
import numpy as np  # noqa: E402
from clips import scratch  # noqa: E402
from pipeline import spread  # noqa: E402
from tests.stage.stage import Stage, stage  # noqa: E402

from onetake.engine.recorder import Recorder  # noqa: E402
from onetake.file.mp4 import Mp4Writer  # noqa: E402
from onetake.model.commands import SetMute, ShowCamera  # noqa: E402
from onetake.model.devices import Role  # noqa: E402
from onetake.model.settings import Settings  # noqa: E402
from onetake.model.units import NS_PER_S  # noqa: E402
from onetake.proof.verify import verify  # noqa: E402
from onetake.video.canvas import Canvas  # noqa: E402

FPS = 30


def say(name: str, values: list[float], unit: str, target: str) -> None:
    print(f"{name:34} {spread(values, '.3f'):28} {unit:3} target {target}", flush=True)


def import_s(rounds: int) -> list[float]:
    """Return what the import adds to the start of a Python."""

    def run(code: str) -> float:
        start_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start_s

    run("import onetake")
    return [run("import onetake") - run("pass") for _ in range(max(5, rounds))]


class Running:
    """An `onetake record` in a process of its own."""

    def __init__(self, there: Stage, folder: Path) -> None:
        self.launched_ns = time.monotonic_ns()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "onetake.ui.cli", "record", str(folder / "take.mp4")),
                *("--json", "--overwrite", f"--screen={there.screen_id}", f"--fps={FPS}"),
                *(f"--system-audio={there.system_id}", f"--mic={there.mic_id}"),
            ],
            env={**os.environ, **there.env, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        self.started = self.wait_for("started")
        self.told_ns = time.monotonic_ns()

    def wait_for(self, name: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            event: dict[str, Any] = json.loads(text)
            if "error" in event:
                raise RuntimeError(text.decode())
            if event.get("event") == name:
                return event
        raise RuntimeError(f"ended without {name}")

    def private_mb(self) -> float:
        for text in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if text.startswith("RssAnon:"):
                return int(text.split()[1]) / 1024
        return 0.0

    def stop(self) -> float:
        """Stop as Ctrl-C does; return seconds until the file was verified."""
        start_s = time.perf_counter()
        self.process.send_signal(signal.SIGINT)
        self.wait_for("stopped")
        taken_s = time.perf_counter() - start_s
        self.process.wait(20)
        return taken_s


def starts_and_stops(there: Stage, folder: Path, rounds: int) -> None:
    """Measure takes of 5 s."""
    starts, told, stops = [], [], []
    for _ in range(rounds):
        running = Running(there, folder)
        starts.append((running.started["t0_ns"] - running.launched_ns) / NS_PER_S)
        told.append((running.told_ns - running.launched_ns) / NS_PER_S)
        time.sleep(5.0)
        stops.append(running.stop())
    say("start: launch to first frame", starts, "s", "<= 0.5")
    say("start: launch to `started`", told, "s", "-")
    say("stop: after 5 s", stops, "s", "<= 1")


def warm_starts(there: Stage, folder: Path, rounds: int) -> None:
    """Measure `Recorder.start` in this process."""
    starts = []
    recorder = Recorder()
    for number in range(rounds + 1):
        settings = Settings(
            output=str(folder / "warm.mp4"),
            overwrite=True,
            screen=there.screen_id,
            system_audio=there.system_id,
            mic=there.mic_id,
        )
        begun_ns = time.monotonic_ns()
        take = recorder.start(settings)
        if number:
            starts.append((take.started_event.t0_ns - begun_ns) / NS_PER_S)
        take.stop()
        take.wait(20)
    say("start: Recorder.start, warm", starts, "s", "<= 0.5")


def controls(folder: Path, rounds: int) -> None:
    """Hide the camera and mute the microphone of synthetic takes; look for both in the file."""
    frames_ms, samples_ms, calls_ms = [], [], []
    for number in range(rounds):
        path = folder / "control.mp4"
        take = Recorder().start(
            Settings(
                output=str(path),
                overwrite=True,
                screen="synthetic:screen",
                mic="synthetic:mic",
                system_audio="none",
                camera="synthetic:camera",
                fps=FPS,
            )
        )
        time.sleep(2.0 + 0.007 * number)
        given_ns = time.monotonic_ns()
        take.send(ShowCamera(is_visible=False))
        muted_ns = time.monotonic_ns()
        muted = take.send(SetMute(Role.MIC, is_muted=True))
        calls_ms.append((time.monotonic_ns() - muted_ns) / 1e6)
        time.sleep(0.7)
        take.stop()
        take.wait(20)
        t0_ns = take.started_event.t0_ns
        frames_ms.append(1e3 * (_hidden_s(path, (given_ns - t0_ns) / NS_PER_S)))
        samples_ms.append((muted.position_ns - (muted_ns - t0_ns)) / 1e6)
    say("control: hide, to the frame", frames_ms, "ms", f"<= {1e3 / FPS:.1f} (one frame)")
    say("control: mute, to its sample", samples_ms, "ms", "<= 1")
    say("control: a command returns after", calls_ms, "ms", "-")


def _hidden_s(path: Path, given_s: float) -> float:
    """Return how long after `given_s` the corner looks as it does at the end, and not as before."""
    corners, times_s = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            luma = frame.to_ndarray(format="gray")[::4, ::4].astype(np.int16)
            corners.append(luma[luma.shape[0] * 2 // 3 :, luma.shape[1] * 2 // 3 :])
            times_s.append(frame.time or 0.0)
    first = int(np.searchsorted(times_s, given_s))
    # Medians: the pattern's flashes are short.
    shown, hidden = np.median(corners[first - 20 : first], 0), np.median(corners[-12:], 0)
    for corner, time_s in zip(corners[first:], times_s[first:], strict=True):
        if np.abs(corner - hidden).mean() < np.abs(corner - shown).mean():
            return time_s - given_s
    raise RuntimeError("the camera was never hidden")


def long_take(there: Stage, folder: Path, seconds: float) -> None:
    """Record for long, watch the memory, and stop."""
    running = Running(there, folder)
    time.sleep(10.0)
    memory = [running.private_mb()]
    end_s = time.monotonic() + seconds - 10.0
    while time.monotonic() < end_s:
        time.sleep(5.0)
        memory.append(running.private_mb())
    stop_s = running.stop()
    say(f"stop: after {seconds:.0f} s", [stop_s], "s", "<= 1")
    print(f"memory: private MB every 5 s from 10 s on: {' '.join(f'{mb:.0f}' for mb in memory)}")


def hours(folder: Path, length_h: float) -> None:
    """Finish and verify a file of many hours, small pictures: what depends on the length."""
    count = round(length_h * 3600)
    path = folder / "hours.mp4"
    writer = Mp4Writer(path, size_px=(160, 96), settings=Settings(fps=FPS), warn=lambda *_: None)
    writer.start()
    canvas, silence = Canvas(160, 96), np.zeros((48_000, 2), np.float32)
    canvas.y[::2] = 120
    for second in range(count):
        for number in range(FPS):
            position_ns = second * NS_PER_S + number * NS_PER_S // FPS
            writer.write_video(position_ns, canvas.frame)
        writer.write_audio([silence])
        while writer.pump(0):
            pass
    start_s = time.perf_counter()
    writer.finish(count * NS_PER_S)
    finished_s = time.perf_counter() - start_s
    found = verify(path, duration_ns=count * NS_PER_S, fps=FPS, audio_tracks=1)
    taken_s = time.perf_counter() - start_s
    print(
        f"stop: a file of {length_h} h: finished {finished_s:.3f} s, verified {taken_s:.3f} s, "
        f"{len(found.problems)} problems; target <= 1"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=50.0, help="of the long take; 0 = none")
    parser.add_argument("--hour", type=float, default=0.5, help="of the longest file; 0 = none")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} before; {options.rounds} rounds")
    with scratch() as folder:
        say("import onetake", import_s(options.rounds), "s", "<= 0.1")
        controls(folder, options.rounds)
        with stage(1920, 1080) as there, there.environment():
            starts_and_stops(there, folder, options.rounds)
            warm_starts(there, folder, options.rounds)
            if options.seconds:
                long_take(there, folder, options.seconds)
        if options.hour:
            hours(folder, options.hour)


if __name__ == "__main__":
    main()
