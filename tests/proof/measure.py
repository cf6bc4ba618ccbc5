"""How exact and how fast the check is: the tables of docs/notes/check.md.

Run:  python -m tests.proof.measure [exact | fast]
"""
# ruff: noqa: T201  it prints tables

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tests.proof.making import RATE_HZ, Image, Recipe, Samples, frame_times, make

from onetake.model import pattern
from onetake.model.units import NS_PER_MS
from onetake.proof.check import check

SECONDS = 20.0
SHIFTS_MS = (0.0, 0.37, -7.9, 40.0)
"""True offsets of the system sound in the files that are measured."""

WEBM = {
    "video_codec": "libvpx",
    "video_options": {"cpu-used": "8", "deadline": "realtime"},
    "audio_codec": "libopus",
}
CASES: dict[str, tuple[str, Callable[[], Recipe]]] = {
    "MP4, 30 fps": ("mp4", lambda: Recipe(seconds=SECONDS)),
    "MP4, 24 fps": ("mp4", lambda: Recipe(seconds=SECONDS, times_ns=frame_times(24, SECONDS))),
    "MP4, 60 fps": ("mp4", lambda: Recipe(seconds=SECONDS, times_ns=frame_times(60, SECONDS))),
    "MP4, variable": ("mp4", lambda: Recipe(seconds=SECONDS, times_ns=_variable(SECONDS))),
    "Matroska, AAC": ("mkv", lambda: Recipe(seconds=SECONDS)),
    "WebM, Opus": ("webm", lambda: Recipe(seconds=SECONDS, **WEBM)),
    "screen drawn every 4 ms": ("mp4", lambda: _redrawn(4)),
    "screen drawn every 16.7 ms": ("mp4", lambda: _redrawn(16.7)),
    "flash alone, 30 fps": ("mp4", lambda: Recipe(seconds=SECONDS, paint=_without_block)),
    "flash alone, 60 fps": (
        "mp4",
        lambda: Recipe(seconds=SECONDS, times_ns=frame_times(60, SECONDS), paint=_without_block),
    ),
}


def _variable(seconds: float) -> list[int]:
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.integers(8, 90, size=1000)) * NS_PER_MS
    return [0, *(int(time) for time in times if time < seconds * 1e9)]


def _redrawn(every_ms: float) -> Recipe:
    rng = np.random.default_rng(6)
    step = int(every_ms * NS_PER_MS)
    times = [time + int(rng.integers(0, 12 * NS_PER_MS)) for time in frame_times(30, SECONDS)]
    return Recipe(seconds=SECONDS, times_ns=times, drawn_ns=[time // step * step for time in times])


def _without_block(index: int, image: Image) -> None:
    block = pattern.block_rect(image.shape[1], image.shape[0])
    colour = image[0, 0].copy()
    image[block.y_px : block.bottom_px, block.x_px : block.right_px] = colour


def _shifted(shift_ms: float) -> Samples:
    """Return the system sound late by this much, the microphone's in time."""
    schedule, count = pattern.EventSchedule(3), round(SECONDS * RATE_HZ)
    mono = pattern.system_sound(schedule, -shift_ms * NS_PER_MS, count, RATE_HZ)
    mono = mono + pattern.mic_sound(schedule, 0, count, RATE_HZ)
    return np.repeat(mono[:, None], 2, axis=1)


def exact(folder: Path) -> None:
    """Print how far measured offsets are from the true ones."""
    print("| file | error of median ms | worst error ms | stated resolution ms | mic - system ms |")
    print("|---|---|---|---|---|")
    for name, (suffix, recipe_of) in CASES.items():
        medians, worst, resolution, between = [], [], 0.0, []
        for shift_ms in SHIFTS_MS:
            recipe = recipe_of()
            recipe.sound = _shifted(shift_ms)
            report = check(make(folder / f"a.{suffix}", recipe))
            paths = {path.path: path for path in report.offsets}
            system = paths["system"]
            medians.append(system.median_ms - shift_ms)
            worst.append(max(abs(offset - shift_ms) for _, offset in system.offsets_ms))
            resolution = max(resolution, system.resolution_ms)
            between.append(paths["mic-system"].median_ms + shift_ms)
        print(
            f"| {name} | {max(medians, key=abs):+.3f} | {max(worst):.3f} | {resolution:.2f} | "
            f"{max(between, key=abs):+.4f} |"
        )


def fast(folder: Path) -> None:
    """Print how fast files are read, and how much of it is ours rather than the decoder's."""
    rng = np.random.default_rng(1)
    print("| file | x real time (wall) | x real time (one core) | growth of memory MB |")
    print("|---|---|---|---|")
    for name, size, is_busy in (
        ("720p30, still desktop", (1280, 720), False),
        ("1080p30, still desktop", (1920, 1080), False),
        ("1080p30, noisy window of 1500x300 scrolling", (1920, 1080), True),
    ):
        noise = rng.integers(0, 100, (size[1], size[0], 3), dtype=np.uint8)

        def paint(index: int, image: Image, noise: Image = noise, is_busy: bool = is_busy) -> None:
            if is_busy:
                shifted = np.roll(noise[100:400, 200:1700], index * 5, axis=1)
                image[100:400, 200:1700] = shifted

        recipe = Recipe(seconds=30, size=size, paint=paint, video_options={"preset": "veryfast"})
        path = make(folder / "a.mp4", recipe)
        before = _resident_mb()
        wall, cpu = time.perf_counter(), time.process_time()
        check(path)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        growth = _resident_mb() - before
        print(f"| {name} | {30 / wall:.0f} | {30 / cpu:.0f} | {growth:.1f} |")


def _resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    """Print the tables that were asked for, all without a word."""
    asked = sys.argv[1:] or ["exact", "fast"]
    with tempfile.TemporaryDirectory() as folder:
        for name in asked:
            {"exact": exact, "fast": fast}[name](Path(folder))
            print()


if __name__ == "__main__":
    main()
