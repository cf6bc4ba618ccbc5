"""What recording a real screen and real sound costs: ours and FFmpeg in turn, on the same devices.

    python bench/live.py [--size 1080p] [--fps 30] [--seconds 12] [--rounds 1] [--scene pattern]

A private X server and PulseAudio (tests/stage). Scenes: `pattern` changes in every frame (a code
block at 200 Hz and flashes that fill the screen), `static` is an empty screen, `silent` the same
without sound. The sounds of the others are the same: pure tones without a pause.

- cpu: of the recorder and its children while it records, in % of one core, from 3 s after its start
  on (its start and end are not in: see startstop.py); `X` is the X server's at the same time.
- dropped: frames missing from a screen that changes all the time, in % of seconds x fps; p50 and
  p99 are the intervals of frames in the file. They say nothing of a static screen.
- offset: sound against picture, median and worst event, by `onetake check`, from the content.
- rss: largest resident memory, shared segments included.

FFmpeg grabs with x11grab and pulse, mixes with amix and encodes with the same x264 options; so
does OBS Studio where it is installed (see obs_studio.py), which needs 8 s more to come up.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests.stage

import obs_studio  # noqa: E402
from clips import SIZES, scratch  # noqa: E402
from pipeline import spread  # noqa: E402
from tests.stage.stage import Stage, stage  # noqa: E402
from tests.stage.xserver import Screen, xvfb  # noqa: E402

from onetake.file.encoders import choose_encoder  # noqa: E402
from onetake.file.presets import GOP_S  # noqa: E402
from onetake.model.settings import Settings  # noqa: E402
from onetake.proof.check import check  # noqa: E402
from onetake.proof.results import CheckReport  # noqa: E402

WARM_S = 3.0
"""Where the steady part begins: devices are open and the file is being written."""
OBS_COMES_UP_S = 8.0
"""Seconds from its launch to a recording that runs, where OpenGL is software."""
TICKS_HZ = os.sysconf("SC_CLK_TCK")


@dataclass
class Reading:
    """One recording."""

    name: str
    cpu_percent: float
    x_percent: float
    rss_mb: float
    report: CheckReport


def cpu_s(process_id: int) -> float:
    """Return CPU seconds so far of a process and its living children; 0 when it is gone."""
    total = 0.0
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    except OSError:
        return 0.0
    total = (int(stat[11]) + int(stat[12])) / TICKS_HZ
    return total + sum(cpu_s(int(child)) for child in children)


def rss_mb(process_id: int) -> float:
    """Return the largest resident memory so far."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def record(
    name: str, command: list[str], env: dict[str, str], screen: Screen, target: Path, seconds: float
) -> Reading:
    """Run a recorder on the stage and read its file."""
    with subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        time.sleep(WARM_S)
        start_s, mine, theirs = time.monotonic(), cpu_s(process.pid), cpu_s(screen.process.pid)
        time.sleep(max(0.0, seconds - WARM_S - 0.5))
        length_s = time.monotonic() - start_s
        mine = cpu_s(process.pid) - mine
        theirs = cpu_s(screen.process.pid) - theirs
        memory = 0.0
        while process.poll() is None:
            memory = max(memory, rss_mb(process.pid))
            time.sleep(0.05)
    if process.returncode not in (0, 5):  # 5: recorded, degraded; the table says how
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu, x = 100 * mine / length_s, 100 * theirs / length_s
    return Reading(name, cpu, x, memory, check(target))


def record_with_obs(
    there: Stage, screen: Screen, folder: Path, fps: int, target: Path, seconds: float
) -> Reading:
    """Let OBS Studio record; killed at the end, for it takes no word."""
    plan = choose_encoder(Settings(fps=fps), (screen.width_px, screen.height_px), lambda *_: None)
    home = folder / "obs"
    obs_studio.write_settings(home, screen, fps, plan.options, plan.thread_count)
    with xvfb(640, 480) as own:
        environment = obs_studio.obs_environment(there, own, home)
        quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        process = subprocess.Popen(obs_studio.obs_command(), env=environment, **quiet)
        try:
            time.sleep(OBS_COMES_UP_S + WARM_S)
            start_s, mine, theirs = time.monotonic(), cpu_s(process.pid), cpu_s(screen.process.pid)
            time.sleep(max(0.0, seconds - WARM_S))
            length_s = time.monotonic() - start_s
            mine = 100 * (cpu_s(process.pid) - mine) / length_s
            theirs = 100 * (cpu_s(screen.process.pid) - theirs) / length_s
            memory = rss_mb(process.pid)
        finally:
            process.kill()
            process.wait()
    time.sleep(1.0)  # its muxer's process ends by itself
    obs_studio.finished(home, target)
    return Reading("obs", mine, theirs, memory, check(target))


