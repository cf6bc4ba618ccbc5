"""What a cheaper encoder is worth where the processor is scarce: takes with it and without.

    python bench/slow_machine.py [--size 4K] [--share 60] [--quality standard]     (as root)

Takes of the synthetic screen at 30 frames a second, by turns; from the second second on all threads
together get a share of one core. Frames in the file from the fifth second on: for each second, and
for each second of CPU time the process had by then, which does not depend on who else wants the
core. Median and range of the rounds, and where the encoder was changed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import av
from clips import SIZES, scratch

import onetake
from onetake.model.settings import Quality
from onetake.video.ladder import EncoderLadder

SECONDS = 14
COUNTED_FROM_S = 5
PERIOD_US = 20_000
"""Shorter than a frame's time: a long one lets the take stand still instead of being slow."""

CGROUP_V1, CGROUP_V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


@contextmanager
def scarce(share: float) -> Iterator[None]:
    """Give this process a share of one core. Raises OSError where that is not allowed."""
    is_old = (CGROUP_V1 / "tasks").exists()
    root = CGROUP_V1 if is_old else CGROUP_V2
    group = root / f"onetake-bench-{os.getpid()}"
    group.mkdir()
    try:
        quota_us = round(share * PERIOD_US)
        if is_old:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
        (group / "cgroup.procs").write_text(str(os.getpid()))
        yield
    finally:
        (root / "cgroup.procs").write_text(str(os.getpid()))
        group.rmdir()


def take(folder: Path, wish: argparse.Namespace) -> tuple[float, float, list[str]]:
    """Record; return frames a second of the slow time, frames a CPU second, and the steps told."""
    width_px, height_px = SIZES[wish.size]
    path = folder / "take.mp4"
    with onetake.record(
        path,
        duration_s=SECONDS,
        quality=wish.quality,
        encoder="libx264",
        screen=f"synthetic:screen?size={width_px}x{height_px}&fps=30",
        system_audio="none",
        mic="synthetic",
    ) as running:
        wait_until(running, 1.0)
        with scarce(wish.share / 100):
            wait_until(running, COUNTED_FROM_S)
            before, before_s = running.snapshot().frames, time.process_time()
            wait_until(running, SECONDS - 1)
            spent_s = time.process_time() - before_s
            encoded = running.snapshot().frames - before
            result = running.wait()
    assert result is not None
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        times_s = [float(packet.pts * packet.time_base) for packet in packets]
    path.unlink()
    Path(f"{path.with_suffix('')}.onetake.json").unlink(missing_ok=True)
    shown = sum(1 for time_s in times_s if time_s >= COUNTED_FROM_S)
    rate = shown / (SECONDS - COUNTED_FROM_S)
    warnings = result.report["warnings"]
    steps = [f"{w['code']} {w['position_ns'] / 1e9:.1f} s" for w in warnings]
    return rate, encoded / spent_s, [step for step in steps if step.startswith("encoder-")]


def wait_until(running: onetake.Take, position_s: float) -> None:
    """Wait until the take is so long."""
    while running.snapshot().position_ns < position_s * 1e9:
        running.wait(0.05)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=SIZES, default="4K")
    parser.add_argument("--share", type=int, default=60, help="percent of one core")
    parser.add_argument("--quality", type=Quality, choices=Quality, default=Quality.STANDARD)
    parser.add_argument("--rounds", type=int, default=2)
    wish = parser.parse_args()
    usual: list[tuple[float, float]] = []
    ladder: list[tuple[float, float]] = []
    for _ in range(wish.rounds):
        with scratch() as folder:
            with patch.object(EncoderLadder, "saw", lambda *_: None):
                rate, per_cpu_s, _ = take(folder, wish)
            usual.append((rate, per_cpu_s))
            rate, per_cpu_s, steps = take(folder, wish)
            ladder.append((rate, per_cpu_s))
        print(f"steps: {', '.join(steps) or 'none'}", flush=True)
    for name, rounds in (("usual encoder only", usual), ("with the ladder", ladder)):
        a_second, a_cpu_second = (spread(list(column)) for column in zip(*rounds, strict=True))
        print(f"{name:20} frames a second {a_second}, a CPU second {a_cpu_second}")


def spread(values: list[float]) -> str:
    """Write the median and the range."""
    return f"{statistics.median(values):5.1f} ({min(values):.1f}..{max(values):.1f})"


if __name__ == "__main__":
    main()
