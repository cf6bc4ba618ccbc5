"""How long a take of many hours takes from its stop to "saved": what depends on the length.

    python bench/finish.py                  a minute, an hour, 8 h     (about 6 minutes)
    python bench/finish.py --hours 0.02 1

The real writer is fed without waiting, 30 small pictures and 48,000 samples for each second of a
virtual clock, and split off into fragments as in a take. Then what a take does behind its lanes:
finish the file, read it again, judge, write the report, which holds a control every 5 s. A plain
reading of all packets says whether they are all there. CPU is of all threads.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from clips import scratch

from onetake.engine.finishing import Ended, finish_file, outcome_of
from onetake.engine.readings import Readings
from onetake.file.mp4 import Mp4Writer
from onetake.model.commands import Marker
from onetake.model.devices import Role
from onetake.model.events import ControlChanged, SourceState
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.session.machine import Session
from onetake.timeline.timeline import Timeline
from onetake.video.canvas import Canvas

FPS = 30
SIZE_PX = (160, 96)
CONTROL_EVERY_S = 5


def recorded(path: Path, seconds: int) -> Mp4Writer:
    """Return a writer that has been given so many seconds and waits for its end."""
    writer = Mp4Writer(path, size_px=SIZE_PX, settings=Settings(fps=FPS), warn=lambda *_: None)
    writer.start()
    canvas, silence = Canvas(*SIZE_PX), np.zeros((48_000, 2), np.float32)
    canvas.y[::2] = 120
    for second in range(seconds):
        for number in range(FPS):
            writer.write_video(second * NS_PER_S + number * NS_PER_S // FPS, canvas.frame)
        writer.write_audio([silence])
        while writer.pump(0):
            pass
    return writer


def ended(path: Path, seconds: int) -> Ended:
    """Return what a take knows at its end."""
    settings = Settings(output=str(path), fps=FPS)
    roles = (Role.SCREEN, Role.SYSTEM)
    session = replace(
        Session.of(settings, frozenset(roles)),
        sources=dict.fromkeys(roles, SourceState.LIVE),
        timeline=Timeline.starting_at(0),
        stop_reason="asked",
    )
    return Ended(
        path=path,
        number=1,
        started_at="",
        start_ns=0,
        end_ns=seconds * NS_PER_S,
        size_px=SIZE_PX,
        session=session,
        settings=settings,
        devices={},
        history=[
            ControlChanged(Marker(f"at {at_s} s"), at_s * NS_PER_S)
            for at_s in range(0, seconds, CONTROL_EVERY_S)
        ],
        readings=Readings(),
        frames=seconds * FPS,
        dropped_frames=0,
        has_seen_light=True,
    )


def packets_of(path: Path) -> tuple[int, int]:
    """Return how many packets of picture and sound a plain reader finds."""
    counts = {"video": 0, "audio": 0}
    with av.open(str(path)) as container:
        for packet in container.demux(*container.streams.video, *container.streams.audio):
            counts[packet.stream.type] += packet.size > 0
    return counts["video"], counts["audio"]


def measure(path: Path, hours: float) -> str:
    """Record, finish, and return a line of the table."""
    seconds = round(hours * 3600)
    writer = recorded(path, seconds)
    known = ended(path, seconds)
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    error = finish_file(writer, known)
    finished_s = time.perf_counter() - start_s
    outcome = outcome_of(known, writer.encoder, error)
    saved_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    done = outcome.finished
    pictures, sounds = packets_of(path)
    is_whole = (
        done is not None
        and not done.reasons
        and pictures == seconds * FPS
        and abs(sounds - seconds * 48_000 / 1024) <= 2
    )
    size_mb = path.stat().st_size / 1e6
    return (
        f"| {hours:g} h | {pictures + sounds} | {size_mb:.0f} | {finished_s:.2f} | {saved_s:.2f} "
        f"| {cpu_s:.2f} | {'yes' if is_whole else 'NO'} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, nargs="+", default=[1 / 60, 1.0, 8.0])
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} before")
    print("| length | packets | MB | finished after s | saved after s | CPU s | whole |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with scratch() as folder:
        for number, hours in enumerate(options.hours):
            print(measure(folder / f"take {number}.mp4", hours), flush=True)


if __name__ == "__main__":
    main()