def our_command(
    there: Stage, screen: Screen, fps: int, seconds: float, target: Path, *, has_sound: bool = True
) -> list[str]:
    system_id, mic_id = (there.system_id, there.mic_id) if has_sound else ("none", "none")
    return [
        *(sys.executable, "-m", "onetake.ui.cli", "record", str(target), "--json", "--overwrite"),
        *(f"--screen={screen.device_id}", f"--system-audio={system_id}"),
        *(f"--mic={mic_id}", f"--fps={fps}", f"--duration={seconds}"),
    ]


def ffmpeg_command(screen: Screen, fps: int, seconds: float, target: Path) -> list[str]:
    size = (screen.width_px, screen.height_px)
    plan = choose_encoder(Settings(fps=fps), size, lambda *_: None)
    options = [word for key, value in plan.options.items() for word in (f"-{key}", value)]
    pulse = ["-thread_queue_size", "1024", "-f", "pulse", "-i"]
    graph = (
        "[0:v]scale=out_color_matrix=bt709:out_range=tv:flags=area,format=yuv420p[v];"
        "[1:a][2:a]amix=inputs=2:normalize=0[a]"
    )
    return [
        *("ffmpeg", "-nostdin", "-v", "error", "-y", "-thread_queue_size", "64"),
        *("-f", "x11grab", "-framerate", str(fps), "-video_size", f"{size[0]}x{size[1]}"),
        *("-i", screen.display, *pulse, "dac.monitor", *pulse, "vmic"),
        *("-filter_complex", graph, "-map", "[v]", "-map", "[a]", "-t", str(seconds)),
        *("-c:v", plan.name, *options, "-threads", str(plan.thread_count), "-bf", "0"),
        *("-g", str(GOP_S * fps), "-c:a", "aac", "-b:a", "160k", str(target)),
    ]


def line(reading: Reading, fps: int, *, is_moving: bool) -> str:
    """Write a row of the table."""
    words = [
        f"{reading.name:8} {reading.cpu_percent:6.1f} {reading.x_percent:6.1f}",
        f"{reading.rss_mb:5.0f}",
    ]
    frames, report = reading.report.frames, reading.report
    if frames is None or not is_moving:
        return " ".join(words)
    missing = max(0.0, 1 - frames.count / (report.duration_s * fps))
    words.append(
        f"{100 * missing:7.2f} {frames.interval_p50_ms:6.1f} {frames.interval_p99_ms:6.1f}"
    )
    words.append(f"{frames.interval_p99_ms * fps / 1e3:5.2f}x")
    words += [
        f"{path.path} {path.median_ms:+.1f} ({path.worst_ms:+.1f}, n={path.events})"
        for path in report.offsets
        if path.path != "mic-system"
    ]
    return " ".join(words)


SCENES = ("pattern", "static", "silent")

HEAD = (
    f"{'':8} {'cpu %':>6} {'X %':>6} {'rss':>5} {'dropped%':>7} {'p50 ms':>6} {'p99 ms':>6} "
    f"{'p99':>5}  offset ms: median (worst, events)"
)


@contextlib.contextmanager
def scene(name: str, size_px: tuple[int, int]) -> Iterator[tuple[Stage, Screen]]:
    """Set up the stage; `static` and `silent` are a second, empty screen beside it."""
    with stage(*(size_px if name == "pattern" else (640, 360))) as there:
        if name == "pattern":
            yield there, there.screen
            return
        with xvfb(*size_px) as still:
            yield there, still


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="1080p")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--scene", choices=SCENES, action="append")
    options = parser.parse_args()
    fps, seconds = options.fps, options.seconds
    print(f"{options.size} {fps} fps, {seconds} s each; load {os.getloadavg()[0]:.1f} before")
    for name in options.scene or SCENES:
        with scratch() as folder, scene(name, SIZES[options.size]) as (there, screen):
            env = {**os.environ, **there.env, **screen.env, "HOME": str(folder)}
            print(f"\n{name}\n{HEAD}", flush=True)
            ratios: dict[str, list[float]] = {}
            for _ in range(options.rounds):
                target, has_sound = folder / "take.mp4", name != "silent"
                ours = our_command(there, screen, fps, seconds, target, has_sound=has_sound)
                commands = {"onetake": ours}
                if shutil.which("ffmpeg") and has_sound:
                    commands["ffmpeg"] = ffmpeg_command(screen, fps, seconds, target)
                readings = [
                    record(who, command, env, screen, target, seconds)
                    for who, command in commands.items()
                ]
                if obs_studio.is_there() and has_sound:
                    try:
                        reading = record_with_obs(there, screen, folder, fps, target, seconds)
                        readings.append(reading)
                    except FileNotFoundError as error:
                        print(f"obs      {error}")
                for reading in readings:
                    print(line(reading, fps, is_moving=name == "pattern"), flush=True)
                for other in readings[1:]:
                    ratio = readings[0].cpu_percent / max(other.cpu_percent, 0.1)
                    ratios.setdefault(other.name, []).append(ratio)
            for other_name, values in ratios.items():
                print(f"ours/{other_name}, cpu: {spread(values)}", flush=True)


if __name__ == "__main__":
    main()
