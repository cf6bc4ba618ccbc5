"""How true the stamps of the Linux sources are: the table of docs/notes/linux-devices.md.

Run:  python -m tests.stage.measure [--seconds 20] [--fps 30] [--size 1920x1080]
"""
# ruff: noqa: T201  it prints a table

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable

import av
import numpy as np
from numpy.typing import NDArray
from tests.stage.http_camera import http_camera
from tests.stage.stage import Stage, stage
from tests.stage.truth import chirp_times, nearest_errors_ns, read_picture, sound_of, stamp_times_ns

from onetake.clock import HostClock
from onetake.model.devices import Role
from onetake.model.media import AudioBlock, Frame
from onetake.model.pattern import mic_chirp, system_chirp
from onetake.model.settings import Settings
from onetake.platforms.registry import find_platforms


class Collector:
    """A sink that reads the pattern off each picture and keeps each block."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.stamps_ns: list[int] = []
        self.errors_ms: list[float] = []
        self.torn = self.idle = 0
        self.blocks: list[AudioBlock] = []
        self.cpu_s = 0.0

    def frame(self, frame: Frame) -> None:
        self.stamps_ns.append(frame.pts_ns)
        if isinstance(frame.image, av.VideoFrame):
            frame.image = frame.image.to_ndarray(format="bgr24")
        if isinstance(frame.image, np.ndarray):
            code = read_picture(frame.image)
            if code is None:
                self.torn += 1
            else:
                self.errors_ms.append((frame.pts_ns - self.start_ns) / 1e6 - code.position_ns / 1e6)
        else:
            self.idle += 1
        frame.release()

    def audio(self, block: AudioBlock) -> None:
        self.blocks.append(block)

    def warn(self, code: str, message: str, hint: str = "") -> None:
        print(f"warning {code}: {message} {hint}")


def collect(there: Stage, role: Role, device_id: str, seconds: float, fps: int) -> Collector:
    """Run one source against the stage."""
    collector, stop = Collector(there.start_ns), threading.Event()
    platform = next(p for p in find_platforms() if p.owns(device_id))
    source = platform.source(role, device_id, Settings(fps=fps), HostClock())

    def run() -> None:
        with_cpu = time.thread_time()
        source.run(collector, stop)
        collector.cpu_s = time.thread_time() - with_cpu

    source.open()
    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(seconds)
    stop.set()
    thread.join()
    source.close()
    return collector


def _say(name: str, values: NDArray[np.float64], note: str = "") -> None:
    print(
        f"{name:28} n={len(values):4} mean {values.mean():+8.3f} median {np.median(values):+8.3f}"
        f" std {values.std():7.3f} min {values.min():+8.3f} max {values.max():+8.3f} ms {note}"
    )


def report_sound(
    name: str, found: Collector, there: Stage, chirp: Callable[[float], object]
) -> None:
    """Print the errors of a sound source's stamps, by block and after a straight-line fit."""
    blocks = found.blocks
    rate_hz = blocks[0].rate_hz
    indices = chirp_times(sound_of(blocks), chirp(rate_hz))  # type: ignore[arg-type]
    errors_ms = nearest_errors_ns(
        stamp_times_ns(blocks, indices), there.schedule_id, there.start_ns
    )
    _say(f"{name}, block stamps", errors_ms / 1e6, f"cpu {found.cpu_s:.2f} s")
    firsts = np.cumsum([0, *(len(b.samples) for b in blocks[:-1])]).astype(np.float64)
    for label, stamps in (
        ("stamp line", np.array([b.stamp_ns - there.start_ns for b in blocks])),
        ("arrival line", np.array([b.arrival_ns - there.start_ns for b in blocks])),
    ):
        late = slice(len(blocks) // 4, None)
        slope, offset = np.polyfit(firsts[late], stamps[late], 1)
        line_ns = slope * indices + offset + there.start_ns
        errors_ms = nearest_errors_ns(line_ns, there.schedule_id, there.start_ns) / 1e6
        ppm = (1e9 / slope / rate_hz - 1) * 1e6
        jitter = (stamps[late] - slope * firsts[late] - offset).std() / 1e6
        _say(f"{name}, {label}", errors_ms, f"rate {ppm:+.1f} ppm, block jitter {jitter:.3f} ms")
    ages = " ".join(f"{(b.arrival_ns - b.stamp_ns) / 1e6:.1f}" for b in blocks[:60:4])
    print(f"{name} age of blocks, ms: {ages}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--only", default="screen,system,mic,camera")
    wishes = parser.parse_args()
    width_px, height_px = (int(part) for part in wishes.size.split("x"))
    with stage(width_px, height_px, tick_ms=2) as there, there.environment():
        if "screen" in wishes.only:
            found = collect(there, Role.SCREEN, there.screen_id, wishes.seconds, wishes.fps)
            steps = np.diff(found.stamps_ns) / 1e6
            _say("screen, interval", steps)
            _say("screen, stamp - drawn", np.array(found.errors_ms), f"torn {found.torn}")
            frames = len(found.stamps_ns)
            print(f"screen cpu {found.cpu_s / frames * 1e3:.2f} ms/frame, idle {found.idle}")
        if "system" in wishes.only:
            found = collect(there, Role.SYSTEM, there.system_id, wishes.seconds, wishes.fps)
            report_sound("system", found, there, system_chirp)
        if "mic" in wishes.only:
            found = collect(there, Role.MIC, there.mic_id, wishes.seconds, wishes.fps)
            report_sound("mic", found, there, mic_chirp)
        if "camera" in wishes.only:
            with http_camera(there.start_ns) as camera:
                found = collect(there, Role.CAMERA, camera.url, wishes.seconds, wishes.fps)
            _say("HTTP camera, stamp - drawn", np.array(found.errors_ms), f"torn {found.torn}")
            _say("HTTP camera, interval", np.diff(found.stamps_ns) / 1e6)
        card = there.card()
        heard = np.array([(h - there.start_ns - e) / 1e6 for e, h in card.pop("heard")])
        _say("sound card, heard - planned", heard, str(card))


if __name__ == "__main__":
    main()
